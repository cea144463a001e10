//! Publishes what the table's stream tells of orders as events on the bus.
//!
//! It is the only publisher: a request commits to the table, and what others learn of it follows from the stream. A
//! stream delivers at least once, so an event can be published twice; its id stays the same.

use aws_lambda_events::{dynamodb::Event, streams::DynamoDbEventResponse};
use aws_sdk_eventbridge::{Client, types::PutEventsRequestEntry};
use lambda_runtime::Error;
use shared::{
    events::{self, Envelope, OrderSnapshot},
    runtime::{Random, aws, config, serve::stream_checkpoint},
    store::{Backoff, stream},
};

/// The most entries that one PutEvents takes.
const MAX_ENTRIES: usize = 10;

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

    /// Publishes the events of a batch. A record that cannot be read ends the batch there, so that Lambda isolates it
    /// and puts it aside; what the bus does not take for all our patience fails the batch, so that it comes again.
    ///
    /// # Errors
    /// Where the bus did not take everything.
    pub async fn handle(&self, batch: Event) -> Result<DynamoDbEventResponse, Error> {
        let mut events = Vec::new();
        let mut unreadable = None;
        for record in &batch.records {
            match stream::order_change(record) {
                Ok(None) => {}
                Ok(Some((old, new))) => events.extend(events::from_change(old.as_ref(), &new)),
                Err(error) => {
                    tracing::error!(%error, "a stream record cannot be read");
                    unreadable = Some(record);
                    break;
                }
            }
        }
        let mut backoff = Backoff::new(self.random.clone());
        for chunk in events.chunks(MAX_ENTRIES) {
            self.publish(chunk, &mut backoff).await?;
        }
        Ok(stream_checkpoint(unreadable))
    }

    /// Publishes up to [`MAX_ENTRIES`] events; those that fail singly are sent again singly.
    async fn publish(&self, events: &[Envelope<OrderSnapshot>], backoff: &mut Backoff) -> Result<(), Error> {
        let entries = events.iter().map(|event| self.entry(event)).collect::<Result<Vec<_>, _>>()?;
        let mut pending = entries;
        loop {
            let answer = self.client.put_events().set_entries(Some(pending.clone())).send().await?;
            // Entries without an answer are as good as failed.
            let results = answer.entries.unwrap_or_default();
            let failed = |index: usize| results.get(index).is_none_or(|result| result.error_code.is_some());
            pending =
                pending.into_iter().enumerate().filter(|(index, _)| failed(*index)).map(|(_, entry)| entry).collect();
            if pending.is_empty() {
                for event in events {
                    tracing::info!(
                        event.id = event.event_id,
                        order.id = event.aggregate_id,
                        "{} published",
                        event.kind.as_str()
                    );
                }
                return Ok(());
            }
            backoff.pause("the bus refused entries").await?;
        }
    }

    fn entry(&self, event: &Envelope<OrderSnapshot>) -> Result<PutEventsRequestEntry, Error> {
        Ok(PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .source(events::SOURCE)
            .detail_type(event.kind.as_str())
            .detail(serde_json::to_string(event)?)
            .build())
    }
}
