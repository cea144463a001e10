//! `POST /payments/{paymentId}/refund`: sends money of a top-up back to where it came from.

use deserr::Deserr;

use super::answer::view;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, parameters::IdempotencyKey, views::SessionView},
    app::{Shop, payments, users},
    domain::{PaymentId, money::PositiveAmount},
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewPaymentRefund, rename_all = "camelCase")]
struct Body {
    /// The amount to send back: at most the balance, and what is left of the top-up.
    amount: PositiveAmount,
}

/// Sends money of a top-up back, by an admin. The balance pays it at once; the result is in `refunds`. Money that the shop
/// had no use for, and that could not be sent back, is sent again.
///
/// # Errors
/// 400, 401, 402 `BALANCE_NOT_ENOUGH`, 403, 404, 409 `USER_NOT_ACTIVE`, `ORDER_STATE_CONFLICT` or `LIMIT_EXCEEDED`, 422.
#[utoipa::path(
    post,
    path = "/payments/{paymentId}/refund",
    tag = "Payments",
    params(("paymentId" = PaymentId, Path), IdempotencyKey),
    request_body = Body,
    responses((status = 200, description = "The session with its refunds.", body = SessionView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (payment_id, Body { amount }) = request.parameter_and_whole_body("paymentId")?;
    let caller = request.caller()?;
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    let session = payments::refund(shop, caller, &payment_id, amount, &key).await?;
    Reply::ok(view(shop, request, session)?)
}
