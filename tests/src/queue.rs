//! A queue in this process, as far as a function that works it off has to do with it.

use std::sync::{Arc, Mutex};

use aws_lambda_events::sqs::SqsEvent;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use shared::{events::Event, runtime::queue::Queue};

use crate::wire;

/// A queue that keeps what waits were set.
#[derive(Debug, Clone, Default)]
pub struct Waits(Arc<Mutex<Vec<i64>>>);

impl Waits {
    /// The queue, as a function has it.
    pub fn queue(&self) -> Queue {
        self.queue_over(aws_sdk_sqs::Client::new(&wire::to(self.clone())))
    }

    /// The queue, as a function has it that reaches it by this client.
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

/// A batch with these events, as a rule of the bus puts them into a queue: each a message named by its place.
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
