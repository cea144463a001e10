//! `GET /orders/{orderId}/payments`: how an order was paid.

use shared::{
    api::{ApiRequest, ApiResult, Reply, views::PaymentView},
    app::{Shop, orders},
    domain::OrderId,
};

/// The payments of an order, to who ordered and to admins: the one from the balance, or those that the external payment
/// system has told of.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/orders/{orderId}/payments",
    tag = "Orders",
    params(("orderId" = OrderId, Path)),
    responses((status = 200, description = "All payments of the order.", body = [PaymentView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let order_id: OrderId = request.only_parameter("orderId")?;
    let caller = request.caller()?;
    let payments = orders::payments(shop, caller, &order_id).await?;
    Reply::page(payments.into_iter().map(PaymentView::from).collect(), None)
}
