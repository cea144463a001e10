//! Settles payment sessions by the provider's word.

use super::{
    provider,
    provider::{Cancellation, ProviderError},
};
use crate::{
    app::{
        Failure, Shop, accounts,
        orders::{self, SessionCommit},
    },
    domain::{
        UserId,
        account::Movement,
        ledger::EntryKind,
        order::Actor,
        provider::{PaymentKey, ProviderPayment},
        session::{Observation, PaymentSession, Purpose},
        user::UserStatus,
    },
    store::{
        Backoff, Outcome, Transaction, ledger,
        sessions::{self, SessionRecord},
        users,
    },
};

/// The provider's word about a payment.
#[derive(Debug, Clone)]
pub(super) enum Word {
    /// The payment as it is.
    Payment(ProviderPayment),
    /// It refuses the confirmation, with this code.
    Refused(String),
    /// It has no confirmed payment.
    Nothing,
}

/// The code of a session whose order, or user, could not wait for the deposit.
const NO_DEPOSIT: &str = "DEPOSIT_NOT_POSSIBLE";

/// Changes a session, and its order or balance, by the provider's word. Returns the session after it.
///
/// Run twice, or at the same time as itself, it settles once: the session's version decides. The session changes in one
/// commit with the order that it pays or the balance that it tops up. If these have no use for the money, the session
/// alone changes, and the money is on its way back.
pub(super) async fn settle(shop: &Shop, seen: SessionRecord, word: &Word) -> Result<SessionRecord, Failure> {
    let (mut seen, mut backoff) = (seen, shop.backoff());
    loop {
        let now = shop.clock.now();
        let observation = match word {
            Word::Payment(payment) => seen.session.observed(payment, now),
            Word::Refused(code) => seen.session.refused(code, now),
            Word::Nothing => seen.session.given_up(now),
        };
        let purpose = seen.session.purpose.clone();
        let settled = match (observation, purpose) {
            (Observation::Nothing, _) => return Ok(seen),
            (Observation::Changed(after) | Observation::Unusable(after), _)
            | (Observation::Deposit(after), Purpose::TopUp) => replace(shop, &seen, after, &mut backoff).await?,
            (Observation::Deposit(after), Purpose::Order { order_id }) => {
                match orders::await_deposit(shop, &order_id, (&seen, &after), &mut backoff).await? {
                    SessionCommit::Unneeded => decline_deposit(shop, &seen, &after, &mut backoff).await?,
                    other => other,
                }
            }
            (Observation::Arrived(after), Purpose::TopUp) => credit(shop, &seen, after, &mut backoff).await?,
            (Observation::Arrived(after), Purpose::Order { order_id }) => {
                match orders::pay_by_session(shop, &order_id, (&seen, &after), &mut backoff).await? {
                    SessionCommit::Unneeded => send_back(shop, &seen, &mut backoff).await?,
                    other => other,
                }
            }
        };
        if let SessionCommit::Committed(session) = settled {
            let (id, status) = (session.payment_id.as_str(), session.status);
            tracing::info!(payment.id = id, payment.status = ?status, "a payment was settled");
            return Ok(SessionRecord::new(*session, seen.payload));
        }
        backoff.pause("the payment session changed meanwhile").await?;
        let there = super::read(shop, &seen.session.payment_id).await?;
        seen = there.ok_or(Failure::Internal("a payment session stays"))?;
    }
}

/// Replaces the session alone.
pub(super) async fn replace(
    shop: &Shop,
    seen: &SessionRecord,
    after: PaymentSession,
    backoff: &mut Backoff,
) -> Result<SessionCommit, Failure> {
    let record = SessionRecord::new(after, seen.payload.clone());
    let mut transaction = Transaction::new();
    transaction.add(sessions::replace(&seen.session, &record));
    commit(shop, transaction, record.session, backoff).await
}

async fn commit(
    shop: &Shop,
    transaction: Transaction,
    after: PaymentSession,
    backoff: &mut Backoff,
) -> Result<SessionCommit, Failure> {
    Ok(match shop.table.commit(transaction, backoff).await? {
        Outcome::Committed => SessionCommit::Committed(Box::new(after)),
        Outcome::Refused(_) => SessionCommit::Refused,
    })
}

/// The money of a session has no use: it goes back.
async fn send_back(shop: &Shop, seen: &SessionRecord, backoff: &mut Backoff) -> Result<SessionCommit, Failure> {
    let unneeded = seen.session.unneeded(seen.session.amount, shop.clock.now());
    replace(shop, seen, unneeded, backoff).await
}

/// Credits a top-up to the balance, or sends its money back if the user is not active or the balance would be too high.
async fn credit(
    shop: &Shop,
    seen: &SessionRecord,
    after: PaymentSession,
    backoff: &mut Backoff,
) -> Result<SessionCommit, Failure> {
    let user: &UserId = &after.user_id;
    let account = accounts::read_any_account(shop, user).await?;
    let movement = Movement {
        entry_id: after.payment_id.to_string(),
        kind: EntryKind::Charge,
        amount: after.amount,
        order_id: None,
        payment_id: Some(after.payment_id.clone()),
        actor: Actor::Customer,
        reason: None,
        at: shop.clock.now(),
    };
    let is_active = account.status == UserStatus::Active;
    let Some((credited, entry)) = account.book(user, movement).ok().filter(|_| is_active) else {
        return send_back(shop, seen, backoff).await;
    };
    let mut transaction = Transaction::new();
    let record = SessionRecord::new(after.clone(), seen.payload.clone());
    transaction.add(sessions::replace(&seen.session, &record));
    transaction.add(users::move_balance(user, &account, &credited));
    transaction.add(ledger::append(user, &entry));
    let committed = commit(shop, transaction, record.session, backoff).await?;
    if matches!(committed, SessionCommit::Committed(_)) {
        shop.cache_account(user, credited);
    }
    Ok(committed)
}

/// The order cannot wait for the deposit: the session is declined, and the provider's account closed. The session ends by
/// it, since a provider takes no other payment by the id of a confirmed one. A transfer that comes all the same is found
/// by the look after its time, and goes back.
async fn decline_deposit(
    shop: &Shop,
    seen: &SessionRecord,
    waiting: &PaymentSession,
    backoff: &mut Backoff,
) -> Result<SessionCommit, Failure> {
    let look_at = waiting.deposit.as_ref().map(|deposit| deposit.due_at);
    let now = shop.clock.now();
    let declined = PaymentSession { look_at, expires_at: now, ..seen.session.declined(NO_DEPOSIT, now) };
    let committed = replace(shop, seen, declined, backoff).await?;
    if let (SessionCommit::Committed(session), Some(key)) = (&committed, &waiting.payment_key) {
        close_account(shop, session, key).await?;
    }
    Ok(committed)
}

async fn close_account(shop: &Shop, session: &PaymentSession, key: &PaymentKey) -> Result<(), Failure> {
    let (payment_key, refund_id) = (key.clone(), format!("{}-void", session.payment_id));
    let closed = provider(shop)?.cancel(&Cancellation { payment_key, refund_id, amount: session.amount }).await;
    if let Err(ProviderError::Refused { .. } | ProviderError::Unknown(_)) = closed {
        tracing::warn!(payment.id = session.payment_id.as_str(), "the provider did not close the account of a deposit");
    }
    Ok(())
}
