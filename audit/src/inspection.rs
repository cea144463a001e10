//! The audit of a shop that goes on: exact, in bounded memory, and resumable.
//!
//! 1. *Passes.* Each pass reads the whole table, eventually consistent, and checks as many relations as fit in memory. It
//!    finds every violation, and others that are only writes between its pages: suspects. Violations of one item by itself
//!    are certain.
//! 2. *Second looks*, right after each pass: every suspect but products, budgets and quotas is read again until it is right or wrong
//!    ([`SecondLook`]).
//! 3. *Units.* Products, budgets and quotas that look wrong get several snapshots, and then one pass, strongly consistent, over
//!    their orders ([`crate::units`]).
//!
//! A step is one pass with all that follows from it. [`Progress`] has everything that the next step needs, so that it can
//! be taken by another function. A step that dies is repeated.

use std::{collections::BTreeSet, future::ready, time::Duration};

use futures::{StreamExt, future::BoxFuture, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    domain::{CouponId, ProductId},
    store::Key,
};
use tokio::time::sleep;

use crate::{
    Scope,
    auditor::Auditor,
    read::ReadError,
    relation::{HashRange, Relation, Selection},
    report::{Figures, Report, Subject, Violation},
    sales::Best,
    second_look::{Look, SecondLook},
    source::{Consistency, Source},
    units::{SETTLING, Units},
};

/// The bounds of an audit of a shop that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The memory for the relations of a pass, about, in bytes.
    pub memory: usize,
    /// The snapshots of a product.
    pub snapshots: u32,
    /// The time between the first two of them. It grows to twice that.
    pub between_snapshots: Duration,
}

impl Pace {
    /// Eight snapshots in four minutes: of a product with three changes a minute, one snapshot in three has no open change.
    pub const NIGHTLY: Self = Self { memory: 1_000_000_000, snapshots: 8, between_snapshots: Duration::from_secs(20) };
}

/// The most violations and products that are kept in a progress, so that it fits in an item.
const MAX_KEPT: usize = 1_000;

/// The second looks at a time.
const LOOKS_AT_ONCE: usize = 16;

/// The progress of an audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub scope: Scope,
    pub started_at: Timestamp,
    pub step: Step,
    /// The passes so far.
    pub passes: u32,
    pub figures: Figures,
    /// The violations found, at most the first 1,000.
    pub wrong: BTreeSet<Violation>,
    /// The number of violations beyond those.
    pub omitted: u64,
    /// The suspects that a second look found right.
    pub in_flight: u64,
    /// The subjects that could not be decided, at most the first 1,000. Of a product: the most units that can be missing or
    /// too many, if that is known. Of a budget: the most won.
    pub undecided: Vec<(Subject, Option<u64>)>,
    /// The number of subjects beyond those.
    pub undecided_more: u64,
    /// The products that look wrong.
    products: BTreeSet<ProductId>,
    /// The campaigns whose budgets look wrong.
    #[serde(default)]
    budgets: BTreeSet<CouponId>,
    /// The products with quotas of timed offers that look wrong.
    #[serde(default)]
    quotas: BTreeSet<ProductId>,
    best: Option<Best>,
}

/// The next step of an audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// A pass over the relations from this hash on.
    Pass {
        first: u64,
    },
    /// The units of the products, and the won of the budgets, that look wrong.
    Units,
    Done,
}

impl Progress {
    /// An audit that begins.
    pub fn new(scope: Scope, started_at: Timestamp) -> Self {
        Self {
            scope,
            started_at,
            step: Step::Pass { first: 0 },
            passes: 0,
            figures: Figures::default(),
            wrong: BTreeSet::new(),
            omitted: 0,
            in_flight: 0,
            undecided: Vec::new(),
            undecided_more: 0,
            products: BTreeSet::new(),
            budgets: BTreeSet::new(),
            quotas: BTreeSet::new(),
            best: None,
        }
    }

    pub fn is_done(&self) -> bool {
        self.step == Step::Done
    }

    /// Whether it has found no violation.
    pub fn is_clean(&self) -> bool {
        self.wrong.is_empty() && self.omitted == 0
    }

    fn add_wrong(&mut self, violations: impl IntoIterator<Item = Violation>) {
        for violation in violations {
            if self.wrong.len() < MAX_KEPT {
                self.wrong.insert(violation);
            } else if !self.wrong.contains(&violation) {
                self.omitted += 1;
            }
        }
    }

    fn add_undecided(&mut self, subject: Subject, units: Option<u64>) {
        if self.undecided.len() < MAX_KEPT {
            self.undecided.push((subject, units));
        } else {
            self.undecided_more += 1;
        }
    }

    /// Adds a relation that cannot be decided without its orders. Returns any other.
    fn add_of_orders(&mut self, relation: Relation) -> Option<Relation> {
        let has_room = self.products.len() + self.budgets.len() + self.quotas.len() < MAX_KEPT;
        let is_kept = match &relation {
            Relation::Product(product) => keep(&mut self.products, product, has_room),
            Relation::Budget(coupon) => keep(&mut self.budgets, coupon, has_room),
            Relation::Quota(product) => keep(&mut self.quotas, product, has_room),
            _ => return Some(relation),
        };
        if !is_kept {
            self.add_undecided(relation.subject(), None);
        }
        None
    }
}

/// Adds an id to a set that may have room for another. Returns whether it is in the set.
fn keep<I: Ord + Clone>(set: &mut BTreeSet<I>, id: &I, has_room: bool) -> bool {
    if has_room {
        set.insert(id.clone());
    }
    has_room || set.contains(id)
}

/// Audits a shop that goes on.
#[derive(Debug)]
pub struct Inspection<'a, N> {
    pub source: &'a Source,
    pub pace: Pace,
    /// The clock.
    pub now: N,
}

impl<N: Fn() -> Timestamp + Send + Sync> Inspection<'_, N> {
    /// Takes the next step.
    ///
    /// # Errors
    /// If the table cannot be read. The progress is as before.
    pub fn advance(&self, progress: &Progress) -> BoxFuture<'_, Result<Progress, ReadError>> {
        let progress = progress.clone();
        match progress.step {
            Step::Pass { first } => Box::pin(self.pass(progress, first)),
            Step::Units => Box::pin(self.units(progress)),
            Step::Done => Box::pin(ready(Ok(progress))),
        }
    }

    async fn pass(&self, mut progress: Progress, first: u64) -> Result<Progress, ReadError> {
        let scanned_from = (self.now)();
        let selection = Selection::Hashes(HashRange::from_first(first));
        let mut auditor = Auditor::of(progress.scope, selection, self.pace.memory);
        self.source.scan(Consistency::Eventual, |item| auditor.add(item)).await?;
        let (report, rest) = auditor.finish_pass((self.now)());
        let Report { figures, certain, suspects, unnamed, omitted, best, .. } = report;
        progress.passes += 1;
        progress.figures.add(&figures);
        progress.add_wrong(certain);
        progress.undecided_more += unnamed;
        // Violations of relations are looked at again by their suspects, which are all there.
        let _ = omitted;
        match (&mut progress.best, best) {
            (Some(all), Some(best)) => all.add(best),
            (all, best) => *all = all.take().or(best),
        }
        let look = SecondLook { source: self.source, scope: progress.scope, scanned_from, now: &self.now };
        let mut others = Vec::new();
        for (relation, seen) in suspects {
            others.extend(progress.add_of_orders(relation).map(|other| (other, seen)));
        }
        let looks = stream::iter(others);
        let looks = looks.map(|(relation, seen): (Relation, BTreeSet<Key>)| look.at(relation, seen));
        let mut looks = std::pin::pin!(looks.buffer_unordered(LOOKS_AT_ONCE));
        while let Some((relation, found)) = looks.next().await {
            match found? {
                Look::Right => progress.in_flight += 1,
                Look::Wrong(violations) => progress.add_wrong(violations),
                Look::Undecided => progress.add_undecided(relation.subject(), None),
            }
        }
        progress.step = match rest {
            Some(first) => Step::Pass { first },
            None => {
                if let Some(best) = progress.best.take() {
                    progress.add_wrong(best.violations());
                }
                let is_decided =
                    progress.products.is_empty() && progress.budgets.is_empty() && progress.quotas.is_empty();
                if is_decided { Step::Done } else { Step::Units }
            }
        };
        Ok(progress)
    }

    async fn units(&self, mut progress: Progress) -> Result<Progress, ReadError> {
        let (products, budgets) = (std::mem::take(&mut progress.products), std::mem::take(&mut progress.budgets));
        let mut units = Units::new(products, budgets, std::mem::take(&mut progress.quotas));
        for snapshot in 0..self.pace.snapshots {
            if snapshot > 0 {
                // Longer each time, so that a shop with a rhythm is met at different beats.
                sleep(self.pace.between_snapshots * (self.pace.snapshots + snapshot) / self.pace.snapshots).await;
            }
            units.take_snapshots(self.source, &self.now).await?;
        }
        sleep(SETTLING.unsigned_abs()).await;
        self.source.scan(Consistency::Strong, |item| units.add(item)).await?;
        units.take_ends(self.source).await?;
        progress.passes += 1;
        for (subject, judgement) in units.judge(progress.scope) {
            let is_right = judgement.violations.is_empty() && judgement.undecided.is_none();
            progress.in_flight += u64::from(is_right);
            progress.add_wrong(judgement.violations);
            if let Some(most) = judgement.undecided {
                let most = most.map(|units| u64::try_from(units).unwrap_or(u64::MAX));
                progress.add_undecided(subject, most);
            }
        }
        progress.step = Step::Done;
        Ok(progress)
    }
}
