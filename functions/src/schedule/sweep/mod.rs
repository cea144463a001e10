//! Finishes, each minute, work that requests and messages have left undone. The tasks run side by side: one that is
//! slow or fails does not delay another.

pub mod confirmations;
pub mod coupons;
pub mod erasures;
pub mod expiry;
pub mod inventory;
pub mod sheets;
pub mod tickets;

use futures::future::join_all;
use jiff::SignedDuration;
use lambda_runtime::Error;
use serde::Deserialize;
use shared::{
    app::{Shop, sweeps::SweepReport},
    lambda::serve,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Task {
    /// Orders with an expired hold.
    Expiry,
    /// Order sheets with an expired validity.
    Sheets,
    /// Orphaned reservations, uneven shards, and products of sellers with a changed status.
    Inventory,
    /// Orphaned tickets.
    Tickets,
    /// Marks of expired coupons.
    Coupons,
    /// Delivered lines with silent customers.
    Confirmations,
    /// The personal data of withdrawn users.
    Erasures,
}

impl Task {
    pub const ALL: [Self; 7] = [
        Self::Expiry,
        Self::Sheets,
        Self::Inventory,
        Self::Tickets,
        Self::Coupons,
        Self::Confirmations,
        Self::Erasures,
    ];
}

/// An event of the schedule.
#[derive(Debug, Deserialize)]
pub struct Event {
    /// The only task to run; all without one.
    #[serde(default)]
    pub task: Option<Task>,
}

/// Serves the schedule.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let shop = serve::shop_from_env().await?;
    let shop = &shop;
    serve::events(move |event: Event| async move {
        match event.task {
            Some(task) => run(shop, &[task]).await,
            None => run(shop, &Task::ALL).await,
        }
    })
    .await
}

impl Task {
    /// The name of the task in events and the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Expiry => "EXPIRY",
            Self::Sheets => "SHEETS",
            Self::Inventory => "INVENTORY",
            Self::Tickets => "TICKETS",
            Self::Coupons => "COUPONS",
            Self::Confirmations => "CONFIRMATIONS",
            Self::Erasures => "ERASURES",
        }
    }

    async fn run(self, shop: &Shop) -> Result<SweepReport, Error> {
        match self {
            Self::Expiry => expiry::run(shop).await,
            Self::Sheets => sheets::run(shop).await,
            Self::Inventory => inventory::run(shop).await,
            Self::Tickets => tickets::run(shop).await,
            Self::Coupons => coupons::run(shop).await,
            Self::Confirmations => confirmations::run(shop).await,
            Self::Erasures => erasures::run(shop).await,
        }
    }
}

/// Runs tasks side by side. Lambda counts its calls and its failures, for nothing: an alarm is raised if calls that ended
/// well are missing. Another is raised if the oldest entry of a list is too old.
///
/// # Errors
/// If the list of a task cannot be read. The other tasks have run all the same.
pub async fn run(shop: &Shop, tasks: &[Task]) -> Result<(), Error> {
    let mut all = SweepReport::default();
    let mut failed = None;
    for (task, outcome) in tasks.iter().zip(join_all(tasks.iter().map(|task| task.run(shop))).await) {
        match outcome {
            Ok(report) => {
                let SweepReport { corrected, failed, oldest, is_cut } = report;
                if report != SweepReport::default() {
                    let oldest_s = oldest.as_secs();
                    tracing::info!(task = task.name(), corrected, failed, oldest_s, is_cut, "swept");
                }
                all = all.and(report);
            }
            Err(error) => {
                tracing::error!(%error, task = task.name(), "a sweep cannot read its list");
                failed = Some(error);
            }
        }
    }
    // A metric is billed for each hour in which it is written. An entry waits up to a minute for its run.
    if all.oldest > WAIT {
        metrics::histogram!("OverdueSeconds").record(all.oldest.as_secs_f64());
    }
    failed.map_or(Ok(()), Err)
}

/// The longest time that an entry waits for the next run.
const WAIT: SignedDuration = SignedDuration::from_secs(60);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_is_of_all_tasks_or_of_a_known_one() {
        let task = |event| serde_json::from_value::<Event>(event).ok().map(|event| event.task);
        assert_eq!(task(json!({ "task": "INVENTORY" })), Some(Some(Task::Inventory)));
        assert_eq!(task(json!({})), Some(None));
        assert_eq!(task(json!({ "task": "ALL" })), None);
    }
}
