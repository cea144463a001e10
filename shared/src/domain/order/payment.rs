//! Payments of orders.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Order, PaymentMethod};
use crate::domain::{OrderId, PaymentId, Won};

/// A payment of the external system, as noted when its result came.
///
/// A payment from the balance is no record of this kind: its record is its entry in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// The payment.
    pub payment_id: PaymentId,
    /// The order that it was for.
    pub order_id: OrderId,
    /// How much.
    pub amount: Won,
    /// What became of it.
    pub status: PaymentStatus,
    /// When its result was noted.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
}

/// What became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentStatus {
    /// It paid the order.
    Paid,
    /// No money moved.
    Failed,
    /// The order had no use for the money: it is asked back.
    RefundRequested,
    /// It paid the order, and a part was paid back.
    PartiallyRefunded,
    /// It paid the order, and all of it was paid back.
    Refunded,
}

impl Order {
    /// What became of the payment that paid the order, if one did.
    pub fn payment_status(&self) -> Option<PaymentStatus> {
        self.paid_at?;
        Some(match self.refunded {
            Won::ZERO => PaymentStatus::Paid,
            refunded if refunded < self.paid => PaymentStatus::PartiallyRefunded,
            _ => PaymentStatus::Refunded,
        })
    }

    /// Whether it waits for the external payment system.
    pub fn awaits_external(&self) -> bool {
        self.payment == PaymentMethod::External && self.hold_expires_at.is_some()
    }
}
