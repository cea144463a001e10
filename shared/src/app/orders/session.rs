//! Payment sessions of orders: money that arrives pays the order that waits for it.

use super::change::{Attempt, Known, read};
use crate::{
    app::{Caller, Failure, Shop},
    domain::{OrderId, Refusal, order::Order, refusal::Entity, session::PaymentSession},
    store::{
        Backoff,
        orders::OrderRecord,
        sessions::{self, SessionRecord},
    },
};

/// The end of a commit of a payment session.
#[derive(Debug)]
#[must_use]
pub(in crate::app) enum SessionCommit {
    Committed(Box<PaymentSession>),
    /// A record that it asserts changed meanwhile.
    Refused,
    /// Nothing was committed, since the order does not wait for the money.
    Unneeded,
}

/// The order, if the caller may pay it and it waits for money in a session.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::Forbidden`], [`Refusal::OrderStateConflict`].
pub(in crate::app) fn payable_by(
    shop: &Shop,
    caller: &Caller,
    id: &OrderId,
    there: Option<OrderRecord>,
) -> Result<Order, Refusal> {
    let order = there.ok_or_else(|| Refusal::not_found(Entity::Order, id))?.order;
    let (actor, now) = (super::life::buyer(caller, &order)?, shop.clock.now());
    let is_payable = shop.policy.payments.takes_sessions() && order.awaits(order.external_amount(), now);
    if is_payable { Ok(order) } else { Err(order.conflict(actor, now)) }
}

/// Pays an order with the money of its session, in one commit with the session's change `after`. A hold that has ended,
/// a cancellation or another payment came before: then nothing changes.
pub(in crate::app) async fn pay_by_session(
    shop: &Shop,
    id: &OrderId,
    (seen, after): (&SessionRecord, &PaymentSession),
    backoff: &mut Backoff,
) -> Result<SessionCommit, Failure> {
    let order = read(shop, id).await?;
    let now = shop.clock.now();
    if !order.order.awaits(after.amount, now) {
        return Ok(SessionCommit::Unneeded);
    }
    let paid = order.order.settle(after.payment_id.clone(), now);
    commit(shop, order, &paid, (seen, after), backoff).await
}

/// Extends the hold of an order until its customer's deposit is due, in one commit with the session's change `after`.
/// Nothing changes if the order does not wait for the money, or its user has too many that wait for deposits.
pub(in crate::app) async fn await_deposit(
    shop: &Shop,
    id: &OrderId,
    (seen, after): (&SessionRecord, &PaymentSession),
    backoff: &mut Backoff,
) -> Result<SessionCommit, Failure> {
    let order = read(shop, id).await?;
    let now = shop.clock.now();
    let due_at = after.deposit.as_ref().map(|deposit| deposit.due_at);
    let due_at = due_at.ok_or(Failure::Internal("a deposit has an end"))?;
    if !order.order.awaits(after.amount, now) {
        return Ok(SessionCommit::Unneeded);
    }
    let Ok(waiting) = order.order.wait_for_deposit(due_at, now) else {
        return Ok(SessionCommit::Unneeded);
    };
    commit(shop, order, &waiting, (seen, after), backoff).await
}

async fn commit(
    shop: &Shop,
    mut order: OrderRecord,
    changed: &Order,
    (seen, after): (&SessionRecord, &PaymentSession),
    backoff: &mut Backoff,
) -> Result<SessionCommit, Failure> {
    let mut known = Known::default();
    let mut attempt = Attempt::new(shop, &order, changed, &mut known, backoff).await?;
    let deposit = attempt.deposit;
    let record = SessionRecord::new(after.clone(), seen.payload.clone());
    attempt.transaction.add(sessions::replace(&seen.session, &record));
    let failures = attempt.commit(shop, &mut order, &mut known, backoff).await?;
    Ok(match failures {
        None => SessionCommit::Committed(Box::new(record.session)),
        Some(failures) if deposit.is_some_and(|deposit| failures.refuses(deposit)) => SessionCommit::Unneeded,
        Some(_) => SessionCommit::Refused,
    })
}
