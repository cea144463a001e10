//! Processes the messages of a queue side by side; each failed message has its own backoff.

use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::Client;
use futures::{StreamExt, stream};
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::platform::{
    aws,
    environment::{ConfigError, required},
    trace::{self, TraceId},
};

/// The longest wait after a failure, in seconds, even if the handler asks for more.
const LONGEST_WAIT_SECONDS: u64 = 900;

/// The longest time that SQS keeps a message invisible, in seconds.
const LONGEST_INVISIBLE_SECONDS: u64 = 43_200;

#[derive(Debug)]
pub struct Queue {
    client: Client,
    url: String,
}

/// The outcome of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled {
    Done,
    /// It is too early: the message comes again after this time.
    Defer(Duration),
    /// It cannot be done now: the message comes again after its own backoff, but not before this time is over.
    Retry(Duration),
}

/// A message of a queue: an event, in the form in which a rule of the bus puts it there.
#[derive(Debug)]
pub struct Message {
    pub body: String,
    event: Result<BusEvent, serde_json::Error>,
}

/// An event of the bus.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BusEvent {
    /// The kind of the event.
    pub detail_type: String,
    /// The event itself, as it was published.
    pub detail: Box<RawValue>,
}

impl Message {
    fn parse(body: String) -> Self {
        Self { event: serde_json::from_str(&body), body }
    }

    /// The event.
    ///
    /// # Errors
    /// If the message is none.
    pub fn event(&self) -> Result<&BusEvent, Error> {
        self.event.as_ref().map_err(|error| format!("it is no event: {error}").into())
    }

    /// The trace of the event, if it has one.
    pub fn trace(&self) -> Option<TraceId> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Header {
            trace_id: TraceId,
        }
        let event = self.event.as_ref().ok()?;
        event.read().ok().map(|header: Header| header.trace_id)
    }
}

impl BusEvent {
    /// The fields of the event that a handler needs.
    ///
    /// # Errors
    /// If one is missing or malformed.
    pub fn read<'e, T: Deserialize<'e>>(&'e self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.detail.get())
    }
}

impl Queue {
    /// The queue at `QUEUE_URL`.
    ///
    /// # Errors
    /// If the configuration is incomplete.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self::new(Client::new(&aws::sdk_config()?), required("QUEUE_URL")?))
    }

    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Handles the messages of a batch, so many at a time, each in the trace of its event, if it has one.
    ///
    /// A failed message stays in the queue and comes again after a wait that doubles each time. After too many failures
    /// SQS moves it to the dead-letter queue.
    pub async fn process<F>(&self, batch: SqsEvent, at_once: usize, handle: impl Fn(Message) -> F) -> SqsBatchResponse
    where
        F: Future<Output = Result<Handled, Error>>,
    {
        let handled = batch.records.into_iter().map(|mut message| {
            let parsed = Message::parse(message.body.take().unwrap_or_default());
            let (trace, handling) = (parsed.trace().or_else(trace::current), handle(parsed));
            async move {
                let done = match trace {
                    Some(trace) => trace::of(trace, self.handle(&message, handling)).await,
                    None => self.handle(&message, handling).await,
                };
                (!done).then(|| failure_of(message))
            }
        });
        let handled: Vec<_> = handled.collect();
        let failures: Vec<Option<BatchItemFailure>> = stream::iter(handled).buffered(at_once.max(1)).collect().await;
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = failures.into_iter().flatten().collect();
        response
    }

    /// Handles the messages of a batch together, in the trace of the invocation. `handle` gives the outcome of each, in
    /// their order.
    pub async fn process_together<F>(&self, batch: SqsEvent, handle: impl FnOnce(Vec<Message>) -> F) -> SqsBatchResponse
    where
        F: Future<Output = Vec<Result<Handled, Error>>>,
    {
        let mut messages = batch.records;
        let bodies = messages.iter_mut().map(|message| Message::parse(message.body.take().unwrap_or_default()));
        let outcomes = handle(bodies.collect()).await;
        let mut response = SqsBatchResponse::default();
        for (message, outcome) in messages.into_iter().zip(outcomes) {
            if !self.settle(&message, outcome).await {
                response.batch_item_failures.push(failure_of(message));
            }
        }
        response
    }

    /// Handles a message or postpones it. Returns whether it is done.
    async fn handle(&self, message: &SqsMessage, handling: impl Future<Output = Result<Handled, Error>>) -> bool {
        self.settle(message, handling.await).await
    }

    /// Postpones a message that is not done. Returns whether it is.
    async fn settle(&self, message: &SqsMessage, outcome: Result<Handled, Error>) -> bool {
        let wait = match outcome {
            Ok(Handled::Done) => return true,
            Ok(Handled::Defer(wait)) => seconds(wait).min(LONGEST_INVISIBLE_SECONDS),
            Ok(Handled::Retry(wait)) => seconds(wait).max(wait_after(message)).min(LONGEST_WAIT_SECONDS),
            Err(error) => {
                tracing::warn!(%error, message.id = message.message_id, "a message was not handled");
                wait_after(message)
            }
        };
        self.postpone(message, wait).await;
        false
    }

    /// Postpones a message. If that fails, the queue's own visibility time-out holds.
    async fn postpone(&self, message: &SqsMessage, seconds: u64) {
        let request = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(message.receipt_handle.clone().unwrap_or_default())
            .visibility_timeout(i32::try_from(seconds).unwrap_or(i32::MAX));
        if let Err(error) = request.send().await {
            tracing::warn!(error = %error.into_service_error(), "a message's wait could not be set");
        }
    }
}

fn failure_of(message: SqsMessage) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message.message_id.unwrap_or_default();
    failure
}

/// 2, 4, 8 … seconds, by the number of receptions.
fn wait_after(message: &SqsMessage) -> u64 {
    let received = message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
    2_u64.saturating_pow(received.unwrap_or(1)).min(LONGEST_WAIT_SECONDS)
}

/// The wait in whole seconds, rounded up.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let wait = |received: &str| {
            let mut message = SqsMessage::default();
            message.attributes.insert("ApproximateReceiveCount".to_owned(), received.to_owned());
            wait_after(&message)
        };
        assert_eq!(["1", "2", "3", "9", "10", "400"].map(wait), [2, 4, 8, 512, 900, 900]);
        assert_eq!(wait_after(&SqsMessage::default()), 2);
    }

    #[test]
    fn a_message_does_not_come_too_early_again() {
        assert_eq!(seconds(Duration::from_millis(1_001)), 2);
        assert_eq!(seconds(Duration::from_secs(1)), 1);
    }
}
