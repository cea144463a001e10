//! Does what is left undone on the shelves of products with several shards or in flash mode.
//!
//! What a function drew and did not live to claim is back on the shelf within some two minutes: a run sees what is drawn, the
//! next looks for its slots.

use lambda_runtime::Error;
use shared::app::{
    Shop,
    rounds::{Round, round},
    shelf_sweep::{shelves, sweep},
};

/// Sweeps the shelves that are on the list.
///
/// # Errors
/// Where the list cannot be read.
pub async fn handle(shop: &Shop) -> Result<(), Error> {
    let Round { mended: reclaimed, failed } =
        round(shop.bounds.sweep_patience, |after| shelves(shop, after), |product| sweep(shop, product)).await?;
    metrics::counter!("UnitsReclaimed").increment(reclaimed);
    tracing::info!(reclaimed, failed, "swept");
    Ok(())
}
