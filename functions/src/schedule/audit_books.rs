//! Audits the books of the shop, each night, and reports violations.
//!
//! The table is read item by item while the shop goes on, so that a single scan can find violations that are none. A
//! violation is reported only if each of several scans finds it.

use std::{collections::BTreeSet, time::Duration};

use audit::{Fault, LOOKS, Looks, Report, Scope};
use aws_sdk_dynamodb::Client;
use aws_smithy_types::timeout::TimeoutConfig;
use lambda_runtime::Error;
use serde_json::Value;
use shared::{
    lambda::serve,
    platform::{Clock, aws, environment},
};
use tokio::time::sleep;

/// Serves the schedule.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let books = Books::from_env()?;
    serve::events(|_: Value| books.audit()).await
}

/// The time between two scans: longer than any consequence of a commit takes.
const PAUSE: Duration = Duration::from_secs(60);

/// The longest time for a page of a megabyte.
const PAGE_TIMEOUT: Duration = Duration::from_secs(20);

/// The most violations in the log; the metric counts all.
const MAX_LOGGED: usize = 100;

#[derive(Debug)]
pub struct Books {
    client: Client,
    table: String,
    clock: Clock,
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
        Self { client, table, clock }
    }

    /// Audits the books and reports violations: their number by a metric, each by the log, with ids and without
    /// figures.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn audit(&self) -> Result<(), Error> {
        let wrong = self.wrong().await?;
        for (invariant, subject, rule) in wrong.iter().take(MAX_LOGGED) {
            tracing::error!(%invariant, %subject, rule, "the books are wrong");
        }
        metrics::counter!("AuditViolations").increment(u64::try_from(wrong.len())?);
        metrics::counter!("AuditsDone").increment(1);
        tracing::info!(wrong = wrong.len(), "the books are audited");
        Ok(())
    }

    /// Returns the violations that all scans found.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn wrong(&self) -> Result<BTreeSet<Fault>, Error> {
        let mut looks = Looks::new(self.look().await?);
        for _ in 1..LOOKS {
            if looks.faults().next().is_none() {
                break;
            }
            sleep(PAUSE).await;
            looks.add(self.look().await?);
        }
        Ok(looks.faults().cloned().collect())
    }

    async fn look(&self) -> Result<Report, Error> {
        Ok(audit::audit(&self.client, &self.table, Scope::Everything, self.clock.now()).await?)
    }
}
