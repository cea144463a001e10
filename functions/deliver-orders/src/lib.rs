//! Delivers events of orders to the data platform.
//!
//! At least once: the platform tells a repetition by the `Idempotency-Key` header, which is the event's id. The header
//! `traceparent` has it go on with the trace of the request that the event follows from.

use std::{future::Future, time::Duration};

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
pub const TIMEOUT: Duration = Duration::from_secs(3);

/// An event on its way to the platform.
#[derive(Debug)]
pub struct Delivery {
    /// What names the event, however often it comes.
    pub event_id: String,
    /// The trace that it follows from, as W3C writes it.
    pub traceparent: Option<String>,
    /// The event, as it was published.
    pub event: String,
}

/// Where events are delivered to.
pub trait Platform {
    /// Posts an event; the status that is answered within [`TIMEOUT`].
    fn post(&self, delivery: Delivery) -> impl Future<Output = Result<u16, Error>>;
}

/// A platform at an address.
#[derive(Debug)]
pub struct Http {
    client: reqwest::Client,
    url: reqwest::Url,
}

impl Http {
    /// A platform at this address.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(url: reqwest::Url) -> Result<Self, Error> {
        Ok(Self { client: reqwest::Client::builder().timeout(TIMEOUT).build()?, url })
    }
}

impl Platform for Http {
    async fn post(&self, Delivery { event_id, traceparent, event }: Delivery) -> Result<u16, Error> {
        let mut request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("idempotency-key", event_id)
            .body(event);
        if let Some(traceparent) = traceparent {
            request = request.header("traceparent", traceparent);
        }
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

impl Courier<Http> {
    /// A courier from the queue that `QUEUE_URL` names to the platform at `DATA_PLATFORM_URL`.
    ///
    /// # Errors
    /// Where the configuration is incomplete, or TLS cannot be set up.
    pub fn from_env() -> Result<Self, Error> {
        let platform = Http::new(config::required("DATA_PLATFORM_URL")?.parse()?)?;
        Ok(Self::new(platform, Queue::from_env()?, Random::system()))
    }
}

impl<P: Platform> Courier<P> {
    /// A courier from this queue to this platform.
    pub fn new(platform: P, queue: Queue, random: Random) -> Self {
        Self { platform, queue, random }
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
        let traceparent = trace::current().map(|trace| trace.traceparent(&self.random));
        let event = event.detail.get().to_owned();
        let status = self.platform.post(Delivery { event_id: header.event_id.clone(), traceparent, event }).await?;
        if !(200..300).contains(&status) {
            return Err(format!("the data platform answered {status}").into());
        }
        tracing::info!(event.id = header.event_id, order.id = header.aggregate_id, "event delivered");
        Ok(Handled::Done)
    }
}
