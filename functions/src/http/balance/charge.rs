//! `POST /balance/charge`: adds money to a user's balance.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, parameters::IdempotencyKey},
    app::{
        Shop,
        balance::{self, Charge, Charged},
        users,
    },
    domain::{UserId, money::ChargeAmount, text::Line},
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = Charge, rename_all = "camelCase")]
struct Body {
    /// The user with the balance.
    user_id: UserId,
    /// The amount to add.
    amount: ChargeAmount,
    /// The reason; kept with the ledger entry. Where customers do not charge their own balance, an admin has to give it.
    #[deserr(default)]
    reason: Option<Line>,
}

/// Adds `amount` won and returns the balance right after. A deployed shop lets only admins do so, who give a reason,
/// unless its parameter `SelfCharge` is on.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE` or `LIMIT_EXCEEDED`, 422, 429.
#[utoipa::path(
    post,
    path = "/balance/charge",
    tag = "Balance",
    params(IdempotencyKey),
    request_body = Body,
    responses((status = 200, description = "The balance right after the charge.", body = Charged)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let body: Body = request.only_body()?;
    let caller = request.caller_for(&body.user_id)?;
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    let Body { user_id, amount, reason } = body;
    let charge = Charge { user_id, amount, reason: reason.map(Line::into_string) };
    Reply::ok(balance::charge(shop, caller, &charge, &key).await?)
}
