//! The plan of a run, made from its seed beforehand, so that parts of it can be left out.

use std::time::Duration;

use super::{mutants::Mutant, settings::RunSettings, shape::Shape};
use crate::limits::Chance;

/// A kind of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// A transaction meets another one.
    Conflicts,
    Throttles,
    /// A transaction is refused as being in progress.
    InProgress,
    /// DynamoDB answers 500, having done the work or not.
    ServerErrors,
    /// A connection breaks, before the request arrives or with the answer on its way.
    LostCalls,
    /// A request arrives late, perhaps after its caller has given up.
    LateCalls,
    /// A batch of reads leaves keys unprocessed.
    UnprocessedKeys,
    /// An eventually consistent read sees the past.
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
    StreamFaults,
    /// The bus refuses entries, or is down. So does each queue that the relay fills, at times of its own.
    BusDown,
    /// The data platform refuses, or does not answer.
    PlatformDown,
    /// Messages come twice. Messages that a sweep makes up for may be lost.
    MessageFaults,
    /// A query ends before its limit, like one that has read a megabyte.
    ShortPages,
    /// The payment provider fails, is silent, slow or late, or refuses.
    ProviderFaults,
    /// Notices of the payment provider are lost, come twice, or late.
    NoticeFaults,
}

impl FaultKind {
    pub const ALL: [Self; 19] = [
        Self::Conflicts,
        Self::Throttles,
        Self::InProgress,
        Self::ServerErrors,
        Self::LostCalls,
        Self::LateCalls,
        Self::UnprocessedKeys,
        Self::StaleReads,
        Self::Deaths,
        Self::Skew,
        Self::LostAnswers,
        Self::DoubleClicks,
        Self::StreamFaults,
        Self::BusDown,
        Self::PlatformDown,
        Self::MessageFaults,
        Self::ShortPages,
        Self::ProviderFaults,
        Self::NoticeFaults,
    ];
}

/// One operation at its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its index in the whole plan.
    pub number: usize,
    /// Its time after the beginning.
    pub at: Duration,
    /// The scope of its operation.
    pub theme: Theme,
    /// The seed that chooses its operation.
    pub operation: u64,
    /// The seed of all other chance in it.
    pub seed: u64,
}

/// The scope of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Anything.
    All,
    /// One product, which sells all the time and is changed now and then.
    Product(usize),
    /// One user, who trades all the time and is suspended or withdrawn now and then.
    User(usize),
    /// Payments from outside.
    Payments,
    /// Deliveries, claims and people.
    Claims,
    /// The waiting lines of drops.
    Drops,
    /// Crowds for the coupons of campaigns.
    Coupons,
    /// The sales and offers of many products.
    Products,
}

/// The plan of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The seed of the plan.
    pub seed: u64,
    /// The steps, in the order of time.
    pub steps: Vec<Step>,
    /// The faults that are injected now and then.
    pub faults: Vec<FaultKind>,
    /// Whether the steps are taken one after the other, with each answer compared with the reference. Otherwise all are
    /// taken at their times.
    pub is_sequential: bool,
    /// The initial content.
    pub shape: Shape,
    /// The bounds and rules of the shop.
    pub settings: RunSettings,
    /// The bug that was planted, if any.
    pub mutant: Option<Mutant>,
}

/// The times between two crowds of steps: a moment, the wait of a sweep, and just less than a hold or an order sheet
/// lasts.
const GAPS_MS: [u64; 8] = [200, 200, 3_000, 3_000, 40_000, 130_000, 599_000, 1_799_000];

/// In a run that spans hours: also the life of a product's cache entry, and the times between two rebuilds and two
/// days. Instances stay warm meanwhile.
const LONG_GAPS_MS: [u64; 8] = [200, 3_000, 20_000, 61_000, 599_000, 3_600_000, 22_000_000, 43_200_000];

/// One of so many plans is for a sequential client.
const SEQUENTIAL: u64 = 8;

/// One of so many plans has a trickle of a product's sales, and one has a trickle of a user's operations.
const TRICKLES: u64 = 14;

/// Two of so many plans are about deliveries, claims and people, one is about drops, and one about coupons.
const THEMES: u64 = 8;

impl Plan {
    /// The plan of a seed: crowds of steps within a moment, with quieter times between, and three quarters of all
    /// faults.
    pub fn of(seed: u64) -> Self {
        let mut chance = Chance::new(seed ^ 0x51D5_EED5);
        let mut faults: Vec<FaultKind> = FaultKind::ALL.into_iter().filter(|_| chance.below(4) > 0).collect();
        // Some plans have no faults: a failure of theirs is simpler to understand.
        if chance.below(16) == 0 {
            faults.clear();
        }
        let shape = Shape::generate(&mut chance);
        let settings = RunSettings::generate(&mut chance, &shape);
        let gaps_ms = if chance.below(5) == 0 { LONG_GAPS_MS } else { GAPS_MS };
        // The larger the shop, the more goes on in it.
        let most = 9 * u64::try_from(shape.users.len()).unwrap() / 4;
        let theme = match chance.below(THEMES) {
            0 | 1 => Theme::Claims,
            2 => Theme::Drops,
            3 => Theme::Coupons,
            _ => Theme::All,
        };
        let mut steps = Vec::new();
        let mut at_ms = 0;
        for _ in 0..3 + chance.below(3) {
            let crowd_ms = [5, 40, 400, 4_000][pick(&mut chance, 4)];
            // Now and then all operations of a crowd are the same, or two are.
            let few = [chance.bits(), chance.bits()];
            let few = few.get(..[1, 2, 0][pick(&mut chance, 3)]).unwrap_or_default();
            for _ in 0..2 + chance.below(most) {
                let at = Duration::from_millis(at_ms + chance.below(crowd_ms));
                let operation = if few.is_empty() { chance.bits() } else { few[pick(&mut chance, few.len())] };
                steps.push(Step { number: 0, at, theme, operation, seed: chance.bits() });
            }
            at_ms += gaps_ms[pick(&mut chance, gaps_ms.len())];
        }
        if theme != Theme::All {
            // A claim takes six steps after each other, and a turn comes a second after an entry.
            steps.extend(trickle(&mut chance, theme, at_ms, 300_000));
        }
        if chance.below(TRICKLES) == 0 {
            let theme = Theme::Product(pick(&mut chance, shape.products.len()));
            let age = u64::try_from(settings.bounds.product_age.as_millis()).unwrap();
            steps.extend(trickle(&mut chance, theme, at_ms, 3 * age));
        }
        if chance.below(TRICKLES) == 0 {
            let theme = Theme::User(pick(&mut chance, shape.users.len()));
            steps.extend(trickle(&mut chance, theme, at_ms, 10_000));
        }
        steps.sort_by_key(|step| step.at);
        steps.iter_mut().zip(0..).for_each(|(step, number)| step.number = number);
        Self { seed, steps, faults, is_sequential: seed % SEQUENTIAL == SEQUENTIAL - 1, shape, settings, mutant: None }
    }
}

/// A subject that most steps of a run are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Subject {
    /// Deliveries, claims and people.
    Claims,
    /// Crowds for the coupons of campaigns.
    Coupons,
    /// The waiting lines of drops.
    Drops,
    /// Payments from outside.
    Payments,
    /// The sales and offers of many products.
    Products,
}

/// The times between two crowds of steps about products: a moment, and the waits of a sweep.
const PRODUCT_GAPS_MS: [u64; 6] = [200, 300, 3_000, 3_000, 40_000, 130_000];

/// The times between two crowds of steps about coupons: a moment, and the waits of a sweep.
const COUPON_GAPS_MS: [u64; 6] = [200, 300, 500, 3_000, 40_000, 130_000];

/// The times between two crowds of steps about drops: a moment, steps of a line, and about a turn.
const DROP_GAPS_MS: [u64; 6] = [200, 1_000, 1_500, 3_000, 40_000, 125_000];

/// The times between two crowds of steps about payments: a moment, the wait of a sweep, and longer than most holds.
const PAYMENT_GAPS_MS: [u64; 6] = [200, 3_000, 10_000, 40_000, 130_000, 700_000];

impl Plan {
    /// The plan of a seed with most steps about a subject.
    pub fn about(subject: Subject, seed: u64) -> Self {
        let plan = match subject {
            Subject::Claims => Self::about_claims(seed),
            Subject::Coupons => Self::with_crowds(seed, Theme::Coupons, 0x00C0_0904, 6, &COUPON_GAPS_MS),
            Subject::Drops => Self::with_crowds(seed, Theme::Drops, 0x0000_D409, 2, &DROP_GAPS_MS),
            Subject::Products => Self::with_crowds(seed, Theme::Products, 0x0009_4096, 2, &PRODUCT_GAPS_MS),
            Subject::Payments => {
                let plan = Self::with_crowds(seed, Theme::Payments, 0x0000_BA9C, 3, &PAYMENT_GAPS_MS);
                Self { is_sequential: false, ..plan }
            }
        };
        let small = Shape { wealth: 10, ..Shape::small() };
        match subject {
            Subject::Coupons => {
                let shape = Shape { users: Shape::crowd(), most_coupons: 12, ..small };
                Self { shape, settings: plan.settings.growing_to(12), ..plan }
            }
            Subject::Products => {
                let mut settings = plan.settings;
                settings.bounds.expired_page = 1;
                Self { shape: Shape { products: Shape::many_products(), ..small }, settings, ..plan }
            }
            Subject::Claims | Subject::Drops | Subject::Payments => Self { shape: small, ..plan },
        }
    }

    /// The plan of a seed with steps of a theme, at once and one after the other: one of so many begins another crowd.
    fn with_crowds(seed: u64, theme: Theme, salt: u64, crowd: u64, gaps_ms: &[u64]) -> Self {
        let plan = Self::of(seed);
        let mut chance = Chance::new(seed ^ salt);
        let (mut steps, mut at_ms) = (Vec::new(), 0);
        for number in 0..60 + pick(&mut chance, 60) {
            if chance.below(crowd) == 0 {
                at_ms += gaps_ms[pick(&mut chance, gaps_ms.len())];
            }
            let at = Duration::from_millis(at_ms + chance.below(4));
            let (operation, seed) = (chance.bits(), chance.bits());
            steps.push(Step { number, at, theme, operation, seed });
        }
        steps.sort_by_key(|step| step.at);
        Self { steps, ..plan }
    }
}

/// The times between two crowds of steps about claims: a moment, a delivery, and the ends of short windows.
const CLAIM_GAPS_MS: [u64; 6] = [200, 200, 3_000, 40_000, 400_000, 1_000_000];

impl Plan {
    /// The plan of a seed with most steps about deliveries, claims and people.
    fn about_claims(seed: u64) -> Self {
        let plan = Self::of(seed);
        let mut chance = Chance::new(seed ^ 0x000C_1A13);
        let (mut steps, mut at_ms, mut operation) = (Vec::new(), 0, 0);
        for number in 0..50 + pick(&mut chance, 50) {
            // Now and then two do the same at once.
            if chance.below(4) > 0 {
                operation = chance.bits();
                at_ms += if chance.below(3) == 0 { CLAIM_GAPS_MS[pick(&mut chance, CLAIM_GAPS_MS.len())] } else { 40 };
            }
            let at = Duration::from_millis(at_ms + chance.below(4));
            steps.push(Step { number, at, theme: Theme::Claims, operation, seed: chance.bits() });
        }
        steps.sort_by_key(|step| step.at);
        Self { steps, ..plan }
    }
}

/// Steps one by one, so dense that functions hardly ever lose the product from their caches.
fn trickle(chance: &mut Chance, theme: Theme, from_ms: u64, length_ms: u64) -> Vec<Step> {
    let count = 30 + chance.below(20);
    let at = |chance: &mut Chance| Duration::from_millis(from_ms + chance.below(length_ms));
    (0..count)
        .map(|_| Step { number: 0, at: at(chance), theme, operation: chance.bits(), seed: chance.bits() })
        .collect()
}

/// An index into a list of `length`, which is above 0.
pub(super) fn pick(chance: &mut Chance, length: usize) -> usize {
    usize::try_from(chance.below(u64::try_from(length).unwrap())).unwrap()
}
