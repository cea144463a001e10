//! Marks expired coupons.
//!
//! Nothing in the shop relies on the mark: a coupon is expired from the very instant on. The mark is for readers of the
//! table or of an export of it.

use lambda_runtime::Error;
use shared::app::{
    Shop,
    coupon_expiry::{campaigns, mark},
    sweeps::{SweepReport, sweep_all},
};

/// Marks the coupons of the campaigns of which all coupons have expired.
///
/// # Errors
/// If the campaigns cannot be listed.
pub async fn run(shop: &Shop) -> Result<SweepReport, Error> {
    let until = shop.clock.now();
    let list = |after| campaigns(shop, until, after);
    let report = sweep_all(&shop.bounds, until, list, |coupon| mark(shop, coupon)).await?;
    if report.corrected > 0 {
        metrics::counter!("CouponsExpired").increment(report.corrected);
    }
    Ok(report)
}
