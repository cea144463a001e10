//! Processes the messages of a queue one by one; each failed message has its own backoff.

use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::Client;
use lambda_runtime::Error;
use serde::Deserialize;

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

    /// Handles the messages of a batch by their bodies, each in the trace of its event, if it has one.
    ///
    /// A failed message stays in the queue and comes again after a wait that doubles each time. After too many failures
    /// SQS moves it to the dead-letter queue.
    pub async fn process<F>(&self, batch: SqsEvent, handle: impl Fn(String) -> F) -> SqsBatchResponse
    where
        F: Future<Output = Result<Handled, Error>>,
    {
        let mut response = SqsBatchResponse::default();
        for mut message in batch.records {
            let body = message.body.take().unwrap_or_default();
            let done = match trace_of(&body).or_else(trace::current) {
                Some(trace) => trace::of(trace, self.handle(&message, handle(body))).await,
                None => self.handle(&message, handle(body)).await,
            };
            if done {
                continue;
            }
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message.message_id.unwrap_or_default();
            response.batch_item_failures.push(failure);
        }
        response
    }

    /// Handles a message or postpones it. Returns whether it is done.
    async fn handle(&self, message: &SqsMessage, handling: impl Future<Output = Result<Handled, Error>>) -> bool {
        let wait = match handling.await {
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

/// The trace of the event in a message, in the form in which a rule of the bus puts events into a queue.
fn trace_of(body: &str) -> Option<TraceId> {
    #[derive(Deserialize)]
    struct BusEvent {
        detail: Header,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Header {
        trace_id: TraceId,
    }
    serde_json::from_str(body).ok().map(|event: BusEvent| event.detail.trace_id)
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
