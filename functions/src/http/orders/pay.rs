//! `POST /orders/{orderId}/payment`: pays a pending order.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, parameters::IdempotencyKey, views::OrderView},
    app::{Shop, orders, users},
    domain::OrderId,
};

#[derive(Debug, Default, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct Body {}

/// Pays a pending order from the balance. If the balance is too low, the order stays pending.
///
/// # Errors
/// 400, 401, 402 `BALANCE_NOT_ENOUGH`, 403, 404, 409 `USER_NOT_ACTIVE` or `ORDER_STATE_CONFLICT`, 422.
#[utoipa::path(
    post,
    path = "/orders/{orderId}/payment",
    tag = "Orders",
    params(("orderId" = OrderId, Path), IdempotencyKey),
    responses((status = 200, description = "The order, paid.", body = OrderView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (order_id, _) = request.parameter_and_body::<OrderId, Body>("orderId")?;
    let caller = request.caller()?;
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    let order = orders::pay(shop, caller, &order_id, &key).await?;
    Ok(Reply::ok(OrderView::try_from(order)?)?.about_order(order_id))
}
