//! `GET /balance/{userId}`: a user's balance.

use shared::{
    api::{ApiRequest, ApiResult, Reply},
    app::{Shop, balance},
    domain::UserId,
};

/// The balance, with every acknowledged charge in it.
///
/// # Errors
/// 400, 401, 403, 404.
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let user_id: UserId = request.parameter("userId")?;
    request.caller_for(&user_id)?;
    let balance = balance::get(shop, &user_id).await?;
    Reply::ok(balance::Balance { user_id, balance })
}
