//! What others learn of the shop: versioned events, derived from the table's stream and from nothing else.

mod order;

pub use order::{LineSnapshot, OrderSnapshot, from_change};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The `source` of all events on the bus.
pub const SOURCE: &str = "jangteo.orders";

/// An event as it is on the bus and as the data platform gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope<T> {
    /// Names the event, and stays the same when it is published again: what consumers deduplicate by.
    pub event_id: String,
    /// What happened: also the `detail-type` on the bus.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// The version of `data`'s shape. A consumer of one version can read every event of it.
    pub version: u16,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// What it happened to.
    pub aggregate_id: String,
    /// The place among the events of that aggregate, rising. Neither bus nor queue keeps order: go by this.
    pub sequence: u64,
    /// What there is to know.
    pub data: T,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// An order was paid.
    OrderPaid,
    /// An order was refused for lack of balance, and kept.
    OrderPaymentFailed,
}

impl EventKind {
    /// The name on the bus.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OrderPaid => "OrderPaid",
            Self::OrderPaymentFailed => "OrderPaymentFailed",
        }
    }
}
