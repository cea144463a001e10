//! `POST /balance/adjustments`: corrects a user's balance.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, parameters::IdempotencyKey},
    app::{
        Role, Shop,
        balance::{self, Adjustment, Charged},
        users,
    },
    domain::{UserId, money::AdjustmentAmount, text::Line},
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = Adjustment, rename_all = "camelCase")]
struct Body {
    /// The user with the balance.
    user_id: UserId,
    /// The amount to add, or to take off where it is below zero.
    amount: AdjustmentAmount,
    /// The reason; kept with the ledger entry.
    reason: Line,
}

/// Corrects a balance, by an admin, and returns the balance right after.
///
/// The ledger entry keeps the reason.
///
/// # Errors
/// 400, 401, 402 `BALANCE_NOT_ENOUGH`, 403, 404, 409 `USER_NOT_ACTIVE` or `LIMIT_EXCEEDED`, 422.
#[utoipa::path(
    post,
    path = "/balance/adjustments",
    tag = "Balance",
    params(IdempotencyKey),
    request_body = Body,
    responses((status = 200, description = "The balance right after the correction.", body = Charged)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let Body { user_id, amount, reason } = request.only_body()?;
    let caller = request.caller_as(&[Role::Admin])?;
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    let adjustment = Adjustment { user_id, amount, reason: reason.into_string() };
    Reply::ok(balance::adjust(shop, caller, &adjustment, &key).await?)
}
