//! `GET /balance/withdrawals/{withdrawalId}`: a withdrawal.

use shared::{
    api::{ApiRequest, ApiResult, Reply, views::WithdrawalView},
    app::{
        Shop,
        access::{self, Access},
        withdrawals,
    },
    domain::WithdrawalId,
};

/// A withdrawal, for its user and admins.
///
/// A returned one is back on the balance.
///
/// # Errors
/// 400, 401, 404.
#[utoipa::path(
    get,
    path = "/balance/withdrawals/{withdrawalId}",
    tag = "Balance",
    params(("withdrawalId" = WithdrawalId, Path)),
    responses((status = 200, description = "The withdrawal.", body = WithdrawalView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let withdrawal_id: WithdrawalId = request.only_parameter("withdrawalId")?;
    let caller = request.caller()?;
    let withdrawal = withdrawals::get(shop, caller, &withdrawal_id).await?;
    let route = "GET /balance/withdrawals/{withdrawalId}";
    access::note(shop, caller, Access { user: &withdrawal.user_id, route, order: None }).await?;
    Reply::ok(WithdrawalView::new(withdrawal, None))
}
