//! Migrations: the data of earlier stages, brought to the form that the shop expects now.
//!
//! [`STEPS`] lists them all. A step makes passes over the table, page by page, and hands each record of one kind to a
//! function. Its progress is an item of the table, written after each page. So a run continues at the last page
//! handled, and a finished step is not repeated. Memory is bounded by one page.
//!
//! | run twice | at the same time | stopped half-way | answer lost |
//! |---|---|---|---|
//! | a finished step does nothing | each change is conditional; one run notes its progress, the other ends | the page is handled again: its records have their final form already | the repetition carries the same token |
//!
//! The shop stays open meanwhile: each change asserts the version of the record that it was derived from.

mod deliveries;
mod desk;
mod emails;
mod payments;
mod people;
mod products;
mod sellers;

use futures::future::BoxFuture;
use jiff::SignedDuration;
use shared::{
    app::{CONFIRM_AFTER, ExportPolicy, PaymentPolicy, PeoplePolicy, Policy},
    domain::{
        Won, benefits::OnPartialCancel, caps::Caps, order::ClaimPolicy, pricing::ShippingPolicy, scaling::ScalingPolicy,
    },
    platform::{Clock, Random},
    store::{
        Consistency, Outcome, StoreError, Table, Transaction, keys,
        migrations::{self, MigrationProgress},
        records::Record,
        table::Cursor,
    },
};

/// Every step, in the order in which they run. A further step is a further row, with a file of its own.
pub const STEPS: &[Step] =
    &[emails::STEP, payments::STEP, people::STEP, products::STEP, sellers::STEP, deliveries::STEP, desk::STEP];

/// Items that one page looks at, at most. DynamoDB ends a page at 1 MB besides.
pub const PAGE: usize = 1_000;

/// A step of the migration.
#[derive(Debug)]
pub struct Step {
    /// Names the step, and its progress in the table.
    pub name: &'static str,
    /// The purpose of the step, as it is printed.
    pub purpose: &'static str,
    /// Its passes over the table, one after the other.
    pub passes: &'static [Pass],
}

/// A pass over the table.
#[derive(Debug)]
pub struct Pass {
    /// The sort key of the records that it handles.
    pub sort_key: &'static str,
    /// Handles a record. Handling it again must change nothing more.
    pub handle: for<'a> fn(&'a Shop, &'a Record) -> BoxFuture<'a, Result<Handled, Failure>>,
}

/// The result of handling one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    /// The counter of the report that the record adds to.
    pub figure: &'static str,
    /// A line about the record, if an operator has to know. Ids only.
    pub line: Option<String>,
}

impl Handled {
    /// A record that only counts.
    pub fn counted(figure: &'static str) -> Self {
        Self { figure, line: None }
    }
}

/// The shop that is migrated.
#[derive(Debug)]
pub struct Shop {
    pub table: Table,
    pub clock: Clock,
    pub page: usize,
    app: shared::app::Shop,
}

impl Shop {
    /// A shop whose records are read in pages of this size.
    pub fn new(table: Table, clock: Clock, random: Random, page: usize) -> Self {
        let app = shared::app::Shop::new(table.clone(), clock.clone(), random, POLICY);
        Self { table, clock, page, app }
    }

    /// The shop as use cases see it. Those of the migration read no setting of it.
    pub(crate) fn use_cases(&self) -> &shared::app::Shop {
        &self.app
    }
}

const POLICY: Policy = Policy {
    shipping: ShippingPolicy { fee: Won::ZERO, free_from: Won::ZERO },
    return_fee: Won::ZERO,
    hold: SignedDuration::ZERO,
    sheet_validity: SignedDuration::ZERO,
    caps: Caps::DEFAULT,
    self_charge: false,
    confirm_after: CONFIRM_AFTER,
    claims: ClaimPolicy::DEFAULT,
    on_partial_cancel: OnPartialCancel::Keep,
    payments: PaymentPolicy::DEFAULT,
    people: PeoplePolicy::DEFAULT,
    exports: ExportPolicy::DEFAULT,
    scaling: ScalingPolicy::DEFAULT,
};

/// A migration that did not finish. Running it again continues from there.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The table gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another run has noted more progress.
    #[error("another run of the step {0} goes on; this one ends")]
    AnotherRun(&'static str),
    /// A record cannot be sealed.
    #[error(transparent)]
    Sealing(#[from] shared::app::Failure),
    /// A record kept changing through all tries.
    #[error("{0} is changed all the time")]
    Restless(String),
}

/// Runs every unfinished step, or each step `again` from its beginning, and reports in lines.
///
/// # Errors
/// If the table does not answer, or another run is active.
pub async fn run(shop: &Shop, again: bool, report: &mut impl FnMut(String)) -> Result<(), Failure> {
    for step in STEPS {
        run_step(shop, step, again, report).await?;
    }
    Ok(())
}

async fn run_step(shop: &Shop, step: &Step, again: bool, report: &mut impl FnMut(String)) -> Result<(), Failure> {
    let noted: Option<MigrationProgress> = shop.table.get(keys::migration(step.name), Consistency::Strong).await?;
    let mut progress = match &noted {
        Some(noted) if noted.ended_at.is_some() && again => MigrationProgress::new(shop.clock.now()),
        Some(MigrationProgress { ended_at: Some(ended_at), figures, .. }) => {
            report(format!("{}: ended at {ended_at}: {}", step.name, sentence(figures.iter())));
            return Ok(());
        }
        Some(noted) => {
            report(format!("{}: goes on with pass {}", step.name, noted.passes.saturating_add(1)));
            noted.clone()
        }
        None => MigrationProgress::new(shop.clock.now()),
    };
    report(format!("{}: {}", step.name, step.purpose));
    let mut before = noted;
    for pass in step.passes.iter().skip(progress.passes) {
        loop {
            let after = progress.after.take();
            let (items, next) = shop.table.scan_items(pass.sort_key, after, shop.page).await?;
            for item in items {
                let handled = match Record::read(item) {
                    Ok(record) => (pass.handle)(shop, &record).await?,
                    // The auditor reports it. It does not stop the step.
                    Err(_) => Handled::counted("unreadable"),
                };
                let count = progress.figures.entry(handled.figure.to_owned()).or_default();
                *count = count.saturating_add(1);
                if let Some(line) = handled.line {
                    report(format!("  {line}"));
                }
            }
            let is_last = next.is_none();
            advance(shop, step, &mut before, &mut progress, next).await?;
            if is_last {
                break;
            }
        }
    }
    report(format!("{}: {}", step.name, sentence(progress.figures.iter())));
    Ok(())
}

/// Notes that a page was handled; the last page of the last pass ends the step.
async fn advance(
    shop: &Shop,
    step: &Step,
    before: &mut Option<MigrationProgress>,
    progress: &mut MigrationProgress,
    next: Option<Cursor>,
) -> Result<(), Failure> {
    if next.is_none() {
        progress.passes = progress.passes.saturating_add(1);
        progress.ended_at = (progress.passes >= step.passes.len()).then(|| shop.clock.now());
    }
    progress.after = next;
    progress.revision = before.as_ref().map_or(0, |noted| noted.revision).saturating_add(1);
    let mut transaction = Transaction::new();
    transaction.add(migrations::advance(step.name, before.as_ref(), progress));
    match shop.table.commit(transaction, &mut shop.table.backoff()).await? {
        Outcome::Committed => *before = Some(progress.clone()),
        Outcome::Refused(_) => return Err(Failure::AnotherRun(step.name)),
    }
    Ok(())
}

/// `3 claimed, 1 withdrawn`, in the order of their names.
fn sentence<'f>(figures: impl Iterator<Item = (&'f String, &'f u64)>) -> String {
    let parts: Vec<String> = figures.map(|(name, count)| format!("{count} {name}")).collect();
    if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") }
}
