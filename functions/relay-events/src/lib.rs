//! Publishes what the table's stream tells of orders and order sheets as events on the bus.
//!
//! It is the only publisher: a request commits to the table, and what others learn of it follows from the stream. A
//! stream delivers at least once, so an event can be published twice; its id stays the same.

use aws_lambda_events::{
    dynamodb::{Event, EventRecord},
    streams::DynamoDbEventResponse,
};
use aws_sdk_eventbridge::{Client, types::PutEventsRequestEntry};
use lambda_runtime::Error;
use shared::{
    events::{self, Event as ShopEvent, EventData, EventKind},
    runtime::{Random, aws, config, serve::stream_checkpoint},
    store::{Backoff, StoreError, stream},
};

/// The most entries that one PutEvents takes, and the most bytes of them together, with some room for what is around
/// an event.
const MAX_ENTRIES: usize = 10;
const MAX_BYTES: usize = 240 * 1024;

/// The relay between stream and bus.
#[derive(Debug)]
pub struct Relay {
    client: Client,
    bus: String,
    random: Random,
}

impl Relay {
    /// A relay to the bus that `EVENT_BUS_NAME` names.
    ///
    /// # Errors
    /// Where the configuration is incomplete.
    pub fn from_env() -> Result<Self, Error> {
        let client = Client::new(&aws::sdk_config()?);
        Ok(Self::new(client, config::required("EVENT_BUS_NAME")?, Random::system()))
    }

    /// A relay to this bus.
    pub fn new(client: Client, bus: String, random: Random) -> Self {
        Self { client, bus, random }
    }

    /// Publishes the events of a batch, up to a record that cannot be read. What the bus does not take for all our
    /// patience fails the batch, so that it comes again.
    ///
    /// # Errors
    /// Where the bus did not take everything.
    pub async fn handle(&self, batch: Event) -> Result<DynamoDbEventResponse, Error> {
        let (events, unreadable) = stream::read(&batch.records, events_of);
        let mut backoff = Backoff::new(self.random.clone());
        let entries = events.iter().map(|event| self.entry(event)).collect::<Result<Vec<_>, _>>()?;
        for call in calls(entries) {
            self.publish(call, &mut backoff).await?;
        }
        for event in &events {
            let (kind, version) = (event.kind.as_str(), event.version);
            watch_funnel(event);
            tracing::info!(event.id = event.event_id, aggregate.id = event.aggregate_id, version, "{kind} published");
        }
        Ok(stream_checkpoint(unreadable))
    }

    /// Publishes the entries of one call; those that fail singly are sent again singly.
    async fn publish(&self, mut pending: Vec<PutEventsRequestEntry>, backoff: &mut Backoff) -> Result<(), Error> {
        loop {
            let answer = self.client.put_events().set_entries(Some(pending.clone())).send().await?;
            // Entries without an answer are as good as failed.
            let results = answer.entries.unwrap_or_default();
            let failed = |index: usize| results.get(index).is_none_or(|result| result.error_code.is_some());
            pending =
                pending.into_iter().enumerate().filter(|(index, _)| failed(*index)).map(|(_, entry)| entry).collect();
            if pending.is_empty() {
                return Ok(());
            }
            backoff.pause("the bus refused entries").await?;
        }
    }

    fn entry(&self, event: &ShopEvent) -> Result<PutEventsRequestEntry, Error> {
        Ok(PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .source(events::SOURCE)
            .detail_type(event.kind.as_str())
            .detail(serde_json::to_string(event)?)
            .build())
    }
}

/// The events that a record of the stream tells of.
///
/// # Errors
/// Where it cannot be read.
pub fn events_of(record: &EventRecord) -> Result<Vec<ShopEvent>, StoreError> {
    if let Some((old, new)) = stream::sheet_change(record)? {
        return Ok(events::from_sheet_change(old.as_ref(), &new).into_iter().collect());
    }
    let change = stream::order_change(record)?;
    Ok(change.map(|(old, new)| events::from_change(old.as_ref(), &new)).unwrap_or_default())
}

/// Counts the steps of the funnel from order sheet to payment. A batch that comes again counts again: it is a gauge of
/// how the shop does, not of money.
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

/// Spreads entries, in their order, over as few calls as their number and size allow.
fn calls(entries: Vec<PutEventsRequestEntry>) -> Vec<Vec<PutEventsRequestEntry>> {
    let mut calls: Vec<Vec<PutEventsRequestEntry>> = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        let size = entry.detail.as_ref().map_or(0, String::len);
        match calls.last_mut() {
            Some(call) if call.len() < MAX_ENTRIES && bytes + size <= MAX_BYTES => {
                bytes += size;
                call.push(entry);
            }
            _ => {
                bytes = size;
                calls.push(vec![entry]);
            }
        }
    }
    calls
}
