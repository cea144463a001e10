//! `POST /claims/{claimId}/decide`: accepts or refuses a claim.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, parameters::IdempotencyKey, views::ClaimView},
    app::{Shop, orders, users},
    domain::{ClaimId, text::Line},
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = ClaimDecision, rename_all = "camelCase")]
struct Body {
    /// Whether the claim is accepted.
    accept: bool,
    /// The reason; kept in the order's history.
    #[deserr(default)]
    reason: Option<Line>,
}

/// Accepts or refuses a claim, by the seller of its lines or an admin. An accepted exchange holds its replacement from
/// now on. Units that never arrived are refunded at once.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`, `STOCK_NOT_ENOUGH`, `ORDER_STATE_CONFLICT` or `LIMIT_EXCEEDED`, 422.
#[utoipa::path(
    post,
    path = "/claims/{claimId}/decide",
    tag = "Claims",
    params(("claimId" = ClaimId, Path), IdempotencyKey),
    request_body = Body,
    responses((status = 200, description = "The claim after the decision.", body = ClaimView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (claim_id, Body { accept, reason }): (ClaimId, Body) = request.parameter_and_whole_body("claimId")?;
    let caller = request.caller()?;
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    let reason = reason.map(Line::into_string);
    let (order, number) = orders::decide_claim(shop, caller, &claim_id, (accept, reason.as_deref()), &key).await?;
    Reply::ok(ClaimView::new(&order, number)?)
}
