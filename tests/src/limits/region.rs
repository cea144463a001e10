//! The limits of a region beside those of the table: concurrent executions of Lambda, rates of the bus, messages in
//! flight. The whole chain runs through them: orders, the stream with a shard for each partition, its two readers, the
//! bus, the queues and their workers, holds and sheets that end.
//!
//! The model and its assumptions, beside those of [`super`]:
//! - Requests come at a fixed rate. Each needs a free execution environment; without one it is refused.
//! - A new environment takes 300 ms to start. A free one is used first.
//! - Lambda polls each shard of the stream four times a second for each reader, gathers records for the template's batching
//!   window, and calls one function at a time with up to 100 of them.
//! - The bus refuses calls above its rate, and delays invocations of targets above theirs. An event takes 50 ms.
//! - A platform takes 100 ms for an event. The workers of a queue are as many as its event source has at most.
//! - Holds take ten seconds here, so that their ends come while orders still do.

use std::{
    collections::{BTreeMap, VecDeque, hash_map::DefaultHasher},
    fmt,
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture},
    orchestrator::HttpRequest,
};
use functions::{
    queue::process_expiry,
    schedule::sweep::{self, Task},
    stream::{count_sales, relay_events::Relay},
};
use serde_json::{Value, json};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{Bucket, Limits, Seen};
use crate::{
    TestShop,
    fakes::{
        dynamo,
        event_source::Settings,
        queue::{DeadLetterQueue, Waits, batch},
        wire, work_queues,
    },
    template::template,
};

/// The rates and numbers that an account has in a region.
#[derive(Debug, Clone, Copy)]
pub struct Quotas {
    pub executions: u64,
    /// Calls of PutEvents a second.
    pub bus_calls: u64,
    /// Invocations of targets of the bus a second.
    pub bus_invocations: u64,
    /// Messages in flight of one queue.
    pub in_flight: u64,
    /// Write units of a table a second.
    pub table_writes: u64,
    pub table_reads: u64,
}

impl Quotas {
    /// Those of a new account in Seoul.
    pub const SEOUL: Self = Self {
        executions: 1_000,
        bus_calls: 600,
        bus_invocations: 1_100,
        in_flight: 120_000,
        table_writes: 40_000,
        table_reads: 40_000,
    };
}

/// What customers do.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub orders_per_second: u32,
    pub sheets_per_second: u32,
    pub seconds: u32,
    pub products: usize,
    pub users: usize,
}

/// The longest and the usual of some delays.
#[derive(Debug, Clone, Default)]
pub struct Delays(Vec<Duration>);

impl Delays {
    fn note(&mut self, delay: Duration) {
        self.0.push(delay);
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The delay that this percentage did not exceed.
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default()
    }
}

/// How much of something was used in each second.
#[derive(Debug, Clone, Default)]
struct Rate(BTreeMap<u64, u64>);

impl Rate {
    fn add(&mut self, at: Duration, count: u64) {
        *self.0.entry(at.as_secs()).or_default() += count;
    }

    fn peak(&self) -> u64 {
        self.0.values().copied().max().unwrap_or(0)
    }
}

/// The use of a limit: the most in a second, or at a time.
#[derive(Debug, Clone)]
pub struct Usage {
    pub name: &'static str,
    pub limit: u64,
    pub most: u64,
}

impl Usage {
    pub fn percent(&self) -> u64 {
        self.most * 100 / self.limit.max(1)
    }
}

#[derive(Debug, Default)]
pub struct Outcome {
    pub orders: Delays,
    pub sheets: Delays,
    /// Requests without an execution environment, and answers with 503.
    pub refused: u64,
    pub busy: u64,
    /// From the commit of a change to its count, its event on the bus, and its delivery.
    pub counted: Delays,
    pub published: Delays,
    pub delivered: Delays,
    /// From the end of a hold to the release of its units.
    pub released: Delays,
    /// Sheets that a run of the sweep marks a second.
    pub sheets_swept: u64,
    pub usages: Vec<Usage>,
    pub seen: Seen,
}

#[derive(Debug, Default)]
struct State {
    running: u64,
    most_running: u64,
    /// Free environments of each function.
    free: BTreeMap<&'static str, Vec<TestShop>>,
    bus_calls: Rate,
    invocations: Rate,
    next_invocation: Duration,
    /// Events of a queue, with the instant at which they are visible and that of their change.
    queues: BTreeMap<String, VecDeque<(Duration, Duration, Value)>>,
    in_flight: u64,
    most_in_flight: u64,
    /// Writes and reads of the table in each second.
    writes: Rate,
    reads: Rate,
    outcome: Outcome,
    /// Whether customers have stopped.
    is_over: bool,
}

/// A region with a shop.
#[derive(Clone)]
pub struct Region {
    shop: TestShop,
    quotas: Quotas,
    limits: Limits,
    began: Instant,
    state: Arc<Mutex<State>>,
    bucket: Arc<Mutex<Bucket>>,
    changed: Arc<Notify>,
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Region")
    }
}

/// The time that a new environment takes to start.
const START: Duration = Duration::from_millis(300);

/// The time that a platform takes for an event.
const PLATFORM: Duration = Duration::from_millis(100);

/// The time that an event is on the bus.
const BUS: Duration = Duration::from_millis(50);

/// The time between two polls of a shard.
const POLL: Duration = Duration::from_millis(250);

/// The time that a hold and a sheet take in this model.
const HOLD: Duration = Duration::from_secs(10);

impl Region {
    /// A region with this shop, which has a hold of ten seconds.
    pub fn new(shop: TestShop, quotas: Quotas, limits: Limits) -> Self {
        let calls = f64::from(u32::try_from(quotas.bus_calls).unwrap());
        Self {
            shop,
            quotas,
            limits,
            began: Instant::now(),
            state: Arc::default(),
            bucket: Arc::new(Mutex::new(Bucket::new(calls, 1.0))),
            changed: Arc::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Begins an execution, if one is left; returns its environment.
    async fn begin(&self, function: &'static str) -> Option<TestShop> {
        let free = {
            let mut state = self.state();
            if state.running >= self.quotas.executions {
                return None;
            }
            state.running += 1;
            state.most_running = state.most_running.max(state.running);
            state.free.entry(function).or_default().pop()
        };
        Some(match free {
            Some(free) => free,
            None => {
                sleep(START).await;
                self.shop.another_instance()
            }
        })
    }

    fn end(&self, function: &'static str, environment: TestShop) {
        let mut state = self.state();
        state.running -= 1;
        state.free.entry(function).or_default().push(environment);
    }

    /// Begins an execution for a poller, which tries again until one is left.
    async fn begin_patiently(&self, function: &'static str) -> TestShop {
        loop {
            if let Some(environment) = self.begin(function).await {
                return environment;
            }
            self.state().outcome.refused += 1;
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Runs a load until all that follows from it is over.
    pub async fn run(&self, load: Load) -> Outcome {
        let stream = self.shop.limited().stream();
        let before = self.shop.limited().seen();
        let mut background = JoinSet::new();
        background.spawn(self.clone().dispatch(stream));
        background.spawn(self.clone().sample());
        let expiry = worker("ProcessExpiry");
        for _ in 0..expiry.concurrency {
            background.spawn(self.clone().end_holds(expiry.batch));
        }
        let delivery = worker("DeliverOrders");
        for _ in 0..delivery.concurrency {
            background.spawn(self.clone().deliver(delivery.batch));
        }
        let mut requests = JoinSet::new();
        let (orders, sheets) = (load.orders_per_second * load.seconds, load.sheets_per_second * load.seconds);
        for (count, rate, is_order) in [(orders, load.orders_per_second, true), (sheets, load.sheets_per_second, false)]
        {
            for number in 0..count {
                let at = self.began + Duration::from_secs_f64(f64::from(number) / f64::from(rate));
                let region = self.clone();
                requests.spawn(async move {
                    sleep_until(at).await;
                    if is_order { region.order(load, number).await } else { region.sheet(load, number).await }
                });
            }
        }
        while let Some(done) = requests.join_next().await {
            done.expect("a request goes on to its end");
        }
        // All holds end, and everything that follows.
        sleep(HOLD + Duration::from_secs(60)).await;
        let swept = self.sweep_sheets().await;
        self.state().is_over = true;
        background.shutdown().await;
        let mut state = self.state();
        let usages = [
            ("Lambda: concurrent executions", self.quotas.executions, state.most_running),
            ("EventBridge: calls of PutEvents a second", self.quotas.bus_calls, state.bus_calls.peak()),
            ("EventBridge: invocations of targets a second", self.quotas.bus_invocations, state.invocations.peak()),
            ("SQS: messages in flight of a queue", self.quotas.in_flight, state.most_in_flight),
            ("DynamoDB: write units of the table a second", self.quotas.table_writes, state.writes.peak()),
            ("DynamoDB: read units of the table a second", self.quotas.table_reads, state.reads.peak()),
        ];
        let mut outcome = std::mem::take(&mut state.outcome);
        outcome.usages = usages.into_iter().map(|(name, limit, most)| Usage { name, limit, most }).collect();
        outcome.sheets_swept = swept;
        outcome.seen = self.shop.limited().seen() - before;
        outcome
    }

    /// Seven of ten orders are paid at once; the others wait for a payment that does not come.
    async fn order(self, load: Load, number: u32) {
        let begun = self.now();
        let Some(environment) = self.begin("create-order").await else {
            self.state().outcome.refused += 1;
            return;
        };
        let payment = if number % 10 < 7 { "BALANCE" } else { "LATER" };
        let user = usize::try_from(number).unwrap() % load.users;
        let product = popular(usize::try_from(number).unwrap(), load.products);
        let items = json!([{ "productId": format!("p{product:04}"), "quantity": 1 }]);
        let body = json!({ "userId": format!("u{user}"), "items": items, "payment": payment });
        let answer = environment.post("/orders", body).key(&format!("k{number}")).await;
        self.end("create-order", environment);
        let took = self.now().saturating_sub(begun);
        let mut state = self.state();
        match answer.status {
            201 => state.outcome.orders.note(took),
            _ => state.outcome.busy += 1,
        }
    }

    async fn sheet(self, load: Load, number: u32) {
        let begun = self.now();
        let Some(environment) = self.begin("create-order-sheet").await else {
            self.state().outcome.refused += 1;
            return;
        };
        let user = usize::try_from(number).unwrap() % load.users;
        let product = popular(usize::try_from(number).unwrap() + 7, load.products);
        let items = json!([{ "productId": format!("p{product:04}"), "quantity": 1 }]);
        let answer = environment.post("/order-sheets", json!({ "userId": format!("u{user}"), "items": items })).await;
        self.end("create-order-sheet", environment);
        let took = self.now().saturating_sub(begun);
        let mut state = self.state();
        match answer.status {
            201 => state.outcome.sheets.note(took),
            _ => state.outcome.busy += 1,
        }
    }

    /// Notes what the table did in each second.
    async fn sample(self) {
        let mut before = self.shop.limited().seen();
        loop {
            sleep(Duration::from_secs(1)).await;
            let seen = self.shop.limited().seen();
            let (units, now) = (seen - before, self.now());
            let mut state = self.state();
            state.writes.add(now, whole(units.write_units));
            state.reads.add(now, whole(units.read_units));
            drop(state);
            before = seen;
        }
    }

    /// Gives each record of the stream to its shard's readers.
    async fn dispatch(self, mut stream: tokio::sync::mpsc::UnboundedReceiver<Value>) {
        let shards = usize::from(self.limits.partitions);
        let mut readers = JoinSet::new();
        let mut queues = Vec::new();
        for function in ["CountSales", "RelayEvents"] {
            let settings = Settings::of(function);
            let shards: Vec<Shard> = (0..shards).map(|_| Shard::default()).collect();
            for shard in &shards {
                readers.spawn(self.clone().read(function, settings.clone(), shard.clone()));
            }
            queues.push((settings, shards));
        }
        while let Some(record) = stream.recv().await {
            let now = self.now();
            self.note_release(&record);
            let mut hasher = DefaultHasher::new();
            record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap_or_default().hash(&mut hasher);
            let shard = usize::try_from(hasher.finish() % u64::try_from(shards).unwrap()).unwrap();
            for (_, shards) in queues.iter().filter(|(settings, _)| settings.passes(&record)) {
                shards[shard].add(now, record.clone());
            }
        }
    }

    /// Notes how late the hold of an order was ended.
    fn note_release(&self, record: &Value) {
        let change = &record["dynamodb"];
        let status = |image: &str| change[image]["status"]["S"].as_str().unwrap_or_default().to_owned();
        if status("OldImage") == "PENDING_PAYMENT" && status("NewImage") == "CANCELLED" {
            let end: i64 = change["OldImage"]["holdExpiresAt"]["N"].as_str().unwrap().parse().unwrap();
            let late = self.shop.now().as_millisecond() - end;
            let late = Duration::from_millis(u64::try_from(late).unwrap_or(0));
            self.state().outcome.released.note(late);
        }
    }

    /// Reads one shard for one function.
    async fn read(self, function: &'static str, settings: Settings, shard: Shard) {
        let window = batching_window(function);
        let dead_letters = DeadLetterQueue::default();
        let relay_bus = RegionBus(self.clone());
        loop {
            if shard.next(settings.batch_size).await.len() < settings.batch_size {
                sleep(window).await;
            }
            let records = shard.next(settings.batch_size).await;
            let name = if function == "CountSales" { "count-sales" } else { "relay-events" };
            let environment = self.begin_patiently(name).await;
            let values: Vec<Value> = records.iter().map(|(_, record)| record.clone()).collect();
            let handled = if function == "CountSales" {
                let queue = dead_letters.of_stream();
                let count = |batch| count_sales::handle(environment.instance(), &queue, batch);
                settings.deliver(&values, count).await.unwrap_or(0)
            } else {
                let client = aws_sdk_eventbridge::Client::new(&wire::to(relay_bus.clone()));
                let random = environment.instance().random.clone();
                let relay = Relay::new(client, "bus".to_owned(), dead_letters.of_stream(), random);
                let relay = relay.filling(work_queues(aws_sdk_sqs::Client::new(&wire::to(relay_bus.clone()))));
                settings.deliver(&values, |batch| relay.handle(batch)).await.unwrap_or(0)
            };
            self.end(name, environment);
            let now = self.now();
            {
                let mut state = self.state();
                let delays =
                    if function == "CountSales" { &mut state.outcome.counted } else { &mut state.outcome.published };
                records.iter().take(handled).for_each(|(at, _)| delays.note(now.saturating_sub(*at)));
            }
            shard.remove(handled);
            sleep(if handled < values.len() { Duration::from_secs(1) } else { POLL }).await;
        }
    }

    /// Takes an event off the bus, to the queues of its rules.
    fn route(&self, source: &str, kind: &str, detail: &Value) {
        for rule in rules().iter().filter(|rule| rule.source == source && rule.kinds.iter().any(|it| it == kind)) {
            let now = self.now();
            let gap = Duration::from_secs(1) / u32::try_from(self.quotas.bus_invocations).unwrap();
            let mut state = self.state();
            state.invocations.add(now, 1);
            let at = state.next_invocation.max(now);
            state.next_invocation = at + gap;
            let delay = if rule.queue == "Expiry" { HOLD } else { Duration::ZERO };
            let body = json!({ "version": "0", "id": "1", "source": source, "detail-type": kind, "detail": detail });
            state.queues.entry(rule.queue.clone()).or_default().push_back((at + BUS + delay, now, body));
        }
        self.changed.notify_waiters();
    }

    /// Takes messages into a queue.
    fn fill(&self, request: &Value) -> Value {
        let queue = request["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next()).expect("a queue");
        let now = self.now();
        let delay = if queue == "Expiry" { HOLD } else { Duration::ZERO };
        let entries = request["Entries"].as_array().cloned().unwrap_or_default();
        let mut state = self.state();
        for entry in &entries {
            let body = serde_json::from_str(entry["MessageBody"].as_str().unwrap_or_default()).expect("a body is JSON");
            state.queues.entry(queue.to_owned()).or_default().push_back((now + delay, now, body));
        }
        drop(state);
        self.changed.notify_waiters();
        let taken = |entry: &Value| json!({ "Id": entry["Id"], "MessageId": "1", "MD5OfMessageBody": "" });
        json!({ "Successful": entries.iter().map(taken).collect::<Vec<_>>(), "Failed": [] })
    }

    /// The next messages of a queue that are visible; it waits for them.
    async fn receive(&self, queue: &str, most: usize) -> Vec<(Duration, Value)> {
        loop {
            let now = self.now();
            let wait = {
                let mut state = self.state();
                let waiting = state.queues.entry(queue.to_owned()).or_default();
                let mut taken = Vec::new();
                while taken.len() < most && waiting.front().is_some_and(|(visible, _, _)| *visible <= now) {
                    let (_, sent, body) = waiting.pop_front().unwrap();
                    taken.push((sent, body));
                }
                let next = waiting.front().map(|(visible, _, _)| *visible);
                if !taken.is_empty() {
                    state.in_flight += u64::try_from(taken.len()).unwrap();
                    state.most_in_flight = state.most_in_flight.max(state.in_flight);
                    return taken;
                }
                next
            };
            match wait {
                Some(at) => tokio::select! {
                    () = sleep_until(self.began + at) => {}
                    () = self.changed.notified() => {}
                },
                None => self.changed.notified().await,
            }
        }
    }

    fn handled(&self, messages: usize) {
        self.state().in_flight -= u64::try_from(messages).unwrap();
    }

    async fn end_holds(self, most: usize) {
        loop {
            let messages = self.receive("Expiry", most).await;
            let environment = self.begin_patiently("process-expiry").await;
            let events: Vec<(&str, Value)> =
                messages.iter().map(|(_, body)| ("OrderPlaced", body["detail"].clone())).collect();
            let queue = Waits::default().queue();
            let answer = process_expiry::handle(environment.instance(), &queue, batch("jangteo.orders", &events)).await;
            self.end("process-expiry", environment);
            self.handled(messages.len());
            let failed = answer.expect("a batch has an answer").batch_item_failures;
            let mut state = self.state();
            let again = self.now() + Duration::from_secs(2);
            for failure in failed {
                let (sent, body) = &messages[failure.item_identifier.parse::<usize>().unwrap()];
                state.queues.entry("Expiry".to_owned()).or_default().push_back((again, *sent, body.clone()));
            }
        }
    }

    /// Delivers to the data platform. The messages of a batch are posted side by side.
    async fn deliver(self, most: usize) {
        loop {
            let messages = self.receive("DataPlatformQueue", most).await;
            let environment = self.begin_patiently("deliver-orders").await;
            sleep(PLATFORM).await;
            self.end("deliver-orders", environment);
            self.handled(messages.len());
            let now = self.now();
            let mut state = self.state();
            messages.iter().for_each(|(sent, _)| state.outcome.delivered.note(now.saturating_sub(*sent)));
        }
    }

    /// Marks all sheets, which have expired by now; returns how many a second.
    async fn sweep_sheets(&self) -> u64 {
        let sheets = self.state().outcome.sheets.count();
        let environment = self.begin_patiently("sweep").await;
        let begun = self.now();
        sweep::run(environment.instance(), &[Task::Sheets]).await.expect("sheets are swept");
        let took = self.now().saturating_sub(begun).as_secs_f64();
        self.end("sweep", environment);
        whole(f64::from(u32::try_from(sheets).unwrap()) / took.max(0.001))
    }
}

/// The records of a shard of the stream that a reader has not handled, with the instants of their commits.
#[derive(Debug, Clone, Default)]
struct Shard {
    records: Arc<Mutex<VecDeque<(Duration, Value)>>>,
    added: Arc<Notify>,
}

impl Shard {
    fn add(&self, at: Duration, record: Value) {
        self.records.lock().unwrap().push_back((at, record));
        self.added.notify_one();
    }

    async fn next(&self, most: usize) -> Vec<(Duration, Value)> {
        loop {
            {
                let records = self.records.lock().unwrap();
                if !records.is_empty() {
                    return records.iter().take(most).cloned().collect();
                }
            }
            self.added.notified().await;
        }
    }

    fn remove(&self, handled: usize) {
        self.records.lock().unwrap().drain(..handled);
    }
}

/// The bus with the rates of the region.
#[derive(Debug, Clone)]
struct RegionBus(Region);

impl HttpConnector for RegionBus {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let region = self.0.clone();
        let (operation, body) = dynamo::parse(&request);
        HttpConnectorFuture::new(async move {
            sleep(Duration::from_millis(10)).await;
            let now = region.now();
            if operation == "SendMessageBatch" {
                return Ok(dynamo::respond(200, &region.fill(&body)));
            }
            region.state().bus_calls.add(now, 1);
            {
                let mut bucket = region.bucket.lock().unwrap();
                if !bucket.has(1.0, now) {
                    return Ok(dynamo::respond(
                        400,
                        &json!({ "__type": "ThrottlingException", "message": "Rate exceeded" }),
                    ));
                }
                bucket.take(1.0);
            }
            let entries = body["Entries"].as_array().cloned().unwrap_or_default();
            let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            for entry in &entries {
                let detail: Value = serde_json::from_str(&text(entry, "Detail")).expect("a detail is JSON");
                region.route(&text(entry, "Source"), &text(entry, "DetailType"), &detail);
            }
            let results: Vec<Value> = entries.iter().map(|_| json!({ "EventId": "1" })).collect();
            Ok(dynamo::respond(200, &json!({ "FailedEntryCount": 0, "Entries": results })))
        })
    }
}

/// A rule of the template from events to a queue.
struct Rule {
    source: String,
    kinds: Vec<String>,
    queue: String,
}

fn rules() -> Vec<Rule> {
    let resources = template()["Resources"].as_object().expect("resources");
    let rules = resources.values().filter(|resource| resource["Type"] == "AWS::Events::Rule");
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let rule = |resource: &Value| {
        let pattern = &resource["Properties"]["EventPattern"];
        let target = resource["Properties"]["Targets"][0]["Arn"].to_string();
        let queue = resources
            .keys()
            .find(|name| target.contains(&format!("\"{name}.Arn\"")) || target.contains(&format!("\"{name}\"")))?;
        let source = texts(&pattern["source"]).into_iter().next()?;
        Some(Rule { source, kinds: texts(&pattern["detail-type"]), queue: queue.clone() })
    };
    rules.filter_map(rule).collect()
}

/// The time for which Lambda gathers records of a shard for a function.
fn batching_window(function: &str) -> Duration {
    let source = &template()["Resources"][function]["Properties"]["Events"]["Stream"]["Properties"];
    Duration::from_secs(source["MaximumBatchingWindowInSeconds"].as_u64().unwrap_or(0))
}

/// The event source of a queue's worker.
struct Worker {
    batch: usize,
    concurrency: usize,
}

fn worker(function: &str) -> Worker {
    let source = &template()["Resources"][function]["Properties"]["Events"]["Queue"]["Properties"];
    let number = |value: &Value| value.as_u64().and_then(|number| usize::try_from(number).ok());
    let concurrency = number(&source["ScalingConfig"]["MaximumConcurrency"]).unwrap_or(20);
    Worker { batch: number(&source["BatchSize"]).unwrap_or(1), concurrency }
}

/// A product for an order: the most popular one has a twenty-fifth of the orders.
fn popular(number: usize, products: usize) -> usize {
    let mut chance = super::Chance::new(u64::try_from(number).unwrap());
    let mut below = |bound: usize| usize::try_from(chance.below(u64::try_from(bound).unwrap())).unwrap();
    let most = below(products) + 1;
    let most = below(most) + 1;
    let most = below(most) + 1;
    below(most)
}

fn whole(number: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count is a whole number from 0")]
    let whole = number as u64;
    whole
}
