//! Rebuilds the bestsellers from the orders, each night: counts missed changes and corrects wrong counts. It is called
//! every few minutes until it is done; each call goes on where the one before stopped.
//!
//! Another call, each minute of the day, refreshes the ranks, once midnight has made them upper bounds.

use std::time::Duration;

use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::Value;
use shared::{
    app::{
        Shop,
        rebuild::{self, Pace, Progress},
    },
    lambda::serve,
    platform::environment,
    store::rebuild::Figures,
};
use tokio::time::Instant;

/// Serves the schedule.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let shop = serve::shop_from_env().await?;
    let settle = environment::seconds("REBUILD_SETTLE_SECONDS", Pace::NIGHTLY.settle)?;
    let pace = Pace { settle, ..Pace::NIGHTLY };
    let (shop, pace) = (&shop, &pace);
    serve::events(move |event: Value| async move { run(shop, pace, &event).await }).await
}

/// The time within which a run may begin another step, which takes seconds. The function has five minutes.
const PATIENCE: Duration = Duration::from_secs(240);

/// The time budget of a refresh; the next call comes within a minute and goes on with the rest.
const REFRESH_PATIENCE: Duration = Duration::from_secs(40);

/// The task of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Task {
    /// Go on with the rebuild, or begin one if its time has come.
    #[default]
    Rebuild,
    /// Refresh the ranks, if that has not been done since midnight.
    RefreshRanks,
}

/// Runs the `task` of an event within the function's time. An event without one, such as a manual one, rebuilds.
///
/// # Errors
/// If the task is unknown; as [`handle`] and [`refresh`].
pub async fn run(shop: &Shop, pace: &Pace, event: &Value) -> Result<(), Error> {
    match task_of(event)? {
        Task::Rebuild => handle(shop, pace, PATIENCE).await.map(|_| ()),
        Task::RefreshRanks => refresh(shop).await.map(|_| ()),
    }
}

fn task_of(event: &Value) -> Result<Task, serde_json::Error> {
    event.get("task").map_or(Ok(Task::default()), Task::deserialize)
}

/// Refreshes the ranks. Returns whether it is done; the next call goes on with the rest.
///
/// # Errors
/// If the table cannot be reached.
pub async fn refresh(shop: &Shop) -> Result<bool, Error> {
    Ok(rebuild::refresh_ranks(shop, REFRESH_PATIENCE).await?)
}

/// Takes one step after the other until `budget` is spent.
///
/// # Errors
/// If the table cannot be reached. The next run goes on from where this one stopped.
pub async fn handle(shop: &Shop, pace: &Pace, budget: Duration) -> Result<Progress, Error> {
    let started = Instant::now();
    loop {
        let progress = rebuild::advance(shop, pace).await?;
        match progress {
            Progress::Working if started.elapsed() < budget => {}
            Progress::Working | Progress::Settling => return Ok(progress),
            Progress::Resting(found) => {
                report(&found);
                return Ok(progress);
            }
            Progress::Finished(found) => {
                report(&found);
                tracing::info!(
                    found.orders,
                    found.corrected,
                    found.units,
                    found.recovered,
                    found.left,
                    found.unreadable,
                    "the bestsellers are rebuilt"
                );
                return Ok(progress);
            }
        }
    }
}

/// Reports the findings of a rebuild. Each later call of the night reports them again, so that they are not lost with a
/// call that dies: of these metrics the maximum counts.
fn report(found: &Figures) {
    metrics::counter!("SalesRebuilt").increment(1);
    metrics::counter!("SalesCorrected").increment(found.corrected);
    metrics::counter!("SalesUnitsCorrected").increment(found.units);
    metrics::counter!("SalesRecovered").increment(found.recovered);
    metrics::counter!("SalesLeft").increment(found.left);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_without_a_task_rebuilds() {
        let task = |event: Value| task_of(&event).ok();
        for event in [json!({}), Value::Null, json!({ "version": "0", "detail": {} })] {
            assert_eq!(task(event), Some(Task::Rebuild));
        }
        assert_eq!(task(json!({ "task": "REFRESH_RANKS" })), Some(Task::RefreshRanks));
        assert_eq!(task(json!({ "task": "REFRESH" })), None);
    }
}
