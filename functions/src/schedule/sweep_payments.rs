//! Asks the payment provider, each minute, about payments that are open, and sends money back.
//!
//! It stands beside the other sweeps, since it alone asks the provider and may read its secret.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use lambda_runtime::Error;
use serde_json::Value;
use shared::{
    app::{
        Shop,
        expiry::Expired,
        payments,
        sweeps::{SweepReport, sweep_buckets},
    },
    lambda::serve,
};
use tokio::time::{Instant, sleep};

/// Serves the schedule.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let (shop, provider) = tokio::join!(serve::shop_from_env(), crate::provider::from_env());
    let shop = shop?.with_provider(provider?);
    let shop = &shop;
    serve::events(move |_: Value| async move { minute(shop).await }).await
}

/// The longest wait of a run for a look that falls due before the next run.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(40);

/// The time after which a run waits for nothing more.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks at all whose time has come, waits for a look that falls due before the next run, and looks again. So money that
/// was taken without an answer is found within a minute. While nothing is open, nothing waits.
async fn minute(shop: &Shop) -> Result<(), Error> {
    let started = Instant::now();
    let (_, next) = pass(shop).await?;
    if let Some(at) = next.filter(|_| started.elapsed() < PATIENCE) {
        let wait = at.duration_since(shop.clock.now()).clamp(SignedDuration::ZERO, LONGEST_WAIT);
        sleep(wait.unsigned_abs() + Duration::from_millis(1)).await;
        pass(shop).await?;
    }
    Ok(())
}

/// Looks at all payments and refunds whose time has come. A failure is logged and left for the next run; it does not stop
/// the others.
///
/// # Errors
/// If a list cannot be read.
pub async fn run(shop: &Shop) -> Result<SweepReport, Error> {
    pass(shop).await.map(|(report, _)| report)
}

/// Also tells the last look at a session that falls due within [`LONGEST_WAIT`].
async fn pass(shop: &Shop) -> Result<(SweepReport, Option<Timestamp>), Error> {
    let until = shop.clock.now();
    let soon = until.checked_add(LONGEST_WAIT)?;
    let next = &Mutex::new(None);
    let sessions = move |bucket, after| async move {
        let Expired { items, next: more } = payments::open_sessions(shop, bucket, soon, after).await?;
        let (due, later): (Vec<_>, Vec<_>) = items.into_iter().partition(|(at, _)| *at < until);
        let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = later.iter().map(|(at, _)| *at).chain(*next).max();
        Ok(Expired { next: more.filter(|_| later.is_empty()), items: due })
    };
    let refunds = move |bucket, after| payments::open_refunds(shop, bucket, until, after);
    let (sessions, refunds) = tokio::join!(
        sweep_buckets(&shop.bounds, until, sessions, |payment| payments::sweep_session(shop, payment)),
        sweep_buckets(&shop.bounds, until, refunds, |order| payments::sweep_refunds(shop, order)),
    );
    let report = sessions?.and(refunds?);
    // Each run that ends well writes it: silence means that none does. A gauge would repeat the last value after a failure.
    metrics::histogram!("PaymentsOverdueSeconds").record(report.oldest.as_secs_f64().max(0.0));
    let SweepReport { corrected, failed, is_cut, .. } = report;
    // A line each minute would cost as much as the sweep.
    if corrected > 0 || failed > 0 || is_cut {
        tracing::info!(settled = corrected, failed, is_cut, "payments were looked at");
    }
    let next = *next.lock().unwrap_or_else(PoisonError::into_inner);
    Ok((report, next))
}
