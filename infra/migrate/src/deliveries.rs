//! Deliveries: dates the arrival of parcels that arrived before the shop recorded it, and plans the confirmation of their
//! lines. The time in which a customer may stay silent begins with the migration.
//!
//! The tool does not know the stack's parameters, so it plans by the default. The sweep plans anew by the stack's own time.

use futures::future::BoxFuture;
use shared::{
    app::CONFIRM_AFTER,
    store::{Outcome, Transaction, confirmations, orders, orders::OrderRecord, records::Record},
};

use crate::{Failure, Handled, Pass, Shop, Step};

pub(crate) const STEP: Step = Step {
    name: "deliveries",
    purpose: "dates arrivals of the first stage, and plans the confirmation of their lines",
    passes: &[Pass { sort_key: "ORDER", handle: date }],
};

fn date<'a>(shop: &'a Shop, record: &'a Record) -> BoxFuture<'a, Result<Handled, Failure>> {
    Box::pin(async move {
        let Record::Order(record) = record else { return Ok(Handled::counted("unreadable")) };
        let Some(dated) = record.order.with_dated_arrivals(shop.clock.now()) else {
            return Ok(Handled::counted("orders without an undated arrival"));
        };
        let mut transaction = Transaction::new();
        let confirmation = dated.next_confirmation(CONFIRM_AFTER);
        let id = dated.order_id.clone();
        transaction.add(orders::replace(&record.order, &OrderRecord::new(dated, record.payload.clone())));
        transaction.add(confirmations::plan(&id, confirmation));
        match shop.table.commit(transaction, &mut shop.table.backoff()).await? {
            Outcome::Committed => Ok(Handled::counted("orders with dated arrivals")),
            // A change of the order at the same time. Another run dates it.
            Outcome::Refused(_) => Err(Failure::Restless(format!("order {id}"))),
        }
    })
}
