//! Sweeps go through a list of things, each of them part by part.

use std::{fmt::Display, time::Duration};

use serde::de::IgnoredAny;
use tokio::time::Instant;

use super::{
    Failure, Shop,
    expiry::{Expired, Place},
};
use crate::store::{Applied, heartbeat};

/// The result of sweeping a part of one thing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepStep {
    /// The number of repairs: tickets or units reclaimed, coupons marked.
    pub corrected: u64,
    /// Whether there is more to be swept already.
    pub more: bool,
}

impl SweepStep {
    /// Both parts together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { corrected: self.corrected.saturating_add(other.corrected), more: self.more || other.more }
    }
}

/// The result of a sweep of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// The number of repairs in all.
    pub corrected: u64,
    /// The number of things that could not be swept.
    pub failed: u32,
}

/// Notes that the sweep is alive, which the readers of the stream see.
///
/// # Errors
/// If the table cannot be reached or stays busy.
pub async fn beat(shop: &Shop) -> Result<(), Failure> {
    let beat = heartbeat::beat(shop.clock.now());
    // A later sign of life is as good.
    let _: Applied<IgnoredAny> = shop.table.apply(&beat, &mut shop.backoff()).await?;
    Ok(())
}

/// Sweeps everything on a list; it begins something new only until `budget` is spent. A failure is logged and left
/// to the next run; it stops nothing else.
///
/// # Errors
/// If the list cannot be read.
pub async fn sweep_all<I, L, S>(
    budget: Duration,
    list: impl Fn(Option<Place>) -> L,
    sweep: impl Fn(I) -> S,
) -> Result<SweepReport, Failure>
where
    I: Display + Clone,
    L: Future<Output = Result<Expired<I>, Failure>>,
    S: Future<Output = Result<SweepStep, Failure>>,
{
    let started = Instant::now();
    let (mut report, mut after) = (SweepReport::default(), None);
    loop {
        let Expired { items, next } = list(after).await?;
        for (_, item) in items {
            let mut more = true;
            while more && started.elapsed() <= budget {
                more = match sweep(item.clone()).await {
                    Ok(part) => {
                        report.corrected = report.corrected.saturating_add(part.corrected);
                        part.more
                    }
                    Err(error) => {
                        report.failed = report.failed.saturating_add(1);
                        tracing::warn!(%error, %item, "was not swept");
                        false
                    }
                };
            }
        }
        if next.is_none() || started.elapsed() > budget {
            return Ok(report);
        }
        after = next;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use jiff::Timestamp;
    use tokio::time::sleep;

    use super::*;
    use crate::{app::expiry::Place, store::keys};

    /// A list of two pages: `a` and `b`, then `c`.
    async fn list(after: Option<Place>) -> Result<Expired<&'static str>, Failure> {
        let at = |item| (Timestamp::UNIX_EPOCH, item);
        Ok(match after {
            None => Expired { items: vec![at("a"), at("b")], next: Some(Place(keys::board(), "b".to_owned())) },
            Some(_) => Expired { items: vec![at("c")], next: None },
        })
    }

    #[tokio::test(start_paused = true)]
    async fn each_thing_is_swept_part_by_part_whatever_fails() {
        let swept = Mutex::new(Vec::new());
        let sweep = async |item: &'static str| {
            swept.lock().unwrap().push(item);
            match (item, swept.lock().unwrap().len()) {
                ("a", times) => Ok(SweepStep { corrected: 2, more: times < 3 }),
                ("b", _) => Err(Failure::Internal("a test")),
                _ => Ok(SweepStep { corrected: 1, more: false }),
            }
        };
        let done = sweep_all(Duration::from_secs(1), list, sweep).await.unwrap();
        assert_eq!(*swept.lock().unwrap(), ["a", "a", "a", "b", "c"]);
        assert_eq!(done, SweepReport { corrected: 7, failed: 1 });
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_new_is_begun_when_patience_has_ended() {
        let sweep = async |_| {
            sleep(Duration::from_secs(2)).await;
            Ok(SweepStep { corrected: 1, more: true })
        };
        let done = sweep_all(Duration::from_secs(3), list, sweep).await.unwrap();
        assert_eq!(done, SweepReport { corrected: 2, failed: 0 }, "two parts of the first");
    }

    #[tokio::test]
    async fn without_a_list_there_is_no_round() {
        let list = async |_| Err::<Expired<&str>, _>(Failure::Internal("a test"));
        let sweep = async |_| Ok(SweepStep::default());
        assert!(sweep_all(Duration::from_secs(1), list, sweep).await.is_err());
    }
}
