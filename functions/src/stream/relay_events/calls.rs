//! The choice of the messages that go in one call.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::value::{RawValue, to_raw_value};
use shared::events::Event;

use super::WorkQueue;
use super::{Bounds, Destination};
use crate::{
    desk_messages::{HEARTBEAT_SEEN, HeartbeatSeen, OUTDATED_ROWS, OutdatedRows},
    export_messages::ExportMessage,
};

/// A message that follows from records of the stream.
#[derive(Debug)]
pub(crate) enum Content {
    Event(Box<Event>),
    Rows(OutdatedRows),
    Heartbeat(HeartbeatSeen),
    Export(ExportMessage),
}

impl Content {
    pub(crate) fn to_json(&self) -> Result<Box<RawValue>, serde_json::Error> {
        match self {
            Self::Event(event) => to_raw_value(event),
            Self::Rows(rows) => to_raw_value(rows),
            Self::Heartbeat(seen) => to_raw_value(seen),
            Self::Export(message) => to_raw_value(message),
        }
    }

    /// The queue that it goes to, if it is no event.
    pub(crate) fn queue(&self) -> Option<WorkQueue> {
        match self {
            Self::Event(_) => None,
            Self::Rows(_) | Self::Heartbeat(_) => Some(WorkQueue::Desk),
            Self::Export(_) => Some(WorkQueue::Exports),
        }
    }

    /// Names the message, and stays the same when its batch comes again.
    fn id(&self) -> String {
        match self {
            Self::Event(event) => event.event_id.clone(),
            Self::Rows(rows) => format!("desk-{}-{}", rows.order_id, rows.version),
            Self::Heartbeat(seen) => format!("heartbeat-{}", seen.at.as_millisecond()),
            Self::Export(message) => message.id(),
        }
    }
}

/// A message that some destination has not accepted yet.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// The index of its record in the batch.
    pub(crate) place: usize,
    pub(crate) id: String,
    pub(crate) content: Content,
    /// The content as JSON, as it is sent.
    pub(crate) detail: Box<RawValue>,
    /// The destinations that have not accepted it.
    pub(crate) missing: Vec<Destination>,
}

impl Waiting {
    /// # Errors
    /// If the content cannot be written as JSON.
    pub(crate) fn new(place: usize, content: Content, missing: Vec<Destination>) -> Result<Self, serde_json::Error> {
        Ok(Self { place, id: content.id(), detail: content.to_json()?, content, missing })
    }

    pub(crate) fn detail_type(&self) -> &'static str {
        match &self.content {
            Content::Event(event) => event.kind.as_str(),
            Content::Rows(_) => OUTDATED_ROWS,
            Content::Heartbeat(_) => HEARTBEAT_SEEN,
            Content::Export(message) => message.detail_type(),
        }
    }

    pub(crate) fn occurred_at(&self) -> Timestamp {
        match &self.content {
            Content::Event(event) => event.occurred_at,
            Content::Rows(rows) => rows.changed_at,
            Content::Heartbeat(seen) => seen.at,
            Content::Export(message) => message.at(),
        }
    }

    fn is_heartbeat(&self) -> bool {
        matches!(self.content, Content::Heartbeat(_))
    }
}

/// Returns the messages that go to a destination in the next call: the first ones that fit. `waiting` is in the stream's
/// order.
///
/// A destination can refuse any entry of a call. So only the first event of each aggregate is sent, and a later one
/// follows once every destination has accepted that. A heartbeat follows once the messages before it are accepted.
pub(crate) fn next_call(waiting: &[Waiting], destination: Destination, bounds: Bounds) -> Vec<usize> {
    let mut first: HashMap<&str, u64> = HashMap::new();
    let (mut call, mut bytes, mut is_behind) = (Vec::new(), 0_usize, false);
    for (index, message) in waiting.iter().enumerate() {
        let is_first = match &message.content {
            Content::Event(event) => *first.entry(&event.aggregate_id).or_insert(event.sequence) == event.sequence,
            Content::Rows(_) | Content::Export(_) => true,
            Content::Heartbeat(_) => !is_behind,
        };
        let is_missing = message.missing.contains(&destination);
        is_behind |= is_missing && !message.is_heartbeat();
        let length = message.detail.get().len();
        let fits = call.is_empty() || bytes.saturating_add(length) <= bounds.bytes;
        if is_first && fits && is_missing {
            bytes = bytes.saturating_add(length);
            call.push(index);
        }
        if call.len() >= bounds.entries {
            break;
        }
    }
    call
}
