//! Finishes, each minute, work that requests and messages have left undone. Each task has a schedule and runs of its
//! own: one that is slow or fails does not delay another.

pub mod coupons;
pub mod expiry;
pub mod inventory;
pub mod tickets;

use lambda_runtime::Error;
use serde::Deserialize;
use shared::{app::Shop, lambda::serve};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Task {
    /// Orders and order sheets with an expired hold or validity.
    Expiry,
    /// Orphaned reservations, uneven shards, and products of sellers with a changed status.
    Inventory,
    /// Orphaned tickets.
    Tickets,
    /// Marks of expired coupons.
    Coupons,
}

/// An event of the schedule.
#[derive(Debug, Deserialize)]
pub struct Event {
    pub task: Task,
}

/// Serves the schedules.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let shop = serve::shop_from_env().await?;
    serve::events(|event: Event| run(&shop, event.task)).await
}

impl Task {
    /// The name of the task in events and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Expiry => "EXPIRY",
            Self::Inventory => "INVENTORY",
            Self::Tickets => "TICKETS",
            Self::Coupons => "COUPONS",
        }
    }
}

/// Runs a task, and counts it once it has ended. An alarm is raised if a task is not counted for five minutes.
///
/// # Errors
/// If the task's list cannot be read.
pub async fn run(shop: &Shop, task: Task) -> Result<(), Error> {
    match task {
        Task::Expiry => expiry::run(shop).await?,
        Task::Inventory => inventory::run(shop).await?,
        Task::Tickets => tickets::run(shop).await?,
        Task::Coupons => coupons::run(shop).await?,
    }
    metrics::counter!("Sweeps", "Task" => task.name()).increment(1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_without_a_known_task_fails() {
        let task = |event| serde_json::from_value::<Event>(event).ok().map(|event| event.task);
        assert_eq!(task(json!({ "task": "INVENTORY" })), Some(Task::Inventory));
        assert_eq!(task(json!({})), None);
        assert_eq!(task(json!({ "task": "ALL" })), None);
    }
}
