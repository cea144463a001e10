//! Finishes interrupted work on the inventory of products with several shards or in flash mode.
//!
//! Orphaned reservations are back in stock within some two minutes: a run records how far units are reserved, and the
//! next looks for their claim records.
//!
//! It also pauses or resumes the products of sellers with a changed status, if the request of the change did not.

use lambda_runtime::Error;
use shared::app::{
    Shop,
    inventory_sweep::{inventory, sweep},
    sellers,
    sweeps::{SweepReport, sweep_all},
};

/// Sweeps the listed inventories and sellers, concurrently.
///
/// # Errors
/// If a list cannot be read.
pub async fn run(shop: &Shop) -> Result<(), Error> {
    let budget = shop.bounds.sweep_budget;
    let (inventory, sellers) = tokio::join!(
        sweep_all(budget, |after| inventory(shop, after), |product| sweep(shop, product)),
        sweep_all(budget, |after| sellers::changed(shop, after), |seller| sellers::align(shop, seller)),
    );
    let SweepReport { corrected: paused, failed: sellers_failed } = sellers?;
    let SweepReport { corrected: reclaimed, failed } = inventory?;
    metrics::counter!("UnitsReclaimed").increment(reclaimed);
    tracing::info!(reclaimed, failed, paused, sellers_failed, "swept");
    Ok(())
}
