//! Events of orders.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ClaimSnapshot, Event, EventData, EventKind, LineChange, ParcelSnapshot, PaymentRequest, RefundRequest,
    ShippingInstruction,
};
use crate::domain::{
    CouponId, OrderId, OrderSheetId, PaymentId, ProductId, UserId, Won,
    order::{
        HistoryEntry, HistoryEvent, InconsistentAmounts, LineStatus, Order, OrderLine, OrderStatus, PaymentMethod,
    },
    pricing::Amounts,
    shipping::Shipment,
};

/// An order as others see it, with its lines and amounts. It is as the change left it that the event is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderSnapshot {
    /// The order.
    pub order_id: OrderId,
    /// The orderer, who is the recipient.
    pub user_id: UserId,
    /// Its state.
    pub status: OrderStatus,
    /// The means of payment.
    pub payment: PaymentMethod,
    /// What was ordered.
    pub items: Vec<LineSnapshot>,
    /// Σ unit price × quantity.
    pub goods_total: Won,
    /// Σ unit discount × quantity.
    pub goods_discount: Won,
    /// The coupon used.
    pub coupon_id: Option<CouponId>,
    /// The discount of the coupon on the goods.
    pub coupon_discount: Won,
    /// The fee for shipping.
    pub shipping_fee: Won,
    /// The shipments that the fee is the sum of.
    #[serde(default)]
    pub shipments: Vec<Shipment>,
    /// The price of the order.
    pub payable: Won,
    /// The amount paid: all of `payable`, or nothing yet.
    pub paid: Won,
    /// What was paid back in all.
    pub refunded: Won,
    /// The order sheet that it orders.
    pub order_sheet_id: Option<OrderSheetId>,
    /// The payment of the external system that paid it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// While it waits for the money: when the wait ends.
    pub hold_expires_at: Option<Timestamp>,
    /// The instant of its creation.
    pub created_at: Timestamp,
    /// The instant of its payment.
    pub paid_at: Option<Timestamp>,
}

/// A line of an order as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LineSnapshot {
    /// Names the line within its order.
    pub item_id: String,
    /// The product.
    pub product_id: ProductId,
    /// Its seller; the shop itself, if there is none.
    pub seller_id: Option<UserId>,
    /// The name of the product at that time.
    pub name: String,
    /// Units ordered.
    pub quantity: u16,
    /// Units of them that were cancelled or returned since.
    pub cancelled_quantity: u16,
    /// The price of a unit.
    pub unit_price: Won,
    /// The discount on a unit.
    pub unit_discount: Won,
    /// What the line comes to, before the order's coupon.
    pub amount: Won,
    /// Its part of what the coupon took off.
    pub coupon_share: Won,
    /// Its state.
    pub status: LineStatus,
}

/// The events of one change of an order: those of each entry that the new image has and the old one lacks. The same
/// change always makes the same events.
///
/// # Errors
/// If the order is damaged.
pub fn from_change(old: Option<&Order>, new: &Order) -> Result<Vec<Event>, InconsistentAmounts> {
    let snapshot = OrderSnapshot::from_order(new)?;
    let known = old.map_or(0, |old| old.history.len());
    let happenings = new.history.iter().zip(1_u64..).skip(known);
    let mut events: Vec<Event> =
        happenings.flat_map(|(entry, sequence)| from_entry(new, &snapshot, entry, sequence)).collect();
    events.extend(line_events(new, known));
    let was_completed = old.is_some_and(|old| old.status == OrderStatus::Completed);
    let turned = match (was_completed, new.status == OrderStatus::Completed) {
        (false, true) => Some((EventKind::OrderCompleted, "-completed")),
        (true, false) => Some((EventKind::OrderReopened, "-reopened")),
        (true, true) | (false, false) => None,
    };
    if let Some(((kind, suffix), last)) = turned.zip(new.history.last()) {
        let data = EventData::Order(Box::new(snapshot));
        events.push(event(new, last, new.version, kind, suffix, data));
    }
    Ok(events)
}

fn from_entry(order: &Order, snapshot: &OrderSnapshot, entry: &HistoryEntry, sequence: u64) -> Vec<Event> {
    let of_order = |kind| {
        let data = EventData::Order(Box::new(snapshot.clone()));
        event(order, entry, sequence, kind, "", data)
    };
    let took_units = entry.lines.iter().any(|step| step.units > 0);
    let mut events = match entry.event {
        HistoryEvent::Placed => vec![of_order(EventKind::OrderPlaced)],
        HistoryEvent::Paid => vec![of_order(EventKind::OrderPaid)],
        HistoryEvent::PaymentFailed => vec![of_order(EventKind::OrderPaymentFailed)],
        HistoryEvent::PaymentDeclined | HistoryEvent::HoldExpired => vec![of_order(EventKind::OrderCancelled)],
        HistoryEvent::Cancelled if order.paid_at.is_none() => vec![of_order(EventKind::OrderCancelled)],
        HistoryEvent::Cancelled
        | HistoryEvent::LineMoved
        | HistoryEvent::ClaimAccepted
        | HistoryEvent::ClaimReceived
            if took_units =>
        {
            vec![of_order(EventKind::OrderRefunded)]
        }
        HistoryEvent::Cancelled
        | HistoryEvent::LineMoved
        | HistoryEvent::ParcelShipped
        | HistoryEvent::ParcelMoved
        | HistoryEvent::ClaimRequested
        | HistoryEvent::ClaimAccepted
        | HistoryEvent::ClaimRefused
        | HistoryEvent::ClaimWithdrawn
        | HistoryEvent::ClaimReceived
        | HistoryEvent::AddressChanged
        | HistoryEvent::PaymentReturned
        | HistoryEvent::DepositRequested
        | HistoryEvent::RefundSucceeded
        | HistoryEvent::RefundFailed
        | HistoryEvent::RefundRetried
        | HistoryEvent::RefundOverdue => Vec::new(),
    };
    if let Some(request) = PaymentRequest::of(order, entry) {
        let data = EventData::Payment(request);
        events.push(event(order, entry, sequence, EventKind::PaymentRequested, "-payment", data));
    }
    if let Some(request) = RefundRequest::of(order, entry, sequence) {
        let data = EventData::Refund(request);
        events.push(event(order, entry, sequence, EventKind::RefundRequested, "-refund", data));
    }
    if let Some(overdue) = RefundRequest::overdue(order, entry) {
        let data = EventData::Refund(overdue);
        events.push(event(order, entry, sequence, EventKind::RefundOverdue, "-overdue", data));
    }
    if let Some((kind, parcel)) = ParcelSnapshot::of(order, entry) {
        events.push(event(order, entry, sequence, kind, "-parcel", EventData::Parcel(parcel)));
    }
    for (kind, claim) in ClaimSnapshot::of(order, entry) {
        let suffix = if kind == EventKind::ClaimCompleted { "-claim-completed" } else { "-claim" };
        events.push(event(order, entry, sequence, kind, suffix, EventData::Claim(claim)));
    }
    for (kind, instruction) in ShippingInstruction::of(order, entry) {
        // The first line distinguishes one seller's part from another's.
        let first = instruction.items.first().map_or("", |item| item.item_id.as_str());
        let suffix = format!("-shipping-{first}");
        events.push(event(order, entry, sequence, kind, &suffix, EventData::Shipping(instruction)));
    }
    events
}

/// The events of the lines that the entries after the `known` ones moved.
fn line_events(order: &Order, known: usize) -> Vec<Event> {
    let steps = order.steps().into_iter().filter(|step| step.entry_number > known);
    let events = steps.filter_map(|step| {
        let (kind, change) = LineChange::of(order, step.change)?;
        let suffix = format!("-line-{}", change.item_id);
        let sequence = u64::try_from(step.entry_number).unwrap_or(u64::MAX);
        Some(event(order, step.entry, sequence, kind, &suffix, EventData::Line(change)))
    });
    events.collect()
}

fn event(order: &Order, entry: &HistoryEntry, sequence: u64, kind: EventKind, suffix: &str, data: EventData) -> Event {
    Event::new(kind, order.order_id.to_string(), sequence, suffix, entry.at, data)
}

impl OrderSnapshot {
    fn from_order(order: &Order) -> Result<Self, InconsistentAmounts> {
        let line = |(line, number): (&OrderLine, usize)| {
            Ok(LineSnapshot {
                item_id: number.to_string(),
                product_id: line.product_id.clone(),
                seller_id: line.seller_id.clone(),
                name: line.name.clone(),
                quantity: line.quantity.get(),
                cancelled_quantity: line.cancelled_quantity,
                unit_price: line.unit_price,
                unit_discount: line.unit_discount,
                amount: line.amount().ok_or(InconsistentAmounts)?,
                coupon_share: line.coupon_share,
                status: line.status,
            })
        };
        let Amounts { goods_total, goods_discount, coupon_discount, shipping_fee, payable } = order.amounts;
        Ok(Self {
            order_id: order.order_id.clone(),
            user_id: order.user_id.clone(),
            status: order.status,
            payment: order.payment,
            items: order.items.iter().zip(1..).map(line).collect::<Result<_, _>>()?,
            goods_total,
            goods_discount,
            coupon_id: order.coupon_id.clone(),
            coupon_discount,
            shipping_fee,
            shipments: order.shipments(),
            payable,
            paid: order.paid,
            refunded: order.refunded,
            order_sheet_id: order.order_sheet_id.clone(),
            payment_id: order.payment_id.clone(),
            hold_expires_at: order.hold_expires_at,
            created_at: order.created_at,
            paid_at: order.paid_at,
        })
    }
}
