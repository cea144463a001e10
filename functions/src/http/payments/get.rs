//! `GET /payments/{paymentId}`: a payment session.

use super::answer::view;
use shared::{
    api::{ApiRequest, ApiResult, Reply, views::SessionView},
    app::{Shop, payments},
    domain::PaymentId,
};

/// A payment session, for its user and admins.
///
/// Its status follows the payment provider.
///
/// # Errors
/// 400, 401, 404.
#[utoipa::path(
    get,
    path = "/payments/{paymentId}",
    tag = "Payments",
    params(("paymentId" = PaymentId, Path)),
    responses((status = 200, description = "The session.", body = SessionView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let payment_id: PaymentId = request.only_parameter("paymentId")?;
    let session = payments::get(shop, request.caller()?, &payment_id).await?;
    Reply::ok(view(shop, request, session)?)
}
