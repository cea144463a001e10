//! Counts the consumption of an order, of a page and of an idle minute: the shipped handlers over the fakes.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws_lambda_events::sqs::SqsEvent;
use functions::{
    queue::{
        deliver_orders::{Answer, Circuit, Delivery, DeliveryWorker, Platform},
        update_desk,
    },
    schedule::{
        audit_books::Books,
        rebuild_sales,
        sweep::{self, Task},
        sweep_payments,
    },
    stream::{count_sales, relay_events::WorkQueue},
};
use jiff::SignedDuration;
use lambda_runtime::Error;
use serde_json::Value;
use shared::{
    app::{
        Bounds,
        rebuild::{Pace, Progress},
    },
    events::EventKind,
    platform::{Clock, Random},
};

use super::record::{Recorder, Written};
use crate::{
    Bus, Cost, TABLE, TestShop,
    fakes::{
        event_source::EventSource,
        parameters::ParameterStore,
        queue::{DeadLetterQueue, Waits, batch},
    },
    permissions::running_as,
    steps::wait,
    template::{Deployment, template},
};

/// The share of one order, or one run, in the work of a function.
#[derive(Debug, Clone, Default)]
pub struct Share {
    pub invocations: f64,
    pub write_units: f64,
    pub read_units: f64,
    pub log_bytes: f64,
    pub log_lines: f64,
}

/// The consumption of a paid order of one line.
#[derive(Debug, Clone, Default)]
pub struct OrderCount {
    /// By function.
    pub shares: BTreeMap<&'static str, Share>,
    /// The bytes of the answer's body.
    pub answer_bytes: f64,
    /// Events put on the bus, by kind.
    pub events: BTreeMap<String, f64>,
    /// Messages of the relay to the desk.
    pub desk_messages: f64,
}

/// The consumption of a minute in which nobody does anything, and of a night.
#[derive(Debug, Clone, Default)]
pub struct IdleCount {
    /// By function, or by function and schedule, one run of each.
    pub shares: BTreeMap<&'static str, Share>,
    /// Messages of the relay to the desk in each minute.
    pub desk_messages: f64,
    /// Metrics that are written in each idle minute.
    pub metrics: Vec<String>,
    /// Metrics that each night writes, with the hours in which it does.
    pub nightly: Vec<(String, f64)>,
}

/// The consumption of a page of 20 products.
#[derive(Debug, Clone, Default)]
pub struct PageCount {
    pub share: Share,
    pub answer_bytes: f64,
}

/// The products of the shop.
const PRODUCTS: u32 = 20;

/// A time after which the desk takes a heartbeat for come through.
const HEARTBEAT_WAIT_MS: i64 = 10_000;

/// Orders of a quiet shop: each is a batch of its own.
const QUIET: u32 = 20;

/// Orders of a busy shop: a full batch of each stream reader.
const BUSY: u32 = 100;

/// A shop, its stream readers and its log.
struct Bench<'r> {
    recorder: &'r Recorder,
    shop: TestShop,
    bus: Bus,
    relay: EventSource,
    sales: EventSource,
    dead_letters: DeadLetterQueue,
    /// The messages that the desk has handled.
    listed: usize,
}

impl<'r> Bench<'r> {
    async fn new(recorder: &'r Recorder) -> Self {
        let shop = TestShop::new();
        for product in 0..PRODUCTS {
            shop.product(&name_of(product), 10_000, 100_000).await;
        }
        let relay = EventSource::new("RelayEvents", shop.dynamo().clone());
        let sales = EventSource::new("CountSales", shop.dynamo().clone());
        let (bus, dead_letters) = (Bus::default(), DeadLetterQueue::default());
        Self { recorder, shop, bus, relay, sales, dead_letters, listed: 0 }
    }

    /// Runs a function, and returns its consumption.
    async fn measure<T>(&self, work: impl Future<Output = T>) -> (T, Cost, Written) {
        self.recorder.invocation(async {}).await;
        self.shop.meter().take();
        self.recorder.take();
        let result = work.await;
        (result, self.shop.meter().take(), self.recorder.take())
    }

    /// Lets both readers handle what is in the stream.
    async fn follow(&mut self, count: &mut OrderCount) {
        let relay = self.bus.relay(&self.dead_letters);
        let (bus, recorder, shop) = (self.bus.clone(), self.recorder, self.shop.clone());
        let mut source = std::mem::replace(&mut self.relay, EventSource::new("RelayEvents", shop.dynamo().clone()));
        let before = source.batches.len();
        let work = source.run(async |batch| recorder.invocation(bus.handle(&relay, batch)).await);
        let ((), cost, written) = self.measure(work).await;
        count.add("relay-events", source.batches.len() - before, cost, &written);
        self.relay = source;

        let dead_letters = self.dead_letters.of_stream();
        let mut source = std::mem::replace(&mut self.sales, EventSource::new("CountSales", shop.dynamo().clone()));
        let before = source.batches.len();
        let instance = shop.instance().clone();
        let (instance, dead_letters) = (&instance, &dead_letters);
        let work = source.run(async |batch| {
            let work = count_sales::handle(instance, dead_letters, batch);
            recorder.invocation(running_as("count-sales", work)).await
        });
        let ((), cost, written) = self.measure(work).await;
        count.add("count-sales", source.batches.len() - before, cost, &written);
        self.sales = source;
    }

    /// Lets the desk list what the relay has told it, so many messages at a time.
    async fn list(&mut self, at_a_time: usize, count: &mut OrderCount) {
        let messages = self.bus.messages(WorkQueue::Desk).split_off(self.listed);
        self.listed += messages.len();
        count.desk_messages += messages.len() as f64;
        let told = |message: &Value| Some((message["detail-type"].as_str()?.to_owned(), message["detail"].clone()));
        let told: Vec<(String, Value)> = messages.iter().filter_map(told).collect();
        let told: Vec<(&str, Value)> = told.iter().map(|(kind, detail)| (kind.as_str(), detail.clone())).collect();
        for messages in told.chunks(at_a_time) {
            // A message that is deferred comes again.
            for comes in 1.. {
                let (waits, batch) = (Waits::default(), batch("jangteo.orders", messages));
                let queue = waits.queue();
                let work = running_as("update-desk", update_desk::handle(self.shop.instance(), &queue, batch));
                let (answer, cost, written) = self.measure(self.recorder.invocation(work)).await;
                count.add("update-desk", 1, cost, &written);
                if answer.expect("an answer").batch_item_failures.is_empty() {
                    break;
                }
                assert!(comes < 3, "a message to the desk is deferred once");
                wait(&self.shop, HEARTBEAT_WAIT_MS);
            }
        }
    }

    /// Delivers the events that the rule of the data platform lets pass, so many at a time.
    async fn deliver(&self, entries: &[Value], at_a_time: usize, count: &mut OrderCount) {
        let (queue, dead_letters) = (Waits::default().queue(), self.dead_letters.queue());
        let signer = ParameterStore::default().signer(Clock::system());
        let worker =
            DeliveryWorker::new(Taking, signer, queue, dead_letters, Circuit::new(Clock::system()), Random::system());
        let wanted: Vec<(&str, Value)> = entries
            .iter()
            .filter_map(|entry| {
                let kind = entry["DetailType"].as_str()?;
                let detail = serde_json::from_str(entry["Detail"].as_str()?).ok()?;
                queues_of(kind).contains(&"DataPlatformQueue").then_some((kind, detail))
            })
            .collect();
        for events in wanted.chunks(at_a_time) {
            let events: SqsEvent = batch("jangteo.orders", events);
            let work = self.recorder.invocation(running_as("deliver-orders", worker.handle(events)));
            let (answer, cost, written) = self.measure(work).await;
            assert!(answer.expect("an answer").batch_item_failures.is_empty(), "everything is delivered");
            count.add("deliver-orders", 1, cost, &written);
        }
    }

    /// A new customer orders one unit, and pays from the balance.
    async fn order(&self, number: u32, count: &mut OrderCount) {
        let customer = format!("customer-{number:05}");
        self.shop.another_instance().customer(&customer, 1_000_000).await;
        let trace = "Root=1-5759e988-bd862e3fe1be46a994272793";
        let call = self.shop.order(&customer, &name_of(number % PRODUCTS), 1).header("x-amzn-trace-id", trace);
        let call = call.key(&format!("key-{number:032}"));
        let (answer, cost, written) = self.measure(self.recorder.invocation(call.into_future())).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        count.answer_bytes += answer.body.to_string().len() as f64;
        count.add("create-order", 1, cost, &written);
    }
}

/// A data platform that takes everything.
struct Taking;

impl Platform for Taking {
    async fn post(&self, _: Delivery) -> Result<Answer, Error> {
        Ok(Answer { status: 200, retry_after: None, said: String::new() })
    }
}

/// The queues that the bus's rules put an event of the shop into.
pub fn queues_of(kind: &str) -> Vec<&'static str> {
    let rules = everything().resources("AWS::Events::Rule").into_values();
    let wants = |rule: &&Value| {
        let pattern = &rule["EventPattern"];
        let kinds = pattern["detail-type"].as_array();
        pattern["source"][0] == "jangteo.orders" && kinds.is_none_or(|kinds| kinds.iter().any(|it| it == kind))
    };
    let targets = rules.filter(wants).flat_map(|rule| rule["Targets"].as_array().into_iter().flatten());
    targets.filter_map(|target| resource_of(&target["Arn"])).collect()
}

/// The work queue that the relay puts an event of the shop into itself.
pub fn work_queue_of(kind: &str) -> Option<&'static str> {
    let kind = EventKind::ALL.iter().find(|known| known.as_str() == kind)?;
    WorkQueue::of(*kind).map(WorkQueue::name)
}

/// The resource that an ARN names.
pub fn resource_of(arn: &Value) -> Option<&str> {
    arn["Fn::GetAtt"].as_str()?.split('.').next()
}

/// The stack with a data platform.
pub fn everything() -> Deployment {
    Deployment::with(&[("DataPlatformUrl", "https://data.example/orders")])
}

/// The most messages that Lambda hands to a function at once; `None` if no function reads the queue.
pub fn batch_of_queue(queue: &str) -> Option<usize> {
    let functions = template()["Resources"].as_object()?.values();
    let source = functions.map(|function| &function["Properties"]["Events"]["Queue"]["Properties"]);
    let mut source = source.filter(|source| resource_of(&source["Queue"]) == Some(queue));
    source.next().map(|source| usize::try_from(source["BatchSize"].as_u64().unwrap_or(10)).expect("a size"))
}

fn name_of(product: u32) -> String {
    format!("product-{product:02}")
}

impl OrderCount {
    fn add(&mut self, function: &'static str, invocations: usize, cost: Cost, written: &Written) {
        self.shares.entry(function).or_default().add(invocations, cost, written);
    }

    fn per(mut self, orders: u32) -> Self {
        let orders = f64::from(orders);
        self.shares.values_mut().for_each(|share| share.divide(orders));
        self.events.values_mut().for_each(|events| *events /= orders);
        self.answer_bytes /= orders;
        self.desk_messages /= orders;
        self
    }
}

impl Share {
    fn add(&mut self, invocations: usize, cost: Cost, written: &Written) {
        self.invocations += invocations as f64;
        self.write_units += cost.write_units;
        self.read_units += cost.read_units;
        self.log_bytes += written.bytes as f64;
        self.log_lines += written.lines as f64;
    }

    fn divide(&mut self, by: f64) {
        let Self { invocations, write_units, read_units, log_bytes, log_lines } = self;
        for part in [invocations, write_units, read_units, log_bytes, log_lines] {
            *part /= by;
        }
    }
}

/// A paid order of one line: in a quiet shop, and in a busy one. The product has sold before. The function has cached the
/// product, and has not seen the customer. The request has an idempotency key.
pub async fn order(recorder: &Recorder) -> (OrderCount, OrderCount) {
    let mut bench = Bench::new(recorder).await;
    let mut before = OrderCount::default();
    for number in 0..PRODUCTS {
        bench.order(number, &mut before).await;
    }
    bench.follow(&mut before).await;
    bench.list(1, &mut before).await;

    let (mut quiet, taken) = (OrderCount::default(), bench.bus.taken().len());
    for number in 1_000..1_000 + QUIET {
        bench.order(number, &mut quiet).await;
        bench.follow(&mut quiet).await;
        bench.list(1, &mut quiet).await;
    }
    let events = bench.bus.taken().split_off(taken);
    quiet.events = by_kind(&events);
    bench.deliver(&events, 1, &mut quiet).await;

    let (mut busy, taken) = (OrderCount::default(), bench.bus.taken().len());
    for number in 2_000..2_000 + BUSY {
        bench.order(number, &mut busy).await;
    }
    bench.follow(&mut busy).await;
    bench.list(batch_of_queue("Desk").expect("a function reads it"), &mut busy).await;
    let events = bench.bus.taken().split_off(taken);
    busy.events = by_kind(&events);
    bench.deliver(&events, batch_of_queue("DataPlatformQueue").expect("a function reads it"), &mut busy).await;
    (quiet.per(QUIET), busy.per(BUSY))
}

fn by_kind(entries: &[Value]) -> BTreeMap<String, f64> {
    let mut kinds = BTreeMap::new();
    for entry in entries {
        *kinds.entry(entry["DetailType"].as_str().expect("a kind").to_owned()).or_default() += 1.0;
    }
    kinds
}

/// A minute in which nothing happens, and a night.
pub async fn idle(recorder: &Recorder) -> IdleCount {
    let mut bench = Bench::new(recorder).await;
    bench.order(0, &mut OrderCount::default()).await;
    bench.follow(&mut OrderCount::default()).await;
    bench.list(1, &mut OrderCount::default()).await;
    let shop = bench.shop.clone();
    let instance = shop.instance().clone();
    let mut idle = IdleCount::default();

    idle.nightly = night(recorder, &bench, &instance, &mut idle).await;

    let work = recorder.invocation(running_as("sweep", sweep::run(&instance, &Task::ALL)));
    let (swept, cost, written) = bench.measure(work).await;
    swept.expect("a sweep ends");
    idle.add("sweep", 1, cost, &written);
    let work = recorder.invocation(running_as("sweep-payments", sweep_payments::run(&instance)));
    let (swept, cost, written) = bench.measure(work).await;
    swept.expect("a sweep ends");
    idle.add("sweep-payments", 1, cost, &written);
    // The first call of a day does it, and all others find it done.
    running_as("rebuild-sales", rebuild_sales::refresh(&instance)).await.expect("ranks are refreshed");
    let refresh = running_as("rebuild-sales", rebuild_sales::refresh(&instance));
    let (refreshed, cost, written) = bench.measure(recorder.invocation(refresh)).await;
    assert!(refreshed.expect("ranks are refreshed"), "nothing is left to refresh");
    idle.add("rebuild-sales EachMinute", 1, cost, &written);

    // It looks at queues without a message, and writes nothing.
    idle.shares.insert("watch", Share { invocations: 1.0, ..Share::default() });

    // The heartbeat of the sweep is in the stream.
    let mut beat = OrderCount::default();
    bench.follow(&mut beat).await;
    bench.list(1, &mut beat).await;
    for (function, share) in beat.shares {
        let seen = if function == "update-desk" { 2.0 } else { 1.0 };
        assert_eq!(share.invocations, seen, "{function} sees the heartbeat");
        idle.shares.insert(function, share);
    }
    idle.desk_messages = beat.desk_messages;
    idle
}

impl IdleCount {
    fn add(&mut self, name: &'static str, invocations: usize, cost: Cost, written: &Written) {
        self.shares.entry(name).or_default().add(invocations, cost, written);
        self.metrics.extend(written.metrics.iter().cloned());
    }
}

/// The audit is called for ten hours, once in five minutes.
const MINUTES_OF_AUDITS: u32 = 10 * 60;

/// The rebuild and the audit of a night. Returns their metrics. The rebuild reports in each call after its end: in three
/// hours, by the schedule.
async fn night(
    recorder: &Recorder,
    bench: &Bench<'_>,
    instance: &shared::app::Shop,
    idle: &mut IdleCount,
) -> Vec<(String, f64)> {
    let pace = Pace { settle: SignedDuration::ZERO, ..Pace::NIGHTLY };
    loop {
        let work = rebuild_sales::handle(instance, &pace, Duration::MAX);
        let (progress, ..) = bench.measure(recorder.invocation(running_as("rebuild-sales", work))).await;
        if matches!(progress.expect("the rebuild goes on"), Progress::Finished(_) | Progress::Resting(_)) {
            break;
        }
    }
    let work = rebuild_sales::handle(instance, &pace, Duration::MAX);
    let (_, cost, written) = bench.measure(recorder.invocation(running_as("rebuild-sales", work))).await;
    idle.shares.entry("rebuild-sales EachNight").or_default().add(1, cost, &written);
    let mut nightly: Vec<(String, f64)> = written.metrics.into_iter().map(|metric| (metric, 3.0)).collect();

    let mut hours: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    let mut later = Share::default();
    for minute in (0..MINUTES_OF_AUDITS).step_by(5) {
        let now = bench.shop.now() + SignedDuration::from_mins(minute.into());
        let books = Books::new(bench.shop.dynamo().client(), TABLE.to_owned(), Clock::new(move || now));
        let work = recorder.invocation(running_as("audit-books", books.audit()));
        let (audited, cost, written) = bench.measure(work).await;
        audited.expect("the books are audited");
        let share = if minute == 0 { idle.shares.entry("audit-books EachNight").or_default() } else { &mut later };
        share.add(1, cost, &written);
        for metric in written.metrics {
            hours.entry(metric).or_default().insert(minute / 60);
        }
    }
    later.divide(later.invocations);
    idle.shares.insert("audit-books UntilDone", later);
    nightly.extend(hours.into_iter().map(|(metric, hours)| (metric, hours.len() as f64)));
    nightly
}

/// A page of 20 products: with exact stock, as `?stock=recent` first, and again within the second.
pub async fn pages(recorder: &Recorder) -> [PageCount; 3] {
    let bench = Bench::new(recorder).await;
    let shop = bench.shop.another_instance_within(Bounds::PRODUCTION);
    // Lambda knows the products from another page.
    shop.get("/products?limit=20").await.expect(200);
    let paths = ["/products?limit=20", "/products?limit=20&stock=recent", "/products?limit=20&stock=recent"];
    let mut pages = Vec::new();
    for path in paths {
        let call = shop.get(path).header("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793");
        let (answer, cost, written) = bench.measure(recorder.invocation(call.into_future())).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let mut page = PageCount { answer_bytes: answer.body.to_string().len() as f64, ..PageCount::default() };
        page.share.add(1, cost, &written);
        pages.push(page);
    }
    pages.try_into().expect("three pages")
}
