//! The events between the shop and the external payment system.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{
    OrderId, PaymentId, UserId, Won,
    order::{HistoryEntry, HistoryEvent, Order, PaymentMethod},
};

/// The `source` of the payment system's events on the bus.
pub const PAYMENTS_SOURCE: &str = "jangteo.payments";

/// Asks the payment system to get the money for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequest {
    /// The order.
    pub order_id: OrderId,
    /// The orderer.
    pub user_id: UserId,
    /// The amount in won.
    pub amount: Won,
    /// When the order stops waiting. What comes later is asked back.
    pub expires_at: Timestamp,
}

impl PaymentRequest {
    pub(super) fn of(order: &Order, entry: &HistoryEntry) -> Option<Self> {
        let asks = entry.event == HistoryEvent::Placed && order.payment == PaymentMethod::External;
        let expires_at = order.hold_expires_at.filter(|_| asks)?;
        let (order_id, user_id) = (order.order_id.clone(), order.user_id.clone());
        Some(Self { order_id, user_id, amount: order.amounts.payable, expires_at })
    }
}

/// Asks the payment system to pay money back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefundRequest {
    /// The order.
    pub order_id: OrderId,
    /// The orderer.
    pub user_id: UserId,
    /// The payment that the money came with.
    pub payment_id: PaymentId,
    /// How much, in won: all of the payment or a part.
    pub amount: Won,
    /// Why.
    pub reason: RefundReason,
}

/// Why money goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundReason {
    /// Something was cancelled or returned.
    Cancelled,
    /// The payment came too late, twice, or with another amount than asked for.
    NotNeeded,
}

impl RefundRequest {
    pub(super) fn of(order: &Order, entry: &HistoryEntry) -> Option<Self> {
        let (payment_id, amount, reason) = match &entry.returned {
            Some(returned) => (returned.payment_id.clone(), returned.amount, RefundReason::NotNeeded),
            None => (order.payment_id.clone()?, entry.refund, RefundReason::Cancelled),
        };
        let (order_id, user_id) = (order.order_id.clone(), order.user_id.clone());
        (amount > Won::ZERO).then_some(Self { order_id, user_id, payment_id, amount, reason })
    }
}

/// How a payment went: the detail of the payment system's events `PaymentSucceeded` and `PaymentFailed`. Where it also has the
/// `traceId` of the request, settling goes on with that trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentResult {
    /// The payment; every attempt has one of its own.
    pub payment_id: PaymentId,
    /// The order that it is for.
    pub order_id: OrderId,
    /// The amount in won.
    pub amount: Won,
    /// When it succeeded or failed.
    pub at: Timestamp,
    /// Why it failed.
    #[serde(default)]
    pub reason: Option<String>,
}
