//! Delivers events of orders to the data platform.
//!
//! Delivery is at least once: the platform recognizes a repetition by the `Idempotency-Key` header, which is the
//! event's id. The header `traceparent` continues the trace of the request that caused the event. A signature by the
//! Standard Webhooks specification proves the sender; without a secret nothing is posted.
//!
//! An event that the platform refuses for good goes to the dead-letter queue with the reason. Every other failure is
//! retried; while the platform is down, the circuit breaker holds nearly all deliveries back.

mod circuit;
mod platform;
mod signer;

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::Error;
use serde::Deserialize;
use shared::lambda::{
    dead_letters::DeadLetters,
    queue::{Handled, Message, Queue},
    serve,
};
use shared::platform::{Clock, Random, environment, trace};

pub use circuit::Circuit;
use platform::Verdict;
pub use platform::{Answer, Delivery, Http, Platform, TIMEOUT};
pub use signer::{Signed, Signer};

/// Serves batches of the queue.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let worker = DeliveryWorker::from_env()?;
    worker.connect().await;
    serve::events(|batch| worker.handle(batch)).await
}

/// Delivers events to the platform.
#[derive(Debug)]
pub struct DeliveryWorker<P> {
    platform: P,
    signer: Signer,
    queue: Queue,
    dead_letters: DeadLetters,
    circuit: Circuit,
    random: Random,
}

/// The part of an event that its delivery needs, in all versions.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    event_id: String,
    aggregate_id: String,
}

/// Posts of a function at a time: the messages of a batch.
const POSTS_AT_ONCE: usize = 10;

/// The outcome of a delivery.
enum Outcome {
    Delivered,
    /// The platform will never take the event, for this reason.
    Refused(String),
    /// The platform did not take the event, or it could not be signed, for this reason; it may after this time.
    Failed(String, Duration),
    /// The event was not posted; it may be after this time.
    CircuitOpen(Duration),
}

impl DeliveryWorker<Http> {
    /// A worker from the queue at `QUEUE_URL` to the platform at `DATA_PLATFORM_URL`. Refused events go to the queue at
    /// `DEAD_LETTERS_URL`. The parameter named `DATA_PLATFORM_SECRET_PARAMETER` has the secrets.
    ///
    /// # Errors
    /// If the configuration is incomplete, the platform's address is not safe, or TLS cannot be set up.
    pub fn from_env() -> Result<Self, Error> {
        let platform = Http::new(environment::required("DATA_PLATFORM_URL")?.parse()?, Clock::system())?;
        let (signer, queue, dead_letters) = (Signer::from_env()?, Queue::from_env()?, DeadLetters::from_env()?);
        Ok(Self::new(platform, signer, queue, dead_letters, Circuit::new(Clock::system()), Random::system()))
    }
}

impl<P: Platform> DeliveryWorker<P> {
    pub fn new(
        platform: P,
        signer: Signer,
        queue: Queue,
        dead_letters: DeadLetters,
        circuit: Circuit,
        random: Random,
    ) -> Self {
        Self { platform, signer, queue, dead_letters, circuit, random }
    }

    /// Opens the connection to the store of the secrets by reading them, without a complaint if it fails.
    pub async fn connect(&self) {
        self.signer.connect().await;
    }

    /// Delivers a batch, each message independently, and all at the same time unless the circuit is open.
    ///
    /// # Errors
    /// Never: failed messages are listed in the response, and come again.
    pub async fn handle(&self, batch: SqsEvent) -> Result<SqsBatchResponse, Error> {
        // While the platform is down, one message tries for all: after its success the next ones go out as well.
        let at_once = if self.circuit.is_closed() { POSTS_AT_ONCE } else { 1 };
        // Boxed: the future nests too deeply for the compiler.
        Ok(self.queue.process(batch, at_once, |message| Box::pin(self.process(message))).await)
    }

    async fn process(&self, message: Message) -> Result<Handled, Error> {
        let (Header { event_id, aggregate_id }, event) = match read(&message) {
            Ok(event) => event,
            Err(error) => {
                self.dead_letters.send(message.body, &error.to_string()).await?;
                tracing::error!("a message is no event and was put aside");
                return Ok(Handled::Done);
            }
        };
        let (outcome, handled) = match self.deliver(&event_id, event).await {
            Outcome::Delivered => {
                tracing::debug!(event.id = event_id, order.id = aggregate_id, "event delivered");
                ("DELIVERED", Handled::Done)
            }
            Outcome::Refused(reason) => {
                self.dead_letters.send(message.body, &reason).await?;
                tracing::error!(event.id = event_id, order.id = aggregate_id, "the data platform refused an event");
                ("REFUSED", Handled::Done)
            }
            Outcome::Failed(reason, wait) => {
                tracing::warn!(reason, event.id = event_id, "an event was not delivered");
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
        // Before the circuit is asked: a trial that it grants must not end without an answer of the platform.
        let signed = match self.signer.sign(event_id, event).await {
            Ok(signed) => signed,
            Err(reason) => return Outcome::Failed(reason, signer::PAUSE),
        };
        let pass = match self.circuit.ask() {
            Ok(pass) => pass,
            Err(wait) => return Outcome::CircuitOpen(wait),
        };
        let traceparent = trace::current().map(|trace| trace.traceparent(&self.random));
        let delivery = Delivery { event_id: event_id.to_owned(), signed, traceparent, event: event.to_owned() };
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
        self.circuit.failed(pass, retry_after);
        Outcome::Failed(reason, retry_after.unwrap_or_default())
    }
}

/// The event in a message, as it was published.
fn read(message: &Message) -> Result<(Header, &str), Error> {
    let event = message.event()?;
    let header = event.read().map_err(|error| format!("it is no event: {error}"))?;
    Ok((header, event.detail.get()))
}
