//! `GET /orders/{orderId}/items/{itemId}`: a line of an order.

use shared::{
    api::{
        ApiRequest, ApiResult, NoQuery, Reply, both,
        views::{OrderLineView, OrderView},
    },
    app::{Shop, orders},
    domain::{OrderId, OrderItemId, Refusal, refusal::Entity},
};

/// A line of an order, for its orderer and admins; for a seller, one of their own.
///
/// Its `nextStatuses` are those that the caller can set.
///
/// # Errors
/// 400, 401, 404.
#[utoipa::path(
    get,
    path = "/orders/{orderId}/items/{itemId}",
    tag = "Orders",
    params(("orderId" = OrderId, Path), ("itemId" = OrderItemId, Path)),
    responses((status = 200, description = "The line.", body = OrderLineView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let ids = both(request.parameter::<OrderId>("orderId"), request.parameter::<OrderItemId>("itemId"));
    let ((order_id, item_id), _) = both(ids, request.query::<NoQuery>())?;
    let order = OrderView::try_from(orders::get(shop, request.caller()?, &order_id).await?)?;
    let line = order.items.into_iter().find(|line| line.item_id == item_id.as_str());
    let line = line.ok_or_else(|| Refusal::not_found(Entity::OrderItem, &item_id))?;
    Ok(Reply::ok(line)?.about_order(order_id))
}
