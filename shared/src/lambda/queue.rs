//! Processes the messages of a queue one by one; each that cannot be handled now has its own wait.

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

/// The longest wait after a failure, in seconds: also where more was asked for.
const LONGEST_WAIT_SECONDS: u64 = 900;

/// The longest time that SQS keeps a message invisible, in seconds.
const LONGEST_INVISIBLE_SECONDS: u64 = 43_200;

/// A queue that a function works off.
#[derive(Debug)]
pub struct Queue {
    client: Client,
    url: String,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled {
    /// All of it is done.
    Done,
    /// It is too early: it comes again after this time.
    Defer(Duration),
    /// It cannot be done now: it comes again after its own wait, but not before this time is over.
    Retry(Duration),
}

impl Queue {
    /// The queue that `QUEUE_URL` names.
    ///
    /// # Errors
    /// If the configuration is incomplete.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self::new(Client::new(&aws::sdk_config()?), required("QUEUE_URL")?))
    }

    /// The queue with this address.
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Handles the messages of a batch by their bodies, each as a part of the trace that its event is of, if it says so.
    /// What fails stays in the queue, comes again after a wait that doubles each time, and ends among the dead letters when
    /// it has failed too often.
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

    /// Handles a message, or lets it wait: whether it was done.
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

    /// Lets a message wait. Where that cannot be set, the queue's own time-out holds.
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

/// The trace of the event in a message, as a rule of the bus puts it into a queue.
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

/// 2, 4, 8 … seconds, by how often it was received.
fn wait_after(message: &SqsMessage) -> u64 {
    let received = message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
    2_u64.saturating_pow(received.unwrap_or(1)).min(LONGEST_WAIT_SECONDS)
}

/// Whole seconds that are not less.
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
