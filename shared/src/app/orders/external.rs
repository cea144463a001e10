//! Results of the external payment system, and their effects on orders.

use super::change::{Attempt, Known, read};
use crate::{
    app::{Failure, Shop},
    domain::{
        Invalid,
        order::{Payment, PaymentOutcome, PaymentStatus},
    },
    events::PaymentResult,
    store::{Consistency, Key, Outcome, RetryKind, Transaction, keys, orders},
};

/// Settles an order by the result of a payment, and returns the status of the payment.
///
/// A success pays the order that waits for just that payment; a failure ends it. Any other success (late, of a wrong
/// amount, or a second one) is money that the order does not need, and its return is requested. A repeated result has
/// no effect, because there is a record of the payment. A success after a reported failure counts; a failure after a
/// success does not.
///
/// # Errors
/// - an invalid `amount` if it is none of [`PaymentResult::AMOUNTS`];
/// - an invalid `paymentId` if that payment is for another order, or the id is one of a payment session;
/// - [`crate::domain::Refusal::NotFound`] if there is no such order;
/// - if the table cannot be reached.
pub async fn settle(shop: &Shop, outcome: PaymentOutcome, result: &PaymentResult) -> Result<PaymentStatus, Failure> {
    if !PaymentResult::AMOUNTS.contains(&result.amount) {
        let (min, max) = (PaymentResult::AMOUNTS.start().get(), PaymentResult::AMOUNTS.end().get());
        return Err(Failure::Invalid("amount", Invalid::Range { min, max }));
    }
    if result.payment_id.order().is_some() {
        return Err(Failure::Invalid("paymentId", Invalid::Taken));
    }
    let mut backoff = shop.backoff();
    let key = keys::payment(&result.order_id, &result.payment_id);
    let mut seen = read(shop, &result.order_id).await?;
    let mut noted = look(shop, &key).await?;
    let mut known = Known::default();
    loop {
        if let Some(noted) = &noted
            && (noted.status != PaymentStatus::Failed || outcome == PaymentOutcome::Failed)
        {
            return Ok(noted.status);
        }
        let now = shop.clock.now();
        let (status, order) = seen.order.settled(outcome, &result.payment_id, result.amount, now)?;
        let payment = Payment {
            payment_id: result.payment_id.clone(),
            order_id: result.order_id.clone(),
            amount: result.amount,
            status,
            at: now,
        };
        let note = if noted.is_some() { orders::correct_payment(&payment) } else { orders::note_payment(&payment) };
        let claim = orders::claim_payment(&payment);
        let (claim, failures) = match order {
            Some(order) => {
                let mut attempt = Attempt::new(shop, &seen, &order, &mut known, &mut backoff).await?;
                attempt.transaction.add(note);
                let claim = attempt.transaction.add(claim);
                (claim, attempt.commit(shop, &mut seen, &mut known, &mut backoff).await?)
            }
            None => {
                let mut transaction = Transaction::new();
                transaction.add(note);
                let claim = transaction.add(claim);
                match shop.table.commit(transaction, &mut backoff).await? {
                    Outcome::Committed => (claim, None),
                    Outcome::Refused(failures) => (claim, Some(failures)),
                }
            }
        };
        let Some(failures) = failures else {
            return Ok(status);
        };
        if failures.refuses(claim) {
            return Err(Failure::Invalid("paymentId", Invalid::Taken));
        }
        noted = look(shop, &key).await?;
        if backoff.retry("the order changed meanwhile").await? == RetryKind::AfterBackoff {
            (seen, known) = (read(shop, &result.order_id).await?, Known::default());
        }
    }
}

/// The record of the payment, if there is one.
async fn look(shop: &Shop, key: &Key) -> Result<Option<Payment>, Failure> {
    Ok(shop.table.get(key.clone(), Consistency::Strong).await?)
}
