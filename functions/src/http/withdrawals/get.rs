//! `GET /balance/withdrawals/{withdrawalId}`: a withdrawal.

use shared::{
    api::{ApiRequest, ApiResult, Reply, views::WithdrawalView},
    app::{Shop, withdrawals},
    domain::WithdrawalId,
};

/// A withdrawal, for its user and admins.
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
    let withdrawal = withdrawals::get(shop, request.caller()?, &withdrawal_id).await?;
    Reply::ok(WithdrawalView::new(withdrawal, None))
}
