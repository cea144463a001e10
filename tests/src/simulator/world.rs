//! The world of a run: the table, the message bus, the external systems, and the instances of functions that come and
//! go.

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
    connection::{Connection, Death, Invocation},
    exports,
    known::Known,
    message_bus::MessageBus,
    mutants::{Mutant, ProviderBug},
    outside::Outside,
    plan::{FaultKind, Plan, pick},
    provider::{self, PaymentProvider},
    settings::RunSettings,
    shape::Shape,
    table::Table,
    trace::Trace,
};
use crate::{TABLE, fakes::bucket::Bucket, limits::Chance, permissions::running_as, shop::random};

/// The least outage of a service: longer than the relay's retry budget.
const OUTAGE_SECONDS: u64 = 10;

/// The most idle instances that are kept.
const MOST_IDLE: usize = 4;

/// An instance of the functions: its own memory, its own clock.
pub(super) struct Instance {
    number: u32,
    pub(super) shop: Arc<Shop>,
    pub(super) connection: Connection,
}

pub(super) struct Inner {
    seed: u64,
    faults: Vec<FaultKind>,
    /// Whether a sequential client waits for all consequences of each request.
    pub(super) is_sequential: bool,
    /// The initial content.
    pub(super) shape: Shape,
    /// The bounds and rules of the shop.
    pub(super) settings: RunSettings,
    mutant: Option<Mutant>,
    planted: AtomicU64,
    began: Instant,
    first_instant: Timestamp,
    pub(super) table: Table,
    pub(super) bus: MessageBus,
    /// The files of exports.
    pub(super) bucket: Bucket,
    pub(super) outside: Outside,
    pub(super) provider: PaymentProvider,
    pub(super) trace: Trace,
    pub(super) known: Mutex<Known>,
    idle: Mutex<Vec<Instance>>,
    instances: AtomicU32,
    busy: AtomicU32,
    calls: AtomicU64,
    /// The number of possible leaks by functions: one died, or the answer to a reservation or an allocation got lost.
    leaks: AtomicU32,
    are_faults_off: AtomicBool,
    violations: Mutex<Vec<String>>,
}

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
        let began = Instant::now();
        Self(Arc::new(Inner {
            seed,
            faults: plan.faults.clone(),
            is_sequential: plan.is_sequential,
            shape: plan.shape,
            settings: plan.settings,
            mutant: plan.mutant,
            planted: AtomicU64::new(0),
            began,
            first_instant,
            table: Table::new(first_instant),
            bus: MessageBus::new(plan.settings.policy.hold),
            bucket: Bucket::default(),
            outside: Outside::default(),
            provider: PaymentProvider::new(Clock::new(move || first_instant + elapsed(began))),
            trace: Trace::new(is_traced),
            known: Mutex::default(),
            idle: Mutex::default(),
            instances: AtomicU32::new(0),
            busy: AtomicU32::new(0),
            calls: AtomicU64::new(0),
            leaks: AtomicU32::new(0),
            are_faults_off: AtomicBool::new(true),
            violations: Mutex::default(),
        }))
    }

    /// The faults that are injected at this time.
    pub(super) fn faults(&self) -> &[FaultKind] {
        if self.are_faults_off() { &[] } else { &self.faults }
    }

    /// Whether the run is one without faults.
    pub(super) fn has_no_faults(&self) -> bool {
        self.faults.is_empty()
    }

    /// Whether this fault is injected now and then.
    pub(super) fn injects(&self, kind: FaultKind) -> bool {
        self.faults().contains(&kind)
    }

    /// Switches all faults off or on, and returns whether they were off before.
    pub(super) fn set_faults_off(&self, are_faults_off: bool) -> bool {
        self.are_faults_off.swap(are_faults_off, Ordering::SeqCst)
    }

    /// The outcome of work without faults.
    pub(super) async fn without_faults<T>(&self, work: impl Future<Output = T>) -> T {
        let were_off = self.set_faults_off(true);
        let done = work.await;
        self.set_faults_off(were_off);
        done
    }

    /// Whether faults are off.
    pub(super) fn are_faults_off(&self) -> bool {
        self.are_faults_off.load(Ordering::SeqCst)
    }

    /// Whether a service is down: it is for a tenth of the time.
    pub(super) fn is_down(&self, kind: FaultKind) -> bool {
        self.injects(kind) && Chance::new(self.outage()).below(10) == 0
    }

    /// Whether a queue that the relay fills is down. It has outages of its own, in runs in which the bus has some.
    pub(super) fn is_queue_down(&self, name: &str) -> bool {
        let salt = name.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        self.injects(FaultKind::BusDown) && Chance::new(self.outage() ^ salt).below(10) == 0
    }

    /// The seed of the outages of this moment.
    fn outage(&self) -> u64 {
        let turn = self.began.elapsed().as_secs() / OUTAGE_SECONDS;
        self.seed ^ turn.wrapping_mul(0x9E37)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.first_instant + elapsed(self.began)
    }

    /// The instant so long after the beginning.
    pub(super) fn at(&self, elapsed: Duration) -> Timestamp {
        self.first_instant + SignedDuration::try_from(elapsed).unwrap()
    }

    /// The greatest age of a product's name without a condition that asserts it.
    pub(super) fn oldest_name(&self) -> Duration {
        Duration::try_from(self.settings.bounds.product_age).unwrap()
    }

    /// The greatest age of recent stock.
    pub(super) fn oldest_stock(&self) -> Duration {
        Duration::try_from(self.settings.bounds.recent_age).unwrap()
    }

    /// Chance of its own for something with a name. The name is a part of the seed: with another name a seed is another
    /// run.
    pub(super) fn chance_of(&self, name: &str) -> Chance {
        let name = name
            .bytes()
            .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3));
        Chance::new(self.seed ^ name)
    }

    /// Notes a violation.
    pub(super) fn report_violation(&self, what: String) {
        self.trace.note("VIOLATION", || what.clone());
        self.violations.lock().unwrap().push(what);
    }

    /// The violations so far.
    pub(super) fn violations(&self) -> Vec<String> {
        self.violations.lock().unwrap().clone()
    }

    /// The number of calls carried out.
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Notes that a function may have leaked units or tickets.
    pub(super) fn note_leak(&self) {
        self.leaks.fetch_add(1, Ordering::SeqCst);
    }

    /// The number of such notes.
    pub(super) fn leaks(&self) -> u32 {
        self.leaks.load(Ordering::SeqCst)
    }

    /// Whether a bug is planted.
    pub(super) fn is_mutant(&self) -> bool {
        self.mutant.is_some()
    }

    /// The planted bug in the dealings with the payment provider, if there is one.
    pub(super) fn provider_bug(&self) -> Option<ProviderBug> {
        self.mutant.and_then(|mutant| mutant.provider_bug())
    }

    /// Changes an answer by the planted bug.
    pub(super) fn change_answer(&self, request: &Value, answer: &mut Value) {
        self.plant(answer, |mutant, answer| mutant.change_answer(request, answer));
    }

    /// Counts a call, and changes it by the planted bug.
    pub(super) fn count_call(&self, operation: &str, body: &mut Value) {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        self.plant(body, |mutant, body| mutant.change(operation, number, body));
    }

    fn plant(&self, what: &mut Value, change: impl FnOnce(Mutant, &mut Value)) {
        if let Some(mutant) = self.mutant {
            let before = what.clone();
            change(mutant, what);
            self.planted.fetch_add(u64::from(before != *what), Ordering::SeqCst);
        }
    }

    /// The number of calls and answers that the planted bug has changed.
    pub(super) fn planted(&self) -> u64 {
        self.planted.load(Ordering::SeqCst)
    }

    /// Whether the stream's readers have handled every change.
    pub(super) fn is_read(&self) -> bool {
        let changes = self.table.changes_so_far();
        self.known.lock().unwrap().behind.values().all(|&(read, behind)| read == changes && behind == 0)
    }

    /// The number of running invocations.
    pub(super) fn busy(&self) -> u32 {
        self.busy.load(Ordering::SeqCst)
    }

    /// Lets an instance do work, for at most `limit`; `None` if it dies. Its memory is lost then.
    pub(super) async fn invoke<T, F: Future<Output = T>>(
        &self,
        name: String,
        mut chance: Chance,
        limit: Duration,
        work: impl FnOnce(Arc<Shop>, Connection) -> F,
    ) -> Option<T> {
        let instance = self.instance(&mut chance);
        // A request's own function takes over from its client.
        let function = name.split(' ').next().unwrap_or_default().to_owned();
        let name = format!("{name}@{}", instance.number);
        let death = (self.injects(FaultKind::Deaths) && chance.below(12) == 0)
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
            outcome = timeout(limit, running_as(&function, work(Arc::clone(&instance.shop), instance.connection.clone()))) => outcome.ok(),
        };
        self.busy.fetch_sub(1, Ordering::SeqCst);
        if outcome.is_some() {
            let mut idle = self.idle.lock().unwrap();
            if idle.len() < MOST_IDLE {
                idle.push(instance);
            }
        } else {
            self.note_leak();
            self.trace.note(&name, || "is dead".to_owned());
        }
        outcome
    }

    /// Drops the instances: they and the world would keep each other alive.
    pub(super) fn close(&self) {
        self.idle.lock().unwrap().clear();
    }

    /// An idle instance; now and then a new one, though there are others.
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
        let clock = Clock::new(move || first + elapsed(began) + skew);
        let table = store::Table::new(connection.dynamodb(), TABLE.to_owned(), random.clone());
        let RunSettings { bounds, policy, .. } = self.settings;
        let bounds = self.mutant.map_or(bounds, |mutant| mutant.turn(bounds));
        let policy = self.mutant.map_or(policy, |mutant| mutant.turn_policy(policy));
        let shop = Shop::within(bounds, table, clock, random, policy)
            .with_provider(Some(provider::adapter(&connection)))
            .with_files(Some(exports::files(&connection)));
        Instance { number, shop: Arc::new(shop), connection }
    }
}

fn elapsed(since: Instant) -> SignedDuration {
    SignedDuration::try_from(since.elapsed()).unwrap()
}
