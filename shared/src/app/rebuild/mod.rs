//! The nightly rebuild of the bestsellers: a recount of the orders, and what is wrong set right, while the shop goes on.
//!
//! It goes in steps, each of which ends with a commit that says how far it is ([`advance`]). Whoever takes the next step,
//! and however often one is tried, takes up there.
//!
//! 1. *Snapshot.* Each product's counts go over to the rebuild's generation, and hold fast what they were. Just that is what
//!    the marks of earlier generations must come to, whatever is counted from then on ([`crate::store::sales`]).
//! 2. *Recount.* The orders of the days that count are read, with the marks of what was counted of each. What is marked
//!    with an earlier generation is added up. What has no mark and is no longer under way is counted now, as the stream's
//!    record would have counted it, should it still come.
//! 3. *Repair.* Where the sums and the snapshots differ, the difference is added to the counts, once.
//! 4. *Rank.* Every count is put at its place in the index by sales, should it have lost it.

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
        rebuild::{self, Figures, List, Phase, Rebuild},
    },
};

/// How much a rebuild does at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// For how long it waits between snapshot and recount, so that the index has every order that was counted by then.
    pub settle: SignedDuration,
    /// After so long without a mark a change is taken for lost, and counted. Too short a time does no harm: whoever comes
    /// second finds the mark of the first. It keeps the rebuild from doing the stream's work.
    pub under_way: SignedDuration,
    /// Into how many segments it cuts the orders, to read them side by side.
    pub segments: u16,
    /// Over how many buckets it spreads the products whose sales it adds up: what is in memory at once is one bucket's.
    pub buckets: u16,
    /// How many rows of an index it takes at once.
    pub rows: usize,
    /// How many times it does so before it notes how far it is.
    pub pages: usize,
    /// The products whose sums it keeps in memory before it notes them; at most those of one page more.
    pub products: usize,
    /// How many parts of a bucket's sums it reads at once.
    pub parts: usize,
}

impl Pace {
    /// An index lags by less than a second as a rule. A page of 250 orders of 50 lines is 12,500 sums: with the others they
    /// are some 3 MB, and a transaction takes 4.
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

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// There is more to do.
    Working,
    /// There is, but not yet.
    Settling,
    /// This step was the last.
    Finished(Figures),
    /// There is nothing to do until the next rebuild is due: the last has come to its end.
    Resting(Figures),
}

/// After so long a rebuild is due again, and one that has not come to its end is given up. Short enough for the next night,
/// longer than the hours in which it is called.
const INTERVAL: SignedDuration = SignedDuration::from_hours(6);

/// Takes the next step of the rebuild that is under way, or begins one that is due.
///
/// # Errors
/// If the table gives no answer. What was noted stays; the next call goes on from there.
pub async fn advance(shop: &Shop, pace: &Pace) -> Result<Progress, Failure> {
    let seen: Option<Rebuild> = shop.table.get(keys::rebuild(), Consistency::Strong).await?;
    let now = shop.clock.now();
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
    let rebuild = Rebuild {
        generation: seen.as_ref().map_or(0, |seen| seen.generation).saturating_add(1),
        started_at: now,
        days: Days { last: seoul_day(now) },
        segments: pace.segments,
        buckets: pace.buckets,
        phase: Phase::Snapshot { list: List::Counted, after: None },
        figures: Figures::default(),
        revision: 1,
    };
    let mut transaction = Transaction::new();
    transaction.add(rebuild::begin(seen.as_ref(), &rebuild));
    commit(shop, transaction).await
}

/// The rebuild as it is to be after the one that was seen.
fn after(seen: &Rebuild, phase: Phase) -> Rebuild {
    Rebuild { phase, revision: seen.revision.saturating_add(1), ..seen.clone() }
}

/// Commits what a step came to. Where it is refused, somebody else has taken the step: the next begins with that.
async fn commit(shop: &Shop, transaction: Transaction) -> Result<Progress, Failure> {
    let _ = shop.table.commit(transaction, &mut shop.backoff()).await?;
    Ok(Progress::Working)
}

/// Commits how far the rebuild is, and nothing else.
async fn go_on(shop: &Shop, seen: &Rebuild, now: &Rebuild) -> Result<Progress, Failure> {
    let mut transaction = Transaction::new();
    transaction.add(rebuild::replace(seen, now));
    commit(shop, transaction).await
}
