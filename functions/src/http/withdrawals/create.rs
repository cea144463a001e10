//! `POST /balance/withdrawals`: cashes out.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, parameters::IdempotencyKey, views::WithdrawalView},
    app::{
        OutcomeRecord, Shop, users,
        withdrawals::{self, NewWithdrawal},
    },
    domain::{
        UserId,
        money::PositiveAmount,
        withdrawal::{AccountText, PayoutAccount},
    },
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewWithdrawal, rename_all = "camelCase")]
struct Body {
    /// The user with the balance.
    user_id: UserId,
    /// The amount to cash out.
    amount: PositiveAmount,
    /// The account at a bank that it is paid out to.
    account: Account,
}

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewPayoutAccount, rename_all = "camelCase")]
struct Account {
    /// The bank.
    bank: AccountText,
    /// The number of the account.
    number: AccountText,
    /// The holder of the account.
    holder: AccountText,
}

/// Takes money from the balance at once; it is paid out to the account later.
///
/// The withdrawal is `REQUESTED` until its payout has a result.
///
/// # Errors
/// 400, 401, 402 `BALANCE_NOT_ENOUGH`, 403, 404, 409 `USER_NOT_ACTIVE`, 422.
#[utoipa::path(
    post,
    path = "/balance/withdrawals",
    tag = "Balance",
    params(IdempotencyKey),
    request_body = Body,
    responses((status = 201, description = "The withdrawal, with the balance right after it.", body = WithdrawalView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let Body { user_id, amount, account } = request.only_body()?;
    let caller = request.caller_for(&user_id)?;
    let key = request.key(shop, &caller.user_id).with_outcome_in(OutcomeRecord::Withdrawal);
    users::may_change(shop, caller, Some(&key)).await?;
    let Account { bank, number, holder } = account;
    let account =
        PayoutAccount { bank: bank.into_string(), number: number.into_string(), holder: holder.into_string() };
    let (withdrawal, balance) =
        withdrawals::create(shop, caller, &NewWithdrawal { user_id, amount, account }, &key).await?;
    Reply::created(WithdrawalView::new(withdrawal, Some(balance)))
}
