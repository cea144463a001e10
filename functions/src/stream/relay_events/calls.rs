//! The choice of the events that go in one call.

use std::collections::HashMap;

use shared::events::Event;

use super::Bounds;

/// An event that the bus has not accepted yet.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// The index of its record in the batch.
    pub(crate) place: usize,
    pub(crate) event: Event,
    /// The event as JSON, as it goes on the bus.
    pub(crate) detail: String,
}

/// Returns the events that go in the next call: the first ones that fit. `waiting` is in the stream's order.
///
/// The bus can refuse any entry of a call. A call therefore has only the first event of each aggregate; a later one
/// follows when that has been accepted.
pub(crate) fn next_call(waiting: &[Waiting], bounds: Bounds) -> Vec<usize> {
    let mut first: HashMap<&str, u64> = HashMap::new();
    let (mut call, mut bytes) = (Vec::new(), 0_usize);
    for (index, Waiting { event, detail, .. }) in waiting.iter().enumerate() {
        let first = *first.entry(&event.aggregate_id).or_insert(event.sequence);
        let fits = call.is_empty() || bytes.saturating_add(detail.len()) <= bounds.bytes;
        if event.sequence == first && fits {
            bytes = bytes.saturating_add(detail.len());
            call.push(index);
        }
        if call.len() >= bounds.entries {
            break;
        }
    }
    call
}
