//! DynamoDB in this process, reached through the real SDK's HTTP interface, with faults on demand.

use std::{
    fmt,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, storage::Storage};
use serde_json::{Value, json};

use crate::{fakes::wire, meter::Meter, second_opinion::record::Recorder};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No fault.
    None,
    /// Refused because a transaction holds the items of the call.
    Conflict,
    /// Refused because there are too many calls.
    Throttled,
    /// Carried out, but the answer is lost.
    LostReply,
}

/// The name of an empty database in the memory of this process.
const EMPTY_PATH: &str = "file:/empty?vfs=memdb";

/// An empty database with indices of stream records, which the library does without: a write looks for the last number, and
/// a reader for its next records, among all that there are. It is kept open, since its memory is freed with it.
static EMPTY: LazyLock<Mutex<Storage>> = LazyLock::new(|| {
    let empty = Storage::new(EMPTY_PATH).expect("SQLite opens in memory");
    let indices = "CREATE INDEX last_records ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
        CREATE INDEX next_records ON _stream_records (table_name, shard_id, CAST(sequence_number AS INTEGER));";
    empty.conn().execute_batch(indices).expect("records have these columns");
    Mutex::new(empty)
});

/// Chooses the fault of each call, by its operation.
type Chooser = Box<dyn FnMut(&str) -> Fault + Send>;

/// An embedded DynamoDB.
#[derive(Clone)]
pub struct Dynamo {
    database: Database,
    meter: Meter,
    faults: Arc<Mutex<Chooser>>,
    latency: Arc<Mutex<Duration>>,
    /// The recorder of examples. A call holds it, so that no other call changes the items meanwhile.
    recorder: Arc<Mutex<Recorder>>,
}

impl fmt::Debug for Dynamo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dynamo")
    }
}

impl Dynamo {
    /// A new, empty database.
    pub fn new() -> Self {
        LazyLock::force(&EMPTY);
        let database = Database::memory().expect("SQLite opens in memory");
        database.restore_from(EMPTY_PATH).expect("an empty database is copied");
        let faults: Chooser = Box::new(|_| Fault::None);
        let (faults, recorder, latency) = (Arc::new(Mutex::new(faults)), Arc::default(), Arc::default());
        Self { database, meter: Meter::default(), faults, recorder, latency }
    }

    /// Measures the cost of calls.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Lets each further call take this time.
    pub fn slow_down(&self, latency: Duration) {
        *self.latency.lock().unwrap() = latency;
    }

    /// Injects the fault that `choose` returns for the operation of each call.
    pub fn fail(&self, choose: impl FnMut(&str) -> Fault + Send + 'static) {
        *self.faults.lock().unwrap() = Box::new(choose);
    }

    /// Lets the first `times` calls of an operation fail.
    pub fn fail_first(&self, operation: &'static str, mut times: u32, fault: Fault) {
        self.fail(move |called| {
            let hit = called == operation && times > 0;
            times -= u32::from(hit);
            if hit { fault } else { Fault::None }
        });
    }

    /// A client of it that retries as the shipped one does.
    pub fn client(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&wire::to(self.clone()))
    }

    /// Carries out an operation with its JSON request.
    pub fn execute(&self, operation: &str, request: Value) -> Result<Value, (u16, Value)> {
        macro_rules! operations {
            ($($name:literal => $method:ident),+ $(,)?) => {
                match operation {
                    $($name => {
                        // Some rules are checked as a request is read.
                        let request = serde_json::from_value(request).map_err(|invalid| {
                            (400, error("ValidationException", &invalid.to_string()))
                        })?;
                        self.database.$method(request)
                            .map(|answer| serde_json::to_value(answer).expect("an answer is JSON"))
                    })+
                    other => panic!("DynamoDB operation {other} is not embedded"),
                }
            };
        }
        let answer = operations! {
            "CreateTable" => create_table,
            "DeleteTable" => delete_table,
            "DescribeTable" => describe_table,
            "GetItem" => get_item,
            "UpdateItem" => update_item,
            "BatchGetItem" => batch_get_item,
            "BatchWriteItem" => batch_write_item,
            "Query" => query,
            "Scan" => scan,
            "TransactGetItems" => transact_get_items,
            "TransactWriteItems" => transact_write_items,
            "DescribeStream" => describe_stream,
            "GetShardIterator" => get_shard_iterator,
            "GetRecords" => get_records,
        };
        answer.map_err(|error| {
            let body = serde_json::from_str(&error.to_json()).expect("an error is JSON");
            (error.status_code(), body)
        })
    }

    fn execute_recorded(&self, operation: &str, mut request: Value) -> Result<Value, (u16, Value)> {
        let mut recorder = self.recorder.lock().unwrap();
        let call = recorder.begin(operation, &request, |operation, request| self.execute(operation, request));
        request["ReturnConsumedCapacity"] = json!("TOTAL");
        let answer = self.execute(operation, request);
        if let Some(call) = call {
            recorder.end(call, &answer, |operation, request| self.execute(operation, request));
        }
        answer
    }

    async fn answer(self, operation: String, request: Value) -> Result<HttpResponse, ConnectorError> {
        let _under_way = self.meter.begin();
        // Other calls may go first, as over a network.
        tokio::task::yield_now().await;
        let latency = *self.latency.lock().unwrap();
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let answer = self.carry_out(&operation, request);
        tokio::task::yield_now().await;
        answer.map(|(status, body)| respond(status, &body))
    }

    /// Carries out a call, or injects its fault. Returns the status and body of the answer.
    pub(crate) fn carry_out(&self, operation: &str, request: Value) -> Result<(u16, Value), ConnectorError> {
        let fault = (self.faults.lock().unwrap())(operation);
        let result = match fault {
            Fault::Conflict => Err(conflict(&request)),
            Fault::Throttled => Err((400, error("ThrottlingException", "Rate exceeded"))),
            Fault::None | Fault::LostReply => self.execute_recorded(operation, request),
        };
        let (status, body) = match result {
            Ok(body) => (200, body),
            Err((status, body)) => (status, body),
        };
        self.meter.count(operation, &body);
        if fault == Fault::LostReply {
            return Err(ConnectorError::io("the connection broke".into()));
        }
        Ok((status, body))
    }
}

impl Default for Dynamo {
    fn default() -> Self {
        Self::new()
    }
}

impl HttpConnector for Dynamo {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (operation, body) = parse(&request);
        HttpConnectorFuture::new(self.clone().answer(operation, body))
    }
}

/// The operation that a call asks for, and its JSON request.
pub(crate) fn parse(request: &HttpRequest) -> (String, Value) {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let body = serde_json::from_slice(request.body().bytes().unwrap_or_default()).expect("a request is JSON");
    (operation, body)
}

/// An answer over the wire.
pub(crate) fn respond(status: u16, body: &Value) -> HttpResponse {
    HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body.to_string()))
}

/// DynamoDB's answer if another transaction holds the item of a call, or one of a transaction: a shard of the stock if it
/// has one, which many want.
pub(crate) fn conflict(request: &Value) -> (u16, Value) {
    let Some(actions) = request["TransactItems"].as_array() else {
        return (400, conflicting());
    };
    let is_shard =
        |action: &Value| action["Update"]["Key"]["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("STOCK#"));
    let held = actions.iter().position(is_shard).unwrap_or(0);
    (400, cancelled((0..actions.len()).map(|action| if action == held { "TransactionConflict" } else { "None" })))
}

/// DynamoDB's answer if a transaction holds the item of a call.
pub(crate) fn conflicting() -> Value {
    error("TransactionConflictException", "Transaction is ongoing for the item")
}

/// DynamoDB's answer for a transaction that it cancelled for these reasons, one for each action.
pub(crate) fn cancelled<'a>(reasons: impl Iterator<Item = &'a str>) -> Value {
    let mut body = error("TransactionCanceledException", "Transaction cancelled, see its reasons");
    body["CancellationReasons"] = reasons.map(|code| json!({ "Code": code })).collect();
    body
}

pub(crate) fn error(name: &str, message: &str) -> Value {
    json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{name}"), "message": message })
}
