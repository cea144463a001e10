//! An account with queues, functions and a bucket in this process, for the tool of dead letters.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_types::SdkConfig;
use serde_json::{Value, json};

use crate::fakes::{bucket::Bucket, dynamo, wire};

/// Answers an invocation: of this function, with this event.
type Handler = Box<dyn FnMut(&str, &Value) -> Value + Send>;

#[derive(Clone, Debug, Default)]
pub struct Account {
    state: Arc<Mutex<State>>,
    pub bucket: Bucket,
}

#[derive(Default)]
struct State {
    queues: BTreeMap<String, Queue>,
    /// The environment of each function.
    functions: BTreeMap<String, Value>,
    invocations: Vec<Invocation>,
    handler: Option<Handler>,
    ids: u64,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State")
    }
}

#[derive(Default)]
struct Queue {
    dead_letters: Option<String>,
    messages: Vec<Message>,
}

struct Message {
    id: String,
    body: String,
    is_leased: bool,
}

/// An invocation of a function.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    pub function: String,
    pub event: Value,
    pub is_asynchronous: bool,
}

impl Account {
    /// The configuration of the tool's clients.
    pub fn config(&self) -> SdkConfig {
        wire::to(self.clone())
    }

    /// Adds a queue, with the name of its queue of dead letters.
    pub fn add_queue(&self, name: &str, dead_letters: Option<&str>) {
        let dead_letters = dead_letters.map(str::to_owned);
        let queue = Queue { dead_letters, messages: Vec::new() };
        self.state.lock().unwrap().queues.insert(name.to_owned(), queue);
    }

    /// Adds a function with its environment.
    pub fn add_function(&self, name: &str, environment: Value) {
        self.state.lock().unwrap().functions.insert(name.to_owned(), environment);
    }

    /// Sends a message to a queue.
    pub fn send(&self, queue: &str, body: &Value) {
        self.state.lock().unwrap().send(queue, body.to_string());
    }

    /// The bodies of the messages in a queue.
    pub fn messages(&self, queue: &str) -> Vec<Value> {
        let state = self.state.lock().unwrap();
        state.queues[queue].messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
    }

    /// Lets functions answer so; without a handler every record is handled. An answer with an `errorMessage` is an error.
    pub fn answer(&self, handler: impl FnMut(&str, &Value) -> Value + Send + 'static) {
        self.state.lock().unwrap().handler = Some(Box::new(handler));
    }

    /// The invocations so far.
    pub fn invocations(&self) -> Vec<Invocation> {
        self.state.lock().unwrap().invocations.clone()
    }

    fn respond(&self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let body = || serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        if let Some(operation) = target.strip_prefix("AmazonSQS.") {
            let answer = self.state.lock().unwrap().sqs(operation, &body());
            return Ok(dynamo::respond(200, &answer));
        }
        let path = request.uri().split_once("://").map_or(request.uri(), |(_, rest)| rest);
        let Some((_, path)) = path.split_once("/2015-03-31/functions") else { return self.bucket.respond(request) };
        let path = path.split('?').next().unwrap_or_default().trim_matches('/');
        let mut state = self.state.lock().unwrap();
        let Some(function) = path.strip_suffix("/invocations") else {
            let described = |(name, environment): (&String, &Value)| json!({ "FunctionName": name, "Environment": { "Variables": environment } });
            let functions: Vec<Value> = state.functions.iter().map(described).collect();
            return Ok(dynamo::respond(200, &json!({ "Functions": functions })));
        };
        let is_asynchronous = request.headers().get("x-amz-invocation-type") == Some("Event");
        let answer = state.invoke(Invocation { function: function.to_owned(), event: body(), is_asynchronous });
        let mut response = dynamo::respond(if is_asynchronous { 202 } else { 200 }, &answer);
        if answer["errorMessage"].is_string() {
            response.headers_mut().insert("x-amz-function-error", "Unhandled");
        }
        Ok(response)
    }
}

impl State {
    fn send(&mut self, queue: &str, body: String) {
        self.ids += 1;
        let message = Message { id: format!("m{}", self.ids), body, is_leased: false };
        self.queues.get_mut(queue).expect("a queue").messages.push(message);
    }

    fn invoke(&mut self, invocation: Invocation) -> Value {
        assert!(self.functions.contains_key(&invocation.function), "{}", invocation.function);
        let answer = match &mut self.handler {
            Some(handler) => handler(&invocation.function, &invocation.event),
            None => json!({ "batchItemFailures": [] }),
        };
        self.invocations.push(invocation);
        answer
    }

    fn sqs(&mut self, operation: &str, request: &Value) -> Value {
        let name = request["QueueUrl"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
        let arn = |name: &str| format!("arn:aws:sqs:ap-northeast-2:1:{name}");
        match operation {
            "ListQueues" => {
                let prefix = request["QueueNamePrefix"].as_str().unwrap_or_default();
                let names = self.queues.keys().filter(|name| name.starts_with(prefix));
                json!({ "QueueUrls": names.map(|name| format!("http://aws.test/1/{name}")).collect::<Vec<_>>() })
            }
            "GetQueueAttributes" => {
                let queue = &self.queues[&name];
                let mut attributes = json!({
                    "QueueArn": arn(&name), "ApproximateNumberOfMessages": queue.messages.len().to_string(),
                });
                if let Some(letters) = &queue.dead_letters {
                    let policy = json!({ "deadLetterTargetArn": arn(letters), "maxReceiveCount": 5 });
                    attributes["RedrivePolicy"] = policy.to_string().into();
                }
                json!({ "Attributes": attributes })
            }
            "ReceiveMessage" => {
                let most = usize::try_from(request["MaxNumberOfMessages"].as_u64().unwrap_or(1)).unwrap();
                let queue = self.queues.get_mut(&name).expect("a queue");
                let visible = queue.messages.iter_mut().filter(|message| !message.is_leased).take(most);
                let lease = |message: &mut Message| {
                    message.is_leased = true;
                    json!({ "MessageId": message.id, "ReceiptHandle": message.id, "Body": message.body })
                };
                json!({ "Messages": visible.map(lease).collect::<Vec<_>>() })
            }
            "ChangeMessageVisibilityBatch" => {
                let entries = request["Entries"].as_array().expect("entries");
                let queue = self.queues.get_mut(&name).expect("a queue");
                for message in &mut queue.messages {
                    message.is_leased &= entries.iter().all(|entry| entry["ReceiptHandle"] != message.id.as_str());
                }
                json!({ "Successful": [], "Failed": [] })
            }
            "DeleteMessage" => {
                let queue = self.queues.get_mut(&name).expect("a queue");
                queue.messages.retain(|message| request["ReceiptHandle"] != message.id.as_str());
                json!({})
            }
            "SendMessage" => {
                self.send(&name, request["MessageBody"].as_str().expect("a body").to_owned());
                json!({ "MessageId": self.ids.to_string() })
            }
            other => panic!("{other} is not embedded"),
        }
    }
}

impl HttpConnector for Account {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let account = self.clone();
        HttpConnectorFuture::new(async move {
            // Other calls may go first, as over a network.
            tokio::task::yield_now().await;
            account.respond(&request)
        })
    }
}
