//! Retries: how long a request waits before each, and when it gives up.

use std::time::Duration;

use tokio::time::Instant;

use super::StoreError;
use crate::platform::Random;

/// The retry budget of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryBounds {
    /// The time until the last retry begins.
    pub budget: Duration,
    /// The most waits, independent of the clock.
    pub waits: u32,
    /// The longest first wait; each later one is up to twice as long.
    pub first_wait_ms: u64,
    pub longest_wait_ms: u64,
}

impl RetryBounds {
    /// A function has 10 s. The last attempt has the seconds after the retry budget to end.
    pub const PRODUCTION: Self =
        Self { budget: Duration::from_secs(7), waits: 200, first_wait_ms: 8, longest_wait_ms: 256 };

    /// The longest wait after this number of attempts.
    pub const fn window_ms(&self, attempt: u32) -> u64 {
        let doublings = if attempt < 16 { attempt } else { 16 };
        let window = self.first_wait_ms << doublings;
        if window < self.longest_wait_ms { window } else { self.longest_wait_ms }
    }
}

/// The retry budget of one request. All waits of a request draw on the same one, so that the bound holds for the
/// request and not for each of its loops.
/// A clone has the same deadline, for a part of the request that runs beside its other parts.
#[derive(Debug, Clone)]
pub struct Backoff {
    deadline: Instant,
    attempt: u32,
    random: Random,
    bounds: RetryBounds,
}

/// The time of a retry after a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryKind {
    /// At once: the records in the condition failures are current.
    Immediate,
    /// After a wait. The records in the condition failures may have changed since, so read them again.
    AfterBackoff,
}

impl Backoff {
    /// A retry budget that begins now.
    pub fn new(random: Random, bounds: RetryBounds) -> Self {
        Self { deadline: Instant::now() + bounds.budget, attempt: 0, random, bounds }
    }

    /// A clone with another longest first wait.
    #[must_use]
    pub fn fork(&self, first_wait_ms: u64) -> Self {
        Self { bounds: RetryBounds { first_wait_ms, ..self.bounds }, ..self.clone() }
    }

    /// A clone for a piece of work that others wait for: its waits begin anew and stay short, and it takes at most this
    /// time.
    #[must_use]
    pub fn hurried(&self, budget: Duration) -> Self {
        let bounds = RetryBounds { first_wait_ms: 4, longest_wait_ms: 32, ..self.bounds };
        Self { bounds, attempt: 0, deadline: self.deadline.min(Instant::now() + budget), ..self.clone() }
    }

    /// Prepares a retry after a refusal: the first at once, each later one after a wait, since others contend for the
    /// same records.
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

    /// Checks that a long piece of work may go on to its next part.
    ///
    /// # Errors
    /// [`StoreError::Busy`] with `why` once the retry budget is spent.
    pub fn check_time(&self, why: &str) -> Result<(), StoreError> {
        if Instant::now() >= self.deadline { Err(StoreError::Busy(why.to_owned())) } else { Ok(()) }
    }

    /// Waits for a random part of a window that doubles with each attempt. This full jitter spreads the colliding
    /// requests better than any fixed step.
    ///
    /// # Errors
    /// [`StoreError::Busy`] with `why` once the retry budget is spent.
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
        assert!(start.elapsed() <= bounds.budget);
        assert!((20..=bounds.waits).contains(&waits), "{waits}");
    }
}
