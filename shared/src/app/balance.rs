//! Balance: charging, looking up, the ledger.

use serde::{Deserialize, Serialize};

use super::{
    Caller, Failure, RequestKey, Role, Shop, accounts,
    caps::Paced,
    idempotency::{self, Keep, Transacted},
};
use crate::{
    domain::{
        Invalid, Refusal, UserId, Won,
        account::{Account, Movement},
        ledger::{EntryKind, LedgerEntry},
        money::{ChargeAmount, MAX_BALANCE},
        refusal::Entity,
    },
    store::{Consistency, RetryKind, Transaction, keys, ledger, table::Range, users},
};

/// The result of a charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Charged {
    /// The user with the account.
    pub user_id: UserId,
    /// The balance right after this charge.
    pub balance: Won,
    /// The ledger entry.
    pub entry_id: String,
}

/// The balance of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Balance {
    /// The user with the account.
    pub user_id: UserId,
    /// The amount in won.
    pub balance: Won,
}

/// A charge as it was asked for.
#[derive(Debug, Clone)]
pub struct Charge {
    pub user_id: UserId,
    pub amount: ChargeAmount,
    /// The reason, which an admin gives.
    pub reason: Option<String>,
}

/// Adds money to a user's balance.
///
/// Run twice with one key it charges once, because the key's record is in the same transaction. If the account changes
/// at the same time, one of the two finds that the sequence has moved on. It learns the new balance from the condition
/// failures, and retries.
///
/// Where customers do not charge their own balance, only admins charge, and give a reason.
///
/// # Errors
/// [`Refusal::Forbidden`], [`Failure::Invalid`] for the reason, [`Refusal::NotFound`], [`Refusal::UserNotActive`],
/// [`Refusal::LimitExceeded`] if the balance would exceed [`MAX_BALANCE`], [`Refusal::TooManyRequests`].
pub async fn charge(shop: &Shop, caller: &Caller, charge: &Charge, key: &RequestKey) -> Result<Charged, Failure> {
    if !shop.policy.self_charge {
        if caller.role != Role::Admin {
            return Err(Refusal::Forbidden.into());
        }
        if charge.reason.is_none() {
            return Err(Failure::Invalid("reason", Invalid::Required));
        }
    }
    idempotency::unless_answered(shop, key, charge_once(shop, caller, charge, key).await).await
}

async fn charge_once(shop: &Shop, caller: &Caller, charge: &Charge, key: &RequestKey) -> Result<Charged, Failure> {
    let Charge { user_id: user, amount, reason } = charge;
    let mut backoff = shop.backoff();
    let cached = shop.cached_account(user);
    let mut is_cached = cached.is_some();
    let mut account = match cached {
        Some(account) => account,
        None => accounts::read_account(shop, user).await?,
    };
    shop.check_pace(Paced::Charge, caller, user)?;
    loop {
        let (entry_id, at) = (key.digest.clone(), shop.clock.now());
        let (kind, amount, reason) = (EntryKind::Charge, amount.won(), reason.clone());
        let movement = Movement { entry_id, kind, amount, order_id: None, reason, at };
        let Ok((now, entry)) = account.book(user, movement) else {
            if is_cached {
                // A refusal needs a fresh record.
                (account, is_cached) = (accounts::read_account(shop, user).await?, false);
                continue;
            }
            return Err(Refusal::LimitExceeded { limit: "balance", max: MAX_BALANCE.get() }.into());
        };
        let charged = Charged { user_id: user.clone(), balance: now.balance, entry_id: entry.entry_id.clone() };

        let mut transaction = Transaction::new();
        let move_balance = transaction.add(users::move_balance(user, &account, &now));
        let append = transaction.add(ledger::append(user, &entry));

        match idempotency::transact(shop, transaction, key, charged.clone(), Keep::Forever, &mut backoff).await? {
            Transacted::Committed(_) => {
                shop.cache_account(user, now);
                shop.count_pace(Paced::Charge, user);
                return Ok(charged);
            }
            Transacted::Replayed(first) => return Ok(first),
            Transacted::Refused(failures) => {
                if failures.of::<LedgerEntry>(append)?.flatten().is_some_and(|there| there.entry_id == entry.entry_id) {
                    // Our own entry: the answer to the first sending was lost.
                    return Ok(charged);
                }
                if let Some(there) = failures.of::<Account>(move_balance)? {
                    account = accounts::ensure_active(user, there)?;
                }
            }
        }
        if backoff.retry("the account changed meanwhile").await? == RetryKind::AfterBackoff {
            account = accounts::read_account(shop, user).await?;
        }
    }
}

/// Returns a user's balance, including every acknowledged charge.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn get(shop: &Shop, user: &UserId) -> Result<Won, Failure> {
    let account: Option<Account> = shop.table.get(keys::account(user), Consistency::Strong).await?;
    Ok(account.ok_or_else(|| Refusal::not_found(Entity::User, user))?.balance)
}

/// Returns a part of a user's ledger, newest first: up to `limit` entries before the one with the sequence `before`,
/// and whether there are older ones.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn entries(
    shop: &Shop,
    user: &UserId,
    before: Option<u64>,
    limit: usize,
) -> Result<(Vec<LedgerEntry>, bool), Failure> {
    let range = Range::of_partition(keys::user_partition(user), keys::LEDGER_PREFIX)
        .newest_first()
        .after(before.map(|sequence| keys::ledger_entry(user, sequence).sk));
    let page = shop.table.query(range, limit).await?;
    if page.records.is_empty() {
        get(shop, user).await?;
    }
    Ok((page.records, page.more))
}
