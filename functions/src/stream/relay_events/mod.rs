//! Publishes the changes of orders, order sheets, coupons and withdrawals in the table's stream as events: all of them on the bus, and
//! those of the shop's own work queues in their queue as well. The desk's queue gets a message of its own for each changed
//! order of a batch, and the heartbeats; that of the exports has one for each step. A stream serves two readers, so none of
//! them can be a third.
//!
//! It is the only publisher: a request commits to the table, and all events follow from the stream. A stream delivers
//! at least once, so an event can be published twice; its id stays the same. No event is sent anywhere before every
//! destination has accepted the earlier ones of the same aggregate.

mod calls;
mod work_queues;

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use aws_lambda_events::{dynamodb::EventRecord, streams::DynamoDbEventResponse};
use aws_sdk_eventbridge::{Client, config::retry::RetryConfig, types::PutEventsRequestEntry};
use futures::future::join_all;
use lambda_runtime::Error;
use shared::{
    domain::OrderId,
    events::{self, Event as ShopEvent, EventData, EventKind},
    lambda::{
        config, serve,
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

use crate::{
    desk_messages::{HeartbeatSeen, OutdatedRows},
    export_messages::ExportMessage,
};
use calls::{Content, Waiting, next_call};
pub use work_queues::{WorkQueue, WorkQueues};

/// Serves batches of the stream.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let relay = Relay::from_env()?;
    relay.connect().await;
    serve::events(|batch| relay.handle(batch)).await
}

/// The relay from the stream to the bus and the work queues.
#[derive(Debug)]
pub struct Relay {
    client: Client,
    bus: String,
    queues: Option<WorkQueues>,
    /// Whether an external payment system is asked by event for the money of orders.
    asks_for_payments: bool,
    dead_letters: StreamDeadLetters,
    random: Random,
    bounds: Bounds,
    accepted: Mutex<Accepted>,
}

/// A place that the relay sends events to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Destination {
    Bus,
    Queue(WorkQueue),
}

/// The events of the last batch that come again with it, by id, each with a destination that has accepted it.
///
/// While one destination is down, its batch comes again every few seconds. Without this memory the others would get the
/// batch's events each time. A new execution environment has none, so they still come at least once.
type Accepted = HashSet<(String, Destination)>;

/// The size of one call, and the retry budget of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Entries of one call.
    pub entries: usize,
    /// The bytes of these entries together.
    pub bytes: usize,
    /// Retries of a batch.
    pub retry: RetryBounds,
}

impl Bounds {
    /// EventBridge takes 10 entries of 256 KB together, SQS 10 messages of 1 MiB: one bound fits both. Some room is for
    /// the fields around an event.
    pub const PRODUCTION: Self = Self { entries: 10, bytes: 240 * 1024, retry: RetryBounds::PRODUCTION };
}

impl Relay {
    /// A relay to the bus `EVENT_BUS_NAME` and the work queues in the environment.
    ///
    /// # Errors
    /// If the configuration is incomplete.
    pub fn from_env() -> Result<Self, Error> {
        let client = Client::new(&aws::sdk_config()?);
        let (bus, dead_letters) = (environment::required("EVENT_BUS_NAME")?, StreamDeadLetters::from_env()?);
        let relay = Self::new(client, bus, dead_letters, Random::system()).filling(WorkQueues::from_env()?);
        Ok(relay.asking_for_payments(config::payments()?.asks_by_event()))
    }

    /// A relay to the bus alone. The client's own retries are switched off: [`Self::publish`] has the one loop.
    pub fn new(client: Client, bus: String, dead_letters: StreamDeadLetters, random: Random) -> Self {
        let client = Client::from_conf(client.config().to_builder().retry_config(RetryConfig::disabled()).build());
        let (bounds, accepted) = (Bounds::PRODUCTION, Mutex::default());
        Self { client, bus, queues: None, asks_for_payments: true, dead_letters, random, bounds, accepted }
    }

    /// The relay to these queues as well.
    #[must_use]
    pub fn filling(self, queues: WorkQueues) -> Self {
        Self { queues: Some(queues), ..self }
    }

    /// Whether an external payment system is asked by event. Otherwise payment sessions alone pay orders, and a request
    /// would have them paid twice. Nobody need read its queue then, so an admin pays withdrawals out.
    #[must_use]
    pub fn asking_for_payments(self, asks_for_payments: bool) -> Self {
        Self { asks_for_payments, ..self }
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

    /// Publishes the events of a batch. An unreadable record goes to the dead-letter queue. If the destinations do not
    /// accept all events within the retry budget, the batch comes again from the first record with an event missing.
    ///
    /// # Errors
    /// If an event cannot be written as JSON.
    pub async fn handle(&self, batch: Batch) -> Result<DynamoDbEventResponse, Error> {
        let parsed = self.dead_letters.read(&batch, messages_of).await;
        let accepted = std::mem::take(&mut *self.accepted());
        let mut contents: Vec<(usize, Content)> = Vec::new();
        let mut rows_of: HashMap<OrderId, usize> = HashMap::new();
        for (place, messages) in parsed.changes {
            let published = messages.events.into_iter().filter(|event| self.is_published(event.kind));
            contents.extend(published.map(|event| (place, Content::Event(Box::new(event)))));
            if let Some(rows) = messages.rows {
                let known = rows_of.get(&rows.order_id).and_then(|index| contents.get_mut(*index));
                if let Some((_, Content::Rows(earlier))) = known {
                    earlier.join(rows);
                } else {
                    rows_of.insert(rows.order_id.clone(), contents.len());
                    contents.push((place, Content::Rows(rows)));
                }
            }
            contents.extend(messages.heartbeat.map(|seen| (place, Content::Heartbeat(seen))));
            contents.extend(messages.export.map(|message| (place, Content::Export(message))));
        }
        let mut waiting = Vec::new();
        for (place, content) in contents {
            let missing = self.destinations_of(&content);
            waiting.push(Waiting::new(place, content, missing)?);
        }
        // A record that could not be read comes after all records with events here.
        let failed = self.publish(waiting, accepted).await.or(parsed.stopped_at);
        Ok(batch.checkpoint(failed))
    }

    fn is_published(&self, kind: EventKind) -> bool {
        self.asks_for_payments || kind != EventKind::PaymentRequested
    }

    fn destinations_of(&self, content: &Content) -> Vec<Destination> {
        let Content::Event(event) = content else {
            let is_filled = |queue: &WorkQueue| self.queues.as_ref().is_some_and(|queues| queues.has(*queue));
            return content.queue().filter(is_filled).map(Destination::Queue).into_iter().collect();
        };
        let kind = event.kind;
        let queue = self.queues.as_ref().and_then(|queues| queues.queue_of(kind));
        let queue = queue.filter(|_| self.asks_for_payments || kind != EventKind::WithdrawalRequested);
        [Destination::Bus].into_iter().chain(queue.map(Destination::Queue)).collect()
    }

    /// Publishes events, except to the destinations that have accepted them before. Returns the index of the first
    /// record with an event that not every destination has accepted within the retry budget.
    async fn publish(&self, mut waiting: Vec<Waiting>, before: Accepted) -> Option<usize> {
        let deadline = Instant::now() + self.bounds.retry.budget;
        let mut backoff = Backoff::new(self.random.clone(), self.bounds.retry);
        let mut accepted: Vec<(usize, String, Destination)> = Vec::new();
        for Waiting { place, id, missing, .. } in &mut waiting {
            let known = missing.extract_if(.., |to| before.contains(&(id.clone(), *to)));
            accepted.extend(known.map(|to| (*place, id.clone(), to)));
        }
        waiting.retain(|message| !message.missing.is_empty());
        while !waiting.is_empty() && Instant::now() < deadline {
            let calls = self.calls(&waiting);
            let sending = calls.iter().map(|(to, call)| timeout_at(deadline, self.send(*to, call, &waiting)));
            // An answer that comes too late is lost: the events may be published again.
            let answers = join_all(sending).await;
            let mut all = true;
            for ((to, call), taken) in calls.iter().zip(answers) {
                let taken = taken.unwrap_or_default();
                all &= taken.len() == call.len() && taken.iter().all(|taken| *taken);
                for (index, _) in call.iter().zip(taken).filter(|(_, taken)| *taken) {
                    if let Some(Waiting { place, id, missing, .. }) = waiting.get_mut(*index) {
                        missing.retain(|missing| missing != to);
                        accepted.push((*place, id.clone(), *to));
                    }
                }
            }
            waiting.retain(|Waiting { content, missing, .. }| {
                if let (true, Content::Event(event)) = (missing.is_empty(), content) {
                    note(event);
                }
                !missing.is_empty()
            });
            if !all && backoff.pause("entries were refused").await.is_err() {
                break;
            }
        }
        let first = waiting.first()?;
        tracing::error!(waiting = waiting.len(), missing = ?first.missing, "not every destination takes events");
        accepted.retain(|(place, ..)| *place >= first.place);
        *self.accepted() = accepted.into_iter().map(|(_, id, to)| (id, to)).collect();
        Some(first.place)
    }

    /// The next call to each destination that lacks an event.
    fn calls(&self, waiting: &[Waiting]) -> Vec<(Destination, Vec<usize>)> {
        let queues = WorkQueue::ALL.into_iter().map(Destination::Queue);
        let destinations = [Destination::Bus].into_iter().chain(queues);
        let calls = destinations.map(|to| (to, next_call(waiting, to, self.bounds)));
        calls.filter(|(_, call)| !call.is_empty()).collect()
    }

    /// Makes one call. Returns whether each event was accepted; events without an answer count as refused.
    async fn send(&self, to: Destination, call: &[usize], waiting: &[Waiting]) -> Vec<bool> {
        let events: Vec<&Waiting> = call.iter().filter_map(|index| waiting.get(*index)).collect();
        match (to, &self.queues) {
            (Destination::Queue(queue), Some(queues)) => queues.send(queue, &events).await,
            (Destination::Queue(_), None) => Vec::new(),
            (Destination::Bus, _) => self.put(events.iter().map(|message| self.entry(message)).collect()).await,
        }
    }

    /// Puts entries on the bus, as [`Self::send`].
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

    fn accepted(&self) -> MutexGuard<'_, Accepted> {
        // No holder of the lock can leave the set half-changed.
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, message: &Waiting) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .source(events::SOURCE)
            .detail_type(message.detail_type())
            .detail(message.detail.get())
            .build()
    }
}

/// The messages that follow from a record of the stream.
#[derive(Debug, Default)]
pub struct Messages {
    /// The events of the change.
    pub events: Vec<ShopEvent>,
    /// The desk's rows that the change makes outdated.
    pub rows: Option<OutdatedRows>,
    /// The heartbeat.
    pub heartbeat: Option<HeartbeatSeen>,
    /// The message about exports.
    pub export: Option<ExportMessage>,
}

/// Returns the messages that follow from a record of the stream.
///
/// # Errors
/// If the record cannot be read.
pub fn messages_of(record: &EventRecord) -> Result<Messages, StoreError> {
    if let Some(at) = stream::heartbeat(record)? {
        return Ok(Messages { heartbeat: Some(HeartbeatSeen { at }), ..Messages::default() });
    }
    if let Some(change) = stream::export_change(record)? {
        return Ok(Messages { export: Some(ExportMessage::by(change)), ..Messages::default() });
    }
    let mut rows = None;
    let (events, trace_id) = if let Some(change) = stream::order_change(record)? {
        rows = OutdatedRows::by(&change);
        let Change { old, new, trace_id } = change;
        (events::from_change(old.as_ref(), &new)?, trace_id)
    } else if let Some(Change { old, new, trace_id }) = stream::sheet_change(record)? {
        (events::from_sheet_change(old.as_ref(), &new).into_iter().collect(), trace_id)
    } else if let Some(Change { old, new, trace_id }) = stream::coupon_change(record)? {
        (events::from_coupon_change(old.as_ref(), &new).into_iter().collect(), trace_id)
    } else if let Some(Change { old, new, trace_id }) = stream::withdrawal_change(record)? {
        (events::from_withdrawal_change(old.as_ref(), &new).into_iter().collect(), trace_id)
    } else if let Some(Change { old, new, trace_id }) = stream::scale_change(record)? {
        (events::from_product_change(old.as_ref(), &new).into_iter().collect(), trace_id)
    } else if let Some(Change { old, new, trace_id }) = stream::campaign_change(record)? {
        (events::from_campaign_change(old.as_ref(), &new).into_iter().collect(), trace_id)
    } else {
        return Ok(Messages::default());
    };
    let events = events.into_iter().map(|event| event.in_trace(trace_id.clone())).collect();
    Ok(Messages { events, rows, ..Messages::default() })
}

/// Returns the events of the change in a record of the stream.
///
/// # Errors
/// If the record cannot be read.
pub fn events_of(record: &EventRecord) -> Result<Vec<ShopEvent>, StoreError> {
    Ok(messages_of(record)?.events)
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
