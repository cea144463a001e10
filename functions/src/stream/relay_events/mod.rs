//! Publishes the changes of orders, order sheets and coupons in the table's stream as events on the bus.
//!
//! It is the only publisher: a request commits to the table, and all events follow from the stream. A stream delivers
//! at least once, so an event can be published twice; its id stays the same. No event is on the bus before an earlier
//! one of the same aggregate is.

mod calls;

use aws_lambda_events::{dynamodb::EventRecord, streams::DynamoDbEventResponse};
use aws_sdk_eventbridge::{Client, config::retry::RetryConfig, types::PutEventsRequestEntry};
use lambda_runtime::Error;
use shared::{
    events::{self, Event as ShopEvent, EventData, EventKind},
    lambda::{
        serve,
        stream::{Batch, StreamDeadLetters},
    },
    platform::{Random, aws, environment, trace::TraceId},
    store::{
        Backoff, RetryBounds, StoreError,
        stream::{self, Change},
    },
};
use tokio::time::{Instant, timeout_at};
use tracing::Span;

use calls::{Waiting, next_call};

/// Serves batches of the stream.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let relay = Relay::from_env()?;
    relay.connect().await;
    serve::events(|batch| relay.handle(batch)).await
}

/// The relay between stream and bus.
#[derive(Debug)]
pub struct Relay {
    client: Client,
    bus: String,
    dead_letters: StreamDeadLetters,
    random: Random,
    bounds: Bounds,
}

/// The size of one call, and the retry budget of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Entries of one PutEvents.
    pub entries: usize,
    /// The bytes of these entries together.
    pub bytes: usize,
    /// Retries of a batch.
    pub retry: RetryBounds,
}

impl Bounds {
    /// EventBridge takes 10 entries of 256 KB together: some room is for the fields around an event.
    pub const PRODUCTION: Self = Self { entries: 10, bytes: 240 * 1024, retry: RetryBounds::PRODUCTION };
}

impl Relay {
    /// A relay to the bus `EVENT_BUS_NAME`.
    ///
    /// # Errors
    /// If the configuration is incomplete.
    pub fn from_env() -> Result<Self, Error> {
        let client = Client::new(&aws::sdk_config()?);
        let (bus, dead_letters) = (environment::required("EVENT_BUS_NAME")?, StreamDeadLetters::from_env()?);
        Ok(Self::new(client, bus, dead_letters, Random::system()))
    }

    /// The client's own retries are switched off: [`Self::publish`] has the one loop.
    pub fn new(client: Client, bus: String, dead_letters: StreamDeadLetters, random: Random) -> Self {
        let client = Client::from_conf(client.config().to_builder().retry_config(RetryConfig::disabled()).build());
        Self { client, bus, dead_letters, random, bounds: Bounds::PRODUCTION }
    }

    #[must_use]
    pub fn within(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    /// Opens the connection by a call without entries, which the bus refuses. It reports no failure: the first batch
    /// will meet it.
    pub async fn connect(&self) {
        let _ = self.client.put_events().set_entries(Some(Vec::new())).send().await;
    }

    /// Publishes the events of a batch. An unreadable record goes to the dead-letter queue. If the bus does not accept
    /// all events within the retry budget, the batch comes again from the first record with an event missing.
    ///
    /// # Errors
    /// If an event cannot be written as JSON.
    pub async fn handle(&self, batch: Batch) -> Result<DynamoDbEventResponse, Error> {
        let parsed = self.dead_letters.read(&batch, events_of).await;
        let mut waiting = Vec::new();
        for (place, events) in parsed.changes {
            for event in events {
                let detail = serde_json::to_string(&event)?;
                waiting.push(Waiting { place, event, detail });
            }
        }
        // A record that could not be read comes after all records with events here.
        let failed = self.publish(waiting).await.or(parsed.stopped_at);
        Ok(batch.checkpoint(failed))
    }

    /// Publishes events. Returns the index of the first record with an event that the bus has not accepted within the
    /// retry budget.
    async fn publish(&self, mut waiting: Vec<Waiting>) -> Option<usize> {
        let deadline = Instant::now() + self.bounds.retry.budget;
        let mut backoff = Backoff::new(self.random.clone(), self.bounds.retry);
        while !waiting.is_empty() && Instant::now() < deadline {
            let call = next_call(&waiting, self.bounds);
            let entries = call.iter().filter_map(|index| waiting.get(*index)).map(|event| self.entry(event)).collect();
            // An answer that comes too late is lost: the events may be published again.
            let Ok(taken) = timeout_at(deadline, self.put(entries)).await else { break };
            let taken: Vec<usize> =
                call.iter().zip(&taken).filter(|(_, taken)| **taken).map(|(index, _)| *index).collect();
            let all = taken.len() == call.len();
            let mut index = 0..;
            waiting.retain(|event| {
                let is_taken = index.next().is_some_and(|index: usize| taken.contains(&index));
                if is_taken {
                    note(&event.event);
                }
                !is_taken
            });
            if !all && backoff.pause("the bus refused entries").await.is_err() {
                break;
            }
        }
        let first = waiting.first()?;
        tracing::error!(waiting = waiting.len(), "the bus does not take events");
        Some(first.place)
    }

    /// Makes one call. Returns whether each entry was accepted; entries without an answer count as refused.
    async fn put(&self, entries: Vec<PutEventsRequestEntry>) -> Vec<bool> {
        match self.client.put_events().set_entries(Some(entries)).send().await {
            Ok(answer) => {
                let results = answer.entries.unwrap_or_default();
                if let Some(code) = results.iter().find_map(|result| result.error_code.as_deref()) {
                    tracing::warn!(code, "the bus refused entries");
                }
                results.iter().map(|result| result.error_code.is_none()).collect()
            }
            Err(error) => {
                tracing::warn!(error = %error.into_service_error(), "the bus did not answer");
                Vec::new()
            }
        }
    }

    fn entry(&self, Waiting { event, detail, .. }: &Waiting) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .source(events::SOURCE)
            .detail_type(event.kind.as_str())
            .detail(detail)
            .build()
    }
}

/// Returns the events of the change in a record of the stream.
///
/// # Errors
/// If the record cannot be read.
pub fn events_of(record: &EventRecord) -> Result<Vec<ShopEvent>, StoreError> {
    let (events, trace_id) = if let Some(Change { old, new, trace_id }) = stream::order_change(record)? {
        (events::from_change(old.as_ref(), &new)?, trace_id)
    } else if let Some(Change { old, new, trace_id }) = stream::sheet_change(record)? {
        (events::from_sheet_change(old.as_ref(), &new).into_iter().collect(), trace_id)
    } else if let Some(Change { old, new, trace_id }) = stream::coupon_change(record)? {
        (events::from_coupon_change(old.as_ref(), &new).into_iter().collect(), trace_id)
    } else {
        return Ok(Vec::new());
    };
    Ok(events.into_iter().map(|event| event.in_trace(trace_id.clone())).collect())
}

/// Counts a published event, and logs it on the level DEBUG: a line an event would cost as much as the event. A batch that comes again counts again: the metric shows the activity of the shop,
/// not money.
fn note(event: &ShopEvent) {
    let (kind, version) = (event.kind.as_str(), event.version);
    metrics::counter!("Events", "Kind" => kind).increment(1);
    watch_funnel(event);
    let span = event.trace_id.as_ref().map_or_else(Span::none, TraceId::span);
    span.in_scope(|| {
        tracing::debug!(event.id = event.event_id, aggregate.id = event.aggregate_id, version, "{kind} published");
    });
}

/// Counts the steps of the funnel from order sheet to payment.
fn watch_funnel(event: &ShopEvent) {
    let sheet = match &event.data {
        EventData::Order(order) => order.order_sheet_id.is_some(),
        _ => true,
    };
    let step = match event.kind {
        EventKind::OrderSheetCreated => "CREATED",
        EventKind::OrderSheetAbandoned => "ABANDONED",
        EventKind::OrderPaid if sheet => "PAID",
        EventKind::OrderCancelled if sheet => "UNPAID",
        _ => return,
    };
    metrics::counter!("OrderSheets", "Step" => step).increment(1);
}
