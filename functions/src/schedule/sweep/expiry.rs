//! Finds orders and order sheets that are overdue, and sees to them: the second way, for what the queue's messages have
//! missed.
//!
//! It tells how long the oldest was overdue. As long as the queue does its work that is nothing, or seconds.

use jiff::SignedDuration;
use lambda_runtime::Error;
use shared::{
    app::{
        Failure, Shop,
        expiry::{Expired, Place},
        orders, sheets,
    },
    domain::{OrderId, OrderSheetId},
    store::keys::EXPIRY_BUCKETS,
};
use tokio::time::Instant;

/// Sees to what is overdue, bucket by bucket. What fails is told and left for the next run; it keeps nothing else from
/// being seen to.
///
/// # Errors
/// If what is overdue cannot be found out.
pub async fn run(shop: &Shop) -> Result<(), Error> {
    let end_hold = |id: OrderId| async move { orders::end_hold(shop, &id).await };
    let abandon = |id: OrderSheetId| async move { sheets::abandon(shop, &id).await };
    let mut sweep = Sweep { shop, started: Instant::now(), oldest: SignedDuration::ZERO, handled: 0, failed: 0 };
    for bucket in 0..EXPIRY_BUCKETS {
        sweep.handle_all(|after| orders::expired(shop, bucket, after), end_hold).await?;
        sweep.handle_all(|after| sheets::expired(shop, bucket, after), abandon).await?;
    }
    let Sweep { oldest, handled, failed, .. } = sweep;
    metrics::histogram!("OverdueSeconds").record(oldest.as_secs_f64());
    tracing::info!(handled, failed, "swept");
    Ok(())
}

/// A run over what is overdue.
struct Sweep<'a> {
    shop: &'a Shop,
    started: Instant,
    /// How long the oldest was overdue.
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
                if self.started.elapsed() > self.shop.bounds.sweep_patience {
                    return Ok(());
                }
                self.oldest = self.oldest.max(self.shop.clock.now().duration_since(since));
                match handle(id).await {
                    Ok(_) => self.handled += 1,
                    Err(error) => {
                        self.failed += 1;
                        tracing::warn!(%error, "something overdue was not seen to");
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
