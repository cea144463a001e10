//! How long to wait before trying again, and when to give up.

use std::time::Duration;

use tokio::time::Instant;

use super::StoreError;
use crate::runtime::Random;

/// A request's patience. All waiting that a request does draws on one of these, so that the bound is on the request
/// and not on each of its loops.
#[derive(Debug)]
pub struct Backoff {
    deadline: Instant,
    attempt: u32,
    random: Random,
}

/// Whether what a refusal taught can still be relied on for another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lesson {
    /// It was learnt just now.
    Fresh,
    /// Others had the time to change it: better look again than fail again.
    Old,
}

impl Backoff {
    /// How long a request may go on trying. A function has 10 s; what is left is for the last attempt to end.
    pub const PATIENCE: Duration = Duration::from_secs(7);

    /// The most times a request waits, whatever the clock says.
    const MAX_ATTEMPTS: u32 = 200;

    const FIRST_WINDOW_MS: u64 = 8;
    const LAST_WINDOW_MS: u64 = 256;

    /// The longest wait after so many attempts.
    pub const fn window_ms(attempt: u32) -> u64 {
        let doublings = if attempt < 16 { attempt } else { 16 };
        let window = Self::FIRST_WINDOW_MS << doublings;
        if window < Self::LAST_WINDOW_MS { window } else { Self::LAST_WINDOW_MS }
    }

    /// Patience that begins now.
    pub fn new(random: Random) -> Self {
        Self { deadline: Instant::now() + Self::PATIENCE, attempt: 0, random }
    }

    /// Makes ready for another try after a refusal that taught something. The first time the lesson is fresh: the next
    /// try follows at once. Later there are many at it: waits, and tells that what was learnt is old by now.
    ///
    /// # Errors
    /// As [`Self::pause`].
    pub async fn again(&mut self, why: &str) -> Result<Lesson, StoreError> {
        if self.attempt == 0 {
            self.attempt = 1;
            return Ok(Lesson::Fresh);
        }
        self.pause(why).await?;
        Ok(Lesson::Old)
    }

    /// Waits for a random part of a window that doubles with each attempt (full jitter: it spreads those who collided
    /// better than any fixed step).
    ///
    /// # Errors
    /// [`StoreError::Busy`] with `why` once there is no patience left.
    pub async fn pause(&mut self, why: &str) -> Result<(), StoreError> {
        let wait = Duration::from_millis(self.random.below(Self::window_ms(self.attempt) + 1));
        if self.attempt >= Self::MAX_ATTEMPTS || Instant::now() + wait >= self.deadline {
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
        let start = Instant::now();
        let mut backoff = Backoff::new(Random::new(|| u128::MAX));
        let mut waits = 0;
        while backoff.pause("test").await.is_ok() {
            waits += 1;
        }
        assert!(start.elapsed() <= Backoff::PATIENCE);
        assert!((20..=Backoff::MAX_ATTEMPTS).contains(&waits), "{waits}");
    }
}
