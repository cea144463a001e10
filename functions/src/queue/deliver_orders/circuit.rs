//! The circuit breaker: pauses deliveries to a platform that is down.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::platform::TIMEOUT;

/// The number of failures in a row that opens the circuit.
const FAILURES: u32 = 5;

/// The first pause. Each further failure doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// The longest pause, unless the platform asks for more.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The longest pause that a platform can ask for: the longest wait of a message.
const LONGEST_ASKED: Duration = Duration::from_secs(900);

/// The circuit breaker between the worker and the platform. Closed, it lets every delivery pass; open, it lets none
/// pass until its pause is over, and then one trial. Each execution environment has one. Clones share its state.
#[derive(Debug, Clone, Default)]
pub struct Circuit(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// The end of the pause.
    open_until: Option<Instant>,
}

impl Circuit {
    /// Whether a delivery may pass: its result has then to be reported. The error is the time until one may.
    pub(crate) fn ask(&self) -> Result<(), Duration> {
        let (mut state, now) = (self.state(), Instant::now());
        match state.open_until {
            Some(until) if now < until => Err(until.duration_since(now)),
            Some(_) => {
                // Half open: during the trial no other delivery passes.
                state.open_until = Some(now + TIMEOUT);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Reports an answer of a platform that is up.
    pub(crate) fn succeeded(&self) {
        *self.state() = State::default();
    }

    /// Reports that the platform did not answer or could not handle the request, and the pause that it asked for.
    pub(crate) fn failed(&self, asked: Option<Duration>) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        let own = state.failures.checked_sub(FAILURES).map(pause);
        state.open_until = own.max(asked.map(|asked| asked.min(LONGEST_ASKED))).map(|pause| Instant::now() + pause);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No holder of the lock can leave the state half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pause after a number of failures beyond [`FAILURES`].
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

    /// The trial delivery died.
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
        // A shorter pause than our own has no effect.
        (0..10).for_each(|_| circuit.failed(Some(Duration::from_secs(1))));
        assert_eq!(circuit.ask(), seconds(60));
    }
}
