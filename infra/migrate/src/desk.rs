//! The desk: lists the orders of the time before it, and their lines.
//!
//! A row is written from the order as it is when the step comes to it, under the condition of its version. So the step
//! can run beside `update-desk`, and again at any time: it then repairs rows that are missing or wrong.

use futures::future::BoxFuture;
use shared::{
    domain::desk::DeskChange,
    store::{Outcome, Transaction, desk, records::Record},
};

use crate::{Failure, Handled, Pass, Shop, Step};

pub(crate) const STEP: Step = Step {
    name: "desk",
    purpose: "lists orders and their lines for the desk",
    passes: &[Pass { sort_key: "ORDER", handle: list }],
};

fn list<'a>(shop: &'a Shop, record: &'a Record) -> BoxFuture<'a, Result<Handled, Failure>> {
    Box::pin(async move {
        let Record::Order(record) = record else { return Ok(Handled::counted("unreadable")) };
        for (key, row) in desk::rows(&record.order, &DeskChange::all_rows(&record.order)) {
            let mut transaction = Transaction::new();
            transaction.add(desk::write(key, &row));
            // A row of a later version is as good.
            let (Outcome::Committed | Outcome::Refused(_)) =
                shop.table.commit(transaction, &mut shop.table.backoff()).await?;
        }
        Ok(Handled::counted("orders listed"))
    })
}
