//! The rebuild of the bestsellers: how far it is, and what it has added up so far.

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
    /// Counts the rebuilds. What is counted bears the generation in which it was.
    pub generation: u64,
    /// When it began.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub started_at: Timestamp,
    /// What it recounts.
    pub days: Days,
    /// Into how many segments it cuts the orders.
    pub segments: u16,
    /// Over how many buckets it spreads the products.
    pub buckets: u16,
    /// What it is at.
    pub phase: Phase,
    /// What it has found so far.
    pub figures: Figures,
    /// Counts the changes of this record, so that of two who go on with it one does.
    pub revision: u64,
}

/// What a rebuild is at, and how far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
pub enum Phase {
    /// Holds fast what is counted of each product.
    Snapshot {
        /// The list that it goes through.
        list: List,
        /// The last product, with its place in the list.
        after: Option<(ProductId, String)>,
    },
    /// Adds up the orders, as its tracks have it, from an instant on.
    Recount {
        /// When it may begin: by then the index has every order that is in a snapshot.
        #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
        from: Timestamp,
    },
    /// Corrects the counts.
    Repair {
        /// The products of this bucket are next.
        bucket: u16,
    },
    /// Puts every count at its place in the index by sales. The first stage put up a leaderboard here, and noted the best
    /// so far, which is read no more.
    #[serde(rename = "BOARD")]
    Rank {
        /// The last product that was looked at.
        after: Option<ProductId>,
    },
    /// Nothing is left to do.
    Done,
}

/// A list of products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum List {
    /// Those that have counts.
    Counted,
    /// Those on sale: a count that nobody listed shows here.
    OnSale,
}

/// What a rebuild has found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Figures {
    /// Orders that were looked at: paid on the days that count.
    pub orders: u64,
    /// Changes of orders that nobody had counted.
    pub recovered: u64,
    /// Orders that cannot be read. As long as there is one, no count is corrected.
    pub unreadable: u64,
    /// Counts of a product on a day that were wrong and are right now.
    pub corrected: u64,
    /// By how many units in all.
    pub units: u64,
    /// Counts of a product on a day that are left to the next rebuild.
    pub left: u64,
}

impl Figures {
    /// Together with what was found elsewhere.
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

/// How far a segment of the orders is recounted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentProgress {
    /// The place to go on from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// Whether all of it is.
    pub is_done: bool,
    /// What was found.
    pub figures: Figures,
    /// Counts the changes of this record: its next part's sequence.
    pub revision: u64,
}

/// What a part of the counts or of the orders came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartialSums {
    /// Of each product of a bucket.
    pub balances: Balances,
}

/// For how long parts are kept after a rebuild began. They are of use until it ends.
const KEPT_SECONDS: i64 = 2 * 24 * 60 * 60;

impl Rebuild {
    fn kept_until(&self) -> i64 {
        self.started_at.as_second().saturating_add(KEPT_SECONDS)
    }

    /// Adds to a transaction what a writer has found: parts by bucket, each new.
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

    /// Puts a track in the place of the one that was seen; refused where somebody else went on with it.
    pub fn replace_progress(&self, segment: u16, seen: &SegmentProgress, now: &SegmentProgress) -> Action {
        let key = keys::rebuild_track(self.generation, segment);
        let action = match seen.revision {
            0 => Action::create(key, now),
            revision => Action::put(key, now).when("#revision = :seen").value(":seen", revision),
        };
        action.expires_at(self.kept_until())
    }
}

/// Begins a rebuild in the place of the one that was seen; refused where somebody else did.
pub fn begin(seen: Option<&Rebuild>, rebuild: &Rebuild) -> Action {
    match seen {
        None => Action::create(keys::rebuild(), rebuild),
        Some(seen) => replace(seen, rebuild),
    }
}

/// Puts a rebuild in the place of the one that was seen; refused where somebody else went on with it.
pub fn replace(seen: &Rebuild, now: &Rebuild) -> Action {
    let put = Action::put(keys::rebuild(), now).when("#generation = :generation AND #revision = :revision");
    put.value(":generation", seen.generation).value(":revision", seen.revision)
}
