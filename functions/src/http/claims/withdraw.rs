//! `POST /claims/{claimId}/withdraw`: withdraws a claim.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, parameters::IdempotencyKey, views::ClaimView},
    app::{Shop, orders, users},
    domain::ClaimId,
};

#[derive(Debug, Default, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct Body {}

/// Withdraws a claim before its units come back, by its customer or an admin. The replacement of an exchange is released.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`, `ORDER_STATE_CONFLICT` or `LIMIT_EXCEEDED`, 422.
#[utoipa::path(
    post,
    path = "/claims/{claimId}/withdraw",
    tag = "Claims",
    params(("claimId" = ClaimId, Path), IdempotencyKey),
    responses((status = 200, description = "The withdrawn claim.", body = ClaimView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (claim_id, Body {}): (ClaimId, Body) = request.parameter_and_body("claimId")?;
    let caller = request.caller()?;
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    let (order, number) = orders::withdraw_claim(shop, caller, &claim_id, &key).await?;
    Reply::ok(ClaimView::new(&order, number)?)
}
