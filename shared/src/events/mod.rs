//! What others learn of the shop: versioned events, derived from the table's stream and from nothing else.

mod order;
mod payment;
mod sheet;
mod shipping;

pub use order::{LineSnapshot, OrderSnapshot, from_change};
pub use payment::{PAYMENTS_SOURCE, PaymentRequest, PaymentResult, RefundReason, RefundRequest};
pub use sheet::{SheetSnapshot, from_sheet_change};
pub use shipping::{ShippingInstruction, ShippingItem};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The `source` of the shop's events on the bus.
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

/// An event of the shop.
pub type Event = Envelope<EventData>;

/// What there is to know of an event: its kind says which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum EventData {
    /// Of the `Order…` events: the order.
    Order(Box<OrderSnapshot>),
    /// Of [`EventKind::PaymentRequested`].
    Payment(PaymentRequest),
    /// Of [`EventKind::RefundRequested`].
    Refund(RefundRequest),
    /// Of [`EventKind::ShippingRequested`] and [`EventKind::ShippingCancelled`].
    Shipping(ShippingInstruction),
    /// Of the `OrderSheet…` events: the sheet.
    Sheet(SheetSnapshot),
}

/// What can happen. The names are those on the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// An order has its units and waits for the money.
    OrderPlaced,
    /// An order was paid.
    OrderPaid,
    /// An order was refused for lack of balance, and kept.
    OrderPaymentFailed,
    /// An order ended unpaid.
    OrderCancelled,
    /// A paid order was cancelled or returned, whole or in part, and paid back as much.
    OrderRefunded,
    /// All that is left of an order has arrived.
    OrderCompleted,
    /// The external payment system is to get the money for an order.
    PaymentRequested,
    /// The external payment system is to pay money back.
    RefundRequested,
    /// The delivery system is to ship what a seller owes an order.
    ShippingRequested,
    /// The delivery system is not to ship it, or a part of it.
    ShippingCancelled,
    /// An order sheet was drawn up.
    OrderSheetCreated,
    /// An order sheet's time was up before it was ordered.
    OrderSheetAbandoned,
}

impl EventKind {
    /// The name on the bus.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OrderPlaced => "OrderPlaced",
            Self::OrderPaid => "OrderPaid",
            Self::OrderPaymentFailed => "OrderPaymentFailed",
            Self::OrderCancelled => "OrderCancelled",
            Self::OrderRefunded => "OrderRefunded",
            Self::OrderCompleted => "OrderCompleted",
            Self::PaymentRequested => "PaymentRequested",
            Self::RefundRequested => "RefundRequested",
            Self::ShippingRequested => "ShippingRequested",
            Self::ShippingCancelled => "ShippingCancelled",
            Self::OrderSheetCreated => "OrderSheetCreated",
            Self::OrderSheetAbandoned => "OrderSheetAbandoned",
        }
    }
}
