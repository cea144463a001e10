//! Results of the external payment system: what they do to the order that they are for.

use super::change::{Attempt, Known, read};
use crate::{
    app::{Failure, Shop},
    domain::{
        Invalid, Won,
        money::MAX_PAYMENT,
        order::{Payment, PaymentOutcome, PaymentStatus},
    },
    events::PaymentResult,
    store::{Consistency, Key, Outcome, RetryKind, Transaction, keys, orders},
};

/// Settles an order by the result of a payment, and says what became of the payment.
///
/// A success pays the order that waits for just that; a failure ends it. Any other success, be it late, of a wrong
/// amount or a second one, is money that the order has no use for: it is asked back. Run twice, a result does nothing
/// the second time, because the payment's record is there; a success that contradicts a failure said before counts, a
/// failure that contradicts a success does not.
///
/// # Errors
/// An invalid `amount` where it is not above 0 or above [`MAX_PAYMENT`], an invalid `paymentId` where that payment is
/// for another order, [`crate::domain::Refusal::NotFound`] where there is no such order; where
/// the table gives no answer.
pub async fn settle(shop: &Shop, outcome: PaymentOutcome, result: &PaymentResult) -> Result<PaymentStatus, Failure> {
    // Nobody was asked for nothing, or for that much.
    if result.amount <= Won::ZERO || result.amount > MAX_PAYMENT {
        return Err(Failure::Invalid("amount", Invalid::Range { min: 1, max: MAX_PAYMENT.get() }));
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

/// The payment as it was noted, if it was.
async fn look(shop: &Shop, key: &Key) -> Result<Option<Payment>, Failure> {
    Ok(shop.table.get(key.clone(), Consistency::Strong).await?)
}
