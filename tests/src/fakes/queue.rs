//! A queue in this process, for a function that consumes it.

use std::sync::{Arc, Mutex};

use aws_lambda_events::sqs::SqsEvent;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use shared::{
    events::Event,
    lambda::{
        dead_letters::{DeadLetters, MAX_MESSAGE},
        queue::Queue,
        stream::StreamDeadLetters,
    },
};

use crate::fakes::{bucket::Bucket, wire};

/// The name in Lambda of the function that sends the letters of a stream.
pub const FUNCTION: &str = "shop-CountSales-1AB";

/// A queue that keeps the waits that were set.
#[derive(Debug, Clone, Default)]
pub struct Waits(Arc<Mutex<Vec<i64>>>);

impl Waits {
    /// The queue, as the function sees it.
    pub fn queue(&self) -> Queue {
        self.queue_over(aws_sdk_sqs::Client::new(&wire::to(self.clone())))
    }

    /// The queue, for a function that reaches it by this client.
    pub fn queue_over(&self, client: aws_sdk_sqs::Client) -> Queue {
        Queue::new(client, "http://aws.test/queue".to_owned())
    }

    /// The waits set so far, in seconds.
    pub fn taken(&self) -> Vec<i64> {
        self.0.lock().unwrap().clone()
    }
}

impl HttpConnector for Waits {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        assert_eq!(request.headers().get("x-amz-target"), Some("AmazonSQS.ChangeMessageVisibility"));
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).expect("JSON");
        self.0.lock().unwrap().push(body["VisibilityTimeout"].as_i64().expect("a wait"));
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().expect("a status"), SdkBody::from("{}"))))
    }
}

/// A dead-letter queue that keeps its messages, with a bucket for what is too large for it.
#[derive(Debug, Clone, Default)]
pub struct DeadLetterQueue {
    state: Arc<Mutex<DeadLetterQueueState>>,
    pub bucket: Bucket,
}

#[derive(Debug, Default)]
struct DeadLetterQueueState {
    /// The body of each message, and its reason.
    messages: Vec<(Value, String)>,
    is_down: bool,
    /// The most bytes of a message, if it is less than of any queue.
    most: Option<usize>,
}

impl DeadLetterQueue {
    /// The queue, as the function sees it.
    pub fn queue(&self) -> DeadLetters {
        self.queue_over(aws_sdk_sqs::Client::new(&wire::to(self.clone())))
    }

    /// The queue under its name in the template, by which permissions are checked.
    pub fn queue_named(&self, name: &str) -> DeadLetters {
        DeadLetters::new(aws_sdk_sqs::Client::new(&wire::to(self.clone())), format!("http://aws.test/{name}"))
    }

    /// The queue, for a function that reaches it by this client.
    pub fn queue_over(&self, client: aws_sdk_sqs::Client) -> DeadLetters {
        DeadLetters::new(client, "http://aws.test/queue".to_owned())
    }

    /// Queue and bucket, as a function of the stream sees them.
    pub fn of_stream(&self) -> StreamDeadLetters {
        StreamDeadLetters::new(self.queue(), self.bucket.failures(FUNCTION))
    }

    /// The same, with the queue under its name in the template.
    pub fn of_stream_named(&self, name: &str) -> StreamDeadLetters {
        StreamDeadLetters::new(self.queue_named(name), self.bucket.failures(FUNCTION))
    }

    /// Makes the queue refuse every message, or accept them again.
    pub fn set_down(&self, is_down: bool) {
        self.state.lock().unwrap().is_down = is_down;
    }

    /// Makes the queue take smaller messages only.
    pub fn take_at_most(&self, bytes: usize) {
        self.state.lock().unwrap().most = Some(bytes);
    }

    /// The messages so far: the body and the reason of each.
    pub fn taken(&self) -> Vec<(Value, String)> {
        self.state.lock().unwrap().messages.clone()
    }
}

impl HttpConnector for DeadLetterQueue {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        assert_eq!(request.headers().get("x-amz-target"), Some("AmazonSQS.SendMessage"));
        let message: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).expect("JSON");
        let mut state = self.state.lock().unwrap();
        let text = message["MessageBody"].as_str().expect("a body");
        let attributes = message["MessageAttributes"].as_object().into_iter().flatten();
        let attribute = |(name, it): (&String, &Value)| {
            let part = |part: &str| it[part].as_str().expect("text").len();
            name.len() + part("DataType") + part("StringValue")
        };
        let size = text.len() + attributes.map(attribute).sum::<usize>();
        let (status, answer) = if state.is_down {
            (503, json!({ "__type": "com.amazonaws.sqs#ServiceUnavailable" }))
        } else if size > state.most.unwrap_or(MAX_MESSAGE) {
            (400, json!({ "__type": "com.amazonaws.sqs#InvalidParameterValue", "message": "it is too long" }))
        } else if text.contains(['\u{fffe}', '\u{ffff}']) {
            (400, json!({ "__type": "com.amazonaws.sqs#InvalidMessageContents" }))
        } else {
            let body = serde_json::from_str(text).unwrap_or_else(|_| text.into());
            let reason = message["MessageAttributes"]["Reason"]["StringValue"].as_str().unwrap_or_default();
            state.messages.push((body, reason.to_owned()));
            (200, json!({ "MessageId": state.messages.len().to_string() }))
        };
        let answer = SdkBody::from(answer.to_string());
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().expect("a status"), answer)))
    }
}

/// A batch with these events, as a rule of the bus puts them into a queue. The id of each message is its index.
pub fn batch(source: &str, events: &[(&str, Value)]) -> SqsEvent {
    let message = |(index, (kind, detail)): (usize, &(&str, Value))| {
        let body = json!({ "version": "0", "id": "1", "source": source, "detail-type": kind, "detail": detail });
        json!({
            "messageId": index.to_string(), "receiptHandle": "r", "body": body.to_string(),
            "attributes": { "ApproximateReceiveCount": "1" }, "messageAttributes": {},
        })
    };
    let records: Vec<Value> = events.iter().enumerate().map(message).collect();
    serde_json::from_value(json!({ "Records": records })).expect("a batch")
}

/// A batch with these events of the shop.
pub fn batch_of(events: &[Event]) -> SqsEvent {
    let detail = |event: &Event| (event.kind.as_str(), serde_json::to_value(event).expect("an event is JSON"));
    batch("jangteo.orders", &events.iter().map(detail).collect::<Vec<_>>())
}
