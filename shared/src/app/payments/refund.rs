//! Money of payments that goes back to where it came from.

use serde::{Deserialize, Serialize};

use super::{
    provider,
    provider::{Cancellation, PaymentProvider, ProviderError},
};
use crate::{
    app::{
        Caller, Failure, RequestKey, Role, Shop, accounts,
        idempotency::{self, Keep, Transacted},
    },
    domain::{
        PaymentId, Refusal, UserId, Won,
        account::{Account, Movement, OutOfBounds},
        ledger::{EntryKind, LedgerEntry},
        money::{MAX_BALANCE, PositiveAmount},
        order::Actor,
        provider::PaymentKey,
        refusal::Entity,
        session::{PaymentSession, SessionRefund},
    },
    store::{
        Outcome, Transaction, ledger,
        sessions::{self, SessionRecord},
        users,
    },
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RefundedOutcome {
    payment_id: PaymentId,
}

/// Sends money of a top-up back to where it came from. The balance pays it at once; the provider is asked by the sweep.
/// Money that the shop had no use for, and that could not be sent back, is sent again.
///
/// Run twice with one key it takes the money once.
///
/// # Errors
/// [`Refusal::Forbidden`] unless an admin asks, [`Refusal::NotFound`], [`Refusal::PaymentStateConflict`],
/// [`Refusal::RefundTooHigh`], [`Refusal::BalanceNotEnough`], [`Refusal::LimitExceeded`].
pub async fn refund(
    shop: &Shop,
    caller: &Caller,
    id: &PaymentId,
    amount: PositiveAmount,
    key: &RequestKey,
) -> Result<PaymentSession, Failure> {
    if caller.role != Role::Admin {
        return Err(Refusal::Forbidden.into());
    }
    match refund_once(shop, id, amount.won(), key).await {
        Err(Failure::Refused(refusal)) if key.given => match idempotency::recall::<RefundedOutcome>(shop, key).await? {
            Some(_) => Ok(read(shop, id).await?.session),
            None => Err(refusal.into()),
        },
        other => other,
    }
}

async fn refund_once(shop: &Shop, id: &PaymentId, amount: Won, key: &RequestKey) -> Result<PaymentSession, Failure> {
    let mut backoff = shop.backoff();
    loop {
        let seen = read(shop, id).await?;
        let now = shop.clock.now();
        let after = seen.session.refund(amount, now)?;
        let mut transaction = Transaction::new();
        let record = SessionRecord::new(after, seen.payload.clone());
        transaction.add(sessions::replace(&seen.session, &record));
        let newest =
            record.session.refunds.last().filter(|_| record.session.refunds.len() > seen.session.refunds.len());
        let mut moved = None;
        if let Some(refund) = newest.filter(|refund| refund.from_balance) {
            let (entry_id, amount) = (refund.refund_id.clone(), amount.negated());
            let (before, after, entry) = book(shop, &record.session, (entry_id, amount, Actor::Admin)).await?;
            let user = &record.session.user_id;
            transaction.add(users::refund_balance(user, &before, &after));
            transaction.add(ledger::append(user, &entry));
            moved = Some(after);
        }
        let outcome = RefundedOutcome { payment_id: id.clone() };
        match idempotency::transact(shop, transaction, key, outcome, Keep::Forever, &mut backoff).await? {
            Transacted::Committed(_) => {
                if let Some(account) = moved {
                    shop.cache_account(&record.session.user_id, account);
                }
                return Ok(record.session);
            }
            Transacted::Replayed(_) => return Ok(read(shop, id).await?.session),
            Transacted::Refused(_) => backoff.pause("the payment or the account changed meanwhile").await?,
        }
    }
}

async fn read(shop: &Shop, id: &PaymentId) -> Result<SessionRecord, Failure> {
    super::read(shop, id).await?.ok_or_else(|| Refusal::not_found(Entity::Payment, id).into())
}

/// The account of a session's user before and after its money moves, and the entry. The user need not be active.
async fn book(
    shop: &Shop,
    session: &PaymentSession,
    (entry_id, amount, actor): (String, Won, Actor),
) -> Result<(Account, Account, LedgerEntry), Failure> {
    let user: &UserId = &session.user_id;
    let account = accounts::read_any_account(shop, user).await?;
    let movement = Movement {
        entry_id,
        kind: EntryKind::Refund,
        amount,
        order_id: None,
        payment_id: Some(session.payment_id.clone()),
        actor,
        reason: None,
        at: shop.clock.now(),
    };
    let booked = account.book(user, movement).map_err(|out| match out {
        OutOfBounds::NotEnough => {
            Refusal::BalanceNotEnough { order_id: None, payable: amount.negated(), balance: account.balance }
        }
        OutOfBounds::TooMuch => Refusal::LimitExceeded { limit: "balance", max: MAX_BALANCE.get() },
    });
    let (after, entry) = booked?;
    Ok((account, after, entry))
}

/// The provider's word about a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefundWord {
    Succeeded,
    Failed,
    /// It is to be asked again.
    Unknown,
}

/// Money to be sent back, and whether it may have been asked for before.
#[derive(Debug)]
pub(super) struct ToSend<'a> {
    pub(super) payment: &'a PaymentId,
    pub(super) payment_key: &'a PaymentKey,
    pub(super) attempt_id: String,
    pub(super) amount: Won,
    pub(super) is_repeated: bool,
}

/// Asks the provider to send money back. A repeated request looks first whether it has done so.
pub(super) async fn send(provider: &dyn PaymentProvider, refund: &ToSend<'_>) -> RefundWord {
    let ToSend { payment, payment_key, attempt_id, amount, is_repeated } = refund;
    if *is_repeated {
        match provider.look_up(payment).await {
            Ok(Some(payment)) if payment.has_refund(attempt_id) => return RefundWord::Succeeded,
            Ok(_) | Err(ProviderError::Refused { .. }) => {}
            Err(ProviderError::Unknown(_)) => return RefundWord::Unknown,
        }
    }
    let (payment_key, refund_id) = ((*payment_key).clone(), attempt_id.clone());
    match provider.cancel(&Cancellation { payment_key, refund_id, amount: *amount }).await {
        Ok(payment) if payment.has_refund(attempt_id) => RefundWord::Succeeded,
        Ok(_) | Err(ProviderError::Unknown(_)) => RefundWord::Unknown,
        Err(ProviderError::Refused { code }) => {
            tracing::error!(refund.id = attempt_id.as_str(), code, "the provider refuses a refund");
            RefundWord::Failed
        }
    }
}

/// Sends the open refunds of a session back, and returns the session after it.
pub(super) async fn send_open(shop: &Shop, record: SessionRecord) -> Result<SessionRecord, Failure> {
    let provider = provider(shop)?;
    let open: Vec<SessionRefund> = record.session.open_refunds().cloned().collect();
    let mut record = record;
    for refund in open {
        let Some(payment_key) = record.session.payment_key.clone() else {
            return Err(Failure::Internal("a session with money has a payment key"));
        };
        let to_send = ToSend {
            payment: &record.session.payment_id.clone(),
            payment_key: &payment_key,
            attempt_id: refund.attempt_id(),
            amount: refund.amount,
            is_repeated: true,
        };
        record = match send(provider, &to_send).await {
            RefundWord::Succeeded => settle(shop, record, &refund, true).await?,
            RefundWord::Failed => settle(shop, record, &refund, false).await?,
            RefundWord::Unknown => record,
        };
    }
    Ok(record)
}

/// Writes the result of a refund down. A top-up that could not leave the balance is back in it.
async fn settle(
    shop: &Shop,
    seen: SessionRecord,
    refund: &SessionRefund,
    is_success: bool,
) -> Result<SessionRecord, Failure> {
    let (mut seen, mut backoff) = (seen, shop.backoff());
    loop {
        let now = shop.clock.now();
        let Some((after, back)) = seen.session.refund_settled(&refund.refund_id, is_success, now) else {
            return Ok(seen);
        };
        let record = SessionRecord::new(after, seen.payload.clone());
        let mut transaction = Transaction::new();
        transaction.add(sessions::replace(&seen.session, &record));
        let mut moved = None;
        if let Some(amount) = back {
            let entry_id = format!("{}-back", refund.refund_id);
            let (before, after, entry) = book(shop, &record.session, (entry_id, amount, Actor::System)).await?;
            let user = &record.session.user_id;
            transaction.add(users::refund_balance(user, &before, &after));
            transaction.add(ledger::append(user, &entry));
            moved = Some(after);
        }
        match shop.table.commit(transaction, &mut backoff).await? {
            Outcome::Committed => {
                if let Some(account) = moved {
                    shop.cache_account(&record.session.user_id, account);
                }
                if !is_success {
                    metrics::counter!("RefundsFailed").increment(1);
                }
                return Ok(record);
            }
            Outcome::Refused(_) => backoff.pause("the payment or the account changed meanwhile").await?,
        }
        let there = super::read(shop, &seen.session.payment_id).await?;
        seen = there.ok_or(Failure::Internal("a payment session stays"))?;
    }
}
