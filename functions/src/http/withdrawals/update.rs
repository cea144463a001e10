//! `PATCH /balance/withdrawals/{withdrawalId}`: records that a withdrawal was paid out, or came back.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, views::WithdrawalView},
    app::{
        Role, Shop,
        access::{self, Access},
        users, withdrawals,
    },
    domain::{WithdrawalId, withdrawal::WithdrawalStatus},
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = WithdrawalChange, rename_all = "camelCase")]
struct Body {
    /// The new state: `PAID_OUT`, or `RETURNED`, by which the money is back in the balance.
    status: WithdrawalStatus,
}

/// Records, by an admin, that a withdrawal was paid out or came back. Nothing changes if that is known.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE` or `ORDER_STATE_CONFLICT`.
#[utoipa::path(
    patch,
    path = "/balance/withdrawals/{withdrawalId}",
    tag = "Balance",
    params(("withdrawalId" = WithdrawalId, Path)),
    request_body = Body,
    responses((status = 200, description = "The withdrawal after it.", body = WithdrawalView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (withdrawal_id, Body { status }) = request.parameter_and_whole_body("withdrawalId")?;
    let caller = request.caller_as(&[Role::Admin])?;
    users::may_change(shop, caller, None).await?;
    let withdrawal = withdrawals::settle_by(shop, caller, &withdrawal_id, status).await?;
    let route = "PATCH /balance/withdrawals/{withdrawalId}";
    access::note(shop, caller, Access { user: &withdrawal.user_id, route, order: None }).await?;
    Reply::ok(WithdrawalView::new(withdrawal, None))
}
