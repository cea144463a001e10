//! Rebuilds the bestsellers from the orders, each night: what was not counted is counted, and what was counted wrong is
//! set right. It is called every few minutes until it is done; each call goes on where the one before stopped.
//!
//! Each minute of the day another call refreshes the ranks, once midnight has made them upper bounds.

use std::time::Duration;

use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::Value;
use shared::{
    app::{
        Shop,
        rebuild::{self, Pace, Progress},
    },
    lambda::{Config, serve},
    platform::environment,
    store::rebuild::Figures,
};
use tokio::time::Instant;

/// Serves the schedule.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let shop = serve::open_shop(&Config::from_env()?).await?;
    let settle = environment::seconds("REBUILD_SETTLE_SECONDS", Pace::NIGHTLY.settle)?;
    let pace = Pace { settle, ..Pace::NIGHTLY };
    let (shop, pace) = (&shop, &pace);
    serve::events(move |event: Value| async move { run(shop, pace, &event).await }).await
}

/// How long a run may begin with another step, which takes seconds. The function has five minutes.
const PATIENCE: Duration = Duration::from_secs(240);

/// How long a refresh may go on before the next call, which comes within a minute, does.
const REFRESH_PATIENCE: Duration = Duration::from_secs(40);

/// What a call is to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Task {
    /// Go on with the rebuild, or begin one that is due.
    #[default]
    Rebuild,
    /// Refresh the ranks, if that has not been done since midnight.
    RefreshRanks,
}

/// Does the `task` of an event for as long as the function may. An event without one, as a person may send it, rebuilds.
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

/// Refreshes the ranks; whether it is done. The next call goes on with the rest.
///
/// # Errors
/// If the table cannot be reached.
pub async fn refresh(shop: &Shop) -> Result<bool, Error> {
    Ok(rebuild::refresh_ranks(shop, REFRESH_PATIENCE).await?)
}

/// Takes one step after the other for as long as `patience` lasts.
///
/// # Errors
/// If the table gives no answer. The next run goes on from where this one got.
pub async fn handle(shop: &Shop, pace: &Pace, patience: Duration) -> Result<Progress, Error> {
    let started = Instant::now();
    loop {
        let progress = rebuild::advance(shop, pace).await?;
        match progress {
            Progress::Working if started.elapsed() < patience => {}
            Progress::Working | Progress::Settling => return Ok(progress),
            Progress::Resting(found) => {
                tell(&found);
                return Ok(progress);
            }
            Progress::Finished(found) => {
                tell(&found);
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

/// Tells what a rebuild found. Each later call of the night tells it again, so that it is not lost with one that dies: of
/// these metrics the maximum counts.
fn tell(found: &Figures) {
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
