//! Bestsellers. Units sold are counted from the table's stream; each count has its key in an index sorted by rank; a
//! request reads the index from the top.
//!
//! There is no leaderboard. A stored list of the best has to be pruned, and after enough cancellations the pruned
//! products are the best. It is also one item that every batch of the stream writes.

mod count;
mod rank;
mod top;

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt;
use jiff::Timestamp;

pub(super) use count::{Sold, count_all, enter_generation};
pub(super) use rank::rank;
pub use top::{Bestseller, top};

use super::{Failure, Shop};
use crate::domain::{OrderId, ProductId, order::Order};

/// The part of a change in the table that the bestsellers depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SalesChange {
    /// Units were sold (or given back, if below zero).
    Sold {
        /// The id of the event, the same in every delivery.
        event_id: String,
        /// The instant of the order's payment: the day that counts.
        paid_at: Timestamp,
        units: BTreeMap<ProductId, i64>,
    },
    /// A product's sale status or its number of shards may have changed.
    Described(ProductId),
}

impl SalesChange {
    /// The units that a change of an order sold, or gave back: the difference of its live units, once it is paid. Units
    /// that cost nothing do not count. The same change gives the same result in every delivery.
    pub fn from_order(old: Option<&Order>, new: &Order) -> Option<Self> {
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

/// The id of the event of a change of an order.
pub(super) fn event_id(order: &OrderId, version: u64) -> String {
    format!("{order}-{version}")
}

/// The changes of a batch that need an unreadable record, with the reasons.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unreadable {
    /// Events that are not counted, by their ids.
    uncounted: BTreeMap<String, String>,
    /// Products with a key that may not fit their count or their description.
    unranked: BTreeMap<ProductId, String>,
}

impl Unreadable {
    /// The reason to set a change aside, if it was not handled whole. Handed over again it counts once, since its mark
    /// tells whether it was counted.
    pub fn reason_for(&self, change: &SalesChange) -> Option<&str> {
        let reason = match change {
            SalesChange::Described(product) => self.unranked.get(product),
            SalesChange::Sold { event_id, units, .. } => {
                let unranked = || units.keys().find_map(|product| self.unranked.get(product));
                self.uncounted.get(event_id).or_else(unranked)
            }
        };
        reason.map(String::as_str)
    }
}

/// Counts a batch of changes. Returns those that need an unreadable record: they stop no other.
///
/// Every event counts once, in whatever batches and however often it comes: its processed-event record is in the
/// transaction of its counts, and so are their keys in the index. A repetition of the batch completes one that stopped
/// half-way.
///
/// # Errors
/// If the table cannot be reached; the batch must then come again.
pub async fn fold(shop: &Shop, changes: &[&SalesChange]) -> Result<Unreadable, Failure> {
    let mut backoff = shop.backoff();
    let mut described: BTreeSet<ProductId> = BTreeSet::new();
    let mut sold = Sold::new();
    for change in changes {
        match change {
            SalesChange::Described(product) => {
                described.insert(product.clone());
            }
            SalesChange::Sold { event_id, paid_at, units } => {
                sold.insert(event_id.clone(), (*paid_at, units.clone()));
            }
        }
    }
    // Boxed: the futures nest too deeply for the compiler.
    let counted = count_all(shop, sold, false, &mut backoff).boxed().await?;
    described.extend(counted.unsure);
    let unranked = rank(shop, described, &mut backoff).boxed().await?;
    Ok(Unreadable { uncounted: counted.uncounted, unranked })
}
