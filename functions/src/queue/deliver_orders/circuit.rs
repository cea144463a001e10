//! Leaving a platform alone that does not answer.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::platform::TIMEOUT;

/// So many failures in a row open the circuit.
const FAILURES: u32 = 5;

/// For how long it is open at first. Each further failure doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// For how long at most, unless the platform asks for more.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The longest pause that a platform can ask for: as long as a message waits at most.
const LONGEST_ASKED: Duration = Duration::from_secs(900);

/// Between the worker and the platform: closed, things are posted; open, nothing is for a while, and then one that tries.
/// Each execution environment has one. Copies are the same circuit.
#[derive(Debug, Clone, Default)]
pub struct Circuit(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Failures in a row.
    failures: u32,
    /// Until when nothing is posted.
    open_until: Option<Instant>,
}

impl Circuit {
    /// Whether something may be posted, which then has to be told of; otherwise for how long nothing may.
    pub(crate) fn ask(&self) -> Result<(), Duration> {
        let (mut state, now) = (self.state(), Instant::now());
        match state.open_until {
            Some(until) if now < until => Err(until.duration_since(now)),
            Some(_) => {
                // Half open: whoever comes while this one tries is too early.
                state.open_until = Some(now + TIMEOUT);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The platform answered what a platform answers that is up.
    pub(crate) fn succeeded(&self) {
        *self.state() = State::default();
    }

    /// The platform did not answer, or was not up to it, and may have said for how long to leave it alone.
    pub(crate) fn failed(&self, asked: Option<Duration>) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        let own = state.failures.checked_sub(FAILURES).map(pause);
        state.open_until = own.max(asked.map(|asked| asked.min(LONGEST_ASKED))).map(|pause| Instant::now() + pause);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nobody who holds the lock can leave things half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pause after so many failures more than were needed.
fn pause(more: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(more)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn seconds(wait: u64) -> Result<(), Duration> {
        Err(Duration::from_secs(wait))
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_when_failures_come_in_a_row() {
        let circuit = Circuit::default();
        for _ in 0..3 {
            for _ in 1..FAILURES {
                circuit.failed(None);
                assert_eq!(circuit.ask(), Ok(()));
            }
            circuit.succeeded();
        }
        (0..FAILURES).for_each(|_| circuit.failed(None));
        assert_eq!(circuit.ask(), seconds(5));
        assert_eq!(circuit.clone().ask(), seconds(5), "a copy is the same circuit");
    }

    #[tokio::test(start_paused = true)]
    async fn half_open_one_tries() {
        let circuit = Circuit::default();
        (0..FAILURES).for_each(|_| circuit.failed(None));
        let mut waits = Vec::new();
        for _ in 0..6 {
            let Err(wait) = circuit.ask() else { panic!("it is open") };
            waits.push(wait.as_secs());
            advance(wait).await;
            assert_eq!(circuit.ask(), Ok(()));
            assert_eq!(circuit.ask(), Err(TIMEOUT), "another does not");
            circuit.failed(None);
        }
        assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
        advance(LONGEST_PAUSE).await;
        assert_eq!(circuit.ask(), Ok(()));
        circuit.succeeded();
        assert_eq!([circuit.ask(), circuit.ask()], [Ok(()), Ok(())]);
    }

    /// Whoever was to try died of it.
    #[tokio::test(start_paused = true)]
    async fn a_trial_without_an_end_is_followed_by_another() {
        let circuit = Circuit::default();
        (0..FAILURES).for_each(|_| circuit.failed(None));
        advance(FIRST_PAUSE).await;
        assert_eq!(circuit.ask(), Ok(()));
        advance(TIMEOUT).await;
        assert_eq!(circuit.ask(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_platform_asks_for_holds_at_once_and_has_a_bound() {
        let circuit = Circuit::default();
        circuit.failed(Some(Duration::from_secs(30)));
        assert_eq!(circuit.ask(), seconds(30));
        circuit.failed(Some(Duration::from_secs(1_000_000)));
        assert_eq!(circuit.ask(), seconds(900));
        // Whoever asks for less than there would be is left alone for that all the same.
        (0..10).for_each(|_| circuit.failed(Some(Duration::from_secs(1))));
        assert_eq!(circuit.ask(), seconds(60));
    }
}
