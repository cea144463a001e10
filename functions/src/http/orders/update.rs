//! `PATCH /orders/{orderId}`: ships an order to another address.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, bodies::AddressBody, views::OrderView},
    app::{Shop, orders, users},
    domain::OrderId,
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = OrderChange, rename_all = "camelCase")]
struct Body {
    /// The new address, an object or a text that is its first line. Name and telephone number are the user's by default.
    ship_to: AddressBody,
}

/// Ships an order to another address, by its orderer or an admin, before anything of it is shipped. The user's own
/// address stays. Nothing changes if the order is shipped there already.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`, `ORDER_STATE_CONFLICT` or `LIMIT_EXCEEDED`.
#[utoipa::path(
    patch,
    path = "/orders/{orderId}",
    tag = "Orders",
    params(("orderId" = OrderId, Path)),
    request_body = Body,
    responses((status = 200, description = "The order, with its address.", body = OrderView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (order_id, Body { ship_to }) = request.parameter_and_whole_body::<OrderId, Body>("orderId")?;
    let caller = request.caller()?;
    users::may_change(shop, caller, None).await?;
    let (order, address) = orders::change_address(shop, caller, &order_id, ship_to.into()).await?;
    Ok(Reply::ok(OrderView::try_from(order)?.shipped_to(address))?.about_order(order_id))
}
