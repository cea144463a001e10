//! What a run is going to do, drawn up from its seed beforehand, so that parts of it can be left out.

use std::time::Duration;

use super::mutants::Mutant;
use crate::limits::Chance;

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// A transaction meets another one.
    Conflicts,
    /// DynamoDB has too much to do.
    Throttles,
    /// A transaction is told that it is in progress.
    InProgress,
    /// DynamoDB answers 500, having done the work or not.
    ServerErrors,
    /// A connection breaks, before the request arrives or with the answer on its way.
    LostCalls,
    /// A request arrives late, perhaps when nobody waits for its answer any more.
    LateCalls,
    /// A batch of reads leaves something over.
    LeftOvers,
    /// A read that need not be strong sees the past.
    StaleReads,
    /// A function dies at a call, before it is sent or after it was carried out.
    Deaths,
    /// The clocks of functions are up to 5 s wrong.
    Skew,
    /// An answer does not reach the client.
    LostAnswers,
    /// A client sends a request twice at once.
    DoubleClicks,
    /// The stream's records come late, again, and in other batches.
    StreamTrouble,
    /// The bus refuses entries, or is down.
    BusDown,
    /// The data platform refuses, or does not answer.
    PlatformDown,
    /// Messages come twice; those that the sweep makes up for, perhaps never.
    MessageTrouble,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Conflicts,
        Self::Throttles,
        Self::InProgress,
        Self::ServerErrors,
        Self::LostCalls,
        Self::LateCalls,
        Self::LeftOvers,
        Self::StaleReads,
        Self::Deaths,
        Self::Skew,
        Self::LostAnswers,
        Self::DoubleClicks,
        Self::StreamTrouble,
        Self::BusDown,
        Self::PlatformDown,
        Self::MessageTrouble,
    ];
}

/// Something that somebody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its place in the whole plan.
    pub number: usize,
    /// When, after the beginning.
    pub at: Duration,
    /// What it is: chance chooses by it among what can be done.
    pub what: u64,
    /// What all other chance in it begins with.
    pub seed: u64,
}

/// The plan of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What it was drawn up from.
    pub seed: u64,
    /// What is done, in the order of time.
    pub steps: Vec<Step>,
    /// What goes wrong now and then.
    pub faults: Vec<FaultKind>,
    /// Whether the steps are taken one after the other, each answer held against the reference; else all at their times.
    pub is_alone: bool,
    /// The bug that was planted, if any.
    pub mutant: Option<Mutant>,
}

/// What lies between two crowds of steps: a moment, what a sweep waits, just less than a hold lasts, or an order sheet.
const GAPS_MS: [u64; 8] = [200, 200, 3_000, 3_000, 40_000, 130_000, 599_000, 1_799_000];

/// Of so many plans one is for a client who is alone.
const ALONE: u64 = 8;

impl Plan {
    /// The plan of a seed: crowds of steps within a moment, with quieter times between; three quarters of all faults.
    pub fn of(seed: u64) -> Self {
        let mut chance = Chance::new(seed ^ 0x51D5_EED5);
        let mut faults: Vec<FaultKind> = FaultKind::ALL.into_iter().filter(|_| chance.below(4) > 0).collect();
        // Now and then all goes well: what fails then is simpler to understand.
        if chance.below(16) == 0 {
            faults.clear();
        }
        let mut steps = Vec::new();
        let mut at_ms = 0;
        for _ in 0..3 + chance.below(3) {
            let crowd_ms = [5, 40, 400][pick(&mut chance, 3)];
            // Now and then all of a crowd do the same, or one of two things.
            let few = [chance.bits(), chance.bits()];
            let few = few.get(..[1, 2, 0][pick(&mut chance, 3)]).unwrap_or_default();
            for _ in 0..2 + chance.below(9) {
                let at = Duration::from_millis(at_ms + chance.below(crowd_ms));
                let what = if few.is_empty() { chance.bits() } else { few[pick(&mut chance, few.len())] };
                steps.push(Step { number: 0, at, what, seed: chance.bits() });
            }
            at_ms += GAPS_MS[pick(&mut chance, GAPS_MS.len())];
        }
        steps.sort_by_key(|step| step.at);
        steps.iter_mut().zip(0..).for_each(|(step, number)| step.number = number);
        Self { seed, steps, faults, is_alone: seed % ALONE == ALONE - 1, mutant: None }
    }
}

/// A place in a list of `length`, which is above 0.
pub(super) fn pick(chance: &mut Chance, length: usize) -> usize {
    usize::try_from(chance.below(u64::try_from(length).unwrap())).unwrap()
}
