//! Confirms the purchase of lines that were delivered long enough ago, for customers who stay silent.

use lambda_runtime::Error;
use shared::app::{
    Shop, orders,
    sweeps::{SweepReport, sweep_buckets},
};

/// Confirms the lines whose time has come, all buckets side by side.
///
/// # Errors
/// If the expiry index cannot be read.
pub async fn run(shop: &Shop) -> Result<SweepReport, Error> {
    let until = shop.clock.now();
    let list = |bucket, after| orders::to_confirm(shop, bucket, until, after);
    let confirm = |order| async move { orders::confirm(shop, &order).await };
    Ok(sweep_buckets(&shop.bounds, until, list, confirm).await?)
}
