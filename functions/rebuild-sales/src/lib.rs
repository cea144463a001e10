//! Rebuilds the bestsellers from the orders, each night: what was not counted is counted, and what was counted wrong is
//! set right. It is called every few minutes until it is done; each call goes on where the one before stopped.

use std::time::Duration;

use lambda_runtime::Error;
use shared::{
    app::{
        Shop,
        rebuild::{self, Pace, Progress},
    },
    store::rebuild::Figures,
};
use tokio::time::Instant;

/// How long a run may begin with another step, which takes seconds. The function has five minutes.
const PATIENCE: Duration = Duration::from_secs(240);

/// Goes on with the rebuild, for as long as the function may.
///
/// # Errors
/// As [`handle`].
pub async fn run(shop: &Shop, pace: &Pace) -> Result<(), Error> {
    handle(shop, pace, PATIENCE).await.map(|_| ())
}

/// Takes one step after the other for as long as `patience` lasts.
///
/// # Errors
/// Where the table gives no answer. The next run goes on from where this one got.
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
