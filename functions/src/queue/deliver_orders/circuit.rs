//! The circuit breaker: pauses deliveries to a platform that is down.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use shared::platform::Clock;

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
///
/// Pauses are by the wall clock. A monotonic clock stands still while Lambda freezes the environment, so that a pause of
/// a minute would take an hour of a quiet shop.
#[derive(Debug, Clone)]
pub struct Circuit {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// The end of the pause.
    open_until: Option<Timestamp>,
}

impl Circuit {
    /// A closed circuit.
    pub fn new(clock: Clock) -> Self {
        Self { clock, state: Arc::default() }
    }

    /// Whether a delivery may pass: its result has then to be reported. The error is the time until one may.
    pub(crate) fn ask(&self) -> Result<(), Duration> {
        let (mut state, now) = (self.state(), self.clock.now());
        let Some(until) = state.open_until else {
            return Ok(());
        };
        // A clock that was set back does not make a pause longer than the longest.
        match Duration::try_from(until.duration_since(now)) {
            Ok(left) if !left.is_zero() && left <= LONGEST_ASKED => Err(left),
            _ => {
                // Half open: during the trial no other delivery passes.
                state.open_until = now.checked_add(TIMEOUT).ok();
                Ok(())
            }
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
        let pause = own.max(asked.map(|asked| asked.min(LONGEST_ASKED)));
        state.open_until = pause.and_then(|pause| self.clock.now().checked_add(pause).ok());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No holder of the lock can leave the state half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pause after a number of failures beyond [`FAILURES`].
fn pause(more: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(more)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    /// A circuit, and its clock in milliseconds.
    fn circuit() -> (Circuit, Arc<AtomicI64>) {
        let ms = Arc::new(AtomicI64::new(1_800_000_000_000));
        let clock = Arc::clone(&ms);
        let now = move || Timestamp::from_millisecond(clock.load(Ordering::SeqCst)).unwrap();
        (Circuit::new(Clock::new(now)), ms)
    }

    fn advance(ms: &AtomicI64, by: Duration) {
        ms.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    fn seconds(wait: u64) -> Result<(), Duration> {
        Err(Duration::from_secs(wait))
    }

    #[test]
    fn it_opens_when_failures_come_in_a_row() {
        let (circuit, _) = circuit();
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

    #[test]
    fn half_open_one_tries() {
        let (circuit, clock) = circuit();
        (0..FAILURES).for_each(|_| circuit.failed(None));
        let mut waits = Vec::new();
        for _ in 0..6 {
            let Err(wait) = circuit.ask() else { panic!("it is open") };
            waits.push(wait.as_secs());
            advance(&clock, wait);
            assert_eq!(circuit.ask(), Ok(()));
            assert_eq!(circuit.ask(), Err(TIMEOUT), "another does not");
            circuit.failed(None);
        }
        assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
        advance(&clock, LONGEST_PAUSE);
        assert_eq!(circuit.ask(), Ok(()));
        circuit.succeeded();
        assert_eq!([circuit.ask(), circuit.ask()], [Ok(()), Ok(())]);
    }

    /// The trial delivery died.
    #[test]
    fn a_trial_without_an_end_is_followed_by_another() {
        let (circuit, clock) = circuit();
        (0..FAILURES).for_each(|_| circuit.failed(None));
        advance(&clock, FIRST_PAUSE);
        assert_eq!(circuit.ask(), Ok(()));
        advance(&clock, TIMEOUT);
        assert_eq!(circuit.ask(), Ok(()));
    }

    #[test]
    fn what_a_platform_asks_for_holds_at_once_and_has_a_bound() {
        let (circuit, _) = circuit();
        circuit.failed(Some(Duration::from_secs(30)));
        assert_eq!(circuit.ask(), seconds(30));
        circuit.failed(Some(Duration::from_secs(1_000_000)));
        assert_eq!(circuit.ask(), seconds(900));
        // A shorter pause than our own has no effect.
        (0..10).for_each(|_| circuit.failed(Some(Duration::from_secs(1))));
        assert_eq!(circuit.ask(), seconds(60));
    }
    /// A monotonic clock would not have moved while the environment was frozen.
    #[test]
    fn a_pause_ends_while_the_environment_is_frozen() {
        let (circuit, clock) = circuit();
        (0..20).for_each(|_| circuit.failed(None));
        assert_eq!(circuit.ask(), seconds(60));
        advance(&clock, Duration::from_secs(3_600));
        assert_eq!(circuit.ask(), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_prolong_a_pause() {
        let (circuit, clock) = circuit();
        circuit.failed(Some(Duration::from_secs(30)));
        clock.fetch_sub(7 * 24 * 3_600 * 1_000, Ordering::SeqCst);
        assert_eq!(circuit.ask(), Ok(()));
    }
}
