//! Finds tickets of coupon campaigns that came to nothing, and lets others be drawn for them.
//!
//! What a function burnt by dying between ticket and slot can be issued again within some two minutes: a run sees which
//! tickets are drawn, the next looks for their slots.

use lambda_runtime::Error;
use shared::app::{
    Shop,
    sweeps::{SweepReport, round},
    ticket_sweep::{campaigns, sweep},
};

/// Sweeps the campaigns that are open, or were until a moment ago.
///
/// # Errors
/// If the campaigns cannot be listed.
pub async fn run(shop: &Shop) -> Result<(), Error> {
    let SweepReport { mended: reclaimed, failed } =
        round(shop.bounds.sweep_patience, |after| campaigns(shop, after), |coupon| sweep(shop, coupon)).await?;
    metrics::counter!("TicketsReclaimed").increment(reclaimed);
    tracing::info!(reclaimed, failed, "swept");
    Ok(())
}
