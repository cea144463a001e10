//! Drives a function on a queue as Lambda and SQS do: batches, receive counts, waits, dead dead_letters. Time is tokio's.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use shared::lambda::queue::Queue;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::{fakes::wire, template::template};

/// A queue with the template's settings. Copies are the same queue.
#[derive(Debug, Clone)]
pub struct QueueSource(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    batch_size: usize,
    most_receives: u32,
    invisible: Duration,
    messages: Mutex<BTreeMap<usize, Message>>,
    /// Wakes the waiters for a message.
    changed: Notify,
}

#[derive(Debug)]
struct Message {
    body: String,
    visible_from: Instant,
    received: u32,
}

impl QueueSource {
    /// The queue that a function of the template consumes.
    pub fn of(function: &str) -> Self {
        let resources = &template()["Resources"];
        let source = &resources[function]["Properties"]["Events"]["Queue"]["Properties"];
        let queue = source["Queue"]["Fn::GetAtt"].as_str().and_then(|arn| arn.split('.').next()).expect("a queue");
        let settings = &resources[queue]["Properties"];
        let number = |value: &Value| value.as_u64().expect("a number");
        Self(Arc::new(Shared {
            batch_size: number(&source["BatchSize"]).try_into().expect("a size"),
            most_receives: number(&settings["RedrivePolicy"]["maxReceiveCount"]).try_into().expect("a count"),
            invisible: Duration::from_secs(number(&settings["VisibilityTimeout"])),
            messages: Mutex::default(),
            changed: Notify::new(),
        }))
    }

    fn messages(&self) -> MutexGuard<'_, BTreeMap<usize, Message>> {
        self.0.messages.lock().unwrap()
    }

    /// Puts the messages of a batch into the queue.
    pub fn put(&self, batch: SqsEvent) {
        let mut messages = self.messages();
        for message in batch.records {
            let body = message.body.expect("a message has a body");
            let number = messages.last_key_value().map_or(0, |(number, _)| number + 1);
            messages.insert(number, Message { body, visible_from: Instant::now(), received: 0 });
        }
    }

    /// The queue, as the function sees it.
    pub fn queue(&self) -> Queue {
        Queue::new(aws_sdk_sqs::Client::new(&wire::to(self.clone())), "http://aws.test/queue".to_owned())
    }

    /// The number of messages in the queue, handled or not.
    pub fn waiting(&self) -> usize {
        self.messages().len()
    }

    /// The bodies of the messages in the queue.
    pub fn bodies(&self) -> Vec<Value> {
        let messages = self.messages();
        messages.values().map(|message| serde_json::from_str(&message.body).expect("a body is JSON")).collect()
    }

    /// The highest receive count of a message.
    pub fn most_received(&self) -> u32 {
        self.messages().values().map(|message| message.received).max().unwrap_or(0)
    }

    /// Lets an execution environment handle messages until the queue is empty. Panics if a message is received too
    /// often: SQS would make it a dead letter.
    pub async fn process<F: Future<Output = SqsBatchResponse>>(&self, handle: impl Fn(SqsEvent) -> F) {
        while self.waiting() > 0 {
            let (numbers, batch) = self.receive();
            if numbers.is_empty() {
                self.next().await;
                continue;
            }
            let answer = handle(batch).await;
            let failed = |number: &usize| {
                answer.batch_item_failures.iter().any(|failure| failure.item_identifier == number.to_string())
            };
            self.messages().retain(|number, _| !numbers.contains(number) || failed(number));
            self.0.changed.notify_waiters();
        }
    }

    /// Waits until there may be a message.
    async fn next(&self) {
        let next = self.messages().values().map(|message| message.visible_from).min();
        let changed = self.0.changed.notified();
        let Some(next) = next else { return };
        tokio::select! {
            () = sleep_until(next) => {}
            () = changed => {}
        }
    }

    fn receive(&self) -> (Vec<usize>, SqsEvent) {
        let (now, mut numbers, mut records) = (Instant::now(), Vec::new(), Vec::new());
        let mut messages = self.messages();
        let visible = messages.iter_mut().filter(|(_, message)| message.visible_from <= now);
        for (number, message) in visible.take(self.0.batch_size) {
            assert!(message.received < self.0.most_receives, "a dead letter: {}", message.body);
            message.received += 1;
            message.visible_from = now + self.0.invisible;
            numbers.push(*number);
            records.push(json!({
                "messageId": number.to_string(), "receiptHandle": number.to_string(), "body": message.body,
                "attributes": { "ApproximateReceiveCount": message.received.to_string() }, "messageAttributes": {},
            }));
        }
        (numbers, serde_json::from_value(json!({ "Records": records })).expect("a batch"))
    }
}

impl HttpConnector for QueueSource {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        assert_eq!(request.headers().get("x-amz-target"), Some("AmazonSQS.ChangeMessageVisibility"));
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).expect("JSON");
        let number: usize = body["ReceiptHandle"].as_str().and_then(|handle| handle.parse().ok()).expect("a handle");
        let wait = Duration::from_secs(body["VisibilityTimeout"].as_u64().expect("a wait"));
        if let Some(message) = self.messages().get_mut(&number) {
            message.visible_from = Instant::now() + wait;
        }
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().expect("a status"), SdkBody::from("{}"))))
    }
}
