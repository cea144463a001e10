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

/// Sweeps the campaigns with a look planned for now.
///
/// # Errors
/// If the campaigns cannot be listed.
pub async fn run(shop: &Shop) -> Result<SweepReport, Error> {
    let until = shop.clock.now();
    let list = |after| campaigns(shop, until, after);
    let report = sweep_all(&shop.bounds, until, list, |coupon| sweep(shop, coupon)).await?;
    if report.corrected > 0 {
        metrics::counter!("TicketsReclaimed").increment(report.corrected);
    }
    Ok(report)
}
