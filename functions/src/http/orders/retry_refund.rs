//! `POST /orders/{orderId}/refunds/{refundId}/retry`: sends a failed refund again.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, parameters::IdempotencyKey, views::OrderView},
    app::{Role, Shop, orders, users},
    domain::{Invalid, OrderId, Refusal, order::Tender, refusal::Entity},
};

#[derive(Debug, Default, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = RefundRetry, rename_all = "camelCase")]
struct Body {
    /// The tender to send it to: where it came from, which is the default, or the balance.
    #[deserr(default)]
    to: Option<Tender>,
}

/// Sends a failed refund again, by an admin: to where its money came from, or to the balance, which has it at once.
///
/// Only a refund that has failed can be sent again.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`, `ORDER_STATE_CONFLICT` or `LIMIT_EXCEEDED`, 422.
#[utoipa::path(
    post,
    path = "/orders/{orderId}/refunds/{refundId}/retry",
    tag = "Orders",
    params(("orderId" = OrderId, Path), ("refundId" = String, Path), IdempotencyKey),
    request_body = Option<Body>,
    responses((status = 200, description = "The order with its refunds.", body = OrderView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (order_id, Body { to }): (OrderId, Body) = request.parameter_and_body("orderId")?;
    let caller = request.caller_as(&[Role::Admin])?;
    let refund: RefundName = request.parameter("refundId")?;
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    if refund.0.len() > MAX_REFUND_ID {
        return Err(Refusal::not_found(Entity::Refund, "").into());
    }
    let order = orders::retry_refund(shop, caller, &order_id, (&refund.0, to), &key).await?;
    Ok(Reply::ok(OrderView::try_from(order)?)?.about_order(order_id))
}

/// The longest id of a refund: that of an order, a number and a word.
const MAX_REFUND_ID: usize = 100;

/// The id of a refund, as the path has it. An unknown one is found nowhere.
struct RefundName(String);

impl TryFrom<String> for RefundName {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Ok(Self(text))
    }
}
