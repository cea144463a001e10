//! How long to wait before trying again, and when to give up.

use std::time::Duration;

use tokio::time::Instant;

use super::StoreError;
use crate::platform::Random;

/// How long and how often a request retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryBounds {
    /// The time until the last retry begins.
    pub patience: Duration,
    /// The most waits, whatever the clock says.
    pub waits: u32,
    /// The longest first wait; each later one is up to twice as long.
    pub first_wait_ms: u64,
    /// The longest wait of all.
    pub longest_wait_ms: u64,
}

impl RetryBounds {
    /// A function has 10 s; those after the patience are for the last attempt to end.
    pub const PRODUCTION: Self =
        Self { patience: Duration::from_secs(7), waits: 200, first_wait_ms: 8, longest_wait_ms: 256 };

    /// The longest wait after so many attempts.
    pub const fn window_ms(&self, attempt: u32) -> u64 {
        let doublings = if attempt < 16 { attempt } else { 16 };
        let window = self.first_wait_ms << doublings;
        if window < self.longest_wait_ms { window } else { self.longest_wait_ms }
    }
}

/// A request's patience. All waiting that a request does draws on one of these, so that the bound is on the request
/// and not on each of its loops.
#[derive(Debug)]
pub struct Backoff {
    deadline: Instant,
    attempt: u32,
    random: Random,
    bounds: RetryBounds,
}

/// How a retry follows a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryKind {
    /// At once: the records that the refusal gave are current.
    Immediate,
    /// After a wait. The records that the refusal gave may have changed since, so read them again.
    AfterBackoff,
}

impl Backoff {
    /// Patience that begins now.
    pub fn new(random: Random, bounds: RetryBounds) -> Self {
        Self { deadline: Instant::now() + bounds.patience, attempt: 0, random, bounds }
    }

    /// The same patience, with another longest first wait, for a part of the request's work that runs beside its other
    /// parts.
    #[must_use]
    pub fn fork(&self, first_wait_ms: u64) -> Self {
        Self { random: self.random.clone(), bounds: RetryBounds { first_wait_ms, ..self.bounds }, ..*self }
    }

    /// Prepares a retry after a refusal: the first at once, each later one after a wait, since others contend for the same
    /// records.
    ///
    /// # Errors
    /// As [`Self::pause`].
    pub async fn retry(&mut self, why: &str) -> Result<RetryKind, StoreError> {
        if self.attempt == 0 {
            self.attempt = 1;
            return Ok(RetryKind::Immediate);
        }
        self.pause(why).await?;
        Ok(RetryKind::AfterBackoff)
    }

    /// Waits for a random part of a window that doubles with each attempt (full jitter: it spreads those who collided
    /// better than any fixed step).
    ///
    /// # Errors
    /// [`StoreError::Busy`] with `why` once there is no patience left.
    pub async fn pause(&mut self, why: &str) -> Result<(), StoreError> {
        let wait = Duration::from_millis(self.random.below(self.bounds.window_ms(self.attempt) + 1));
        if self.attempt >= self.bounds.waits || Instant::now() + wait >= self.deadline {
            return Err(StoreError::Busy(why.to_owned()));
        }
        self.attempt += 1;
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn patience_ends() {
        let (start, bounds) = (Instant::now(), RetryBounds::PRODUCTION);
        let mut backoff = Backoff::new(Random::new(|| u128::MAX), bounds);
        let mut waits = 0;
        while backoff.pause("test").await.is_ok() {
            waits += 1;
        }
        assert!(start.elapsed() <= bounds.patience);
        assert!((20..=bounds.waits).contains(&waits), "{waits}");
    }
}
