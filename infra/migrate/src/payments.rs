//! Payments: claims each payment of the first stage for its order, so that it pays no other.
//!
//! A payment of two orders stays with the one that is read first. The other is listed.

use futures::future::BoxFuture;
use shared::{
    domain::order::PaymentClaim,
    store::{Outcome, Transaction, orders, records::Record},
};

use crate::{Failure, Handled, Pass, Shop, Step};

pub(crate) const STEP: Step = Step {
    name: "payments",
    purpose: "claims each payment for its order, so that it pays no other",
    passes: &[Pass { sort_key: "PAYMENT#", handle: claim }],
};

fn claim<'a>(shop: &'a Shop, record: &'a Record) -> BoxFuture<'a, Result<Handled, Failure>> {
    Box::pin(async move {
        let Record::Payment(payment) = record else { return Ok(Handled::counted("unreadable")) };
        let mut transaction = Transaction::new();
        let put = transaction.add(orders::claim_payment(payment));
        let failures = match shop.table.commit(transaction, &mut shop.table.backoff()).await? {
            Outcome::Committed => return Ok(Handled::counted("payments claimed")),
            Outcome::Refused(failures) => failures,
        };
        let claim: Option<PaymentClaim> = failures.of(put)?.flatten();
        let holder = claim.map_or_else(|| "nobody".to_owned(), |claim| claim.order_id.to_string());
        let line =
            format!("payment {} of order {} is claimed for order {holder}", payment.payment_id, payment.order_id);
        Ok(Handled { figure: "payments of two orders", line: Some(line) })
    })
}
