//! Asks the payment provider, each minute, about payments that are open, and sends money back.
//!
//! It stands beside the other sweeps, since it alone asks the provider and may read its secret.

use std::fmt::Display;

use futures::future::join_all;
use lambda_runtime::Error;
use serde_json::Value;
use shared::{
    app::{
        Failure, Shop,
        expiry::{Expired, Place},
        payments,
        sweeps::{SweepReport, SweepStep, sweep_all},
    },
    lambda::serve,
    store::keys::EXPIRY_BUCKETS,
};

/// Serves the schedule.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let (shop, provider) = tokio::join!(serve::shop_from_env(), crate::provider::from_env());
    let shop = shop?.with_provider(provider?);
    let shop = &shop;
    serve::events(move |_: Value| async move { run(shop).await.map(|_| ()) }).await
}

/// Looks at all payments and refunds whose time has come. A failure is logged and left for the next run; it does not stop
/// the others.
///
/// # Errors
/// If a list cannot be read.
pub async fn run(shop: &Shop) -> Result<SweepReport, Error> {
    let until = shop.clock.now();
    let sessions = move |bucket, after| payments::open_sessions(shop, bucket, until, after);
    let refunds = move |bucket, after| payments::open_refunds(shop, bucket, until, after);
    let (sessions, refunds) = tokio::join!(
        sweep_buckets(shop, until, sessions, |payment| payments::sweep_session(shop, payment)),
        sweep_buckets(shop, until, refunds, |order| payments::sweep_refunds(shop, order)),
    );
    let report = sessions?.and(refunds?);
    // Each run that ends well writes it: silence means that none does. A gauge would repeat the last value after a failure.
    metrics::histogram!("PaymentsOverdueSeconds").record(report.oldest.as_secs_f64().max(0.0));
    let SweepReport { corrected, failed, is_cut, .. } = report;
    // A line each minute would cost as much as the sweep.
    if corrected > 0 || failed > 0 || is_cut {
        tracing::info!(settled = corrected, failed, is_cut, "payments were looked at");
    }
    Ok(report)
}

/// Sweeps a list in all its buckets, side by side.
async fn sweep_buckets<I, L, S>(
    shop: &Shop,
    until: jiff::Timestamp,
    list: impl Fn(u16, Option<Place>) -> L + Copy,
    sweep: impl Fn(I) -> S + Copy,
) -> Result<SweepReport, Error>
where
    I: Display + Clone,
    L: Future<Output = Result<Expired<I>, Failure>>,
    S: Future<Output = Result<SweepStep, Failure>>,
{
    let buckets =
        (0..EXPIRY_BUCKETS).map(|bucket| sweep_all(&shop.bounds, until, move |after| list(bucket, after), sweep));
    let mut report = SweepReport::default();
    for bucket in join_all(buckets).await {
        report = report.and(bucket?);
    }
    Ok(report)
}
