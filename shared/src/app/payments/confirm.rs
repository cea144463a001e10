//! Confirms payments.

use super::{
    provider,
    provider::{Confirmation, PaymentProvider, ProviderError},
    settle::{Word, settle},
};
use crate::{
    app::{Caller, Failure, Role, Shop},
    domain::{Invalid, PaymentId, Refusal, Won, order::Order, provider::PaymentKey, session::PaymentSession},
    store::{
        Backoff, Consistency, Key, Outcome, Transaction, keys,
        orders::OrderRecord,
        sessions::{self, SessionRecord},
    },
};

/// Takes the money of a payment that the customer has begun on the provider's page, and returns the session after it. If
/// the provider gives no clear answer, the session stays CONFIRMING, and the sweep asks again.
///
/// Run twice or at the same time as itself, one run asks: the session says so before the provider is asked. The others
/// find it, and return it as it is. Stopped half-way, the sweep asks again. The money is never taken twice, since the
/// provider knows the payment by the session's id.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::Forbidden`] if only admins confirm; [`Refusal::PaymentAmountMismatch`];
/// [`Refusal::PaymentStateConflict`]; [`Refusal::OrderStateConflict`] if the order no longer waits for the money; an
/// invalid `paymentKey` if it pays another session. In all these cases the provider has not been asked.
pub async fn confirm(
    shop: &Shop,
    caller: &Caller,
    id: &PaymentId,
    payment_key: &PaymentKey,
    amount: Won,
) -> Result<PaymentSession, Failure> {
    let provider = provider(shop)?;
    let mut backoff = shop.backoff();
    let record = loop {
        let (seen, order) = look(shop, id).await?;
        let seen = super::visible(caller, id, seen)?;
        if provider.is_confirmed_by_admins() && caller.role != Role::Admin {
            return Err(Refusal::Forbidden.into());
        }
        let now = shop.clock.now();
        if seen.session.provider != provider.name() {
            return Err(seen.session.conflict(now).into());
        }
        let Some(asking) = seen.session.confirm(payment_key, amount, now)? else {
            return Ok(seen.session);
        };
        if let Some(order) = order.filter(|order| !order.awaits(amount, now)) {
            return Err(order.conflict(caller.role.into(), now).into());
        }
        let asking = SessionRecord::new(asking, seen.payload.clone());
        if write_down(shop, provider, &seen.session, &asking, &mut backoff).await? {
            break asking;
        }
        backoff.pause("the payment session changed meanwhile").await?;
    };
    Ok(ask(shop, provider, record).await?.session)
}

/// The session and, if it is one of an order, the order.
async fn look(shop: &Shop, id: &PaymentId) -> Result<(Option<SessionRecord>, Option<Order>), Failure> {
    let (session, order) = (keys::session(id), id.order().map(|order| keys::order(&order)));
    let wanted: Vec<Key> = [Some(session.clone()), order.clone()].into_iter().flatten().collect();
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut shop.backoff()).await?;
    let order = order.map(|key| found.get::<OrderRecord>(&key)).transpose()?.flatten();
    Ok((found.get(&session)?, order.map(|record| record.order)))
}

/// Writes down that the provider is asked, before it is. False if the session changed meanwhile.
async fn write_down(
    shop: &Shop,
    provider: &dyn PaymentProvider,
    before: &PaymentSession,
    asking: &SessionRecord,
    backoff: &mut Backoff,
) -> Result<bool, Failure> {
    let mut transaction = Transaction::new();
    let replace = transaction.add(sessions::replace(before, asking));
    let session = &asking.session;
    // A provider that ties its key to the session's id refuses another session with it by itself.
    let key = session.payment_key.as_ref().filter(|_| !provider.binds_keys());
    let claim = key.map(|key| sessions::claim_key(provider.name(), key, &session.payment_id));
    let claim = claim.map(|claim| transaction.add(claim));
    match shop.table.commit(transaction, backoff).await? {
        Outcome::Committed => Ok(true),
        Outcome::Refused(failures) if claim.is_some_and(|claim| failures.refuses(claim)) => {
            Err(Failure::Invalid("paymentKey", Invalid::Taken))
        }
        Outcome::Refused(failures) => {
            let there = failures.of::<SessionRecord>(replace)?.flatten();
            // Our own writing, of which the answer was lost.
            Ok(there.as_ref() == Some(asking))
        }
    }
}

/// Asks the provider to take the money of a session that says so, and settles the session by the answer.
pub(super) async fn ask(
    shop: &Shop,
    provider: &dyn PaymentProvider,
    record: SessionRecord,
) -> Result<SessionRecord, Failure> {
    let PaymentSession { payment_id, payment_key, amount, .. } = record.session.clone();
    let payment_key = payment_key.ok_or(Failure::Internal("a session that is confirmed has a payment key"))?;
    let word = match provider.confirm(&Confirmation { payment_id, payment_key, amount }).await {
        Ok(payment) => Word::Payment(payment),
        Err(ProviderError::Refused { code }) => Word::Refused(code),
        Err(ProviderError::Unknown(reason)) => {
            let id = record.session.payment_id.as_str();
            tracing::warn!(payment.id = id, reason, "it is unknown whether the provider took the money");
            return Ok(record);
        }
    };
    settle(shop, record, &word).await
}

/// Whether a confirmation without a clear answer may be sent again: its purpose still stands.
pub(super) async fn may_ask_again(shop: &Shop, session: &PaymentSession) -> Result<bool, Failure> {
    let now = shop.clock.now();
    if now >= session.expires_at {
        return Ok(false);
    }
    let (_, order) = look(shop, &session.payment_id).await?;
    Ok(order.is_none_or(|order| order.awaits(session.amount, now)))
}
