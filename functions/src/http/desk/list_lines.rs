//! `GET /desk/lines`: lines of paid orders, for sellers and admins.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Limit, Reply, cursor::DeskLinesCursor, views::DeskLineView},
    app::{
        Role, Shop,
        desk::{self, DeskPart, LineFilter},
    },
    domain::{UserId, order::LineStatus, time::Instant},
};

use super::list_products::seller;
use crate::http::{flag::Flag, period::period};

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The caller, for a local shop and only without the header `x-user-id`.
    #[deserr(default)]
    #[expect(dead_code, reason = "known on every route, and without meaning on this one")]
    user_id: Option<UserId>,
    /// Only lines in this state; by default all.
    #[deserr(default)]
    #[param(inline)]
    status: Option<LineStatus>,
    /// Only lines of this seller. A seller's list is always of their own.
    #[deserr(default)]
    seller_id: Option<UserId>,
    /// Only lines of orders created at this instant or later.
    #[deserr(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Instant>,
    /// Only lines of orders created before this instant.
    #[deserr(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Instant>,
    /// `true` shows the recipients of what is to be shipped. Each look is noted in the log of accesses.
    #[deserr(default)]
    #[param(inline)]
    ship_to: Flag,
    /// The `nextCursor` of the part before; without it, the list begins.
    #[deserr(default)]
    #[param(inline)]
    cursor: Option<DeskLinesCursor>,
    /// The most entries of the answer.
    #[deserr(default)]
    #[param(inline)]
    limit: Option<Limit>,
}

/// Lines of paid orders, those of the oldest order first: a seller's own, or an admin's choice of all or one seller's. A
/// page with a `nextCursor` can have fewer lines than `limit`, or none. A change takes a moment to reach the list; each line
/// is shown as it is now.
///
/// # Errors
/// 400, 401, 403.
#[utoipa::path(
    get,
    path = "/desk/lines",
    tag = "Desk",
    params(Query),
    responses((status = 200, description = "A part of the lines.", body = [DeskLineView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let Query { user_id: _, status, seller_id, from, to, ship_to, cursor, limit } = request.query()?;
    let period = period(from, to)?;
    let caller = request.caller_as(&[Role::Seller, Role::Admin])?;
    let seller_id = seller(caller, seller_id)?;
    let owner = seller_id.as_ref().map_or("", UserId::as_str);
    let after = cursor.map(|cursor| cursor.place_for(owner)).transpose()?;
    let filter = LineFilter {
        seller: seller_id.as_ref(),
        status,
        period,
        recipients_for: (ship_to == Flag::True).then_some(caller),
    };
    let limit = limit.unwrap_or_default().get();
    let DeskPart { part, as_of } = desk::lines(shop, &filter, after.as_deref(), limit).await?;
    let items = part.items.into_iter().map(DeskLineView::from).collect();
    Reply::page_as_of(items, part.next.map(|place| DeskLinesCursor::to(owner, place).encode()), as_of)
}
