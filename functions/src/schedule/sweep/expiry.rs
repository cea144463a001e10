//! Finds orders and order sheets that are overdue, and sees to them: the second way, for what the queue's messages have
//! missed.
//!
//! It tells how long the oldest was overdue. As long as the queue does its work that is nothing, or seconds.

use jiff::SignedDuration;
use lambda_runtime::Error;
use shared::{
    app::{
        Failure, Shop,
        due::{Overdue, Place},
        orders, sheets,
    },
    domain::{OrderId, OrderSheetId},
    store::keys::DUE_BUCKETS,
};
use tokio::time::Instant;

/// Sees to what is overdue, bucket by bucket. What fails is told and left for the next run; it keeps nothing else from
/// being seen to.
///
/// # Errors
/// Where what is overdue cannot be found out.
pub async fn run(shop: &Shop) -> Result<(), Error> {
    let end_hold = |id: OrderId| async move { orders::end_hold(shop, &id).await };
    let abandon = |id: OrderSheetId| async move { sheets::abandon(shop, &id).await };
    let mut sweep = Sweep { shop, started: Instant::now(), oldest: SignedDuration::ZERO, seen_to: 0, failed: 0 };
    for bucket in 0..DUE_BUCKETS {
        sweep.see_to_all(|after| orders::overdue(shop, bucket, after), end_hold).await?;
        sweep.see_to_all(|after| sheets::overdue(shop, bucket, after), abandon).await?;
    }
    let Sweep { oldest, seen_to, failed, .. } = sweep;
    metrics::histogram!("OverdueSeconds").record(oldest.as_secs_f64());
    tracing::info!(seen_to, failed, "swept");
    Ok(())
}

/// A run over what is overdue.
struct Sweep<'a> {
    shop: &'a Shop,
    started: Instant,
    /// How long the oldest was overdue.
    oldest: SignedDuration,
    seen_to: u32,
    failed: u32,
}

impl Sweep<'_> {
    /// Goes through a bucket part by part.
    async fn see_to_all<I, P, E>(
        &mut self,
        part: impl Fn(Option<Place>) -> P,
        see_to: impl Fn(I) -> E,
    ) -> Result<(), Failure>
    where
        P: Future<Output = Result<Overdue<I>, Failure>>,
        E: Future<Output = Result<Option<SignedDuration>, Failure>>,
    {
        let mut after = None;
        loop {
            let Overdue { items, next } = part(after).await?;
            for (since, id) in items {
                if self.started.elapsed() > self.shop.bounds.sweep_patience {
                    return Ok(());
                }
                self.oldest = self.oldest.max(self.shop.clock.now().duration_since(since));
                match see_to(id).await {
                    Ok(_) => self.seen_to += 1,
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
