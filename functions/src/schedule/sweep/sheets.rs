//! Marks expired order sheets as abandoned. Nothing but the funnel's figures waits for it: a sheet is expired from its
//! instant on, whatever its mark.

use futures::future::join_all;
use lambda_runtime::Error;
use shared::{
    app::{
        Failure, Shop, sheets,
        sweeps::{SweepReport, SweepStep, sweep_all},
    },
    domain::OrderSheetId,
    store::keys::EXPIRY_BUCKETS,
};

/// Marks the sheets that have expired, all buckets side by side.
///
/// # Errors
/// If the expiry index cannot be read.
pub async fn run(shop: &Shop) -> Result<SweepReport, Error> {
    let until = shop.clock.now();
    let list = |bucket| move |after| sheets::expired(shop, bucket, until, after);
    let buckets =
        (0..EXPIRY_BUCKETS).map(|bucket| sweep_all(&shop.bounds, until, list(bucket), |id| abandon(shop, id)));
    let mut report = SweepReport::default();
    for bucket in join_all(buckets).await {
        report = report.and(bucket?);
    }
    Ok(report)
}

async fn abandon(shop: &Shop, id: OrderSheetId) -> Result<SweepStep, Failure> {
    sheets::abandon(shop, &id).await.map(|_| SweepStep { corrected: 1, more: false })
}
