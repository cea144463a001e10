//! What a run is going to do, drawn up from its seed beforehand, so that parts of it can be left out.

use std::time::Duration;

use super::{knobs::Knobs, mutants::Mutant, shape::Shape};
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
    /// A query ends before its limit, as one does that has read a megabyte.
    ShortPages,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 17] = [
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
        Self::ShortPages,
    ];
}

/// Something that somebody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its place in the whole plan.
    pub number: usize,
    /// When, after the beginning.
    pub at: Duration,
    /// Of what it is.
    pub theme: Theme,
    /// What it is: chance chooses by it among what can be done.
    pub what: u64,
    /// What all other chance in it begins with.
    pub seed: u64,
}

/// What steps are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Anything.
    All,
    /// One product, which sells and sells, while now and then something is changed of it.
    Product(usize),
    /// One user, who trades and trades, and now and then may not.
    User(usize),
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
    /// The initial content.
    pub shape: Shape,
    /// The bounds and rules of the shop.
    pub knobs: Knobs,
    /// The bug that was planted, if any.
    pub mutant: Option<Mutant>,
}

/// What lies between two crowds of steps: a moment, what a sweep waits, just less than a hold lasts, or an order sheet.
const GAPS_MS: [u64; 8] = [200, 200, 3_000, 3_000, 40_000, 130_000, 599_000, 1_799_000];

/// In a run that spans hours: also what a product's cache entry lives, and the times between two rebuilds and two days.
/// Instances stay warm meanwhile.
const LONG_GAPS_MS: [u64; 8] = [200, 3_000, 20_000, 61_000, 599_000, 3_600_000, 22_000_000, 43_200_000];

/// Of so many plans one is for a client who is alone.
const ALONE: u64 = 8;

/// Of so many plans one has a trickle of a product's sales, and one of what a user does.
const TRICKLES: u64 = 14;

impl Plan {
    /// The plan of a seed: crowds of steps within a moment, with quieter times between; three quarters of all faults.
    pub fn of(seed: u64) -> Self {
        let mut chance = Chance::new(seed ^ 0x51D5_EED5);
        let mut faults: Vec<FaultKind> = FaultKind::ALL.into_iter().filter(|_| chance.below(4) > 0).collect();
        // Now and then all goes well: what fails then is simpler to understand.
        if chance.below(16) == 0 {
            faults.clear();
        }
        let shape = Shape::draw(&mut chance);
        let knobs = Knobs::draw(&mut chance, &shape);
        let gaps_ms = if chance.below(5) == 0 { LONG_GAPS_MS } else { GAPS_MS };
        // The larger the shop, the more goes on in it.
        let most = 9 * u64::try_from(shape.users.len()).unwrap() / 4;
        let mut steps = Vec::new();
        let mut at_ms = 0;
        for _ in 0..3 + chance.below(3) {
            let crowd_ms = [5, 40, 400, 4_000][pick(&mut chance, 4)];
            // Now and then all of a crowd do the same, or one of two things.
            let few = [chance.bits(), chance.bits()];
            let few = few.get(..[1, 2, 0][pick(&mut chance, 3)]).unwrap_or_default();
            for _ in 0..2 + chance.below(most) {
                let at = Duration::from_millis(at_ms + chance.below(crowd_ms));
                let what = if few.is_empty() { chance.bits() } else { few[pick(&mut chance, few.len())] };
                steps.push(Step { number: 0, at, theme: Theme::All, what, seed: chance.bits() });
            }
            at_ms += gaps_ms[pick(&mut chance, gaps_ms.len())];
        }
        if chance.below(TRICKLES) == 0 {
            let theme = Theme::Product(pick(&mut chance, shape.products.len()));
            let age = u64::try_from(knobs.bounds.product_age.as_millis()).unwrap();
            steps.extend(trickle(&mut chance, theme, at_ms, 3 * age));
        }
        if chance.below(TRICKLES) == 0 {
            let theme = Theme::User(pick(&mut chance, shape.users.len()));
            steps.extend(trickle(&mut chance, theme, at_ms, 10_000));
        }
        steps.sort_by_key(|step| step.at);
        steps.iter_mut().zip(0..).for_each(|(step, number)| step.number = number);
        Self { seed, steps, faults, is_alone: seed % ALONE == ALONE - 1, shape, knobs, mutant: None }
    }
}

/// Steps one by one, for a time: as long as what functions have cached of the product is hardly ever out of use.
fn trickle(chance: &mut Chance, theme: Theme, from_ms: u64, length_ms: u64) -> Vec<Step> {
    let count = 30 + chance.below(20);
    let at = |chance: &mut Chance| Duration::from_millis(from_ms + chance.below(length_ms));
    (0..count).map(|_| Step { number: 0, at: at(chance), theme, what: chance.bits(), seed: chance.bits() }).collect()
}

/// A place in a list of `length`, which is above 0.
pub(super) fn pick(chance: &mut Chance, length: usize) -> usize {
    usize::try_from(chance.below(u64::try_from(length).unwrap())).unwrap()
}
