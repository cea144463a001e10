//! Delivers events of orders to the data platform.
//!
//! At least once: the platform tells a repetition by the `Idempotency-Key` header, which is the event's id. What fails
//! stays in the queue, comes again after a wait that doubles each time, and ends among the dead letters when it has
//! failed too often.

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::Client;
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::value::RawValue;
use shared::runtime::{aws, config, serve::queue_failures};

/// How long the platform may take for one event.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The longest wait between two deliveries of a message, in seconds.
const LONGEST_WAIT_SECONDS: u32 = 900;

/// Who carries events to the platform.
#[derive(Debug)]
pub struct Courier {
    http: reqwest::Client,
    platform: reqwest::Url,
    sqs: Client,
    queue_url: String,
}

/// What EventBridge puts into the queue; the event itself is passed on as it came.
#[derive(Debug, Deserialize)]
struct BusEvent<'a> {
    #[serde(borrow)]
    detail: &'a RawValue,
}

/// What is needed of an event to deliver it, whatever its version.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    event_id: String,
    aggregate_id: String,
}

impl Courier {
    /// A courier from the queue that `QUEUE_URL` names to the platform at `DATA_PLATFORM_URL`.
    ///
    /// # Errors
    /// Where the configuration is incomplete.
    pub fn from_env() -> Result<Self, Error> {
        let sqs = Client::new(&aws::sdk_config()?);
        let platform = config::required("DATA_PLATFORM_URL")?.parse()?;
        Self::new(platform, sqs, config::required("QUEUE_URL")?)
    }

    /// A courier to this platform.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(platform: reqwest::Url, sqs: Client, queue_url: String) -> Result<Self, Error> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self { http, platform, sqs, queue_url })
    }

    /// Delivers a batch, each message for itself.
    ///
    /// # Errors
    /// Never: what fails is named, and comes again.
    pub async fn handle(&self, batch: SqsEvent) -> Result<SqsBatchResponse, Error> {
        let mut failed = Vec::new();
        for message in batch.records {
            if let Err(error) = self.deliver(&message).await {
                tracing::warn!(%error, message.id = message.message_id, "an event was not delivered");
                self.postpone(&message).await;
                failed.extend(message.message_id);
            }
        }
        Ok(queue_failures(failed))
    }

    async fn deliver(&self, message: &SqsMessage) -> Result<(), Error> {
        let event: BusEvent<'_> = serde_json::from_str(message.body.as_deref().unwrap_or_default())?;
        let header: Header = serde_json::from_str(event.detail.get())?;
        let request = self
            .http
            .post(self.platform.clone())
            .header("content-type", "application/json")
            .header("idempotency-key", &header.event_id)
            .body(event.detail.get().to_owned());
        // The platform's address may hold a secret.
        let answer = request.send().await.map_err(reqwest::Error::without_url)?;
        let status = answer.status();
        if !status.is_success() {
            return Err(format!("the data platform answered {status}").into());
        }
        tracing::info!(event.id = header.event_id, order.id = header.aggregate_id, "event delivered");
        Ok(())
    }

    /// Lets a message that failed wait 2, 4, 8 … seconds. Where that cannot be set, the queue's own time-out holds.
    async fn postpone(&self, message: &SqsMessage) {
        let received = message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
        let wait = 2_u32.saturating_pow(received.unwrap_or(1)).min(LONGEST_WAIT_SECONDS);
        let request = self
            .sqs
            .change_message_visibility()
            .queue_url(&self.queue_url)
            .receipt_handle(message.receipt_handle.clone().unwrap_or_default())
            .visibility_timeout(i32::try_from(wait).unwrap_or(i32::MAX));
        if let Err(error) = request.send().await {
            tracing::warn!(error = %error.into_service_error(), "a message's wait could not be set");
        }
    }
}
