//! The choice of the events that go in one call.

use std::collections::HashMap;

use serde_json::value::RawValue;
use shared::events::Event;

use super::{Bounds, Destination};

/// An event that some destination has not accepted yet.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// The index of its record in the batch.
    pub(crate) place: usize,
    pub(crate) event: Event,
    /// The event as JSON, as it goes on the bus.
    pub(crate) detail: Box<RawValue>,
    /// The destinations that have not accepted it.
    pub(crate) missing: Vec<Destination>,
}

/// Returns the events that go to a destination in the next call: the first ones that fit. `waiting` is in the stream's
/// order.
///
/// A destination can refuse any entry of a call. So only the first event of each aggregate is sent, and a later one
/// follows once every destination has accepted that.
pub(crate) fn next_call(waiting: &[Waiting], destination: Destination, bounds: Bounds) -> Vec<usize> {
    let mut first: HashMap<&str, u64> = HashMap::new();
    let (mut call, mut bytes) = (Vec::new(), 0_usize);
    for (index, Waiting { event, detail, missing, .. }) in waiting.iter().enumerate() {
        let first = *first.entry(&event.aggregate_id).or_insert(event.sequence);
        let length = detail.get().len();
        let fits = call.is_empty() || bytes.saturating_add(length) <= bounds.bytes;
        if event.sequence == first && fits && missing.contains(&destination) {
            bytes = bytes.saturating_add(length);
            call.push(index);
        }
        if call.len() >= bounds.entries {
            break;
        }
    }
    call
}
