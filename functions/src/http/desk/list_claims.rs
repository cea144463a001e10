//! `GET /desk/claims`: claims of customers, for sellers and admins.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Limit, Reply, cursor::DeskClaimsCursor, views::DeskClaimView},
    app::{
        Role, Shop,
        desk::{self, DeskPart},
    },
    domain::{UserId, order::ClaimStatus},
};

use super::list_products::seller;

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The caller, for a local shop and only without the header `x-user-id`.
    #[deserr(default)]
    #[expect(dead_code, reason = "known on every route, and without meaning on this one")]
    user_id: Option<UserId>,
    /// Only claims in this state; by default all.
    #[deserr(default)]
    #[param(inline)]
    status: Option<ClaimStatus>,
    /// Only claims for lines of this seller. A seller's list is always of their own.
    #[deserr(default)]
    seller_id: Option<UserId>,
    /// The `nextCursor` of the part before; without it, the list begins.
    #[deserr(default)]
    #[param(inline)]
    cursor: Option<DeskClaimsCursor>,
    /// The most entries of the answer.
    #[deserr(default)]
    #[param(inline)]
    limit: Option<Limit>,
}

/// Claims, the oldest first: those for a seller's own lines, or an admin's choice of all or one seller's. A page with a
/// `nextCursor` can have fewer claims than `limit`, or none. A change takes a moment to reach the list; each claim is shown
/// as it is now.
///
/// # Errors
/// 400, 401, 403.
#[utoipa::path(
    get,
    path = "/desk/claims",
    tag = "Desk",
    params(Query),
    responses((status = 200, description = "A part of the claims.", body = [DeskClaimView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let Query { user_id: _, status, seller_id, cursor, limit } = request.query()?;
    let seller_id = seller(request.caller_as(&[Role::Seller, Role::Admin])?, seller_id)?;
    let owner = seller_id.as_ref().map_or("", UserId::as_str);
    let after = cursor.map(|cursor| cursor.place_for(owner)).transpose()?;
    let limit = limit.unwrap_or_default().get();
    let DeskPart { part, as_of } = desk::claims(shop, seller_id.as_ref(), status, after.as_deref(), limit).await?;
    let items = part.items.into_iter().map(DeskClaimView::from).collect();
    Reply::page_as_of(items, part.next.map(|place| DeskClaimsCursor::to(owner, place).encode()), as_of)
}
