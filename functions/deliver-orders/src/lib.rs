//! Delivers events of orders to the data platform.
//!
//! At least once: the platform tells a repetition by the `Idempotency-Key` header, which is the event's id. The header
//! `traceparent` has it go on with the trace of the request that the event follows from.

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::value::RawValue;
use shared::runtime::{
    Random, config,
    queue::{Handled, Queue},
    trace,
};

/// How long the platform may take for one event.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Who carries events to the platform.
#[derive(Debug)]
pub struct Courier {
    http: reqwest::Client,
    platform: reqwest::Url,
    queue: Queue,
    random: Random,
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
        Self::new(config::required("DATA_PLATFORM_URL")?.parse()?, Queue::from_env()?, Random::system())
    }

    /// A courier to this platform.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(platform: reqwest::Url, queue: Queue, random: Random) -> Result<Self, Error> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self { http, platform, queue, random })
    }

    /// Delivers a batch, each message for itself.
    ///
    /// # Errors
    /// Never: what fails is named, and comes again.
    pub async fn handle(&self, batch: SqsEvent) -> Result<SqsBatchResponse, Error> {
        Ok(self.queue.work_off(batch, |body| self.deliver(body)).await)
    }

    async fn deliver(&self, body: String) -> Result<Handled, Error> {
        let event: BusEvent<'_> = serde_json::from_str(&body)?;
        let header: Header = serde_json::from_str(event.detail.get())?;
        let mut request = self
            .http
            .post(self.platform.clone())
            .header("content-type", "application/json")
            .header("idempotency-key", &header.event_id)
            .body(event.detail.get().to_owned());
        if let Some(trace) = trace::current() {
            request = request.header("traceparent", trace.traceparent(&self.random));
        }
        // The platform's address may hold a secret.
        let answer = request.send().await.map_err(reqwest::Error::without_url)?;
        let status = answer.status();
        if !status.is_success() {
            return Err(format!("the data platform answered {status}").into());
        }
        tracing::info!(event.id = header.event_id, order.id = header.aggregate_id, "event delivered");
        Ok(Handled::Done)
    }
}
