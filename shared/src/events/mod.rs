//! The published contracts: versioned events, derived from the table's stream and from nothing else. Beside them, the
//! contracts of the events that the shop takes ([`InboundKind`]).
//!
//! This floor maps records to events, and knows no use case. Consumers and producers rely on the names and shapes here.

mod campaign;
mod claim;
mod coupon;
mod inbound;
mod kind;
mod order;
mod parcel;
mod payment;
mod product;
mod sheet;
mod shipping;
mod withdrawal;

pub use campaign::{CampaignSnapshot, from_campaign_change};
pub use claim::ClaimSnapshot;
pub use coupon::{CouponSnapshot, from_coupon_change};
pub use inbound::InboundKind;
pub use kind::{Described, EventKind};
pub use order::{LineSnapshot, OrderSnapshot, from_change};
pub use parcel::{LineChange, ParcelSnapshot};
pub use payment::{PAYMENTS_SOURCE, PaymentRequest, PaymentResult, RefundReason, RefundRequest, RefundResult};
pub use product::{ScaleCause, ScaleSnapshot, from_product_change};
pub use sheet::{SheetSnapshot, from_sheet_change};
pub use shipping::{ShippingInstruction, ShippingItem};
pub use withdrawal::{WithdrawalResult, WithdrawalSnapshot, from_withdrawal_change};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::platform::trace::TraceId;

/// The `source` of the shop's events on the bus.
pub const SOURCE: &str = "jangteo.orders";

/// An event as it is on the bus and as the data platform gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
    /// The place among what happened to it, rising. Neither bus nor queue keeps order: go by this. Events that follow
    /// from one entry share it.
    pub sequence: u64,
    /// The trace of the request that made it happen, where that is known: it leads to the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
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
    /// Of [`EventKind::RefundRequested`] and [`EventKind::RefundOverdue`].
    Refund(RefundRequest),
    /// Of [`EventKind::WithdrawalRequested`].
    Withdrawal(WithdrawalSnapshot),
    /// Of [`EventKind::ShippingRequested`] and [`EventKind::ShippingCancelled`].
    Shipping(ShippingInstruction),
    /// Of the `Parcel…` events: the parcel.
    Parcel(ParcelSnapshot),
    /// Of the `Claim…` events: the claim.
    Claim(ClaimSnapshot),
    /// Of the events of lines.
    Line(LineChange),
    /// Of the `OrderSheet…` events: the sheet.
    Sheet(SheetSnapshot),
    /// Of the `Coupon…` events: the user's coupon.
    Coupon(CouponSnapshot),
    /// Of [`EventKind::ProductScaled`].
    Scale(ScaleSnapshot),
    /// Of [`EventKind::CampaignScaled`].
    Counters(CampaignSnapshot),
}

impl Event {
    /// The event of a change of an aggregate. `suffix` distinguishes it from others of the same entry; the same change
    /// always makes the same event.
    fn new(
        kind: EventKind,
        aggregate_id: String,
        sequence: u64,
        suffix: &str,
        occurred_at: Timestamp,
        data: EventData,
    ) -> Self {
        let event_id = format!("{aggregate_id}-{sequence}{suffix}");
        Self { event_id, kind, version: kind.version(), occurred_at, aggregate_id, sequence, trace_id: None, data }
    }

    /// The event with the trace of the request, if it is known.
    #[must_use]
    pub fn in_trace(self, trace_id: Option<TraceId>) -> Self {
        Self { trace_id, ..self }
    }
}
