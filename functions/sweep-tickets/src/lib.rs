//! Finds tickets of coupon campaigns that came to nothing, and lets others be drawn for them.
//!
//! What a function burnt by dying between ticket and slot can be issued again within some two minutes: a run sees which
//! tickets are drawn, the next looks for their slots.

use std::time::Duration;

use lambda_runtime::Error;
use shared::app::{
    Shop,
    rounds::{Round, round},
    ticket_sweep::{campaigns, sweep},
};

/// How long a run may begin with something new. The function has a minute, and the next run begins then.
const PATIENCE: Duration = Duration::from_secs(40);

/// Sweeps the campaigns that are open, or were until a moment ago.
///
/// # Errors
/// Where the campaigns cannot be found out.
pub async fn handle(shop: &Shop) -> Result<(), Error> {
    let Round { reclaimed, failed } =
        round(PATIENCE, |after| campaigns(shop, after), |coupon| sweep(shop, coupon)).await?;
    metrics::counter!("TicketsReclaimed").increment(reclaimed);
    tracing::info!(reclaimed, failed, "swept");
    Ok(())
}
