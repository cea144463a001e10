//! Finds orders with expired holds and ends them, in case the queue's messages have missed them. It also gives the
//! heartbeat.

use std::fmt;

use lambda_runtime::Error;
use shared::{
    app::{
        Failure, Shop,
        expiry::{Expired, Place},
        orders,
        sweeps::{self, SweepReport, SweepStep, sweep_buckets},
    },
    domain::OrderId,
};

/// Orders of a page that end together.
#[derive(Debug, Clone)]
struct Page(Vec<OrderId>);

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} holds", self.0.len())
    }
}

/// Ends expired holds, all buckets side by side. A failure is logged and left for the next run; it does not stop the
/// others.
///
/// # Errors
/// If the expiry index cannot be read.
pub async fn run(shop: &Shop) -> Result<SweepReport, Error> {
    if let Err(error) = sweeps::beat(shop).await {
        tracing::warn!(%error, "there is no heartbeat of this minute");
    }
    let until = shop.clock.now();
    let list = |bucket, after| pages(shop, bucket, until, after);
    Ok(sweep_buckets(&shop.bounds, until, list, |page| end(shop, page)).await?)
}

/// A page of a bucket, in parts that fit a commit.
async fn pages(
    shop: &Shop,
    bucket: u16,
    until: jiff::Timestamp,
    after: Option<Place>,
) -> Result<Expired<Page>, Failure> {
    let Expired { items, next } = orders::expired(shop, bucket, until, after).await?;
    let parts = items.chunks(shop.bounds.holds_joined.max(1)).filter_map(|part| {
        let (oldest, _) = part.first()?;
        Some((*oldest, Page(part.iter().map(|(_, order)| order.clone()).collect())))
    });
    Ok(Expired { items: parts.collect(), next })
}

async fn end(shop: &Shop, Page(orders): Page) -> Result<SweepStep, Failure> {
    let (mut corrected, mut failed) = (0_u64, None);
    let orders: Vec<_> = orders.into_iter().map(|order| (order, None)).collect();
    for ((order, _), ended) in orders.iter().zip(orders::end_holds(shop, &orders).await) {
        match ended {
            Ok(_) => corrected = corrected.saturating_add(1),
            Err(error) => {
                tracing::warn!(%error, order.id = %order, "a hold was not ended");
                failed = Some(error);
            }
        }
    }
    failed.map_or(Ok(SweepStep { corrected, more: false }), Err)
}
