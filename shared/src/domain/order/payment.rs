//! Payments of orders.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Actor, HistoryEvent, Order, OrderStatus, PaymentMethod, Returned};
use crate::domain::{OrderId, PaymentId, Refusal, Won};

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
    /// The amount.
    pub amount: Won,
    /// Its outcome.
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

/// How a payment of the external system went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaymentOutcome {
    /// The money is there.
    Succeeded,
    /// No money moved.
    Failed,
}

/// The order that a payment of the external system is for: it is for no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentClaim {
    /// The order.
    pub order_id: OrderId,
}

impl Order {
    /// What becomes of a payment of the external system that went so, and the order where that changes it.
    ///
    /// # Errors
    /// [`Refusal::LimitExceeded`] where too much has happened to the order.
    pub fn settled(
        &self,
        outcome: PaymentOutcome,
        payment_id: &PaymentId,
        amount: Won,
        now: Timestamp,
    ) -> Result<(PaymentStatus, Option<Self>), Refusal> {
        let payment_id = payment_id.clone();
        Ok(match outcome {
            PaymentOutcome::Succeeded if self.awaits(amount, now) => {
                (PaymentStatus::Paid, Some(self.settle(payment_id, now)))
            }
            PaymentOutcome::Succeeded => {
                let returned = Returned { payment_id, amount };
                (PaymentStatus::RefundRequested, Some(self.return_payment(returned, now)))
            }
            PaymentOutcome::Failed if self.awaits_external() => {
                (PaymentStatus::Failed, Some(self.end_unpaid(HistoryEvent::PaymentDeclined, Actor::System, now)?))
            }
            PaymentOutcome::Failed => (PaymentStatus::Failed, None),
        })
    }

    /// What became of the payment that paid the order, if one did.
    pub fn payment_status(&self) -> Option<PaymentStatus> {
        self.paid_at?;
        Some(match self.refunded {
            // Of 0 won nothing is left to pay back: the lines tell.
            _ if self.status == OrderStatus::FullyRefunded => PaymentStatus::Refunded,
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
