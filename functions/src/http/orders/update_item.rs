//! `PATCH /orders/{orderId}/items/{itemId}`: moves a line of an order to its next state.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, both, views::OrderView},
    app::{Shop, orders, users},
    domain::{OrderId, OrderItemId, Refusal, order::LineStatus, refusal::Entity},
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = OrderItemChange, rename_all = "camelCase")]
struct Body {
    /// The state to move the line to.
    status: LineStatus,
}

/// Moves a line of an order to its next state: customers ask, sellers act, admins may do either. When a line is finally
/// cancelled or returned, its units return to the stock and its money is refunded the way it was paid; the state that
/// the line is in already changes nothing. Any other state is refused with a 409 that lists the states allowed.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`, `ORDER_STATE_CONFLICT` or `LIMIT_EXCEEDED`.
#[utoipa::path(
    patch,
    path = "/orders/{orderId}/items/{itemId}",
    tag = "Orders",
    params(("orderId" = OrderId, Path), ("itemId" = OrderItemId, Path)),
    request_body = Body,
    responses((status = 200, description = "The order, its line in the new state.", body = OrderView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let ids = both(request.parameter::<OrderId>("orderId"), request.parameter::<OrderItemId>("itemId"));
    let ((order_id, item_id), body) = both(ids, request.body::<Body>()?)?;
    let caller = request.caller()?;
    users::may_change(shop, caller, None).await?;
    let number = item_id.number().ok_or_else(|| Refusal::not_found(Entity::OrderItem, &item_id))?;
    let order = orders::move_line(shop, caller, &order_id, number, body.status).await?;
    Ok(Reply::ok(OrderView::try_from(order)?)?.about_order(order_id))
}
