//! Delivers events of orders to the data platform.
//!
//! Delivery is at least once: the platform recognizes a repetition by the `Idempotency-Key` header, which is the
//! event's id. The header `traceparent` continues the trace of the request that caused the event.
//!
//! An event that the platform refuses for good goes to the dead-letter queue with the reason. Every other failure is
//! retried; while the platform is down, the circuit breaker holds nearly all deliveries back.

mod circuit;
mod platform;

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::value::RawValue;
use shared::lambda::{
    dead_letters::DeadLetters,
    queue::{Handled, Queue},
    serve,
};
use shared::platform::{Clock, Random, environment, trace};

pub use circuit::Circuit;
use platform::Verdict;
pub use platform::{Answer, Delivery, Http, Platform, TIMEOUT};

/// Serves batches of the queue.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let worker = DeliveryWorker::from_env()?;
    serve::events(|batch| worker.handle(batch)).await
}

/// Delivers events to the platform.
#[derive(Debug)]
pub struct DeliveryWorker<P> {
    platform: P,
    queue: Queue,
    dead_letters: DeadLetters,
    circuit: Circuit,
    random: Random,
}

/// The message that EventBridge puts into the queue; the event itself is passed on as it came.
#[derive(Debug, Deserialize)]
struct BusEvent<'a> {
    #[serde(borrow)]
    detail: &'a RawValue,
}

/// The part of an event that its delivery needs, in all versions.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    event_id: String,
    aggregate_id: String,
}

/// The outcome of a delivery.
enum Outcome {
    Delivered,
    /// The platform will never take the event, for this reason.
    Refused(String),
    /// The platform did not take the event, for this reason; it may after this time.
    Failed(String, Duration),
    /// The event was not posted; it may be after this time.
    CircuitOpen(Duration),
}

impl DeliveryWorker<Http> {
    /// A worker from the queue at `QUEUE_URL` to the platform at `DATA_PLATFORM_URL`. Refused events go to the queue at
    /// `DEAD_LETTERS_URL`.
    ///
    /// # Errors
    /// If the configuration is incomplete, or TLS cannot be set up.
    pub fn from_env() -> Result<Self, Error> {
        let platform = Http::new(environment::required("DATA_PLATFORM_URL")?.parse()?, Clock::system())?;
        Ok(Self::new(platform, Queue::from_env()?, DeadLetters::from_env()?, Circuit::default(), Random::system()))
    }
}

impl<P: Platform> DeliveryWorker<P> {
    pub fn new(platform: P, queue: Queue, dead_letters: DeadLetters, circuit: Circuit, random: Random) -> Self {
        Self { platform, queue, dead_letters, circuit, random }
    }

    /// Delivers a batch, each message independently.
    ///
    /// # Errors
    /// Never: failed messages are listed in the response, and come again.
    pub async fn handle(&self, batch: SqsEvent) -> Result<SqsBatchResponse, Error> {
        // Boxed: the future nests too deeply for the compiler.
        Ok(self.queue.process(batch, |body| Box::pin(self.process(body))).await)
    }

    async fn process(&self, body: String) -> Result<Handled, Error> {
        let (Header { event_id, aggregate_id }, event) = match read(&body) {
            Ok(event) => event,
            Err(error) => {
                self.dead_letters.send(body, &format!("it is no event: {error}")).await?;
                tracing::error!("a message is no event and was put aside");
                return Ok(Handled::Done);
            }
        };
        let (outcome, handled) = match self.deliver(&event_id, event).await {
            Outcome::Delivered => {
                tracing::info!(event.id = event_id, order.id = aggregate_id, "event delivered");
                ("DELIVERED", Handled::Done)
            }
            Outcome::Refused(reason) => {
                self.dead_letters.send(body, &reason).await?;
                tracing::error!(event.id = event_id, order.id = aggregate_id, "the data platform refused an event");
                ("REFUSED", Handled::Done)
            }
            Outcome::Failed(reason, wait) => {
                tracing::warn!(reason, event.id = event_id, "the data platform did not take an event");
                ("FAILED", Handled::Retry(wait))
            }
            Outcome::CircuitOpen(wait) => {
                tracing::info!(event.id = event_id, "the data platform is left alone for a while");
                ("HELD_BACK", Handled::Retry(wait))
            }
        };
        metrics::counter!("Deliveries", "Outcome" => outcome).increment(1);
        Ok(handled)
    }

    async fn deliver(&self, event_id: &str, event: &str) -> Outcome {
        if let Err(wait) = self.circuit.ask() {
            return Outcome::CircuitOpen(wait);
        }
        let traceparent = trace::current().map(|trace| trace.traceparent(&self.random));
        let delivery = Delivery { event_id: event_id.to_owned(), traceparent, event: event.to_owned() };
        let (reason, retry_after) = match self.platform.post(delivery).await {
            Ok(answer) => {
                let reason = format!("the data platform answered {}", answer.status);
                match answer.verdict() {
                    Verdict::Taken => {
                        self.circuit.succeeded();
                        return Outcome::Delivered;
                    }
                    Verdict::Refused => {
                        self.circuit.succeeded();
                        return Outcome::Refused(format!("{reason}: {}", answer.said));
                    }
                    Verdict::NotNow => (reason, answer.retry_after),
                }
            }
            Err(error) => (error.to_string(), None),
        };
        self.circuit.failed(retry_after);
        Outcome::Failed(reason, retry_after.unwrap_or_default())
    }
}

/// The event in a message, as it was published.
fn read(body: &str) -> Result<(Header, &str), serde_json::Error> {
    let BusEvent { detail } = serde_json::from_str(body)?;
    Ok((serde_json::from_str(detail.get())?, detail.get()))
}
