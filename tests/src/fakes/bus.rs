//! An event bus in this process, reached through the real SDK's HTTP interface, with faults on demand.

use std::{
    fmt,
    future::{Future, pending},
    sync::{Arc, Mutex},
};

use aws_lambda_events::streams::DynamoDbEventResponse;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;
use functions::stream::relay_events::Relay;
use lambda_http::Error;
use serde_json::{Value, json};
use shared::{lambda::stream::Batch, platform::Random};
use tokio::sync::Notify;

use crate::{
    contract,
    fakes::{queue::DeadLetterQueue, wire},
    permissions::running_as,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusFault {
    /// No fault.
    None,
    /// No answer, and nothing is taken.
    Down,
    /// The function dies before the call is carried out.
    DiesBefore,
    /// The call is carried out, and the function dies before it has the answer.
    DiesAfter,
}

/// Chooses the fault of each call.
type Faults = Box<dyn FnMut() -> BusFault + Send>;

/// Chooses the entries to refuse.
type Refusals = Box<dyn FnMut(&Value) -> bool + Send>;

/// A bus that keeps every entry it took.
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
    fault: Option<Faults>,
    refuse: Option<Refusals>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State")
    }
}

impl Bus {
    /// Refuses the next `count` entries, each by itself.
    pub fn refuse(&self, mut count: u32) {
        self.refuse_if(move |_| {
            let refused = count > 0;
            count = count.saturating_sub(1);
            refused
        });
    }

    /// Refuses, by itself, each entry for which `choose` is true.
    pub fn refuse_if(&self, choose: impl FnMut(&Value) -> bool + Send + 'static) {
        self.0.state.lock().unwrap().refuse = Some(Box::new(choose));
    }

    /// Injects the fault that `choose` returns into each call.
    pub fn fail(&self, choose: impl FnMut() -> BusFault + Send + 'static) {
        self.0.state.lock().unwrap().fault = Some(Box::new(choose));
    }

    /// The entries taken, in order.
    pub fn taken(&self) -> Vec<Value> {
        self.0.state.lock().unwrap().taken.clone()
    }

    /// The events taken, in order.
    pub fn events(&self) -> Vec<Value> {
        let detail = |entry: &Value| serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        self.taken().iter().map(detail).collect()
    }

    /// The number of entries in each call.
    pub fn entries_per_call(&self) -> Vec<usize> {
        self.0.state.lock().unwrap().entries_per_call.clone()
    }

    /// The bytes of entries in each call.
    pub fn bytes_per_call(&self) -> Vec<usize> {
        self.0.state.lock().unwrap().bytes_per_call.clone()
    }

    /// A relay to this bus, which sends unreadable records to these dead dead_letters.
    pub fn relay(&self, dead_letters: &DeadLetterQueue) -> Relay {
        let client = aws_sdk_eventbridge::Client::new(&wire::to(self.clone()));
        Relay::new(client, "orders".to_owned(), dead_letters.of_stream(), Random::system())
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
        let mut state = self.0.state.lock().unwrap();
        state.entries_per_call.push(entries.len());
        let size =
            |entry: &Value| ["Detail", "DetailType", "Source"].map(|part| entry[part].as_str().map_or(0, str::len));
        state.bytes_per_call.push(entries.iter().flat_map(size).sum());
        let mut results = Vec::new();
        for entry in entries {
            contract::check_event(&serde_json::from_str(entry["Detail"].as_str().expect("text")).expect("JSON"));
            if state.refuse.as_mut().is_some_and(|refuse| refuse(entry)) {
                results.push(json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded" }));
            } else {
                state.taken.push(entry.clone());
                results.push(json!({ "EventId": state.taken.len().to_string() }));
            }
        }
        let failed = results.iter().filter(|result| result["ErrorCode"].is_string()).count();
        json!({ "FailedEntryCount": failed, "Entries": results })
    }
}

impl HttpConnector for Bus {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let fault = self.0.state.lock().unwrap().fault.as_mut().map_or(BusFault::None, |choose| choose());
        if fault == BusFault::Down {
            return HttpConnectorFuture::ready(Err(ConnectorError::io("nobody answers".into())));
        }
        let body = serde_json::from_slice(request.body().bytes().unwrap_or_default()).expect("a request is JSON");
        let answer = (fault != BusFault::DiesBefore).then(|| self.put_events(&body));
        let answer = answer.filter(|_| fault == BusFault::None).map(|answer| SdkBody::from(answer.to_string()));
        match answer {
            Some(answer) => {
                HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().expect("a status"), answer)))
            }
            None => {
                self.0.death.notify_one();
                HttpConnectorFuture::new(never())
            }
        }
    }
}

/// No answer ever comes: the caller is dead.
fn never() -> impl Future<Output = Result<HttpResponse, ConnectorError>> {
    pending()
}
