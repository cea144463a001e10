//! `GET /balance/{userId}`: a user's balance.

use shared::{
    api::{ApiRequest, ApiResult, Reply, views::BalanceView},
    app::{Shop, balance},
    domain::UserId,
};

/// The balance, including every acknowledged charge.
///
/// For the user and admins.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/balance/{userId}",
    tag = "Balance",
    params(("userId" = UserId, Path)),
    responses((status = 200, description = "The balance.", body = BalanceView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let user_id: UserId = request.only_parameter("userId")?;
    request.caller_for(&user_id)?;
    let account = balance::get(shop, &user_id).await?;
    Reply::ok(BalanceView::new(user_id, &account))
}
