//! Bestsellers: units sold are counted from the table's stream, each count has its place in an index sorted by rank, and
//! a request reads the index from the top.
//!
//! There is no leaderboard. A kept list of the best has to be pruned, and after enough cancellations what was pruned is
//! the best; it is also one item that every batch of the stream writes.

mod count;
mod rank;
mod top;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

pub(super) use count::{Sold, count_all, enter_generation};
pub(super) use rank::rank;
pub use top::{Bestseller, top};

use super::{Failure, Shop};
use crate::domain::{OrderId, ProductId, order::Order};

/// What the bestsellers must know of a change in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SalesChange {
    /// Units were sold (or given back, where below zero).
    Sold {
        /// Names the event, the same whenever it is delivered.
        event_id: String,
        /// When the order was paid: the day that counts.
        paid_at: Timestamp,
        /// Units of each product.
        units: BTreeMap<ProductId, i64>,
    },
    /// A product's sale status or its number of shards may be another.
    Described(ProductId),
}

impl SalesChange {
    /// The units that a change of an order sold, or gave back: the difference of its live units, once it is paid. Units
    /// that cost nothing do not count. The same change gives the same answer, however often it is delivered.
    pub fn of_order(old: Option<&Order>, new: &Order) -> Option<Self> {
        let paid_at = new.paid_at?;
        let mut units: BTreeMap<ProductId, i64> = BTreeMap::new();
        for line in &new.items {
            *units.entry(line.product_id.clone()).or_default() += i64::from(line.counted_units());
        }
        for line in old.filter(|old| old.paid_at.is_some()).into_iter().flat_map(|old| &old.items) {
            *units.entry(line.product_id.clone()).or_default() -= i64::from(line.counted_units());
        }
        units.retain(|_, units| *units != 0);
        let event_id = event_id(&new.order_id, new.version);
        (!units.is_empty()).then_some(Self::Sold { event_id, paid_at, units })
    }
}

/// Names the event that a change of an order is.
pub(super) fn event_id(order: &OrderId, version: u64) -> String {
    format!("{order}-{version}")
}

/// Counts a batch of changes.
///
/// Every event counts once, however often and in whatever batches it comes: its mark is in the transaction of its
/// counts, and so is their place in the index. A batch that stops half-way is made good by its own repetition.
///
/// # Errors
/// If the table gives no answer; then the batch must come again.
pub async fn fold(shop: &Shop, changes: Vec<SalesChange>) -> Result<(), Failure> {
    let mut backoff = shop.backoff();
    let mut described: BTreeSet<ProductId> = BTreeSet::new();
    let mut sold = Sold::new();
    for change in changes {
        match change {
            SalesChange::Described(product) => {
                described.insert(product);
            }
            SalesChange::Sold { event_id, paid_at, units } => {
                sold.insert(event_id, (paid_at, units));
            }
        }
    }
    let counted = count_all(shop, sold, false, &mut backoff).await?;
    described.extend(counted.unsure);
    rank(shop, described, &mut backoff).await
}
