//! The auditor: reads the whole table of a shop and checks that the books are right.
//!
//! | invariant | what must be true | where |
//! |---|---|---|
//! | records | every item is of a known kind, has its shape, and is where its ids say | `shared::store::records` |
//! | 1 balances | a balance is the sum of its ledger, which chains by balances and hashes; a key charges once; orders are paid just once | `accounts`, `ledger` |
//! | 2 stock | received = in stock + reserved + in live orders; no shard below zero; a reservation is one order's or is released | `inventory`, `reservations` |
//! | 3 coupons | never more issued than there are, one a user; used for one live order; a budget is what is left of it and what live discounts have | `campaigns`, `budgets` |
//! | 4 orders | amounts add up; paid, refunded, cancelled units, state and history agree | `orders` |
//! | 5 sales | the bestsellers equal a recount of the orders | `sales` |
//! | 7 holds | a hold or an order sheet is in the expiry index, and ends soon after its expiry | `holds` |
//! | lists | a product or campaign is in the index by time where its list is read | `lists` |
//! | payments | an order paid outside has exactly its payment; all other money is asked back | `payments` |
//! | payments | a top-up is in the ledger once or goes back; a withdrawal has left it once | `sessions` |
//! | emails | an e-mail address is claimed by one user with that address, not withdrawn | `emails` |
//! | desk | the desk's rows of orders and lines equal a recount of the orders | `desk` |
//! | limits | the units of a user that a purchase limit counts are the live ones of the orders | `limits` |
//! | quotas | the units that a timed offer has sold are those of the orders, and no more than it has | `quotas` |
//! | sheets | an ordered sheet and its order name each other and agree | `sheets` |
//!
//! [`Auditor`] itself does no I/O: it is fed items one by one, from [`read`] or from another source. It keeps sums per
//! user, product, campaign, order and order sheet, never the items. If these do not fit in memory, it takes them in
//! several [`Passes`].
//!
//! A table is read item by item, not at one instant, so a concurrent write can look like a violation. [`audit`] judges a
//! table at rest, or a copy of one instant. An [`Inspection`] judges a shop that goes on: it looks again at everything
//! that looks wrong.

mod accounts;
mod auditor;
mod budgets;
mod campaigns;
mod desk;
mod drops;
mod emails;
mod findings;
#[cfg(test)]
mod fixture;
mod holds;
mod inspection;
mod inventory;
mod ledger;
mod limits;
mod lists;
mod orders;
mod passes;
mod payments;
mod quotas;
mod read;
mod relation;
mod report;
mod reservations;
mod sales;
mod second_look;
mod sellers;
mod sessions;
mod sheets;
mod source;
mod units;

pub use auditor::{Auditor, Scope};
pub use inspection::{Inspection, Pace, Progress, Step};
pub use passes::Passes;
pub use read::{ReadError, audit_user, read, read_export, read_export_items, read_items};
pub use relation::HashRange;
pub use report::{Figures, Invariant, Report, Subject, Violation};
pub use source::{ReadPace, Source};

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

/// A violation without its figures: its identity across audits.
pub type Fault = (Invariant, Subject, String);

/// Reads a table at rest and checks everything in `scope` as it must be at the instant `now`.
///
/// # Errors
/// If the table cannot be read.
pub async fn audit(client: &Client, table: &str, scope: Scope, now: Timestamp) -> Result<Report, ReadError> {
    let source = Source::new(client.clone(), table.to_owned(), ReadPace::FAST);
    let mut passes = Passes::new(scope, Pace::NIGHTLY.memory);
    while let Some(mut auditor) = passes.next_auditor() {
        read(&source, &mut auditor).await?;
        passes.add(auditor, now);
    }
    Ok(passes.into_report())
}
