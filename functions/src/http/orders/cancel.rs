//! `POST /orders/{orderId}/cancel`: cancels an order, whole or in part.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, NotNull, Reply, parameters::IdempotencyKey, views::OrderView},
    app::{Shop, orders, users},
    domain::{OrderId, Refusal, order::Cancellation, text::Line},
};

use super::units::{LineUnits, by_line};

#[derive(Debug, Default, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewCancellation, rename_all = "camelCase")]
struct Body {
    /// The units to cancel, each line once; without it, everything left of the order. Null is refused: a client that
    /// lost its list must not cancel everything.
    #[deserr(default)]
    #[schema(value_type = Option<Vec<LineUnits>>, min_items = 1, max_items = 50)]
    items: NotNull<Vec<LineUnits>>,
    /// The reason; kept in the order's history.
    #[deserr(default)]
    reason: Option<Line>,
}

/// Cancels an order, everything left of it or a part, before it is shipped. The money is refunded to the balance, or by
/// the payment system that it came from; units return to the stock, and the coupon to its owner once nothing is left. A
/// pending order is only cancelled as a whole.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`, `ORDER_STATE_CONFLICT` or `LIMIT_EXCEEDED`, 422.
#[utoipa::path(
    post,
    path = "/orders/{orderId}/cancel",
    tag = "Orders",
    params(("orderId" = OrderId, Path), IdempotencyKey),
    request_body = Option<Body>,
    responses((status = 200, description = "The order, as much of it cancelled.", body = OrderView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (order_id, Body { items, reason }) = request.parameter_and_body("orderId")?;
    let what = cancellation(items.get())?;
    let caller = request.caller()?;
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    let reason = reason.map(Line::into_string);
    let order = orders::cancel(shop, caller, &order_id, &what?, reason.as_deref(), &key).await?;
    Ok(Reply::ok(OrderView::try_from(order)?)?.about_order(order_id))
}

/// Returns the cancellation, if the fields are right. An unknown line is a refusal, not a wrong field.
fn cancellation(items: Option<Vec<LineUnits>>) -> Result<Result<Cancellation, Refusal>, FieldErrors> {
    match items {
        None => Ok(Ok(Cancellation::Whole)),
        Some(items) => Ok(by_line(items)?.map(Cancellation::Units)),
    }
}
