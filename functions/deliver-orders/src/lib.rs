//! Delivers events of orders to the data platform.
//!
//! At least once: the platform tells a repetition by the `Idempotency-Key` header, which is the event's id.

use std::{future::Future, time::Duration};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::value::RawValue;
use shared::runtime::{
    config,
    queue::{Handled, Queue},
};

/// How long the platform may take for one event.
pub const TIMEOUT: Duration = Duration::from_secs(3);

/// Where events are delivered to.
pub trait Platform {
    /// Posts an event, which `event_id` names; the status that is answered within [`TIMEOUT`].
    fn post(&self, event_id: &str, event: String) -> impl Future<Output = Result<u16, Error>>;
}

/// A platform at an address.
#[derive(Debug)]
pub struct Http {
    client: reqwest::Client,
    url: reqwest::Url,
}

impl Platform for Http {
    async fn post(&self, event_id: &str, event: String) -> Result<u16, Error> {
        let request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("idempotency-key", event_id)
            .body(event);
        // The platform's address may hold a secret.
        let answer = request.send().await.map_err(reqwest::Error::without_url)?;
        Ok(answer.status().as_u16())
    }
}

/// Who carries events to the platform.
#[derive(Debug)]
pub struct Courier<P> {
    platform: P,
    queue: Queue,
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

impl Courier<Http> {
    /// A courier from the queue that `QUEUE_URL` names to the platform at `DATA_PLATFORM_URL`.
    ///
    /// # Errors
    /// Where the configuration is incomplete, or TLS cannot be set up.
    pub fn from_env() -> Result<Self, Error> {
        let url = config::required("DATA_PLATFORM_URL")?.parse()?;
        let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self::new(Http { client, url }, Queue::from_env()?))
    }
}

impl<P: Platform> Courier<P> {
    /// A courier from this queue to this platform.
    pub fn new(platform: P, queue: Queue) -> Self {
        Self { platform, queue }
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
        let status = self.platform.post(&header.event_id, event.detail.get().to_owned()).await?;
        if !(200..300).contains(&status) {
            return Err(format!("the data platform answered {status}").into());
        }
        tracing::info!(event.id = header.event_id, order.id = header.aggregate_id, "event delivered");
        Ok(Handled::Done)
    }
}
