//! Delivers events of orders to the data platform.
//!
//! At least once: the platform tells a repetition by the `Idempotency-Key` header, which is the event's id. The header
//! `traceparent` has it go on with the trace of the request that the event follows from.
//!
//! What the platform refuses for good is put aside with its reason. Everything else comes again: while the platform does
//! not answer, nearly without asking it.

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

/// Who carries events to the platform.
#[derive(Debug)]
pub struct DeliveryWorker<P> {
    platform: P,
    queue: Queue,
    dead_letters: DeadLetters,
    circuit: Circuit,
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

/// What became of an event.
enum Outcome {
    Delivered,
    /// It will never be delivered, for this reason.
    Refused(String),
    /// The platform did not take it, for this reason; it may after this time.
    Failed(String, Duration),
    /// It was not posted; it may be after this time.
    CircuitOpen(Duration),
}

impl DeliveryWorker<Http> {
    /// A worker from the queue that `QUEUE_URL` names to the platform at `DATA_PLATFORM_URL`, with the queue that
    /// `DEAD_LETTERS_URL` names for what is refused.
    ///
    /// # Errors
    /// If the configuration is incomplete, or TLS cannot be set up.
    pub fn from_env() -> Result<Self, Error> {
        let platform = Http::new(environment::required("DATA_PLATFORM_URL")?.parse()?, Clock::system())?;
        Ok(Self::new(platform, Queue::from_env()?, DeadLetters::from_env()?, Circuit::default(), Random::system()))
    }
}

impl<P: Platform> DeliveryWorker<P> {
    /// A worker from this queue to this platform.
    pub fn new(platform: P, queue: Queue, dead_letters: DeadLetters, circuit: Circuit, random: Random) -> Self {
        Self { platform, queue, dead_letters, circuit, random }
    }

    /// Delivers a batch, each message for itself.
    ///
    /// # Errors
    /// Never: what fails is named, and comes again.
    pub async fn handle(&self, batch: SqsEvent) -> Result<SqsBatchResponse, Error> {
        // In a box: what a future holds in itself nests too deeply for the compiler.
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
