//! Marks expired order sheets as abandoned. Nothing but the funnel's figures waits for it: a sheet is expired from its
//! instant on, whatever its mark.

use lambda_runtime::Error;
use shared::{
    app::{
        Failure, Shop, sheets,
        sweeps::{SweepReport, SweepStep, sweep_buckets},
    },
    domain::OrderSheetId,
};

/// Marks the sheets that have expired, all buckets side by side.
///
/// # Errors
/// If the expiry index cannot be read.
pub async fn run(shop: &Shop) -> Result<SweepReport, Error> {
    let until = shop.clock.now();
    let list = |bucket, after| sheets::expired(shop, bucket, until, after);
    Ok(sweep_buckets(&shop.bounds, until, list, |id| abandon(shop, id)).await?)
}

async fn abandon(shop: &Shop, id: OrderSheetId) -> Result<SweepStep, Failure> {
    sheets::abandon(shop, &id).await.map(|_| SweepStep { corrected: 1, more: false })
}
