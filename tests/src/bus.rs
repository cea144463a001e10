//! An event bus in this process, reached through the real SDK's HTTP interface, that refuses entries on demand.

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use crate::wire;

/// A bus that keeps what it took.
#[derive(Debug, Clone, Default)]
pub struct Bus(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    taken: Vec<Value>,
    entries_per_call: Vec<usize>,
    bytes_per_call: Vec<usize>,
    refusals: u32,
}

impl Bus {
    /// The next `count` entries are refused, each by itself.
    pub fn refuse(&self, count: u32) {
        self.0.lock().unwrap().refusals = count;
    }

    /// The entries taken, in order.
    pub fn taken(&self) -> Vec<Value> {
        self.0.lock().unwrap().taken.clone()
    }

    /// How many entries each call had.
    pub fn entries_per_call(&self) -> Vec<usize> {
        self.0.lock().unwrap().entries_per_call.clone()
    }

    /// How many bytes of entries each call had.
    pub fn bytes_per_call(&self) -> Vec<usize> {
        self.0.lock().unwrap().bytes_per_call.clone()
    }

    /// A client of it.
    pub fn client(&self) -> aws_sdk_eventbridge::Client {
        aws_sdk_eventbridge::Client::new(&wire::to(self.clone()))
    }

    /// Takes or refuses each entry, as EventBridge does: a call with refused entries is a success.
    fn put_events(&self, request: &Value) -> Value {
        let entries = request["Entries"].as_array().expect("entries");
        let mut state = self.0.lock().unwrap();
        state.entries_per_call.push(entries.len());
        let size =
            |entry: &Value| ["Detail", "DetailType", "Source"].map(|part| entry[part].as_str().map_or(0, str::len));
        state.bytes_per_call.push(entries.iter().flat_map(size).sum());
        let mut results = Vec::new();
        for entry in entries {
            if state.refusals > 0 {
                state.refusals -= 1;
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
        let body = serde_json::from_slice(request.body().bytes().unwrap_or_default()).expect("a request is JSON");
        let answer = SdkBody::from(self.put_events(&body).to_string());
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().expect("a status"), answer)))
    }
}
