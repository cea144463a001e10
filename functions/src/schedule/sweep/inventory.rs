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
pub async fn run(shop: &Shop) -> Result<SweepReport, Error> {
    let (bounds, until) = (&shop.bounds, shop.clock.now());
    let (inventory, sellers) = tokio::join!(
        sweep_all(bounds, until, |after| inventory(shop, until, after), |product| sweep(shop, product)),
        sweep_all(bounds, until, |after| sellers::changed(shop, until, after), |seller| sellers::align(shop, seller)),
    );
    let (inventory, sellers) = (inventory?, sellers?);
    if inventory.corrected > 0 {
        metrics::counter!("UnitsReclaimed").increment(inventory.corrected);
    }
    Ok(inventory.and(sellers))
}
