//! The world of a run: the table, the mail, what lies outside, and the instances of functions that come and go.

use std::{
    fmt,
    future::Future,
    ops::Deref,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use shared::{app::Shop, platform::Clock, store};
use tokio::time::{Instant, timeout};

use super::{
    clients::Known,
    connection::{Connection, Death, Invocation},
    knobs::Knobs,
    mail::Mail,
    mutants::Mutant,
    outside::Outside,
    plan::{FaultKind, Plan, pick},
    shape::Shape,
    table::Table,
    trace::Trace,
};
use crate::{TABLE, limits::Chance, shop::random};

/// How long a service is down at least: longer than the relay has patience.
const OUTAGE_SECONDS: u64 = 10;

/// How many idle instances are kept.
const MOST_IDLE: usize = 4;

/// An instance of the functions: its own memory, its own clock.
pub(super) struct Instance {
    number: u32,
    pub(super) shop: Arc<Shop>,
    pub(super) connection: Connection,
}

/// The content.
pub(super) struct Inner {
    seed: u64,
    faults: Vec<FaultKind>,
    /// Whether somebody waits for everything that follows from what was asked.
    pub(super) is_alone: bool,
    /// The initial content.
    pub(super) shape: Shape,
    /// The bounds and rules of the shop.
    pub(super) knobs: Knobs,
    mutant: Option<Mutant>,
    began: Instant,
    first_instant: Timestamp,
    pub(super) table: Table,
    pub(super) mail: Mail,
    pub(super) outside: Outside,
    pub(super) trace: Trace,
    pub(super) known: Mutex<Known>,
    idle: Mutex<Vec<Instance>>,
    instances: AtomicU32,
    busy: AtomicU32,
    calls: AtomicU64,
    /// How often a function may have left something in its hands: it died, or a draw of it got lost.
    left_overs: AtomicU32,
    is_calm: AtomicBool,
    wrong: Mutex<Vec<String>>,
}

/// A handle of it.
#[derive(Clone)]
pub(super) struct World(Arc<Inner>);

impl Deref for World {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}

impl World {
    /// An empty world, shortly before midnight.
    pub(super) fn new(plan: &Plan, is_traced: bool) -> Self {
        let seed = plan.seed;
        let mut chance = Chance::new(seed ^ 0x0077_081D);
        let before_midnight: Timestamp = "2026-11-20T14:45:00Z".parse().unwrap();
        let first_instant = before_midnight + SignedDuration::from_secs(i64::try_from(chance.below(900)).unwrap());
        Self(Arc::new(Inner {
            seed,
            faults: plan.faults.clone(),
            is_alone: plan.is_alone,
            shape: plan.shape,
            knobs: plan.knobs,
            mutant: plan.mutant,
            began: Instant::now(),
            first_instant,
            table: Table::new(),
            mail: Mail::new(plan.knobs.policy.hold),
            outside: Outside::default(),
            trace: Trace::new(is_traced),
            known: Mutex::default(),
            idle: Mutex::default(),
            instances: AtomicU32::new(0),
            busy: AtomicU32::new(0),
            calls: AtomicU64::new(0),
            left_overs: AtomicU32::new(0),
            is_calm: AtomicBool::new(true),
            wrong: Mutex::default(),
        }))
    }

    /// What goes wrong at this time.
    pub(super) fn faults(&self) -> &[FaultKind] {
        if self.is_calm() { &[] } else { &self.faults }
    }

    /// Whether this goes wrong now and then.
    pub(super) fn goes_wrong(&self, kind: FaultKind) -> bool {
        self.faults().contains(&kind)
    }

    /// From now on things go wrong, or nothing does; whether nothing did before.
    pub(super) fn set_calm(&self, is_calm: bool) -> bool {
        self.is_calm.swap(is_calm, Ordering::SeqCst)
    }

    /// What comes of this while nothing goes wrong.
    pub(super) async fn calmly<T>(&self, work: impl Future<Output = T>) -> T {
        let was_calm = self.set_calm(true);
        let done = work.await;
        self.set_calm(was_calm);
        done
    }

    /// Whether nothing goes wrong.
    pub(super) fn is_calm(&self) -> bool {
        self.is_calm.load(Ordering::SeqCst)
    }

    /// Whether a service is down for a while: a tenth of the time.
    pub(super) fn is_down(&self, kind: FaultKind) -> bool {
        let turn = self.began.elapsed().as_secs() / OUTAGE_SECONDS;
        self.goes_wrong(kind) && Chance::new(self.seed ^ turn.wrapping_mul(0x9E37)).below(10) == 0
    }

    /// The instant it is.
    pub(super) fn now(&self) -> Timestamp {
        self.first_instant + SignedDuration::try_from(self.began.elapsed()).unwrap()
    }

    /// The instant so long after the beginning.
    pub(super) fn at(&self, elapsed: Duration) -> Timestamp {
        self.first_instant + SignedDuration::try_from(elapsed).unwrap()
    }

    /// How old a product's name may be where nothing asserts it.
    pub(super) fn oldest_name(&self) -> Duration {
        Duration::try_from(self.knobs.bounds.product_age).unwrap()
    }

    /// The age of recent stock at most.
    pub(super) fn oldest_stock(&self) -> Duration {
        Duration::try_from(self.knobs.bounds.recent_age).unwrap()
    }

    /// Chance of its own for something with a name.
    pub(super) fn chance_of(&self, name: &str) -> Chance {
        let name = name
            .bytes()
            .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3));
        Chance::new(self.seed ^ name)
    }

    /// Notes that something is not as it must be.
    pub(super) fn report_violation(&self, what: String) {
        self.trace.note("WRONG", || what.clone());
        self.wrong.lock().unwrap().push(what);
    }

    /// What is not as it must be.
    pub(super) fn wrongs(&self) -> Vec<String> {
        self.wrong.lock().unwrap().clone()
    }

    /// How many calls were carried out.
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// A function may have left something in its hands.
    pub(super) fn note_left_over(&self) {
        self.left_overs.fetch_add(1, Ordering::SeqCst);
    }

    /// How often one may have.
    pub(super) fn left_overs(&self) -> u32 {
        self.left_overs.load(Ordering::SeqCst)
    }

    /// Whether a bug is planted.
    pub(super) fn is_mutant(&self) -> bool {
        self.mutant.is_some()
    }

    /// Changes an answer as the planted bug has it.
    pub(super) fn change_answer(&self, request: &Value, answer: &mut Value) {
        if let Some(mutant) = self.mutant {
            mutant.change_answer(request, answer);
        }
    }

    /// Counts a call, and changes it as the planted bug has it.
    pub(super) fn count_call(&self, operation: &str, body: &mut Value) {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        if let Some(mutant) = self.mutant {
            mutant.change(operation, number, body);
        }
    }

    /// Whether the stream's readers have handled all there is.
    pub(super) fn is_read(&self) -> bool {
        let changes = self.table.changes_so_far();
        self.known.lock().unwrap().behind.values().all(|&(read, behind)| read == changes && behind == 0)
    }

    /// How many invocations go on.
    pub(super) fn busy(&self) -> u32 {
        self.busy.load(Ordering::SeqCst)
    }

    /// Lets an instance do something that may take so long: nothing where it dies of it. Then what it remembered is lost.
    pub(super) async fn invoke<T, F: Future<Output = T>>(
        &self,
        name: String,
        mut chance: Chance,
        limit: Duration,
        work: impl FnOnce(Arc<Shop>, Connection) -> F,
    ) -> Option<T> {
        let instance = self.instance(&mut chance);
        let name = format!("{name}@{}", instance.number);
        let death = (self.goes_wrong(FaultKind::Deaths) && chance.below(12) == 0)
            .then(|| Death { call: 1 + u32::try_from(chance.below(6)).unwrap(), after: chance.below(2) == 0 });
        let is_unlucky = chance.below(16) == 0;
        instance.connection.begin(Invocation {
            name: name.clone(),
            chance,
            death,
            calls: 0,
            is_unlucky,
            began: Instant::now(),
        });
        self.busy.fetch_add(1, Ordering::SeqCst);
        let outcome = tokio::select! {
            biased;
            () = instance.connection.died() => None,
            outcome = timeout(limit, work(Arc::clone(&instance.shop), instance.connection.clone())) => outcome.ok(),
        };
        self.busy.fetch_sub(1, Ordering::SeqCst);
        if outcome.is_some() {
            let mut idle = self.idle.lock().unwrap();
            if idle.len() < MOST_IDLE {
                idle.push(instance);
            }
        } else {
            self.note_left_over();
            self.trace.note(&name, || "is dead".to_owned());
        }
        outcome
    }

    /// Lets go of the instances, which would keep the world, as it does them.
    pub(super) fn close(&self) {
        self.idle.lock().unwrap().clear();
    }

    /// An instance that does nothing at this time; now and then a new one, though there are others.
    fn instance(&self, chance: &mut Chance) -> Instance {
        let mut idle = self.idle.lock().unwrap();
        if !idle.is_empty() && chance.below(8) > 0 {
            // Often the one that has been frozen longest.
            let any = if chance.below(3) == 0 { 0 } else { pick(chance, idle.len()) };
            return idle.remove(any);
        }
        drop(idle);
        let number = self.instances.fetch_add(1, Ordering::SeqCst);
        let connection = Connection::new(self.clone());
        let mut chance = self.chance_of(&format!("instance {number}"));
        let random = random(chance.bits());
        let skew_ms = if self.faults.contains(&FaultKind::Skew) { chance.below(10_001) } else { 5_000 };
        let skew = SignedDuration::from_millis(i64::try_from(skew_ms).unwrap() - 5_000);
        let (began, first) = (self.began, self.first_instant);
        let clock = Clock::new(move || first + SignedDuration::try_from(began.elapsed()).unwrap() + skew);
        let table = store::Table::new(connection.dynamodb(), TABLE.to_owned(), random.clone());
        let Knobs { bounds, policy, .. } = self.knobs;
        let bounds = self.mutant.map_or(bounds, |mutant| mutant.turn(bounds));
        Instance { number, shop: Arc::new(Shop::within(bounds, table, clock, random, policy)), connection }
    }
}
