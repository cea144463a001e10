//! Withdrawals: users cash out.

use super::{Caller, Failure, RequestKey, Role, Shop, accounts, personal};
use crate::{
    domain::{
        Refusal, UserId, WithdrawalId, Won,
        account::{Account, Movement, OutOfBounds},
        ledger::EntryKind,
        money::{MAX_BALANCE, PositiveAmount},
        order::Actor,
        refusal::Entity,
        withdrawal::{PayoutAccount, Withdrawal, WithdrawalStatus},
    },
    store::{
        Consistency, Outcome, RetryKind, Transaction, keys, ledger, users,
        withdrawals::{self, WithdrawalRecord},
    },
};

/// A withdrawal as it was asked for.
#[derive(Debug, Clone)]
pub struct NewWithdrawal {
    pub user_id: UserId,
    pub amount: PositiveAmount,
    pub account: PayoutAccount,
}

/// Takes money from a balance at once, to be paid out. Returns the withdrawal and the balance right after it.
///
/// Run twice with one key it takes the money once: the withdrawal's id derives from the key, and the withdrawal is put
/// only if absent. If an order for the same money commits at the same time, one of the two finds that the ledger has
/// gone on, and is refused if the rest does not suffice.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::UserNotActive`], [`Refusal::BalanceNotEnough`].
pub async fn create(
    shop: &Shop,
    caller: &Caller,
    wanted: &NewWithdrawal,
    key: &RequestKey,
) -> Result<(Withdrawal, Won), Failure> {
    match create_once(shop, caller, wanted, key).await {
        // The withdrawal itself may have taken the money that is missing now.
        Err(Failure::Refused(refusal)) if key.given => match read(shop, &key.id(None)?).await? {
            Some(first) => replayed(shop, &first, key).await,
            None => Err(refusal.into()),
        },
        other => other,
    }
}

async fn create_once(
    shop: &Shop,
    caller: &Caller,
    wanted: &NewWithdrawal,
    key: &RequestKey,
) -> Result<(Withdrawal, Won), Failure> {
    let (user, amount, mut backoff) = (&wanted.user_id, wanted.amount.won(), shop.backoff());
    let withdrawal_id: WithdrawalId = key.id(None)?;
    let mut account = accounts::read_account(shop, user).await?;
    let seal = personal::seal_for_writing(shop, user).await?.ok_or(Refusal::UserNotActive)?;
    loop {
        let now = shop.clock.now();
        let movement = Movement {
            entry_id: withdrawal_id.to_string(),
            kind: EntryKind::Withdrawal,
            amount: amount.negated(),
            order_id: None,
            payment_id: None,
            actor: caller.role.into(),
            reason: None,
            at: now,
        };
        let Ok((after, entry)) = account.book(user, movement) else {
            let balance = account.balance;
            return Err(Refusal::BalanceNotEnough { order_id: None, payable: amount, balance }.into());
        };
        let withdrawal = Withdrawal {
            withdrawal_id: withdrawal_id.clone(),
            user_id: user.clone(),
            amount,
            account: wanted.account.clone(),
            status: WithdrawalStatus::Requested,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let mut transaction = Transaction::new();
        let sealed = seal.seal_withdrawal(&shop.random, &withdrawal)?;
        let record = WithdrawalRecord::new(sealed, key.payload.clone());
        let create = transaction.add(withdrawals::create(&record));
        let move_balance = transaction.add(users::move_balance(user, &account, &after));
        transaction.add(ledger::append(user, &entry));
        match shop.table.commit(transaction, &mut backoff).await? {
            Outcome::Committed => {
                shop.cache_account(user, after);
                return Ok((withdrawal, after.balance));
            }
            Outcome::Refused(failures) => {
                if let Some(first) = failures.of::<WithdrawalRecord>(create)?.flatten() {
                    return replayed(shop, &first, key).await;
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

/// The answer to a repetition: the withdrawal as it is now, and the present balance.
async fn replayed(shop: &Shop, first: &WithdrawalRecord, key: &RequestKey) -> Result<(Withdrawal, Won), Failure> {
    key.check_payload(&first.payload)?;
    let balance = super::balance::get(shop, &first.withdrawal.user_id).await?.balance;
    Ok((opened(shop, &first.withdrawal).await?, balance))
}

/// Returns a withdrawal, for its user and admins.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn get(shop: &Shop, caller: &Caller, id: &WithdrawalId) -> Result<Withdrawal, Failure> {
    let there = read(shop, id).await?.map(|record| record.withdrawal);
    let visible = there.filter(|withdrawal| caller.may_act_for(&withdrawal.user_id));
    let visible = visible.ok_or_else(|| Refusal::not_found(Entity::Withdrawal, id))?;
    opened(shop, &visible).await
}

/// The withdrawal with its bank account as the user gave it, or empty once it is erased.
async fn opened(shop: &Shop, stored: &Withdrawal) -> Result<Withdrawal, Failure> {
    Ok(personal::seal_of(shop, &stored.user_id).await?.open_withdrawal(stored))
}

/// Records, by an admin, that a withdrawal was paid out or came back.
///
/// # Errors
/// [`Refusal::Forbidden`], and those of [`settle`].
pub async fn settle_by(
    shop: &Shop,
    caller: &Caller,
    id: &WithdrawalId,
    to: WithdrawalStatus,
) -> Result<Withdrawal, Failure> {
    if caller.role != Role::Admin {
        return Err(Refusal::Forbidden.into());
    }
    opened(shop, &settle(shop, id, to, Actor::Admin).await?).await
}

/// Records that a withdrawal was paid out, or came back: then its money returns to the balance, once. Nothing happens if
/// it is in that state already. The withdrawal that is returned is as it is stored: sealed.
///
/// Run twice, or at the same time as itself, it books once: the withdrawal's version decides.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::WithdrawalStateConflict`].
pub async fn settle(shop: &Shop, id: &WithdrawalId, to: WithdrawalStatus, actor: Actor) -> Result<Withdrawal, Failure> {
    let mut backoff = shop.backoff();
    loop {
        let before = read(shop, id).await?.ok_or_else(|| Refusal::not_found(Entity::Withdrawal, id))?;
        let now = shop.clock.now();
        let Some(after) = before.withdrawal.moved_to(to, now)? else {
            return Ok(before.withdrawal);
        };
        // One of the first stage is sealed now.
        let after = personal::sealed_withdrawal(shop, after).await?;
        let mut transaction = Transaction::new();
        let record = WithdrawalRecord::new(after.clone(), before.payload.clone());
        transaction.add(withdrawals::replace(&before.withdrawal, &record));
        let user = &after.user_id;
        let mut returned_to = None;
        if to == WithdrawalStatus::Returned {
            let account = accounts::read_any_account(shop, user).await?;
            let movement = Movement {
                entry_id: format!("{id}-{}", after.version),
                kind: EntryKind::Withdrawal,
                amount: after.amount,
                order_id: None,
                payment_id: None,
                actor,
                reason: None,
                at: now,
            };
            let booked = account.book(user, movement);
            let (credited, entry) = booked.map_err(|out| match out {
                OutOfBounds::TooMuch => {
                    Failure::from(Refusal::LimitExceeded { limit: "balance", max: MAX_BALANCE.get() })
                }
                OutOfBounds::NotEnough => Failure::Internal("a return raises a balance"),
            })?;
            // The money is the user's, active or not.
            transaction.add(users::refund_balance(user, &account, &credited));
            transaction.add(ledger::append(user, &entry));
            returned_to = Some(credited);
        }
        match shop.table.commit(transaction, &mut backoff).await? {
            Outcome::Committed => {
                if let Some(account) = returned_to {
                    shop.cache_account(user, account);
                }
                return Ok(after);
            }
            Outcome::Refused(_) => backoff.pause("the withdrawal or the account changed meanwhile").await?,
        }
    }
}

async fn read(shop: &Shop, id: &WithdrawalId) -> Result<Option<WithdrawalRecord>, Failure> {
    Ok(shop.table.get(keys::withdrawal(id), Consistency::Strong).await?)
}
