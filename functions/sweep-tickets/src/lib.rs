//! Finds tickets of coupon campaigns that came to nothing, and lets others be drawn for them.
//!
//! What a function burnt by dying between ticket and slot can be issued again within some two minutes: a run sees which
//! tickets are drawn, the next looks for their slots.

use std::time::Duration;

use lambda_runtime::Error;
use shared::{
    app::{Failure, Shop, due::Overdue, ticket_sweep},
    domain::CouponId,
};
use tokio::time::Instant;

/// How long a run may begin with something new. The function has a minute, and the next run begins then.
const PATIENCE: Duration = Duration::from_secs(40);

/// Sweeps the campaigns that are open, or were until a moment ago. What fails is told and left for the next run; it keeps
/// nothing else from being swept.
///
/// # Errors
/// Where the campaigns cannot be found out.
pub async fn handle(shop: &Shop) -> Result<(), Error> {
    let started = Instant::now();
    let (mut reclaimed, mut failed, mut after) = (0_u32, 0_u32, None);
    loop {
        let Overdue { items, next } = ticket_sweep::campaigns(shop, after).await?;
        for (_, coupon) in items {
            match sweep(shop, &coupon, started).await {
                Ok(found) => reclaimed = reclaimed.saturating_add(found),
                Err(error) => {
                    failed = failed.saturating_add(1);
                    tracing::warn!(%error, %coupon, "a campaign was not swept");
                }
            }
        }
        if next.is_none() || started.elapsed() > PATIENCE {
            break;
        }
        after = next;
    }
    metrics::counter!("TicketsReclaimed").increment(reclaimed.into());
    tracing::info!(reclaimed, failed, "swept");
    Ok(())
}

/// Sweeps a campaign part by part; how many tickets were reclaimed.
async fn sweep(shop: &Shop, coupon: &CouponId, started: Instant) -> Result<u32, Failure> {
    let mut reclaimed = 0_u32;
    while started.elapsed() <= PATIENCE {
        let part = ticket_sweep::sweep(shop, coupon).await?;
        reclaimed = reclaimed.saturating_add(part.reclaimed);
        if !part.more {
            break;
        }
    }
    Ok(reclaimed)
}
