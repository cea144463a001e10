//! Confirms the purchase of lines that were delivered long enough ago, for customers who stay silent.

use futures::future::join_all;
use lambda_runtime::Error;
use shared::{
    app::{
        Shop, orders,
        sweeps::{SweepReport, sweep_all},
    },
    store::keys::EXPIRY_BUCKETS,
};

/// Confirms the lines whose time has come, all buckets side by side.
///
/// # Errors
/// If the expiry index cannot be read.
pub async fn run(shop: &Shop) -> Result<SweepReport, Error> {
    let until = shop.clock.now();
    let list = |bucket| move |after| orders::to_confirm(shop, bucket, until, after);
    let confirm = |order| async move { orders::confirm(shop, &order).await };
    let buckets = (0..EXPIRY_BUCKETS).map(|bucket| sweep_all(&shop.bounds, until, list(bucket), confirm));
    let mut report = SweepReport::default();
    for bucket in join_all(buckets).await {
        report = report.and(bucket?);
    }
    Ok(report)
}
