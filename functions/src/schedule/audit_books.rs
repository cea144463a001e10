//! Audits the books of the shop, each night, while the shop goes on. It is called every few minutes until it is done; each
//! call goes on where the one before stopped.
//!
//! The progress is a record of the table with a lease. A function that takes a step leases the record for as long as a
//! function can live, so that two never do the same work. A step of a function that died is taken again once its lease has
//! ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use audit::{Fault, Inspection, Pace, Progress, ReadPace, Scope, Source};
use aws_sdk_dynamodb::Client;
use aws_smithy_types::timeout::TimeoutConfig;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::Error;
use serde_json::Value;
use shared::{
    lambda::serve,
    platform::{Clock, Random, aws, environment},
    store::{
        Consistency, Outcome, Table, Transaction,
        audits::{self, AuditRecord},
        keys,
    },
};
use tokio::time::Instant;

/// Serves the schedule.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let books = Books::from_env()?;
    serve::events(|_: Value| books.audit()).await
}

/// The longest time for a page of a megabyte.
const PAGE_TIMEOUT: Duration = Duration::from_secs(20);

/// The most violations in the log; the metric counts all.
const MAX_LOGGED: usize = 100;

/// The time for which a step is leased: a little longer than the function's 15 minutes.
const LEASE: SignedDuration = SignedDuration::from_mins(16);

/// The time by which another step must have ended, if it takes as long as the longest so far.
const PATIENCE: Duration = Duration::from_secs(13 * 60);

/// The age at which an audit is followed by the next, and an unfinished one is given up. It is short enough for the next
/// night, and longer than the hours in which audits are called.
pub const INTERVAL: SignedDuration = SignedDuration::from_hours(12);

/// The time after its end in which an audit is reported again, by each call. A metric is billed for each hour in which it is
/// written.
const REPORTED: SignedDuration = SignedDuration::from_mins(30);

/// The nights for which a subject may be undecided before an alarm rings: a product may sell all night, but hardly a whole
/// week of nights.
const UNDECIDED_NIGHTS: u32 = 7;

#[derive(Debug)]
pub struct Books {
    source: Source,
    table: Table,
    clock: Clock,
    pace: Pace,
}

/// What the record keeps from one step, and one night, to the next.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Night {
    progress: Progress,
    /// The subjects that earlier nights left undecided, with the number of nights in a row.
    undecided: BTreeMap<String, u32>,
}

impl Books {
    /// The books in the table `TABLE_NAME`.
    ///
    /// # Errors
    /// If the configuration is incomplete.
    pub fn from_env() -> Result<Self, Error> {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(PAGE_TIMEOUT).build();
        let sdk = aws::sdk_config()?.into_builder().timeout_config(timeouts).build();
        Ok(Self::new(Client::new(&sdk), environment::required("TABLE_NAME")?, Clock::system()))
    }

    pub fn new(client: Client, table: String, clock: Clock) -> Self {
        let source = Source::new(client.clone(), table.clone(), ReadPace::FAST);
        Self { source, table: Table::new(client, table, Random::system()), clock, pace: Pace::NIGHTLY }
    }

    /// The same books, read in another way.
    #[must_use]
    pub fn read_from(self, source: Source, pace: Pace) -> Self {
        Self { source, pace, ..self }
    }

    /// Takes one step after the other, as long as there is time, and reports the result once there is one. The calls of the
    /// half hour after that report it again, so that it is not lost with a call that dies: of these metrics the maximum
    /// counts.
    ///
    /// # Errors
    /// If the table cannot be reached. The next call goes on from the last step.
    pub async fn audit(&self) -> Result<(), Error> {
        let started = Instant::now();
        let mut longest = Duration::ZERO;
        let Some(mut record) = self.lease().await? else { return Ok(()) };
        loop {
            let night: Night = serde_json::from_str(&record.progress)?;
            if night.progress.is_done() {
                report(&night)?;
                return Ok(());
            }
            let step = Instant::now();
            let progress = match self.inspection().advance(&night.progress).await {
                Ok(progress) => progress,
                Err(error) => {
                    self.store(&record, &record.leased(self.clock.now(), SignedDuration::ZERO)).await?;
                    return Err(error.into());
                }
            };
            longest = longest.max(step.elapsed());
            let goes_on = !progress.is_done() && started.elapsed() + longest < PATIENCE;
            let lease = if goes_on { LEASE } else { SignedDuration::ZERO };
            let is_done = progress.is_done();
            let next = AuditRecord {
                progress: serde_json::to_string(&Night { progress, ..night })?,
                ..record.leased(self.clock.now(), lease)
            };
            if !self.store(&record, &next).await? {
                tracing::warn!("another function went on with the audit");
                return Ok(());
            }
            record = next;
            if !goes_on && !is_done {
                return Ok(());
            }
        }
    }

    /// Audits the books from the beginning to the end, without a record of the progress. Returns the violations.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn wrong(&self) -> Result<BTreeSet<Fault>, Error> {
        let mut progress = Progress::new(Scope::Everything, self.clock.now());
        while !progress.is_done() {
            progress = self.inspection().advance(&progress).await?;
        }
        Ok(faults(&progress).collect())
    }

    fn inspection(&self) -> Inspection<'_, impl Fn() -> Timestamp + Send + Sync> {
        Inspection { source: &self.source, pace: self.pace, now: || self.clock.now() }
    }

    /// Leases the audit that is under way, or begins one if its time has come. Returns the last one if it has just been
    /// done, and nothing if there is nothing to do or another function is at work.
    async fn lease(&self) -> Result<Option<AuditRecord>, Error> {
        let seen: Option<AuditRecord> = self.table.get(keys::audit(), Consistency::Strong).await?;
        let now = self.clock.now();
        let night = seen.as_ref().map(|seen| serde_json::from_str::<Night>(&seen.progress)).transpose();
        // A record of another version of the auditor is of no use.
        let night = night.unwrap_or_default();
        let is_recent = |night: &&Night| now.duration_since(night.progress.started_at) < INTERVAL;
        match (&seen, night.as_ref().filter(is_recent)) {
            (Some(seen), Some(night)) if night.progress.is_done() => {
                // The lease of the last step ended with the step.
                let is_reported = now.duration_since(seen.leased_until) < REPORTED;
                return Ok(is_reported.then(|| seen.clone()));
            }
            (Some(seen), _) if seen.leased_until > now => return Ok(None),
            _ => {}
        }
        let leased = match (&seen, night) {
            (Some(seen), Some(night)) if is_recent(&&night) => seen.leased(now, LEASE),
            (_, night) => {
                if let Some(given_up) = night.as_ref().filter(|night| !night.progress.is_done()) {
                    tracing::error!(step = ?given_up.progress.step, "an audit did not come to its end and is given up");
                }
                let undecided = night.map(|night| undecided(&night)).unwrap_or_default();
                let night = Night { progress: Progress::new(Scope::Everything, now), undecided };
                let begun = AuditRecord {
                    progress: serde_json::to_string(&night)?,
                    leased_until: now,
                    revision: seen.as_ref().map_or(0, |seen| seen.revision),
                };
                begun.leased(now, LEASE)
            }
        };
        let is_ours = self.commit(seen.as_ref(), &leased).await?;
        Ok(is_ours.then_some(leased))
    }

    async fn store(&self, seen: &AuditRecord, now: &AuditRecord) -> Result<bool, Error> {
        self.commit(Some(seen), now).await
    }

    /// Replaces the record; false if another function was faster.
    async fn commit(&self, seen: Option<&AuditRecord>, now: &AuditRecord) -> Result<bool, Error> {
        let mut transaction = Transaction::new();
        transaction.add(audits::replace(seen, now));
        let outcome = self.table.commit(transaction, &mut self.table.backoff()).await?;
        Ok(matches!(outcome, Outcome::Committed))
    }
}

fn faults(progress: &Progress) -> impl Iterator<Item = Fault> {
    progress.wrong.iter().map(|violation| (violation.invariant, violation.subject.clone(), violation.rule.clone()))
}

/// The subjects that are undecided, with the number of nights in a row.
fn undecided(night: &Night) -> BTreeMap<String, u32> {
    let subjects = night.progress.undecided.iter().map(|(subject, _)| subject.to_string());
    subjects.map(|subject| (subject.clone(), night.undecided.get(&subject).map_or(1, |nights| nights + 1))).collect()
}

/// Reports violations: their number by a metric, each by the log, with ids and without figures.
fn report(night: &Night) -> Result<(), Error> {
    let progress = &night.progress;
    let wrong: BTreeSet<Fault> = faults(progress).collect();
    for (invariant, subject, rule) in wrong.iter().take(MAX_LOGGED) {
        tracing::error!(%invariant, %subject, rule, "the books are wrong");
    }
    let nights = undecided(night);
    for (subject, units) in progress.undecided.iter().take(MAX_LOGGED) {
        let nights = nights.get(&subject.to_string());
        tracing::warn!(%subject, units, nights, "too busy to be decided");
    }
    let violations = u64::try_from(wrong.len())?.saturating_add(progress.omitted);
    let open = u64::try_from(progress.undecided.len())?.saturating_add(progress.undecided_more);
    let long = nights.values().filter(|nights| **nights >= UNDECIDED_NIGHTS).count();
    metrics::counter!("AuditViolations").increment(violations);
    metrics::counter!("AuditUndecided").increment(open);
    metrics::counter!("AuditUndecidedForAWeek").increment(u64::try_from(long)?);
    metrics::counter!("AuditsDone").increment(1);
    let (passes, in_flight) = (progress.passes, progress.in_flight);
    tracing::info!(wrong = wrong.len(), undecided = open, in_flight, passes, "the books are audited");
    Ok(())
}
