//! `GET /desk/products`: products of any sale status, for sellers and admins.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Limit, Reply, cursor::DeskProductsCursor, views::ListedDeskProductView},
    app::{Caller, Role, Shop, desk},
    domain::{Refusal, UserId, product::SaleStatus},
};

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The caller, for a local shop and only without the header `x-user-id`.
    #[deserr(default)]
    #[expect(dead_code, reason = "known on every route, and without meaning on this one")]
    user_id: Option<UserId>,
    /// Only products of this sale status; by default all. `SOLD_OUT` is not a sale status: such products are ON_SALE.
    #[deserr(default)]
    #[param(inline)]
    status: Option<SaleStatus>,
    /// Only products of this seller. A seller's list is always of their own.
    #[deserr(default)]
    seller_id: Option<UserId>,
    /// The `nextCursor` of the part before; without it, the list begins.
    #[deserr(default)]
    #[param(inline)]
    cursor: Option<DeskProductsCursor>,
    /// The most entries of the answer.
    #[deserr(default)]
    #[param(inline)]
    limit: Option<Limit>,
}

/// Products of any sale status, in the order of their creation: a seller's own, or an admin's choice of all or one
/// seller's. A page with a `nextCursor` can have fewer products than `limit`, or none.
///
/// # Errors
/// 400, 401, 403.
#[utoipa::path(
    get,
    path = "/desk/products",
    tag = "Desk",
    params(Query),
    responses((status = 200, description = "A part of the products.", body = [ListedDeskProductView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let Query { user_id: _, status, seller_id, cursor, limit } = request.query()?;
    let seller_id = seller(request.caller_as(&[Role::Seller, Role::Admin])?, seller_id)?;
    let owner = seller_id.as_ref().map_or("", UserId::as_str);
    let after = cursor.map(|cursor| cursor.place_for(owner)).transpose()?;
    let limit = limit.unwrap_or_default().get();
    let part = desk::products(shop, seller_id.as_ref(), status, after, limit).await?;
    let items = part.items.into_iter().map(ListedDeskProductView::from).collect();
    Reply::page(items, part.next.map(|place| DeskProductsCursor::to(owner, place).encode()))
}

/// The seller whose things are listed for this caller; `None` for all sellers'.
pub(super) fn seller(caller: &Caller, named: Option<UserId>) -> Result<Option<UserId>, Refusal> {
    match (caller.role, named) {
        (Role::Admin, named) => Ok(named),
        (_, Some(other)) if other != caller.user_id => Err(Refusal::Forbidden),
        _ => Ok(Some(caller.user_id.clone())),
    }
}
