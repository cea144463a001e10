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
    /// The number of pauses so far.
    pauses: u32,
}

/// The permission for one delivery, whose result has then to be reported.
///
/// Several deliveries are under way at once. Those that fail together open the circuit once: a failure of one that began
/// before the pause says nothing new, and makes the pause no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pass {
    /// The number of pauses before it.
    pauses: u32,
}

impl Circuit {
    /// A closed circuit.
    pub fn new(clock: Clock) -> Self {
        Self { clock, state: Arc::default() }
    }

    /// Whether a delivery may pass. The error is the time until one may.
    pub(crate) fn ask(&self) -> Result<Pass, Duration> {
        let (mut state, now) = (self.state(), self.clock.now());
        let pass = Pass { pauses: state.pauses };
        let Some(until) = state.open_until else {
            return Ok(pass);
        };
        // A clock that was set back does not make a pause longer than the longest.
        match Duration::try_from(until.duration_since(now)) {
            Ok(left) if !left.is_zero() && left <= LONGEST_ASKED => Err(left),
            _ => {
                // Half open: during the trial no other delivery passes.
                state.open_until = now.checked_add(TIMEOUT).ok();
                Ok(pass)
            }
        }
    }

    /// Whether every delivery may pass.
    pub(crate) fn is_closed(&self) -> bool {
        self.state().open_until.is_none()
    }

    /// Reports an answer of a platform that is up.
    pub(crate) fn succeeded(&self) {
        let mut state = self.state();
        *state = State { pauses: state.pauses, ..State::default() };
    }

    /// Reports that the platform did not answer or could not handle the request, and the pause that it asked for.
    pub(crate) fn failed(&self, pass: Pass, asked: Option<Duration>) {
        let mut state = self.state();
        let mut pause_after = asked.map(|asked| asked.min(LONGEST_ASKED));
        if pass.pauses == state.pauses {
            state.failures = state.failures.saturating_add(1);
            state.open_until = None;
            pause_after = pause_after.max(state.failures.checked_sub(FAILURES).map(pause));
        }
        let until = pause_after.and_then(|pause| self.clock.now().checked_add(pause).ok());
        if until > state.open_until {
            state.open_until = until;
            state.pauses = state.pauses.wrapping_add(1);
        }
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

    fn ask(circuit: &Circuit) -> Result<(), Duration> {
        circuit.ask().map(drop)
    }

    /// A delivery that began after the last pause fails.
    fn fail(circuit: &Circuit, asked: Option<Duration>) {
        let pass = Pass { pauses: circuit.state().pauses };
        circuit.failed(pass, asked);
    }

    /// A platform that is down fails a whole batch. That is one reason for a pause, not ten.
    #[test]
    fn deliveries_that_fail_together_open_it_once() {
        let (circuit, clock) = circuit();
        let batch: Vec<Pass> = (0..10).map(|_| circuit.ask().unwrap()).collect();
        batch.iter().for_each(|pass| circuit.failed(*pass, None));
        assert_eq!(ask(&circuit), seconds(5));
        advance(&clock, FIRST_PAUSE);
        let trial = circuit.ask().unwrap();
        // Late, and during the trial.
        circuit.failed(batch[0], None);
        assert_eq!(ask(&circuit), Err(TIMEOUT));
        circuit.failed(trial, None);
        assert_eq!(ask(&circuit), seconds(10));
        // A pause that the platform asks for holds whoever hears of it.
        circuit.failed(batch[1], Some(Duration::from_secs(30)));
        assert_eq!(ask(&circuit), seconds(30));
        circuit.succeeded();
        circuit.failed(trial, None);
        assert_eq!(ask(&circuit), Ok(()));
    }

    #[test]
    fn it_opens_when_failures_come_in_a_row() {
        let (circuit, _) = circuit();
        for _ in 0..3 {
            for _ in 1..FAILURES {
                fail(&circuit, None);
                assert_eq!(ask(&circuit), Ok(()));
            }
            circuit.succeeded();
        }
        (0..FAILURES).for_each(|_| fail(&circuit, None));
        assert_eq!(ask(&circuit), seconds(5));
        assert_eq!(ask(&circuit.clone()), seconds(5), "a copy is the same circuit");
    }

    #[test]
    fn half_open_one_tries() {
        let (circuit, clock) = circuit();
        (0..FAILURES).for_each(|_| fail(&circuit, None));
        let mut waits = Vec::new();
        for _ in 0..6 {
            let Err(wait) = circuit.ask() else { panic!("it is open") };
            waits.push(wait.as_secs());
            advance(&clock, wait);
            assert_eq!(ask(&circuit), Ok(()));
            assert_eq!(ask(&circuit), Err(TIMEOUT), "another does not");
            fail(&circuit, None);
        }
        assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
        advance(&clock, LONGEST_PAUSE);
        assert_eq!(ask(&circuit), Ok(()));
        circuit.succeeded();
        assert_eq!([ask(&circuit), ask(&circuit)], [Ok(()), Ok(())]);
    }

    /// The trial delivery died.
    #[test]
    fn a_trial_without_an_end_is_followed_by_another() {
        let (circuit, clock) = circuit();
        (0..FAILURES).for_each(|_| fail(&circuit, None));
        advance(&clock, FIRST_PAUSE);
        assert_eq!(ask(&circuit), Ok(()));
        advance(&clock, TIMEOUT);
        assert_eq!(ask(&circuit), Ok(()));
    }

    #[test]
    fn what_a_platform_asks_for_holds_at_once_and_has_a_bound() {
        let (circuit, _) = circuit();
        fail(&circuit, Some(Duration::from_secs(30)));
        assert_eq!(ask(&circuit), seconds(30));
        fail(&circuit, Some(Duration::from_secs(1_000_000)));
        assert_eq!(ask(&circuit), seconds(900));
        // A shorter pause than our own has no effect.
        (0..10).for_each(|_| fail(&circuit, Some(Duration::from_secs(1))));
        assert_eq!(ask(&circuit), seconds(60));
    }
    /// A monotonic clock would not have moved while the environment was frozen.
    #[test]
    fn a_pause_ends_while_the_environment_is_frozen() {
        let (circuit, clock) = circuit();
        (0..20).for_each(|_| fail(&circuit, None));
        assert_eq!(ask(&circuit), seconds(60));
        advance(&clock, Duration::from_secs(3_600));
        assert_eq!(ask(&circuit), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_prolong_a_pause() {
        let (circuit, clock) = circuit();
        fail(&circuit, Some(Duration::from_secs(30)));
        clock.fetch_sub(7 * 24 * 3_600 * 1_000, Ordering::SeqCst);
        assert_eq!(ask(&circuit), Ok(()));
    }
}
