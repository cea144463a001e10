//! An event bus and the work queues that the relay fills, in this process. They are reached through the real SDK's HTTP
//! interface, with faults on demand.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    future::pending,
    sync::{Arc, Mutex, MutexGuard},
};

use aws_lambda_events::streams::DynamoDbEventResponse;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use functions::stream::relay_events::{Relay, WorkQueue, WorkQueues};
use lambda_http::Error;
use serde_json::{Value, json};
use shared::{lambda::stream::Batch, platform::Random};
use tokio::sync::Notify;

use crate::{
    contract,
    fakes::{dynamo, queue::DeadLetterQueue, wire},
    permissions::running_as,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusFault {
    /// No fault.
    None,
    /// No answer, and nothing is taken.
    Down,
    /// The call is refused, and nothing is taken.
    Throttled,
    /// The call is carried out, and its answer is lost.
    LostAnswer,
    /// The function dies before the call is carried out.
    DiesBefore,
    /// The call is carried out, and the function dies before it has the answer.
    DiesAfter,
}

/// Chooses the fault of each call to the bus, or to a queue by its name.
type Faults = Box<dyn FnMut(Option<&str>) -> BusFault + Send>;

/// Chooses the entries to refuse, of the bus or of a queue by its name.
type Refusals = Box<dyn FnMut(Option<&str>, &Value) -> bool + Send>;

/// A bus that keeps every entry it took, and queues that keep every message. Without a fault set for queues, they are up.
#[derive(Debug, Clone, Default)]
pub struct Bus(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    death: Notify,
}

#[derive(Default)]
struct State {
    taken: Vec<Value>,
    entries_per_call: Vec<usize>,
    bytes_per_call: Vec<usize>,
    /// The messages of each queue.
    messages: BTreeMap<String, Vec<Value>>,
    /// The number of messages in each call to a queue.
    messages_per_call: BTreeMap<String, Vec<usize>>,
    /// The id of each event as it was taken, in order, with its queue, if it went to one.
    order: Vec<(String, Option<String>)>,
    fault: Option<Faults>,
    refuse: Option<Refusals>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State")
    }
}

impl Bus {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    /// Refuses the next `count` entries of the bus, each by itself.
    pub fn refuse(&self, mut count: u32) {
        self.refuse_if(move |_| {
            let refused = count > 0;
            count = count.saturating_sub(1);
            refused
        });
    }

    /// Refuses, by itself, each entry of the bus for which `choose` is true.
    pub fn refuse_if(&self, mut choose: impl FnMut(&Value) -> bool + Send + 'static) {
        self.refuse_anywhere_if(move |queue, entry| queue.is_none() && choose(entry));
    }

    /// Refuses, by itself, each entry of the bus or of a queue for which `choose` is true.
    pub fn refuse_anywhere_if(&self, choose: impl FnMut(Option<&str>, &Value) -> bool + Send + 'static) {
        self.state().refuse = Some(Box::new(choose));
    }

    /// Injects the fault that `choose` returns into each call to the bus.
    pub fn fail(&self, mut choose: impl FnMut() -> BusFault + Send + 'static) {
        self.fail_anywhere(move |queue| if queue.is_none() { choose() } else { BusFault::None });
    }

    /// Injects the fault that `choose` returns into each call to the bus, or to the named queue.
    pub fn fail_anywhere(&self, choose: impl FnMut(Option<&str>) -> BusFault + Send + 'static) {
        self.state().fault = Some(Box::new(choose));
    }

    /// The entries taken by the bus, in order.
    pub fn taken(&self) -> Vec<Value> {
        self.state().taken.clone()
    }

    /// The events taken by the bus, in order.
    pub fn events(&self) -> Vec<Value> {
        let detail = |entry: &Value| serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        self.taken().iter().map(detail).collect()
    }

    /// The bodies of the messages in a queue, in order.
    pub fn messages(&self, queue: WorkQueue) -> Vec<Value> {
        self.state().messages.get(queue.name()).cloned().unwrap_or_default()
    }

    /// The ids of all events in the order in which bus and queues took them, each with its queue, if it went to one.
    pub fn order(&self) -> Vec<(String, Option<String>)> {
        self.state().order.clone()
    }

    /// The number of entries in each call to the bus.
    pub fn entries_per_call(&self) -> Vec<usize> {
        self.state().entries_per_call.clone()
    }

    /// The number of messages in each call to a queue.
    pub fn messages_per_call(&self, queue: WorkQueue) -> Vec<usize> {
        self.state().messages_per_call.get(queue.name()).cloned().unwrap_or_default()
    }

    /// The bytes of entries in each call to the bus.
    pub fn bytes_per_call(&self) -> Vec<usize> {
        self.state().bytes_per_call.clone()
    }

    /// A relay to this bus and its queues, which sends unreadable records to these dead letters.
    pub fn relay(&self, dead_letters: &DeadLetterQueue) -> Relay {
        self.relay_filling(&WorkQueue::ALL, dead_letters)
    }

    /// A relay to this bus and some of its queues.
    pub fn relay_filling(&self, queues: &[WorkQueue], dead_letters: &DeadLetterQueue) -> Relay {
        let config = wire::to(self.clone());
        let letters = dead_letters.of_stream_named("RelayDeadLetters");
        let client = aws_sdk_eventbridge::Client::new(&config);
        let relay = Relay::new(client, "orders".to_owned(), letters, Random::system());
        relay.filling(some_queues(aws_sdk_sqs::Client::new(&config), queues))
    }

    /// Lets a relay to this bus handle a batch, until the relay dies.
    ///
    /// # Errors
    /// If it died.
    pub async fn handle(&self, relay: &Relay, batch: Batch) -> Result<DynamoDbEventResponse, Error> {
        tokio::select! {
            biased;
            () = self.0.death.notified() => Err("the function died".into()),
            answer = running_as("relay-events", relay.handle(batch)) => answer,
        }
    }

    /// Takes or refuses each entry, as EventBridge does: a call with refused entries is a success.
    fn put_events(&self, request: &Value) -> Value {
        let entries = request["Entries"].as_array().expect("entries");
        let mut state = self.state();
        state.entries_per_call.push(entries.len());
        let size =
            |entry: &Value| ["Detail", "DetailType", "Source"].map(|part| entry[part].as_str().map_or(0, str::len));
        state.bytes_per_call.push(entries.iter().flat_map(size).sum());
        let mut results = Vec::new();
        for entry in entries {
            let event: Value = serde_json::from_str(entry["Detail"].as_str().expect("text")).expect("JSON");
            contract::check_event(&event);
            if state.refuse.as_mut().is_some_and(|refuse| refuse(None, entry)) {
                results.push(json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded" }));
            } else {
                state.taken.push(entry.clone());
                state.order.push((event["eventId"].as_str().expect("an id").to_owned(), None));
                results.push(json!({ "EventId": state.taken.len().to_string() }));
            }
        }
        let failed = results.iter().filter(|result| result["ErrorCode"].is_string()).count();
        json!({ "FailedEntryCount": failed, "Entries": results })
    }

    /// Takes or refuses each message, as SQS does: a call with refused messages is a success.
    fn send_messages(&self, queue: &str, request: &Value) -> Value {
        let entries = request["Entries"].as_array().expect("entries");
        let bodies: usize = entries.iter().map(|entry| entry["MessageBody"].as_str().expect("text").len()).sum();
        assert!(
            (1..=10).contains(&entries.len()) && bodies <= 1_048_576,
            "{} messages of {bodies} bytes",
            entries.len()
        );
        let ids: BTreeSet<&str> = entries.iter().map(|entry| entry["Id"].as_str().expect("an id")).collect();
        assert_eq!(ids.len(), entries.len(), "each entry has an id of its own");
        let mut state = self.state();
        state.messages_per_call.entry(queue.to_owned()).or_default().push(entries.len());
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in entries {
            assert!(entry["DelaySeconds"].is_null(), "the queue's own delay holds");
            let body: Value = serde_json::from_str(entry["MessageBody"].as_str().expect("text")).expect("JSON");
            // The messages to the desk and of exports are no published events.
            let is_event = ![WorkQueue::Desk, WorkQueue::Exports].map(WorkQueue::name).contains(&queue);
            if is_event {
                contract::check_event(&body["detail"]);
            }
            if state.refuse.as_mut().is_some_and(|refuse| refuse(Some(queue), entry)) {
                failed.push(json!({ "Id": entry["Id"], "Code": "InternalError", "SenderFault": false }));
            } else {
                if is_event {
                    let id = body["detail"]["eventId"].as_str().expect("an id").to_owned();
                    state.order.push((id, Some(queue.to_owned())));
                }
                state.messages.entry(queue.to_owned()).or_default().push(body);
                successful.push(json!({ "Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "" }));
            }
        }
        // In no order that a caller could rely on.
        successful.reverse();
        json!({ "Successful": successful, "Failed": failed })
    }
}

/// The work queues of the template, for a relay that reaches them by this client.
pub fn work_queues(client: aws_sdk_sqs::Client) -> WorkQueues {
    some_queues(client, &WorkQueue::ALL)
}

fn some_queues(client: aws_sdk_sqs::Client, queues: &[WorkQueue]) -> WorkQueues {
    let urls = queues.iter().map(|queue| (*queue, format!("http://aws.test/{}", queue.name()))).collect();
    WorkQueues::new(client, urls, "123456789012".to_owned(), "ap-northeast-2".to_owned())
}

impl HttpConnector for Bus {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (operation, body) = dynamo::parse(&request);
        let queue = (operation == "SendMessageBatch").then(|| body["QueueUrl"].as_str().expect("a queue").to_owned());
        let queue = queue.as_deref().and_then(|url| url.rsplit('/').next());
        let fault = self.state().fault.as_mut().map_or(BusFault::None, |choose| choose(queue));
        let carry_out = || match queue {
            Some(queue) => self.send_messages(queue, &body),
            None => self.put_events(&body),
        };
        let answer = match fault {
            BusFault::None => Ok(dynamo::respond(200, &carry_out())),
            BusFault::Down => Err(ConnectorError::io("nobody answers".into())),
            BusFault::Throttled => Ok(dynamo::respond(400, &dynamo::error("ThrottlingException", "Rate exceeded"))),
            BusFault::LostAnswer => {
                carry_out();
                Err(ConnectorError::io("the connection broke".into()))
            }
            BusFault::DiesBefore | BusFault::DiesAfter => {
                if fault == BusFault::DiesAfter {
                    carry_out();
                }
                self.0.death.notify_one();
                // No answer ever comes: the caller is dead.
                return HttpConnectorFuture::new(pending::<Result<HttpResponse, ConnectorError>>());
            }
        };
        HttpConnectorFuture::ready(answer)
    }
}
