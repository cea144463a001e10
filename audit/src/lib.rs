//! The auditor: reads the whole table of a shop and checks that the books are right.
//!
//! | invariant | what must be true | where |
//! |---|---|---|
//! | records | every item is of a known kind, has its shape, and is where its ids say | `shared::store::records` |
//! | 1 balances | a balance is the sum of its ledger, which chains by balances and hashes; a key charges once; orders are paid just once | `accounts`, `ledger` |
//! | 2 stock | received = in stock + reserved + in live orders; no shard below zero; a reservation is one order's or is released | `inventory`, `reservations` |
//! | 3 coupons | never more issued than there are, one a user; used for one live order | `campaigns` |
//! | 4 orders | amounts add up; paid, refunded, cancelled units, state and history agree | `orders` |
//! | 5 sales | the bestsellers equal a recount of the orders | `sales` |
//! | 7 holds | a hold or an order sheet is in the expiry index, and ends soon after its expiry | `holds` |
//! | lists | a product or campaign is in the index by time where its list is read | `lists` |
//! | payments | an order paid outside has exactly its payment; all other money is asked back | `payments` |
//! | emails | an e-mail address is claimed by one user with that address, not withdrawn | `emails` |
//! | sheets | an ordered sheet and its order name each other and agree | `sheets` |
//!
//! [`Auditor`] itself does no I/O: it is fed items one by one, from [`read`] or from another source. It keeps sums per
//! user, product, campaign, order and order sheet, never the items.
//!
//! A table is read item by item, not at one instant, so a concurrent write can look like a violation. One look judges a
//! table at rest, or a copy of one instant. Several looks ([`Looks`]) judge a shop that goes on.

mod accounts;
mod auditor;
mod campaigns;
mod emails;
mod findings;
#[cfg(test)]
mod fixture;
mod holds;
mod inventory;
mod ledger;
mod lists;
mod looks;
mod orders;
mod payments;
mod read;
mod report;
mod reservations;
mod sales;
mod sellers;
mod sheets;

pub use auditor::{Auditor, Scope};
pub use looks::{Fault, LOOKS, Looks, Verdict};
pub use read::{ReadError, read, read_export, read_user};
pub use report::{Figures, Invariant, Report, Subject, Violation};

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

/// Reads a table and checks everything in `scope` as it must be at the instant `now`.
///
/// # Errors
/// If the table cannot be read.
pub async fn audit(client: &Client, table: &str, scope: Scope, now: Timestamp) -> Result<Report, ReadError> {
    let mut auditor = Auditor::new(scope);
    read(client, table, &mut auditor).await?;
    Ok(auditor.finish(now))
}
