//! `POST /payments/{paymentId}/confirm`: takes the money of a payment.

use deserr::Deserr;

use super::answer::view;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, parameters::IdempotencyKey, views::SessionView},
    app::{Shop, payments, users},
    domain::{PaymentId, money::PositiveAmount, provider::PaymentKey},
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = Confirmation, rename_all = "camelCase")]
struct Body {
    /// The provider's name of the payment, as its page gave it to the customer's browser.
    payment_key: PaymentKey,
    /// The amount that the customer was shown: at another amount than the session's nothing is paid.
    amount: PositiveAmount,
}

/// Takes the money of a payment that the customer has begun on the provider's page. `CONFIRMING` means that the provider
/// has not answered yet: the shop asks again by itself. After `DECLINED` another payment can be confirmed until
/// `expiresAt`. Confirming the same payment again gets the same answer.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`, `ORDER_STATE_CONFLICT` or `PAYMENT_AMOUNT_MISMATCH`.
#[utoipa::path(
    post,
    path = "/payments/{paymentId}/confirm",
    tag = "Payments",
    params(("paymentId" = PaymentId, Path), IdempotencyKey),
    request_body = Body,
    responses((status = 200, description = "The session after it.", body = SessionView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (payment_id, Body { payment_key, amount }) = request.parameter_and_whole_body("paymentId")?;
    let caller = request.caller()?;
    users::may_change(shop, caller, None).await?;
    let session = payments::confirm(shop, caller, &payment_id, &payment_key, amount.won()).await?;
    Reply::ok(view(shop, request, session)?)
}
