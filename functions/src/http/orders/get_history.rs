//! `GET /orders/{orderId}/history`: every change of an order and its lines.

use shared::{
    api::{
        ApiRequest, ApiResult, Reply,
        views::{self, HistoryView},
    },
    app::{Shop, orders},
    domain::OrderId,
};

/// The history of an order, oldest entry first, as far as the caller may see the order.
///
/// Each entry has an id that stays.
///
/// # Errors
/// 400, 401, 404.
#[utoipa::path(
    get,
    path = "/orders/{orderId}/history",
    tag = "Orders",
    params(("orderId" = OrderId, Path)),
    responses((status = 200, description = "Every step, oldest first.", body = [HistoryView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let order_id: OrderId = request.only_parameter("orderId")?;
    let caller = request.caller()?;
    let order = orders::with_history(shop, caller, &order_id).await?;
    Ok(Reply::page(views::history(&order), None)?.about_order(order_id))
}
