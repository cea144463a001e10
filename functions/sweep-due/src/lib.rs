//! Finds orders and order sheets that are overdue, and sees to them: the second way, for what the queue's messages have
//! missed.
//!
//! It tells how long the oldest was overdue. As long as the queue does its work that is nothing, or seconds.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lambda_runtime::Error;
use shared::{
    app::{Failure, Shop, orders, sheets},
    domain::{OrderId, OrderSheetId},
};
use tokio::time::Instant;

/// How many of each bucket are seen to in one run. The next run is a minute away.
const LIMIT: usize = 50;

/// How long a run may begin with something new. The function has a minute.
const PATIENCE: Duration = Duration::from_secs(40);

/// What is overdue.
enum Overdue {
    Order(OrderId),
    Sheet(OrderSheetId),
}

/// Sees to what is overdue, the oldest first. What fails is left for the next run.
///
/// # Errors
/// Where what is overdue cannot be found out.
pub async fn handle(shop: &Shop) -> Result<(), Error> {
    let started = Instant::now();
    let orders = orders::overdue(shop, LIMIT).await?;
    let sheets = sheets::overdue(shop, LIMIT).await?;
    let mut overdue: Vec<(Timestamp, Overdue)> =
        orders.into_iter().map(|(since, id)| (since, Overdue::Order(id))).collect();
    overdue.extend(sheets.into_iter().map(|(since, id)| (since, Overdue::Sheet(id))));
    overdue.sort_by_key(|(since, _)| *since);

    let oldest = overdue.first().map_or(SignedDuration::ZERO, |(since, _)| shop.clock.now().duration_since(*since));
    metrics::histogram!("OverdueSeconds").record(oldest.as_secs_f64());
    let (mut seen_to, found) = (0_usize, overdue.len());
    for (_, overdue) in overdue {
        if started.elapsed() > PATIENCE {
            break;
        }
        match see_to(shop, &overdue).await {
            Ok(()) => seen_to += 1,
            Err(error) => tracing::warn!(%error, "something overdue was not seen to"),
        }
    }
    tracing::info!(found, seen_to, "swept");
    Ok(())
}

async fn see_to(shop: &Shop, overdue: &Overdue) -> Result<(), Failure> {
    match overdue {
        Overdue::Order(id) => orders::end_hold(shop, id).await?,
        Overdue::Sheet(id) => sheets::abandon(shop, id).await?,
    };
    Ok(())
}
