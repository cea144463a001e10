//! `GET /orders/{orderId}`: an order.

use shared::{
    api::{ApiRequest, ApiResult, Reply, views::OrderView},
    app::{Shop, orders},
    domain::OrderId,
};

/// An order, for its orderer and admins; for a seller, their own lines.
///
/// Its `allowedActions` are those of the caller.
///
/// # Errors
/// 400, 401, 404.
#[utoipa::path(
    get,
    path = "/orders/{orderId}",
    tag = "Orders",
    params(("orderId" = OrderId, Path)),
    responses((status = 200, description = "The order.", body = OrderView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let order_id: OrderId = request.only_parameter("orderId")?;
    let caller = request.caller()?;
    let order = orders::get(shop, caller, &order_id).await?;
    let address = orders::shown(shop, caller, &order).await?;
    Ok(Reply::ok(OrderView::try_from(order)?.shipped_to(address))?.about_order(order_id))
}
