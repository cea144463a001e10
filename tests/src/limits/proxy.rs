//! The proxy: refuses calls that DynamoDB would refuse, and passes on the rest.

use std::{
    collections::HashMap,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    ops::Sub,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, sleep},
};

use super::{
    Bucket, Chance, Limits,
    request::{self, Touch},
};
use crate::{
    Dynamo,
    fakes::{dynamo, wire},
};

#[derive(Clone)]
pub struct Limited {
    dynamo: Dynamo,
    lock: Duration,
    state: Arc<Mutex<State>>,
    stream: Arc<Mutex<Option<UnboundedSender<Value>>>>,
}

/// The calls so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Seen {
    pub calls: u64,
    /// Calls refused because a transaction held their items.
    pub conflicts: u64,
    /// Transactions refused because a condition did not hold.
    pub refused: u64,
    /// Throttled calls, also those that were carried out in part.
    pub throttled: u64,
    /// Write units spent, also on refused calls.
    pub write_units: f64,
    pub read_units: f64,
}

impl Sub for Seen {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            calls: self.calls - before.calls,
            conflicts: self.conflicts - before.conflicts,
            refused: self.refused - before.refused,
            throttled: self.throttled - before.throttled,
            write_units: self.write_units - before.write_units,
            read_units: self.read_units - before.read_units,
        }
    }
}

/// An item's partition and sort key.
type Key = (String, String);

/// A partition of the table, or of an index.
type Partition = (Option<String>, u64);

struct State {
    limits: Limits,
    started: Instant,
    chance: Chance,
    writes: HashMap<Partition, Bucket>,
    reads: HashMap<Partition, Bucket>,
    /// The end of the lock of each item.
    locks: HashMap<Key, Instant>,
    seen: Seen,
    /// The number of the last record of the stream.
    record: u64,
}

impl fmt::Debug for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Limited")
    }
}

impl Limited {
    /// The database with these limits, from now on.
    pub fn new(dynamo: Dynamo, limits: Limits) -> Self {
        let state = State {
            limits,
            started: Instant::now(),
            chance: Chance::new(limits.seed),
            writes: HashMap::new(),
            reads: HashMap::new(),
            locks: HashMap::new(),
            seen: Seen::default(),
            record: 0,
        };
        Self { dynamo, lock: limits.lock, state: Arc::new(Mutex::new(state)), stream: Arc::default() }
    }

    /// A client as a function's: the table switches its retries off.
    pub fn client(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&wire::to(self.clone()))
    }

    /// The changes of orders and sheets from now on, as records of the table's stream. The embedded database's own stream
    /// makes writes slower, the longer it is.
    pub fn stream(&self) -> UnboundedReceiver<Value> {
        let (sender, receiver) = unbounded_channel();
        *self.stream.lock().unwrap() = Some(sender);
        receiver
    }

    /// The streamed items among those that a write touches, as they are.
    fn images(&self, touches: &[Touch]) -> Vec<(Value, Value)> {
        if self.stream.lock().unwrap().is_none() {
            return Vec::new();
        }
        let streamed = touches.iter().filter(|touch| ["ORDER", "SHEET"].contains(&touch.key.1.as_str()));
        let image = |touch: &Touch| {
            let key = json!({ "pk": { "S": touch.key.0 }, "sk": { "S": touch.key.1 } });
            let read = json!({ "TableName": crate::TABLE, "Key": key, "ConsistentRead": true });
            let found = self.dynamo.execute("GetItem", read).expect("an item can be read");
            (key, found["Item"].clone())
        };
        streamed.map(image).collect()
    }

    /// Puts the changes of a write into the stream.
    fn publish(&self, touches: &[Touch], before: Vec<(Value, Value)>) {
        let Some(sender) = self.stream.lock().unwrap().clone() else { return };
        for ((key, old), (_, new)) in before.into_iter().zip(self.images(touches)) {
            let number = self.state().number();
            let mut change = json!({
                "Keys": key, "NewImage": new, "ApproximateCreationDateTime": 1_795_143_600,
                "SequenceNumber": number.to_string(), "SizeBytes": 500, "StreamViewType": "NEW_AND_OLD_IMAGES",
            });
            let is_new = old.is_null();
            if !is_new {
                change["OldImage"] = old;
            }
            let record = json!({
                "eventID": number.to_string(), "eventName": if is_new { "INSERT" } else { "MODIFY" },
                "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "ap-northeast-2", "dynamodb": change,
            });
            // Nobody may listen any more.
            let _ = sender.send(record);
        }
    }

    /// The calls so far.
    pub fn seen(&self) -> Seen {
        self.state().seen
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn answer(self, operation: String, request: Value) -> Result<HttpResponse, ConnectorError> {
        let way = self.state().chance.latency();
        sleep(way / 2).await;
        let answer = match operation.as_str() {
            "TransactWriteItems" => self.transaction(request).await,
            "UpdateItem" => self.update(request),
            _ => self.read(&operation, request),
        };
        sleep(way / 2).await;
        answer.map(|(status, body)| dynamo::respond(status, &body))
    }

    async fn transaction(&self, request: Value) -> Result<(u16, Value), ConnectorError> {
        let touches = request::transaction(&request);
        let until = Instant::now() + self.lock;
        if let Err(refusal) = self.state().begin(&touches, until) {
            return Ok((400, refusal));
        }
        let before = self.images(&touches);
        let answer = self.dynamo.carry_out("TransactWriteItems", request);
        if matches!(answer, Ok((200, _)) | Err(_)) {
            self.publish(&touches, before);
            self.state().spend_on_indexes(&touches);
            sleep(self.lock).await;
        } else {
            self.state().seen.refused += 1;
        }
        self.state().end(&touches, until);
        answer
    }

    fn update(&self, request: Value) -> Result<(u16, Value), ConnectorError> {
        let touch = request::update(&request);
        {
            let mut state = self.state();
            state.seen.calls += 1;
            if state.is_locked(&touch.key) {
                state.seen.conflicts += 1;
                state.spend(&[touch], 1.0);
                return Ok((400, dynamo::conflicting()));
            }
            if !state.carries(&touch) {
                state.seen.throttled += 1;
                return Ok((400, throttled()));
            }
            state.spend(std::slice::from_ref(&touch), 1.0);
        }
        let before = self.images(std::slice::from_ref(&touch));
        let answer = self.dynamo.carry_out("UpdateItem", request);
        if matches!(answer, Ok((200, _)) | Err(_)) {
            self.publish(std::slice::from_ref(&touch), before);
            self.state().spend_on_indexes(&[touch]);
        }
        answer
    }

    /// Reads as far as the partitions have units. A batch is carried out in part if only some of them have.
    fn read(&self, operation: &str, mut request: Value) -> Result<(u16, Value), ConnectorError> {
        let mut left = Value::Null;
        let partitions: Vec<Partition> = {
            let mut state = self.state();
            state.seen.calls += 1;
            if operation == "BatchGetItem" {
                left = request::split_batch(&mut request, |pk| {
                    let partition = state.partition(None, pk);
                    state.can_read(&partition)
                });
            }
            let keys = request::read_keys(operation, &request);
            let partitions: Vec<_> = keys.iter().map(|(index, pk)| state.partition(*index, pk)).collect();
            let all = partitions.iter().all(|partition| state.can_read(partition));
            state.seen.throttled += u64::from(!all || !left.is_null());
            if !all || (operation == "BatchGetItem" && partitions.is_empty()) {
                return Ok((400, throttled()));
            }
            partitions
        };
        let (status, mut body) = self.dynamo.carry_out(operation, request)?;
        let consumed = match &body["ConsumedCapacity"] {
            Value::Array(tables) => tables.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum(),
            table => table["CapacityUnits"].as_f64().unwrap_or(0.0),
        };
        self.state().spend_reading(&partitions, consumed);
        if !left.is_null() {
            body["UnprocessedKeys"] = left;
        }
        Ok((status, body))
    }
}

impl HttpConnector for Limited {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (operation, body) = dynamo::parse(&request);
        HttpConnectorFuture::new(self.clone().answer(operation, body))
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.record += 1;
        self.record
    }

    fn age(&self) -> Duration {
        self.started.elapsed()
    }

    fn partition(&self, index: Option<&str>, pk: &str) -> Partition {
        // Fixed keys, so that it hashes alike in every run.
        let mut hasher = DefaultHasher::new();
        pk.hash(&mut hasher);
        (index.map(str::to_owned), hasher.finish() % u64::from(self.limits.partitions))
    }

    fn is_locked(&self, key: &Key) -> bool {
        self.locks.get(key).is_some_and(|until| *until > Instant::now())
    }

    /// Begins a transaction that holds its items until `until`, or returns the refusal.
    fn begin(&mut self, touches: &[Touch], until: Instant) -> Result<(), Value> {
        self.seen.calls += 1;
        let locked: Vec<bool> = touches.iter().map(|touch| self.is_locked(&touch.key)).collect();
        if locked.contains(&true) {
            self.seen.conflicts += 1;
            self.spend(touches, 0.5);
            return Err(dynamo::cancelled(locked.iter().map(|&it| if it { "TransactionConflict" } else { "None" })));
        }
        let carried: Vec<bool> = touches.iter().map(|touch| self.carries(touch)).collect();
        if carried.contains(&false) {
            self.seen.throttled += 1;
            return Err(dynamo::cancelled(carried.iter().map(|&it| if it { "None" } else { "ThrottlingError" })));
        }
        self.spend(touches, 1.0);
        self.locks.extend(touches.iter().map(|touch| (touch.key.clone(), until)));
        Ok(())
    }

    /// Ends a transaction that held its items until `until`.
    fn end(&mut self, touches: &[Touch], until: Instant) {
        for touch in touches {
            if self.locks.get(&touch.key) == Some(&until) {
                self.locks.remove(&touch.key);
            }
        }
    }

    /// Whether the partitions of a write have units for it.
    fn carries(&mut self, touch: &Touch) -> bool {
        let age = self.age();
        self.shares(touch).into_iter().all(|(partition, units)| self.writes(partition).has(units, age))
    }

    /// Takes a part of the cost of writes out of the table's partitions.
    fn spend(&mut self, touches: &[Touch], part: f64) {
        for touch in touches {
            self.take(self.partition(None, &touch.key.0), touch.units * part);
        }
    }

    /// Takes the cost of writes out of the indexes' partitions. An index receives committed writes only.
    fn spend_on_indexes(&mut self, touches: &[Touch]) {
        for (index, pk, units) in touches.iter().flat_map(|touch| &touch.indexed) {
            self.take(self.partition(Some(*index), pk), *units);
        }
    }

    fn take(&mut self, partition: Partition, units: f64) {
        self.writes(partition).take(units);
        self.seen.write_units += units;
    }

    fn shares(&self, touch: &Touch) -> Vec<(Partition, f64)> {
        let of_table = (self.partition(None, &touch.key.0), touch.units);
        let of_indexes = touch.indexed.iter().map(|(index, pk, units)| (self.partition(Some(*index), pk), *units));
        std::iter::once(of_table).chain(of_indexes).collect()
    }

    fn writes(&mut self, partition: Partition) -> &mut Bucket {
        let Limits { write_units, burst_seconds, .. } = self.limits;
        self.writes.entry(partition).or_insert_with(|| Bucket::new(write_units, burst_seconds))
    }

    fn reads(&mut self, partition: Partition) -> &mut Bucket {
        let Limits { read_units, burst_seconds, .. } = self.limits;
        self.reads.entry(partition).or_insert_with(|| Bucket::new(read_units, burst_seconds))
    }

    fn can_read(&mut self, partition: &Partition) -> bool {
        let age = self.age();
        self.reads(partition.clone()).has(0.5, age)
    }

    fn spend_reading(&mut self, partitions: &[Partition], units: f64) {
        self.seen.read_units += units;
        let each = units / f64::from(u32::try_from(partitions.len().max(1)).unwrap());
        for partition in partitions {
            self.reads(partition.clone()).take(each);
        }
    }
}

fn throttled() -> Value {
    let mut error = dynamo::error("ThrottlingException", "Throughput exceeds the current capacity of your table");
    error["throttlingReasons"] = json!([]);
    error
}
