//! Sweeps go through lists of things, several at once, and each of them part by part.

use std::{collections::VecDeque, fmt::Display};

use futures::{Stream, StreamExt, future::join_all, stream};
use jiff::{SignedDuration, Timestamp};
use serde::de::IgnoredAny;
use tokio::time::Instant;

use super::{
    Bounds, Failure, Shop,
    expiry::{Expired, Place},
};
use crate::store::{Applied, heartbeat, keys::EXPIRY_BUCKETS};

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
    /// The number of steps that failed.
    pub failed: u32,
    /// The age of the oldest entry when the sweep began.
    pub oldest: SignedDuration,
    /// Whether entries were left when the time budget was spent.
    pub is_cut: bool,
}

impl SweepReport {
    /// The results of two lists together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            corrected: self.corrected.saturating_add(other.corrected),
            failed: self.failed.saturating_add(other.failed),
            oldest: self.oldest.max(other.oldest),
            is_cut: self.is_cut || other.is_cut,
        }
    }
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

/// Sweeps a list in all its buckets, side by side.
///
/// # Errors
/// If the list of a bucket cannot be read.
pub async fn sweep_buckets<I, L, S>(
    bounds: &Bounds,
    now: Timestamp,
    list: impl Fn(u16, Option<Place>) -> L + Copy,
    sweep: impl Fn(I) -> S + Copy,
) -> Result<SweepReport, Failure>
where
    I: Display + Clone,
    L: Future<Output = Result<Expired<I>, Failure>>,
    S: Future<Output = Result<SweepStep, Failure>>,
{
    let buckets = (0..EXPIRY_BUCKETS).map(|bucket| sweep_all(bounds, now, move |after| list(bucket, after), sweep));
    let mut report = SweepReport::default();
    for bucket in join_all(buckets).await {
        report = report.and(bucket?);
    }
    Ok(report)
}

/// Sweeps everything on a list, [`Bounds::sweeps_at_once`] at a time, until [`Bounds::sweep_budget`] is spent.
///
/// Each entry first gets one part of its work. Entries with more to do then get another part in turn, so that none can
/// keep the others waiting. A failure is logged and left to the next run; it stops nothing else.
///
/// # Errors
/// If the list cannot be read.
pub async fn sweep_all<I, L, S>(
    bounds: &Bounds,
    now: Timestamp,
    list: impl Fn(Option<Place>) -> L,
    sweep: impl Fn(I) -> S,
) -> Result<SweepReport, Failure>
where
    I: Display + Clone,
    L: Future<Output = Result<Expired<I>, Failure>>,
    S: Future<Output = Result<SweepStep, Failure>>,
{
    let started = Instant::now();
    let is_time_left = || started.elapsed() <= bounds.sweep_budget;
    let at_once = bounds.sweeps_at_once.max(1);
    let (mut report, mut unfinished) = (SweepReport::default(), VecDeque::new());

    let step = |item: I| {
        let swept = sweep(item.clone());
        async move { (item, swept.await) }
    };
    let mut entries = std::pin::pin!(entries(list).peekable());
    if let Some(Ok((since, _))) = entries.as_mut().peek().await {
        report.oldest = now.duration_since(*since);
    }
    let mut failed_list = None;
    {
        let reached = entries.as_mut().take_while(|_| std::future::ready(is_time_left())).map(|entry| {
            let step = entry.map(|(_, item)| step(item));
            async move {
                match step {
                    Ok(step) => Ok(step.await),
                    Err(failure) => Err(failure),
                }
            }
        });
        let mut steps = std::pin::pin!(reached.buffer_unordered(at_once));
        while let Some(outcome) = steps.next().await {
            match outcome {
                Ok((item, outcome)) => report.note(item, outcome, &mut unfinished),
                Err(failure) => failed_list = Some(failure),
            }
        }
    }
    while !unfinished.is_empty() && is_time_left() {
        let round = stream::iter(std::mem::take(&mut unfinished));
        let mut steps = std::pin::pin!(round.map(&step).buffer_unordered(at_once));
        while let Some((item, outcome)) = steps.next().await {
            report.note(item, outcome, &mut unfinished);
        }
    }
    report.is_cut = !unfinished.is_empty() || entries.next().await.is_some();
    failed_list.map_or(Ok(report), Err)
}

impl SweepReport {
    fn note<I: Display>(&mut self, item: I, outcome: Result<SweepStep, Failure>, unfinished: &mut VecDeque<I>) {
        match outcome {
            Ok(part) => {
                self.corrected = self.corrected.saturating_add(part.corrected);
                if part.more {
                    unfinished.push_back(item);
                }
            }
            Err(error) => {
                self.failed = self.failed.saturating_add(1);
                tracing::warn!(%error, %item, "was not swept");
            }
        }
    }
}

/// The entries of a list, page by page.
fn entries<I, L>(list: impl Fn(Option<Place>) -> L) -> impl Stream<Item = Result<(Timestamp, I), Failure>>
where
    L: Future<Output = Result<Expired<I>, Failure>>,
{
    let pages = stream::try_unfold(Some(None), move |after| {
        let page = after.map(&list);
        async move {
            let Some(page) = page else { return Ok(None) };
            let Expired { items, next } = page.await?;
            Ok::<_, Failure>(Some((items, next.map(Some))))
        }
    });
    pages.flat_map(|page| match page {
        Ok(items) => stream::iter(items.into_iter().map(Ok).collect::<Vec<_>>()),
        Err(failure) => stream::iter(vec![Err(failure)]),
    })
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, time::Duration};

    use tokio::time::sleep;

    use super::*;
    use crate::{app::expiry::Place, store::keys};

    /// A list of two pages: `a` and `b`, then `c`. The first has been there for a minute.
    async fn list(after: Option<Place>) -> Result<Expired<&'static str>, Failure> {
        let at = |item| (Timestamp::UNIX_EPOCH, item);
        Ok(match after {
            None => Expired { items: vec![at("a"), at("b")], next: Some(Place(keys::board(), "b".to_owned())) },
            Some(_) => Expired { items: vec![at("c")], next: None },
        })
    }

    fn bounds(sweeps_at_once: usize, seconds: u64) -> Bounds {
        Bounds { sweeps_at_once, sweep_budget: Duration::from_secs(seconds), ..Bounds::PRODUCTION }
    }

    fn now() -> Timestamp {
        Timestamp::from_second(60).unwrap()
    }

    const MINUTE: SignedDuration = SignedDuration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn each_thing_is_swept_part_by_part_in_turn_whatever_fails() {
        let swept = Mutex::new(Vec::new());
        let sweep = async |item: &'static str| {
            swept.lock().unwrap().push(item);
            match (item, swept.lock().unwrap().len()) {
                ("a", times) => Ok(SweepStep { corrected: 2, more: times < 5 }),
                ("b", _) => Err(Failure::Internal("a test")),
                _ => Ok(SweepStep { corrected: 1, more: false }),
            }
        };
        let done = sweep_all(&bounds(1, 1), now(), list, sweep).await.unwrap();
        assert_eq!(*swept.lock().unwrap(), ["a", "b", "c", "a", "a"]);
        assert_eq!(done, SweepReport { corrected: 7, failed: 1, oldest: MINUTE, is_cut: false });
    }

    #[tokio::test(start_paused = true)]
    async fn several_are_swept_at_once() {
        let started = Instant::now();
        let sweep = async |_| {
            sleep(Duration::from_secs(2)).await;
            Ok(SweepStep::default())
        };
        let done = sweep_all(&bounds(3, 10), now(), list, sweep).await.unwrap();
        assert_eq!((done.failed, done.is_cut, started.elapsed()), (0, false, Duration::from_secs(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_new_is_begun_once_the_budget_is_spent() {
        let swept = Mutex::new(Vec::new());
        let sweep = async |item: &'static str| {
            swept.lock().unwrap().push(item);
            sleep(Duration::from_secs(2)).await;
            Ok(SweepStep { corrected: 1, more: true })
        };
        let done = sweep_all(&bounds(1, 3), now(), list, sweep).await.unwrap();
        assert_eq!(done, SweepReport { corrected: 2, failed: 0, oldest: MINUTE, is_cut: true });
        assert_eq!(*swept.lock().unwrap(), ["a", "b"], "one part of each");
    }

    #[tokio::test]
    async fn a_list_that_cannot_be_read_is_a_failure() {
        let list = async |_| Err::<Expired<&str>, _>(Failure::Internal("a test"));
        let sweep = async |_| Ok(SweepStep::default());
        assert!(sweep_all(&bounds(1, 1), now(), list, sweep).await.is_err());
    }
}
