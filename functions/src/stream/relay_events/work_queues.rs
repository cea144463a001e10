//! The shop's own work queues. The relay fills them itself: rules of the bus would spend EventBridge's quota of target
//! invocations, 1,100 a second in Seoul, on events that have one known consumer.

use std::collections::BTreeMap;

use aws_sdk_sqs::{
    Client,
    config::retry::RetryConfig,
    error::BuildError,
    types::{SendMessageBatchRequestEntry, SendMessageBatchResultEntry},
};
use serde::Serialize;
use serde_json::value::RawValue;
use shared::{
    events::{self, EventKind},
    platform::{
        aws,
        environment::{ConfigError, optional, required},
    },
};

use super::Waiting;

/// A queue that the relay fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkQueue {
    /// The ends of holds. The queue itself delays each message.
    Expiry,
    /// The requests to the external payment system.
    PaymentRequests,
    /// The requests to the delivery system.
    ShippingInstructions,
    /// The outdated rows of the desk, and heartbeats. No event goes there.
    Desk,
    /// The steps of exports, and the erasures of their files. No event goes there.
    Exports,
}

impl WorkQueue {
    pub const ALL: [Self; 5] =
        [Self::Expiry, Self::PaymentRequests, Self::ShippingInstructions, Self::Desk, Self::Exports];

    /// The queue of the events of a kind. The other kinds go to the bus alone.
    pub fn of(kind: EventKind) -> Option<Self> {
        match kind {
            EventKind::OrderPlaced => Some(Self::Expiry),
            EventKind::PaymentRequested | EventKind::RefundRequested | EventKind::WithdrawalRequested => {
                Some(Self::PaymentRequests)
            }
            EventKind::ShippingRequested | EventKind::ShippingCancelled => Some(Self::ShippingInstructions),
            _ => None,
        }
    }

    /// The name of the queue in the template.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expiry => "Expiry",
            Self::PaymentRequests => "PaymentRequests",
            Self::ShippingInstructions => "ShippingInstructions",
            Self::Desk => "Desk",
            Self::Exports => "Exports",
        }
    }

    /// The variable with the URL of the queue.
    fn variable(self) -> &'static str {
        match self {
            Self::Expiry => "EXPIRY_QUEUE_URL",
            Self::PaymentRequests => "PAYMENT_REQUESTS_QUEUE_URL",
            Self::ShippingInstructions => "SHIPPING_INSTRUCTIONS_QUEUE_URL",
            Self::Desk => "DESK_QUEUE_URL",
            Self::Exports => "EXPORTS_QUEUE_URL",
        }
    }
}

/// The work queues that exist, and the place that their messages come from.
#[derive(Debug)]
pub struct WorkQueues {
    client: Client,
    urls: BTreeMap<WorkQueue, String>,
    account: String,
    region: String,
}

/// The body of a message, in the form that a rule of the bus gives it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Message<'e> {
    version: &'static str,
    id: &'e str,
    detail_type: &'static str,
    source: &'static str,
    account: &'e str,
    time: String,
    region: &'e str,
    resources: [&'static str; 0],
    detail: &'e RawValue,
}

impl WorkQueues {
    /// The queues with a URL in the environment. A queue without one gets no events.
    ///
    /// # Errors
    /// If the configuration is incomplete.
    pub(super) fn from_env() -> Result<Self, ConfigError> {
        let url = |queue: WorkQueue| Some((queue, optional(queue.variable())?));
        let urls = WorkQueue::ALL.into_iter().filter_map(url).collect();
        Ok(Self::new(Client::new(&aws::sdk_config()?), urls, required("ACCOUNT_ID")?, required("AWS_REGION")?))
    }

    /// The client's own retries are switched off: the relay has the one loop.
    pub fn new(client: Client, urls: BTreeMap<WorkQueue, String>, account: String, region: String) -> Self {
        let client = Client::from_conf(client.config().to_builder().retry_config(RetryConfig::disabled()).build());
        Self { client, urls, account, region }
    }

    /// The queue of the events of a kind, if it exists.
    pub(super) fn queue_of(&self, kind: EventKind) -> Option<WorkQueue> {
        WorkQueue::of(kind).filter(|queue| self.has(*queue))
    }

    /// Whether the queue exists.
    pub(super) fn has(&self, queue: WorkQueue) -> bool {
        self.urls.contains_key(&queue)
    }

    /// Makes one call. Returns whether each event was accepted; events without an answer count as refused.
    pub(super) async fn send(&self, queue: WorkQueue, events: &[&Waiting]) -> Vec<bool> {
        let entries: Result<Vec<_>, BuildError> =
            events.iter().enumerate().map(|(place, event)| self.entry(place, event)).collect();
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                tracing::error!(%error, queue = queue.name(), "messages could not be written");
                return Vec::new();
            }
        };
        let url = self.urls.get(&queue).cloned();
        match self.client.send_message_batch().set_queue_url(url).set_entries(Some(entries)).send().await {
            Ok(answer) => {
                if let Some(refused) = answer.failed().first() {
                    tracing::warn!(code = refused.code(), queue = queue.name(), "a queue refused entries");
                }
                let taken: Vec<&str> = answer.successful().iter().map(SendMessageBatchResultEntry::id).collect();
                (0..events.len()).map(|place| taken.contains(&place.to_string().as_str())).collect()
            }
            Err(error) => {
                let error = error.into_service_error();
                tracing::warn!(%error, queue = queue.name(), "a queue did not answer");
                Vec::new()
            }
        }
    }

    fn entry(&self, place: usize, event: &Waiting) -> Result<SendMessageBatchRequestEntry, BuildError> {
        SendMessageBatchRequestEntry::builder().id(place.to_string()).message_body(self.message(event)).build()
    }

    fn message(&self, waiting: &Waiting) -> String {
        let message = Message {
            version: "0",
            id: &waiting.id,
            detail_type: waiting.detail_type(),
            source: events::SOURCE,
            account: &self.account,
            // In whole seconds, as the bus has it.
            time: waiting.occurred_at().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            region: &self.region,
            resources: [],
            detail: &waiting.detail,
        };
        // Texts and JSON: no such message fails to be written.
        accepted_by_sqs(serde_json::to_string(&message).unwrap_or_default())
    }
}

/// JSON without the two characters that it may have and SQS refuses. They are in strings only, so an escape is the same.
fn accepted_by_sqs(json: String) -> String {
    if json.contains(['\u{fffe}', '\u{ffff}']) {
        return json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff");
    }
    json
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// SQS would refuse the entry each time, and the shard would stand still for 21 hours.
    #[test]
    fn characters_that_sqs_refuses_are_escaped() {
        let event = json!({ "name": "a\u{fffe}b\u{ffff}\u{10ffff}\u{0}" });
        let text = accepted_by_sqs(event.to_string());
        let is_allowed = |c: char| matches!(c, '\u{20}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}');
        assert!(text.chars().all(is_allowed), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), event);
    }
}
