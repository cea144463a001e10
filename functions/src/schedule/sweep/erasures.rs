//! Erases the personal data of withdrawn users whose time has come, and goes on with erasures that were interrupted.

use lambda_runtime::Error;
use shared::app::{
    Shop,
    sweeps::{SweepReport, sweep_all},
    withdrawing,
};

/// Erases what is to be erased by now.
///
/// # Errors
/// If the expiry index cannot be read.
pub async fn run(shop: &Shop) -> Result<SweepReport, Error> {
    let until = shop.clock.now();
    let list = |after| withdrawing::planned(shop, until, after);
    Ok(sweep_all(&shop.bounds, until, list, |user| withdrawing::erase(shop, user)).await?)
}
