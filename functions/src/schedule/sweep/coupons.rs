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
pub async fn run(shop: &Shop) -> Result<(), Error> {
    let SweepReport { corrected: marked, failed } =
        sweep_all(shop.bounds.sweep_budget, |after| campaigns(shop, after), |coupon| mark(shop, coupon)).await?;
    metrics::counter!("CouponsExpired").increment(marked);
    tracing::info!(marked, failed, "swept");
    Ok(())
}
