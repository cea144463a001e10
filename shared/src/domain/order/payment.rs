//! Payments of orders.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Actor, HistoryEvent, Order, OrderStatus, PaymentMethod, Returned};
use crate::domain::{OrderId, PaymentId, Refusal, Won};

/// A payment of the external system, as recorded when its result arrived.
///
/// A payment from the balance has no such record: its record is its entry in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    pub payment_id: PaymentId,
    pub order_id: OrderId,
    pub amount: Won,
    pub status: PaymentStatus,
    /// The instant at which its result was recorded.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
}

/// The outcome of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentStatus {
    /// It paid the order.
    Paid,
    /// No money moved.
    Failed,
    /// The order does not need the money: its return is requested.
    RefundRequested,
    /// It paid the order, and a part was refunded.
    PartiallyRefunded,
    /// It paid the order, and all of it was refunded.
    Refunded,
}

/// The result of a payment, as the external system reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaymentOutcome {
    /// The money is there.
    Succeeded,
    /// No money moved.
    Failed,
}

/// The claim of a payment of the external system by one order: no other order can use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentClaim {
    pub order_id: OrderId,
}

impl Order {
    /// Returns the record of a payment of the external system with this outcome, and the order if the payment changes
    /// it.
    ///
    /// # Errors
    /// [`Refusal::LimitExceeded`] if the history of the order is full.
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

    /// The status of the payment that paid the order, if one did.
    pub fn payment_status(&self) -> Option<PaymentStatus> {
        self.paid_at?;
        Some(match self.refunded {
            // A payment of 0 won has no refund to compare; the lines decide.
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
