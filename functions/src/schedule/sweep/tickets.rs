//! Finds orphaned tickets of coupon campaigns, and allows others in their place.
//!
//! A ticket orphaned between its allocation and its claim can be issued again within some two minutes: a run records
//! how far tickets are allocated, and the next looks for their claim records.

use lambda_runtime::Error;
use shared::app::{
    Shop,
    sweeps::{SweepReport, sweep_all},
    ticket_sweep::{campaigns, sweep},
};

/// Sweeps the campaigns that are open, or were until a moment ago.
///
/// # Errors
/// If the campaigns cannot be listed.
pub async fn run(shop: &Shop) -> Result<(), Error> {
    let SweepReport { corrected: reclaimed, failed } =
        sweep_all(shop.bounds.sweep_budget, |after| campaigns(shop, after), |coupon| sweep(shop, coupon)).await?;
    metrics::counter!("TicketsReclaimed").increment(reclaimed);
    tracing::info!(reclaimed, failed, "swept");
    Ok(())
}
