//! Does what is left undone on the shelves of products with several shards or in flash mode.
//!
//! What a function drew and did not live to claim is back on the shelf within some two minutes: a run sees what is drawn, the
//! next looks for its slots.
//!
//! It also pauses or resumes the products of sellers whose status changed, where the change's own request did not.

use lambda_runtime::Error;
use shared::app::{
    Shop,
    inventory_sweep::{inventory, sweep},
    sellers,
    sweeps::{SweepReport, round},
};

/// Sweeps the shelves and the sellers that are on the lists, side by side.
///
/// # Errors
/// If a list cannot be read.
pub async fn run(shop: &Shop) -> Result<(), Error> {
    let patience = shop.bounds.sweep_patience;
    let (inventory, sellers) = tokio::join!(
        round(patience, |after| inventory(shop, after), |product| sweep(shop, product)),
        round(patience, |after| sellers::changed(shop, after), |seller| sellers::align(shop, seller)),
    );
    let SweepReport { mended: paused, failed: sellers_failed } = sellers?;
    let SweepReport { mended: reclaimed, failed } = inventory?;
    metrics::counter!("UnitsReclaimed").increment(reclaimed);
    tracing::info!(reclaimed, failed, paused, sellers_failed, "swept");
    Ok(())
}
