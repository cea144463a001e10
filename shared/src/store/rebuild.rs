//! The rebuild of the bestsellers: its progress and its partial sums.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Action, StoreError, Transaction, keys, table::Cursor};
use crate::domain::{
    ProductId,
    id::bucket,
    recount::{Balances, Days},
};

/// A rebuild: the one that is under way, or the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rebuild {
    /// Counts the rebuilds. Each count of units bears the generation in which it was made.
    pub generation: u64,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub started_at: Timestamp,
    pub days: Days,
    /// The number of segments into which the orders are cut.
    pub segments: u16,
    /// The number of buckets over which the products are spread.
    pub buckets: u16,
    pub phase: Phase,
    pub figures: Figures,
    /// Counts the changes of this record: of two concurrent functions, one goes on with it.
    pub revision: u64,
}

/// The generation of a rebuild, for readers that need nothing else: it can be read even if the progress cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Generation {
    pub generation: u64,
}

/// The phase of a rebuild, and its progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
pub enum Phase {
    /// Takes a snapshot of the counts of each product.
    Snapshot {
        list: List,
        /// The last product, with its sort key in the list.
        after: Option<(ProductId, String)>,
    },
    /// Adds up the orders by segments, from an instant on.
    Recount {
        /// The earliest instant: by then the index has every order that is in a snapshot.
        #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
        from: Timestamp,
    },
    /// Corrects the counts.
    Repair {
        /// The bucket of the next products.
        bucket: u16,
    },
    /// Moves every count to its key in the index by sales. The first stage stored a leaderboard in this phase and
    /// recorded the best so far, which is read no more.
    #[serde(rename = "BOARD")]
    Rank {
        /// The last product that was looked at.
        after: Option<ProductId>,
    },
    Done,
}

/// A list of products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum List {
    /// Products with counts.
    Counted,
    /// Products on sale, which shows a count that is missing from the list of counts.
    OnSale,
}

/// The findings of a rebuild so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Figures {
    /// Orders looked at: those paid on the days that count.
    pub orders: u64,
    /// Changes of orders that had not been counted.
    pub recovered: u64,
    /// Orders that cannot be read. While there is one, no count is corrected.
    pub unreadable: u64,
    /// Counts of a product on a day that were wrong and are corrected.
    pub corrected: u64,
    /// The units of all corrections.
    pub units: u64,
    /// Counts of a product on a day that are left to the next rebuild.
    pub left: u64,
}

impl Figures {
    /// The sum of two findings.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            orders: self.orders.saturating_add(other.orders),
            recovered: self.recovered.saturating_add(other.recovered),
            unreadable: self.unreadable.saturating_add(other.unreadable),
            corrected: self.corrected.saturating_add(other.corrected),
            units: self.units.saturating_add(other.units),
            left: self.left.saturating_add(other.left),
        }
    }
}

/// The progress of the recount of a segment of the orders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentProgress {
    /// The cursor to go on from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    pub is_done: bool,
    pub figures: Figures,
    /// Counts the changes of this record, and numbers the partial sums of the segment.
    pub revision: u64,
}

/// The sums of a part of the counts or of the orders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartialSums {
    /// The balance of each product of a bucket.
    pub balances: Balances,
}

/// The time for which partial sums are kept after a rebuild began. They are of use until it ends.
const KEPT_SECONDS: i64 = 2 * 24 * 60 * 60;

impl Rebuild {
    fn kept_until(&self) -> i64 {
        self.started_at.as_second().saturating_add(KEPT_SECONDS)
    }

    /// Adds the partial sums of a writer to a transaction: one new record a bucket.
    pub fn add_parts(
        &self,
        transaction: &mut Transaction,
        writer: &str,
        sequence: u64,
        found: Balances,
    ) -> Result<(), StoreError> {
        let buckets = found.by_bucket(|product| bucket(product.as_str(), self.buckets));
        for (bucket, balances) in buckets {
            let key = keys::rebuild_part(self.generation, bucket, writer, sequence);
            transaction.add(Action::create(key, &PartialSums { balances }).expires_at(self.kept_until()));
        }
        Ok(())
    }

    /// Replaces the progress of a segment; refused if another writer went on with it.
    pub fn replace_progress(&self, segment: u16, seen: &SegmentProgress, now: &SegmentProgress) -> Action {
        let key = keys::rebuild_track(self.generation, segment);
        let action = match seen.revision {
            0 => Action::create(key, now),
            revision => Action::put(key, now).when("#revision = :seen").value(":seen", revision),
        };
        action.expires_at(self.kept_until())
    }
}

/// Begins a rebuild in the place of the one that was read; refused if another one began.
pub fn begin(seen: Option<&Rebuild>, rebuild: &Rebuild) -> Action {
    match seen {
        None => Action::create(keys::rebuild(), rebuild),
        Some(seen) => replace(seen, rebuild),
    }
}

/// Begins a rebuild in the place of one with unreadable progress; refused if another one began.
pub fn begin_after(seen: Generation, rebuild: &Rebuild) -> Action {
    Action::put(keys::rebuild(), rebuild).when("#generation = :generation").value(":generation", seen.generation)
}

/// Replaces a rebuild that is still as it was read; refused if another function went on with it.
pub fn replace(seen: &Rebuild, now: &Rebuild) -> Action {
    let put = Action::put(keys::rebuild(), now).when("#generation = :generation AND #revision = :revision");
    put.value(":generation", seen.generation).value(":revision", seen.revision)
}
