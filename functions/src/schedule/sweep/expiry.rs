//! Finds expired orders and order sheets and handles them, in case the queue's messages have missed them.
//!
//! It reports the age of the oldest. While the queue works, that is zero, or seconds. It also gives the heartbeat.

use jiff::SignedDuration;
use lambda_runtime::Error;
use shared::{
    app::{
        Failure, Shop,
        expiry::{Expired, Place},
        orders, sheets, sweeps,
    },
    domain::{OrderId, OrderSheetId},
    store::keys::EXPIRY_BUCKETS,
};
use tokio::time::Instant;

/// Handles expired things, bucket by bucket. A failure is logged and left for the next run; it does not stop the
/// others.
///
/// # Errors
/// If the expiry index cannot be read.
pub async fn run(shop: &Shop) -> Result<(), Error> {
    if let Err(error) = sweeps::beat(shop).await {
        tracing::warn!(%error, "there is no heartbeat of this minute");
    }
    let end_hold = |id: OrderId| async move { orders::end_hold(shop, &id).await };
    let abandon = |id: OrderSheetId| async move { sheets::abandon(shop, &id).await };
    let mut sweep = Sweep { shop, started: Instant::now(), oldest: SignedDuration::ZERO, handled: 0, failed: 0 };
    // Each run begins with another bucket: a run that ends before the last one leaves another to the next.
    let first = shop.clock.now().as_second().div_euclid(60).rem_euclid(EXPIRY_BUCKETS.into());
    let first = u16::try_from(first).unwrap_or(0);
    for bucket in (first..EXPIRY_BUCKETS).chain(0..first) {
        sweep.handle_all(|after| orders::expired(shop, bucket, after), end_hold).await?;
        sweep.handle_all(|after| sheets::expired(shop, bucket, after), abandon).await?;
    }
    let Sweep { oldest, handled, failed, .. } = sweep;
    metrics::histogram!("OverdueSeconds").record(oldest.as_secs_f64());
    tracing::info!(handled, failed, "swept");
    Ok(())
}

/// A run over the expiry index.
struct Sweep<'a> {
    shop: &'a Shop,
    started: Instant,
    /// The age of the oldest expired thing.
    oldest: SignedDuration,
    handled: u32,
    failed: u32,
}

impl Sweep<'_> {
    /// Goes through a bucket part by part.
    async fn handle_all<I, P, E>(
        &mut self,
        part: impl Fn(Option<Place>) -> P,
        handle: impl Fn(I) -> E,
    ) -> Result<(), Failure>
    where
        P: Future<Output = Result<Expired<I>, Failure>>,
        E: Future<Output = Result<Option<SignedDuration>, Failure>>,
    {
        let mut after = None;
        loop {
            let Expired { items, next } = part(after).await?;
            for (since, id) in items {
                if self.started.elapsed() > self.shop.bounds.sweep_budget {
                    return Ok(());
                }
                self.oldest = self.oldest.max(self.shop.clock.now().duration_since(since));
                match handle(id).await {
                    Ok(_) => self.handled += 1,
                    Err(error) => {
                        self.failed += 1;
                        tracing::warn!(%error, "something expired was not handled");
                    }
                }
            }
            match next {
                None => return Ok(()),
                next => after = next,
            }
        }
    }
}
