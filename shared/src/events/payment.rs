//! The events between the shop and the external payment system.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, Unexpected},
};
use serde_json::Number;
use utoipa::{
    ToSchema,
    openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, Type},
};

use crate::domain::{
    OrderId, PaymentId, UserId, Won,
    money::MAX_PAYMENT,
    order::{HistoryEntry, HistoryEvent, Order, PaymentMethod, Refund, Tender},
    time::rfc_3339,
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
        Some(Self { order_id, user_id, amount: order.external_amount(), expires_at })
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
    /// Names the refund and the attempt to send it: `RefundSucceeded` and `RefundFailed` answer with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_id: Option<String>,
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
    /// The request to send money back that an entry makes. Money of the order's own payment session is sent back by the
    /// shop itself, through the session's provider.
    pub(super) fn of(order: &Order, entry: &HistoryEntry, number: u64) -> Option<Self> {
        let refund = match (&entry.refund_step, entry.event) {
            // A retry to the balance has paid by itself: money that also came back outside would be paid twice.
            (Some(step), HistoryEvent::RefundRetried) if step.to != Some(Tender::Balance) => {
                order.refund(&step.refund_id)
            }
            (Some(_), _) => None,
            (None, _) => order.refund(&format!("{}-{number}-refund", order.order_id)),
        };
        Self::asking(order, &refund?)
    }

    /// The request that has had no result for too long, as an entry reports.
    pub(super) fn overdue(order: &Order, entry: &HistoryEntry) -> Option<Self> {
        let step = entry.refund_step.as_ref().filter(|_| entry.event == HistoryEvent::RefundOverdue)?;
        let refund = order.refund(&step.refund_id)?;
        Self::new(order, &refund)
    }

    fn asking(order: &Order, refund: &Refund) -> Option<Self> {
        Self::new(order, refund).filter(|request| Some(&request.payment_id) != order.session_id().as_ref())
    }

    fn new(order: &Order, refund: &Refund) -> Option<Self> {
        let reason = if refund.is_unneeded { RefundReason::NotNeeded } else { RefundReason::Cancelled };
        Some(Self {
            order_id: order.order_id.clone(),
            user_id: order.user_id.clone(),
            payment_id: refund.payment_id.clone()?,
            amount: refund.amount,
            reason,
            refund_id: Some(refund.attempt_id()),
        })
    }
}

/// The result of a refund: the detail of the payment system's events `RefundSucceeded` and `RefundFailed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefundResult {
    /// The `refundId` of the request.
    pub refund_id: String,
    /// The order.
    pub order_id: OrderId,
    /// When the money was back, or could not be sent.
    #[serde(deserialize_with = "instant")]
    pub at: Timestamp,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The result of a payment: the detail of the payment system's events `PaymentSucceeded` and `PaymentFailed`. Exactly the
/// details that hold to its schema can be deserialized, except that a known field must not be there twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentResult {
    /// The payment; every attempt has one of its own.
    pub payment_id: PaymentId,
    /// The order that it is for.
    pub order_id: OrderId,
    /// The amount in won.
    #[serde(deserialize_with = "amount")]
    #[schema(schema_with = amount_schema)]
    pub amount: Won,
    /// When it succeeded or failed.
    #[serde(deserialize_with = "instant")]
    pub at: Timestamp,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl PaymentResult {
    /// The amounts of a payment: the shop never asks for nothing, or for more than any order comes to.
    pub const AMOUNTS: RangeInclusive<Won> = Won::new(1)..=MAX_PAYMENT;
}

/// Reads the amount of a payment. JSON has one kind of number, so `13000.0` is the integer 13,000.
fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Won, D::Error> {
    /// The bound up to which every integer is a number of JavaScript; it is above any payment.
    const EXACT: f64 = 9_007_199_254_740_992.0;

    let number = Number::deserialize(deserializer)?;
    let whole = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < EXACT);
    let amount = number.as_i64().or_else(|| whole.map(|number| number as i64)).map(Won::new);
    amount.filter(|amount| PaymentResult::AMOUNTS.contains(amount)).ok_or_else(|| {
        let expected = format!("a whole number of won from 1 to {MAX_PAYMENT}");
        D::Error::invalid_value(Unexpected::Other(&number.to_string()), &expected.as_str())
    })
}

fn amount_schema() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .description(Some("The amount in won."))
        .minimum(Some(PaymentResult::AMOUNTS.start().get()))
        .maximum(Some(PaymentResult::AMOUNTS.end().get()))
        .build()
}

/// Reads an instant in RFC 3339 to the letter, as the format `date-time` is defined.
pub(super) fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    rfc_3339(&text).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &"an instant in RFC 3339"))
}
