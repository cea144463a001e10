//! `POST /balance/charge`: adds money to a user's balance.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply},
    app::{Shop, balance},
    domain::{UserId, money::ChargeAmount},
};

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
struct Body {
    user_id: UserId,
    amount: ChargeAmount,
}

/// Adds `amount` won and gives the balance right after.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE` or `LIMIT_EXCEEDED`, 422.
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let body: Body = request.only_body()?;
    let caller = request.caller_for(&body.user_id)?;
    let key = request.key(shop, &caller.user_id);
    Reply::ok(balance::charge(shop, &body.user_id, body.amount, &key).await?)
}
