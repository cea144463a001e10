//! The connection of a function's instance to AWS: the SDK's HTTP interface, with the network and its faults behind it.

use std::{
    fmt,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, OnceLock},
    time::Duration,
};

use aws_sdk_dynamodb::config::retry::RetryPartition;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::{body::SdkBody, retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::SdkConfig;
use serde_json::{Value, json};
use shared::app::exports::files::ExportFiles;
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::{
    exports::FileConnector,
    faults::{InjectedFault, choose_fault},
    invariants::violations,
    mutants::last_step,
    plan::FaultKind,
    quiesce::product_of_shard,
    world::World,
};
use crate::{
    TABLE,
    fakes::{dynamo, wire},
    limits::Chance,
};

/// The transit in which a function is to die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Death {
    /// The number of the call at which it dies, from 1.
    pub(super) call: u32,
    /// Whether it dies after the call was carried out, or before it is sent.
    pub(super) after: bool,
}

/// The present invocation of an instance.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) name: String,
    pub(super) chance: Chance,
    pub(super) death: Option<Death>,
    pub(super) calls: u32,
    /// Whether more faults are injected into it than into others.
    pub(super) is_unlucky: bool,
    pub(super) began: Instant,
}

#[derive(Clone)]
pub(super) struct Connection {
    world: World,
    invocation: Arc<Mutex<Invocation>>,
    died: Arc<Notify>,
    clients: Arc<Clients>,
}

/// The clients that an instance has made so far.
#[derive(Debug, Default)]
struct Clients {
    eventbridge: OnceLock<aws_sdk_eventbridge::Client>,
    sqs: OnceLock<aws_sdk_sqs::Client>,
    files: OnceLock<Arc<dyn ExportFiles>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

/// The answer of a bucket that is busy.
const SLOW_DOWN: &str = "<Error><Code>SlowDown</Code><Message>Reduce your request rate</Message></Error>";

/// A retry budget that is not shared, like that of another process.
fn own_budget() -> RetryPartition {
    RetryPartition::custom("instance").build()
}

struct Sent {
    service: String,
    operation: String,
    body: Value,
}

/// A call on its transit: its delays, and the fault injected into it.
struct Transit {
    name: String,
    /// The start of the invocation.
    began: Instant,
    number: u32,
    there: Duration,
    back: Duration,
    fault: InjectedFault,
    death: Option<Death>,
    chance: Chance,
}

impl Connection {
    pub(super) fn new(world: World) -> Self {
        let (name, chance, began) = (String::new(), Chance::new(0), Instant::now());
        let invocation = Invocation { name, chance, death: None, calls: 0, is_unlucky: false, began };
        Self { world, invocation: Arc::new(Mutex::new(invocation)), died: Arc::default(), clients: Arc::default() }
    }

    /// The configuration of an instance's clients. It is that of a deployed function, but waits have no jitter, and
    /// requests no signatures: these take long, and nothing here checks them.
    fn config(self) -> SdkConfig {
        let mut config = self.within_limits(wire::to(self.clone()));
        config.set_credentials_provider(None);
        config.build()
    }

    /// A configuration with the time limits and retries of a deployed function.
    fn within_limits(&self, config: SdkConfig) -> aws_types::sdk_config::Builder {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(Duration::from_secs(1))
            .operation_timeout(Duration::from_secs(7));
        let retries = RetryConfig::standard()
            .with_max_attempts(self.world.settings.sdk_attempts)
            .with_use_static_exponential_base(true);
        config.into_builder().timeout_config(timeouts.build()).retry_config(retries)
    }

    /// The configuration of a client. It holds the connection without the clients, which would keep themselves alive.
    fn alone(&self) -> SdkConfig {
        Self { clients: Arc::default(), ..self.clone() }.config()
    }

    pub(super) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let config =
            aws_sdk_dynamodb::config::Builder::from(&self.alone()).retry_partition(own_budget()).allow_no_auth();
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    pub(super) fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        let client = self.clients.eventbridge.get_or_init(|| {
            let config =
                aws_sdk_eventbridge::config::Builder::from(&self.alone()).retry_partition(own_budget()).allow_no_auth();
            aws_sdk_eventbridge::Client::from_conf(config.build())
        });
        client.clone()
    }

    pub(super) fn sqs(&self) -> aws_sdk_sqs::Client {
        let client = self.clients.sqs.get_or_init(|| {
            let config =
                aws_sdk_sqs::config::Builder::from(&self.alone()).retry_partition(own_budget()).allow_no_auth();
            aws_sdk_sqs::Client::from_conf(config.build())
        });
        client.clone()
    }

    /// The store of the files of exports. Its links are signed, so it has credentials.
    pub(super) fn files(&self) -> Arc<dyn ExportFiles> {
        let files = self.clients.files.get_or_init(|| {
            let connector = FileConnector(Self { clients: Arc::default(), ..self.clone() });
            let config = self.within_limits(wire::to(connector)).build();
            let config = aws_sdk_s3::config::Builder::from(&config).force_path_style(true);
            self.world.bucket.files(aws_sdk_s3::Client::from_conf(config.retry_partition(own_budget()).build()))
        });
        Arc::clone(files)
    }

    pub(super) fn world(&self) -> &World {
        &self.world
    }

    /// Whether this function runs.
    pub(super) fn runs(&self, function: &str) -> bool {
        self.invocation().name.starts_with(function)
    }

    /// Begins an invocation.
    pub(super) fn begin(&self, invocation: Invocation) {
        *self.invocation() = invocation;
    }

    /// Completes when the function has died.
    pub(super) async fn died(&self) {
        self.died.notified().await;
    }

    fn invocation(&self) -> MutexGuard<'_, Invocation> {
        self.invocation.lock().unwrap()
    }

    fn transit(&self, operation: &str) -> Transit {
        let mut invocation = self.invocation();
        invocation.calls += 1;
        let number = invocation.calls;
        let is_unlucky = invocation.is_unlucky;
        let chance = &mut invocation.chance;
        let there = Duration::from_millis(1 + chance.below(8));
        let back = Duration::from_millis(1 + chance.below(8));
        let fault = choose_fault(operation, self.world.faults(), is_unlucky, chance);
        let own = Chance::new(chance.bits());
        let death = invocation.death.filter(|death| death.call == number);
        let (name, began) = (invocation.name.clone(), invocation.began);
        Transit { name, began, number, there, back, fault, death, chance: own }
    }

    async fn answer(self, sent: Sent) -> Result<HttpResponse, ConnectorError> {
        let transit = self.transit(&sent.operation);
        let (death, back) = (transit.death, transit.back);
        if death.is_some_and(|death| !death.after) {
            self.world.trace.note(&transit.name, || format!("  #{} {} dies before it", transit.number, shown(&sent)));
            return self.die().await;
        }
        let answer = if let InjectedFault::Late(late) = transit.fault {
            // The call takes its course even if no caller waits for it any more.
            let world = self.world.clone();
            let arriving = tokio::spawn(async move {
                sleep(late).await;
                carry_out(&world, sent, transit)
            });
            arriving.await.expect("a call is carried out")
        } else {
            sleep(transit.there).await;
            carry_out(&self.world, sent, transit)
        };
        if death.is_some() {
            return self.die().await;
        }
        sleep(back).await;
        answer.map(|(status, body)| dynamo::respond(status, &body))
    }

    /// Makes a call of another service than AWS: it takes its time, and the function may die at it.
    pub(super) async fn call_outside<T, F: Future<Output = T>>(&self, name: &str, call: impl FnOnce(Chance) -> F) -> T {
        let Transit { name: invocation, number, there, back, death, chance, .. } = self.transit(name);
        if death.is_some_and(|death| !death.after) {
            self.world.trace.note(&invocation, || format!("  #{number} {name} dies before it"));
            return self.die().await;
        }
        sleep(there).await;
        let answer = call(chance).await;
        if death.is_some() {
            self.world.trace.note(&invocation, || format!("  #{number} {name} dies after it"));
            return self.die().await;
        }
        sleep(back).await;
        answer
    }

    /// Makes a call of the store of files. It takes its course even if no caller waits for it any more.
    pub(super) async fn answer_of_bucket(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let call = format!("{} {}", request.method(), request.uri());
        let Transit { name, number, there, back, fault, death, .. } = self.transit("of a bucket");
        if death.is_some_and(|death| !death.after) {
            self.world.trace.note(&name, || format!("  #{number} {call} dies before it"));
            return self.die().await;
        }
        let is_refused = matches!(
            fault,
            InjectedFault::Throttled
                | InjectedFault::ServerError { carried_out: false }
                | InjectedFault::Broken { carried_out: false }
        );
        let on_its_way = if let InjectedFault::Late(late) = fault { late } else { there };
        let world = self.world.clone();
        let arriving = tokio::spawn(async move {
            sleep(on_its_way).await;
            (!is_refused).then(|| world.bucket.respond(&request))
        });
        let answer = arriving.await.expect("a call is carried out");
        self.world.trace.note(&name, || format!("  #{number} {call} ({fault:?})"));
        if death.is_some() {
            return self.die().await;
        }
        sleep(back).await;
        match (fault, answer) {
            (InjectedFault::Throttled | InjectedFault::ServerError { .. }, _) => {
                Ok(HttpResponse::new(503.try_into().expect("a status"), SdkBody::from(SLOW_DOWN)))
            }
            (_, Some(answer)) if !matches!(fault, InjectedFault::Broken { .. }) => answer,
            _ => Err(ConnectorError::io("the connection broke".into())),
        }
    }

    async fn die<T>(&self) -> T {
        self.died.notify_one();
        pending().await
    }
}

impl HttpConnector for Connection {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let (service, operation) = target.split_once('.').expect("a call names its operation");
        let (service, operation) = (service.to_owned(), operation.to_owned());
        let body = serde_json::from_slice(request.body().bytes().unwrap_or_default()).expect("a request is JSON");
        HttpConnectorFuture::new(self.clone().answer(Sent { service, operation, body }))
    }
}

fn carry_out(world: &World, mut sent: Sent, mut transit: Transit) -> Result<(u16, Value), ConnectorError> {
    world.count_call(&sent.operation, &mut sent.body);
    check_mode(world, &sent, transit.began);
    let is_of_desk = sent.body["Key"]["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("DESK"));
    if sent.operation == "UpdateItem" && transit.fault != InjectedFault::None && !is_of_desk {
        world.note_leak();
    }
    let call = if world.trace.is_kept() { shown(&sent) } else { String::new() };
    let left =
        if transit.fault == InjectedFault::Unprocessed { leave_unprocessed(&mut sent.body) } else { Value::Null };
    let refusal = match transit.fault {
        InjectedFault::Conflict if sent.operation == "UpdateItem" => Some((400, dynamo::conflicting())),
        InjectedFault::Conflict => Some(dynamo::conflict(&sent.body)),
        InjectedFault::InProgress => {
            Some((400, dynamo::error("TransactionInProgressException", "The transaction is in progress")))
        }
        InjectedFault::Throttled => Some((400, dynamo::error("ThrottlingException", "Rate exceeded"))),
        InjectedFault::ServerError { carried_out: false } => Some((500, server_error())),
        InjectedFault::Broken { carried_out: false } => {
            world.trace.note(&transit.name, || format!("  #{} {call} never arrives", transit.number));
            return Err(ConnectorError::io("the connection broke".into()));
        }
        _ => None,
    };
    let answer = match refusal {
        Some(refusal) => Ok(refusal),
        None => serve(world, sent, &mut transit.chance),
    };
    let answer = match (transit.fault, answer) {
        (InjectedFault::ServerError { .. }, Ok(_)) => Ok((500, server_error())),
        (InjectedFault::Unprocessed, Ok((200, mut body))) if !left.is_null() => {
            body["UnprocessedKeys"] = left;
            Ok((200, body))
        }
        (_, answer) => answer,
    };
    world.trace.note(&transit.name, || {
        let fault =
            if transit.fault == InjectedFault::None { String::new() } else { format!(" ({:?})", transit.fault) };
        let answered = answer.as_ref().map_or_else(|_| "nothing".to_owned(), result);
        let dies = if transit.death.is_some() { ", and dies" } else { "" };
        format!("  #{} {call} -> {answered}{fault}{dies}", transit.number)
    });
    if matches!(transit.fault, InjectedFault::Broken { .. }) {
        return Err(ConnectorError::io("the connection broke".into()));
    }
    answer
}

fn serve(world: &World, mut sent: Sent, chance: &mut Chance) -> Result<(u16, Value), ConnectorError> {
    match sent.service.as_str() {
        "AWSEvents" => Ok(world.bus.put_events(world, &sent.body, chance)),
        "AmazonSQS" if sent.operation == "SendMessageBatch" => Ok(world.bus.send_messages(world, &sent.body, chance)),
        "AmazonSQS" if sent.operation == "SendMessage" => {
            let text = sent.body["MessageBody"].as_str().unwrap_or_default();
            let letter: Value = serde_json::from_str(text).unwrap_or_else(|_| text.into());
            if !world.outside.is_expected_letter(&letter) {
                world.report_violation(format!("a message goes to the dead letters: {letter}"));
            }
            Ok((200, json!({ "MessageId": "1" })))
        }
        "AmazonSQS" => Ok((200, world.bus.postpone(&sent.body))),
        _ => {
            if let Some(refusal) = exceeds(world, &sent) {
                return Ok(refusal);
            }
            cut_short(world, &mut sent, chance);
            let stale = world.injects(FaultKind::StaleReads);
            let lag = || {
                if stale && chance.below(2) == 0 { Duration::from_millis(chance.below(1_500)) } else { Duration::ZERO }
            };
            let request = if world.is_mutant() { sent.body.clone() } else { Value::Null };
            let mut answer = world.table.carry_out(&sent.operation, sent.body, lag, |item| {
                violations(&world.settings, &item).into_iter().for_each(|violation| world.report_violation(violation));
            });
            if let Ok((200, body)) = &mut answer {
                world.change_answer(&request, body);
            }
            answer
        }
    }
}

/// The update that reserves units in flash mode, and the one that sells them without it.
const RESERVED: &str = "SET #remaining = #remaining - :units, #drawn = #drawn + :units";
const SOLD: &str = "SET #remaining = #remaining - :units";

/// Checks the mode in which units of a product are sold. It is the product's mode, or that of its cached record. The
/// replacement of an exchange is taken in the same way in both.
fn check_mode(world: &World, sent: &Sent, began: Instant) {
    let leaves = |write: &Value, how: &str| {
        let product = product_of_shard(write["Key"]["pk"]["S"].as_str()?)?;
        (write["UpdateExpression"] == how).then(|| product.to_owned())
    };
    let mut left: Vec<(String, bool)> = Vec::new();
    match sent.operation.as_str() {
        "UpdateItem" => left.extend(leaves(&sent.body, RESERVED).map(|product| (product, true))),
        "TransactWriteItems" if last_step(&sent.body) != Some("CLAIM_ACCEPTED") => {
            let writes = sent.body["TransactItems"].as_array().into_iter().flatten();
            left.extend(writes.filter_map(|write| Some((leaves(&write["Update"], SOLD)?, false))));
        }
        _ => {}
    }
    if left.is_empty() || world.is_sequential {
        return;
    }
    let age = world.oldest_name();
    let known = world.known.lock().unwrap();
    let violations: Vec<String> = left
        .iter()
        .filter_map(|(product, flash)| known.registers.mode_violation(product, *flash, began, age))
        .collect();
    drop(known);
    violations.into_iter().for_each(|violation| world.report_violation(violation));
}

/// DynamoDB's answer to a call with more in it than the limits allow.
fn exceeds(world: &World, sent: &Sent) -> Option<(u16, Value)> {
    let bounds = world.settings.bounds.table;
    let (count, most) = match sent.operation.as_str() {
        "TransactWriteItems" | "TransactGetItems" => (&sent.body["TransactItems"], bounds.actions),
        "BatchGetItem" => (&sent.body["RequestItems"][TABLE]["Keys"], bounds.batch_keys),
        _ => return None,
    };
    let count = count.as_array().map_or(0, Vec::len);
    let refusal = || {
        let message = format!("1 validation error detected: {count} members where there may be {most}");
        world.report_violation(format!("{} of {message}", sent.operation));
        (400, dynamo::error("ValidationException", &message))
    };
    (count > most).then(refusal)
}

/// Lists inside of the shop with pages that can be cut short: their rows are so large that a page ends at a megabyte,
/// or a reader filters them.
const CUT_SHORT: [&str; 7] = ["REBUILD#", "HOLDS#", "SHEETS#", "CAMPAIGNS", "EXPIRIES", "SHELVES", "SALES"];

fn cut_short(world: &World, sent: &mut Sent, chance: &mut Chance) {
    let pk = sent.body["ExpressionAttributeValues"][":pk"]["S"].as_str().unwrap_or_default();
    let can_be = sent.operation == "Scan" || CUT_SHORT.iter().any(|list| pk.starts_with(list));
    if can_be && world.injects(FaultKind::ShortPages) && chance.below(4) == 0 {
        let limit = sent.body["Limit"].as_u64().expect("a read of a list is bounded");
        sent.body["Limit"] = json!(limit.div_ceil(2));
    }
}

fn server_error() -> Value {
    dynamo::error("InternalServerError", "Internal server error")
}

/// Removes half of a batch's keys from the request, and returns them as unprocessed.
fn leave_unprocessed(request: &mut Value) -> Value {
    let wanted = &mut request["RequestItems"][TABLE];
    let Some(keys) = wanted["Keys"].as_array_mut() else { return Value::Null };
    let left = keys.split_off(keys.len().div_ceil(2));
    if left.is_empty() {
        return Value::Null;
    }
    let mut over = wanted.clone();
    over["Keys"] = Value::Array(left);
    json!({ TABLE: over })
}

/// A call in short: its operation and the keys of its items.
fn shown(sent: &Sent) -> String {
    let mut keys = Vec::new();
    collect_keys(&sent.body, &mut keys);
    match sent.service.as_str() {
        "AWSEvents" => format!("PutEvents of {}", sent.body["Entries"].as_array().map_or(0, Vec::len)),
        "AmazonSQS" if sent.operation == "SendMessageBatch" => {
            let messages = sent.body["Entries"].as_array().map_or(0, Vec::len);
            format!("SendMessageBatch of {messages} to {}", sent.body["QueueUrl"])
        }
        "AmazonSQS" => format!("{} {}", sent.operation, sent.body["VisibilityTimeout"]),
        _ => format!("{} {}", sent.operation, keys.join(", ")),
    }
}

fn collect_keys(value: &Value, keys: &mut Vec<String>) {
    match value {
        Value::Object(fields) => match (&value["pk"]["S"], &value["sk"]["S"]) {
            (Value::String(pk), Value::String(sk)) => keys.push(format!("{pk}/{sk}")),
            _ => {
                if let Some(pk) = fields.get("ExpressionAttributeValues").and_then(|values| values[":pk"]["S"].as_str())
                {
                    keys.push(format!("{pk}/…"));
                }
                fields.values().for_each(|field| collect_keys(field, keys));
            }
        },
        Value::Array(values) => values.iter().for_each(|value| collect_keys(value, keys)),
        _ => {}
    }
}

/// An answer in short.
fn result((status, body): &(u16, Value)) -> String {
    let Some(error) = body["__type"].as_str() else { return status.to_string() };
    let error = error.rsplit('#').next().unwrap_or_default();
    let reasons = body["CancellationReasons"].as_array().into_iter().flatten();
    let reasons: Vec<&str> = reasons.filter_map(|reason| reason["Code"].as_str()).collect();
    if reasons.is_empty() { error.to_owned() } else { format!("{error} [{}]", reasons.join(", ")) }
}
