//! Balance: charging, looking up, the ledger.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Caller, Failure, RequestKey, Role, Shop, accounts,
    caps::Paced,
    idempotency::{self, Keep, Transacted},
    personal,
};
use crate::{
    domain::{
        Invalid, Refusal, UserId, Won,
        account::{Account, Movement, OutOfBounds},
        ledger::{EntryKind, LedgerEntry},
        money::{AdjustmentAmount, ChargeAmount, MAX_BALANCE},
        refusal::Entity,
        user::UserStatus,
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
    shop.check_pace(Paced::Charge, caller, user)?;
    let (kind, amount, reason) = (EntryKind::Charge, amount.won(), reason.clone());
    let charged = book(shop, caller, user, &Booking { kind, amount, reason }, key).await?;
    shop.count_pace(Paced::Charge, user);
    Ok(charged)
}

/// A correction of a balance by an admin.
#[derive(Debug, Clone)]
pub struct Adjustment {
    pub user_id: UserId,
    pub amount: AdjustmentAmount,
    pub reason: String,
}

/// Corrects a user's balance, up or down. The user need not be active. Run twice with one key it corrects once.
///
/// # Errors
/// [`Refusal::Forbidden`], [`Refusal::NotFound`], [`Refusal::UserNotActive`] if the user has withdrawn,
/// [`Refusal::BalanceNotEnough`], [`Refusal::LimitExceeded`] if the balance would exceed [`MAX_BALANCE`].
pub async fn adjust(
    shop: &Shop,
    caller: &Caller,
    adjustment: &Adjustment,
    key: &RequestKey,
) -> Result<Charged, Failure> {
    if caller.role != Role::Admin {
        return Err(Refusal::Forbidden.into());
    }
    let Adjustment { user_id, amount, reason } = adjustment;
    let booking = Booking { kind: EntryKind::Adjustment, amount: amount.won(), reason: Some(reason.clone()) };
    idempotency::unless_answered(shop, key, book(shop, caller, user_id, &booking, key).await).await
}

/// A change of a balance that is a request of its own.
struct Booking {
    kind: EntryKind,
    amount: Won,
    reason: Option<String>,
}

impl Booking {
    /// Refuses a user whose balance does not change so.
    fn check_status(&self, user: &UserId, account: Option<Account>) -> Result<Account, Failure> {
        match account {
            Some(account) if self.is_adjustment() && account.status != UserStatus::Withdrawn => Ok(account),
            account => accounts::ensure_active(user, account),
        }
    }

    fn is_adjustment(&self) -> bool {
        self.kind == EntryKind::Adjustment
    }

    fn movement(&self, caller: &Caller, entry_id: String, at: Timestamp) -> Movement {
        let Self { kind, amount, reason } = self;
        let (order_id, payment_id, actor) = (None, None, caller.role.into());
        Movement { entry_id, kind: *kind, amount: *amount, order_id, payment_id, actor, reason: reason.clone(), at }
    }
}

/// Books a change of a balance together with the outcome of the request's key.
async fn book(
    shop: &Shop,
    caller: &Caller,
    user: &UserId,
    booking: &Booking,
    key: &RequestKey,
) -> Result<Charged, Failure> {
    let reason = personal::seal_text(shop, user, &key.digest, booking.reason.as_deref()).await?;
    let booking = &Booking { reason, ..*booking };
    let read = async || booking.check_status(user, shop.table.get(keys::account(user), Consistency::Strong).await?);
    let mut backoff = shop.backoff();
    let cached = shop.cached_account(user);
    let mut is_cached = cached.is_some();
    let mut account = match cached {
        Some(account) => account,
        None => read().await?,
    };
    loop {
        let movement = booking.movement(caller, key.digest.clone(), shop.clock.now());
        let (after, entry) = match account.book(user, movement) {
            Ok(booked) => booked,
            Err(_) if is_cached => {
                // A refusal needs a fresh record.
                (account, is_cached) = (read().await?, false);
                continue;
            }
            Err(OutOfBounds::NotEnough) => {
                let (payable, balance) = (booking.amount.negated(), account.balance);
                return Err(Refusal::BalanceNotEnough { order_id: None, payable, balance }.into());
            }
            Err(OutOfBounds::TooMuch) => {
                return Err(Refusal::LimitExceeded { limit: "balance", max: MAX_BALANCE.get() }.into());
            }
        };
        let booked = Charged { user_id: user.clone(), balance: after.balance, entry_id: entry.entry_id.clone() };
        let mut transaction = Transaction::new();
        let move_balance = transaction.add(if booking.is_adjustment() {
            users::adjust_balance(user, &account, &after)
        } else {
            users::move_balance(user, &account, &after)
        });
        let append = transaction.add(ledger::append(user, &entry));
        match idempotency::transact(shop, transaction, key, booked.clone(), Keep::Forever, &mut backoff).await? {
            Transacted::Committed(_) => {
                shop.cache_account(user, after);
                return Ok(booked);
            }
            Transacted::Replayed(first) => return Ok(first),
            Transacted::Refused(failures) => {
                if failures.of::<LedgerEntry>(append)?.flatten().is_some_and(|there| there.entry_id == entry.entry_id) {
                    // Our own entry: the answer to the first sending was lost.
                    return Ok(booked);
                }
                if let Some(there) = failures.of::<Account>(move_balance)? {
                    account = booking.check_status(user, there)?;
                }
            }
        }
        if backoff.retry("the account changed meanwhile").await? == RetryKind::AfterBackoff {
            account = read().await?;
        }
    }
}

/// Returns a user's balance, including every acknowledged charge.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn get(shop: &Shop, user: &UserId) -> Result<Account, Failure> {
    let account: Option<Account> = shop.table.get(keys::account(user), Consistency::Strong).await?;
    Ok(account.ok_or_else(|| Refusal::not_found(Entity::User, user))?)
}

/// A ledger entry as it is stored and hashed, with its reason opened: none, if it is of an erased user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedEntry {
    pub entry: LedgerEntry,
    pub reason: Option<String>,
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
) -> Result<(Vec<OpenedEntry>, bool), Failure> {
    let range = Range::of_partition(keys::user_partition(user), keys::LEDGER_PREFIX)
        .newest_first()
        .after(before.map(|sequence| keys::ledger_entry(user, sequence).sk));
    let page = shop.table.query::<LedgerEntry>(range, limit).await?;
    if page.records.is_empty() {
        get(shop, user).await?;
    }
    let mut entries: Vec<OpenedEntry> =
        page.records.into_iter().map(|entry| OpenedEntry { reason: entry.reason.clone(), entry }).collect();
    if entries.iter().any(|it| it.reason.is_some()) {
        let seal = personal::seal_of(shop, user).await?;
        for OpenedEntry { entry, reason } in &mut entries {
            seal.open_reason(&entry.entry_id, reason);
        }
    }
    Ok((entries, page.more))
}
