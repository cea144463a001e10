//! The nightly rebuild of the bestsellers: it recounts the orders and corrects wrong counts, while the shop goes on.
//!
//! It goes in steps ([`advance`]), each of which ends with a commit that records its progress. The next step begins
//! there, in whatever function it runs and however often it is tried.
//!
//! 1. *Snapshot.* Each product's counts move to the rebuild's generation, with a snapshot of them. The processed-event
//!    records of earlier generations must add up to exactly that, however much is counted from then on
//!    ([`crate::store::sales`]).
//! 2. *Recount.* The orders of the days that count are read, with the processed-event records of their sales. Sales
//!    with a record of an earlier generation are added up. Sales without a record that are no longer under way are
//!    counted now. They are counted as the stream's record would have counted them, in case it still comes.
//! 3. *Repair.* If the sums and the snapshots differ, the difference is added to the counts, once.
//! 4. *Rank.* Every count is moved to its key in the index by sales, in case it has lost it.

mod rank;
mod recount;
mod repair;
mod snapshot;

use jiff::{SignedDuration, Timestamp};

pub use rank::refresh_ranks;

use super::{Failure, Shop};
use crate::{
    domain::{recount::Days, time::seoul_day},
    store::{
        Consistency, Transaction, keys,
        rebuild::{self, Figures, Generation, List, Phase, Rebuild},
    },
};

/// The amount of work that a rebuild does at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The wait between snapshot and recount, so that the index has every order that was counted by then.
    pub settle: SignedDuration,
    /// The age from which a change without a processed-event record is taken for lost, and counted. Too short a time
    /// does no harm: the second to count finds the record of the first. It keeps the rebuild from doing the stream's
    /// work.
    pub under_way: SignedDuration,
    /// The number of segments into which the orders are cut, to be read concurrently.
    pub segments: u16,
    /// The number of buckets over which the products are spread: only one bucket's sums are in memory at once.
    pub buckets: u16,
    /// The rows of an index read at once.
    pub rows: usize,
    /// The number of such reads before the progress is recorded.
    pub pages: usize,
    /// The most products with sums in memory before these are recorded, plus at most those of one page.
    pub products: usize,
    /// The number of partial sums of a bucket read at once.
    pub parts: usize,
}

impl Pace {
    /// An index lags by less than a second as a rule. A page of 250 orders of 50 lines is 12,500 sums: with the others
    /// they are some 3 MB, and a transaction takes 4.
    pub const NIGHTLY: Self = Self {
        settle: SignedDuration::from_mins(10),
        under_way: SignedDuration::from_mins(10),
        segments: 4,
        buckets: 64,
        rows: 250,
        pages: 10,
        products: 4_000,
        parts: 10,
    };
}

/// The result of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// There is more to do.
    Working,
    /// There is more to do, but not yet.
    Settling,
    /// This step was the last.
    Finished(Figures),
    /// There is nothing to do until the next rebuild: the last one is finished.
    Resting(Figures),
}

/// The age at which a rebuild is followed by the next, and an unfinished one is given up. It is short enough for the
/// next night, and longer than the hours in which rebuilds are called.
const INTERVAL: SignedDuration = SignedDuration::from_hours(6);

/// Takes the next step of the rebuild that is under way, or begins one if its time has come.
///
/// # Errors
/// If the table cannot be reached. Recorded progress stays; the next call goes on from there.
pub async fn advance(shop: &Shop, pace: &Pace) -> Result<Progress, Failure> {
    let now = shop.clock.now();
    let seen: Option<Rebuild> = match shop.table.get(keys::rebuild(), Consistency::Strong).await {
        Err(error) if error.is_of_item() => {
            tracing::error!(%error, "the progress of a rebuild cannot be read, and it is given up");
            return begin_after_unreadable(shop, pace, now).await;
        }
        seen => seen?,
    };
    let rebuild = match seen {
        Some(rebuild) if now.duration_since(rebuild.started_at) < INTERVAL => rebuild,
        seen => return begin(shop, seen, pace, now).await,
    };
    match &rebuild.phase {
        Phase::Snapshot { list, after } => snapshot::step(shop, pace, &rebuild, *list, after.as_ref()).await,
        Phase::Recount { from } if now < *from => Ok(Progress::Settling),
        Phase::Recount { .. } => recount::step(shop, pace, &rebuild).await,
        Phase::Repair { bucket } => repair::step(shop, pace, &rebuild, *bucket).await,
        Phase::Rank { after } => rank::step(shop, pace, &rebuild, after.as_ref()).await,
        Phase::Done => Ok(Progress::Resting(rebuild.figures)),
    }
}

async fn begin(shop: &Shop, seen: Option<Rebuild>, pace: &Pace, now: Timestamp) -> Result<Progress, Failure> {
    if let Some(given_up) = seen.as_ref().filter(|seen| seen.phase != Phase::Done) {
        tracing::error!(generation = given_up.generation, "a rebuild did not come to its end and is given up");
    }
    let rebuild = new(pace, seen.as_ref().map_or(0, |seen| seen.generation), now);
    let mut transaction = Transaction::new();
    transaction.add(rebuild::begin(seen.as_ref(), &rebuild));
    commit(shop, transaction).await
}

/// Begins the next rebuild in the place of one that has lost its progress. Without its generation nothing begins: counts
/// of a later one could be taken for those of an earlier.
async fn begin_after_unreadable(shop: &Shop, pace: &Pace, now: Timestamp) -> Result<Progress, Failure> {
    let seen: Option<Generation> = shop.table.get(keys::rebuild(), Consistency::Strong).await?;
    // Another function has just begun one.
    let Some(seen) = seen else { return Ok(Progress::Working) };
    let mut transaction = Transaction::new();
    transaction.add(rebuild::begin_after(seen, &new(pace, seen.generation, now)));
    commit(shop, transaction).await
}

/// The rebuild that follows this generation.
fn new(pace: &Pace, before: u64, now: Timestamp) -> Rebuild {
    Rebuild {
        generation: before.saturating_add(1),
        started_at: now,
        days: Days { last: seoul_day(now) },
        segments: pace.segments,
        buckets: pace.buckets,
        phase: Phase::Snapshot { list: List::Counted, after: None },
        figures: Figures::default(),
        revision: 1,
    }
}

/// The rebuild after a step from `seen`.
fn after(seen: &Rebuild, phase: Phase) -> Rebuild {
    Rebuild { phase, revision: seen.revision.saturating_add(1), ..seen.clone() }
}

/// Commits the result of a step. If it is refused, another function has taken the step: the next begins there.
async fn commit(shop: &Shop, transaction: Transaction) -> Result<Progress, Failure> {
    let _ = shop.table.commit(transaction, &mut shop.backoff()).await?;
    Ok(Progress::Working)
}

/// Commits the progress of the rebuild, and nothing else.
async fn go_on(shop: &Shop, seen: &Rebuild, now: &Rebuild) -> Result<Progress, Failure> {
    let mut transaction = Transaction::new();
    transaction.add(rebuild::replace(seen, now));
    commit(shop, transaction).await
}
