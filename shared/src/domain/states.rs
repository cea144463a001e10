//! The states of orders and their lines, and the actions on orders.

use serde::{Deserialize, Serialize};

use super::invalid::named;

/// Where a line is on its way. The state of the order follows from all lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LineStatus {
    /// The payment is pending.
    PendingPayment,
    /// Paid.
    Paid,
    /// The seller packs it.
    Preparing,
    /// Handed over to the carrier.
    Shipped,
    /// On its way.
    InDelivery,
    /// Arrived.
    Delivered,
    /// The customer keeps it.
    PurchaseConfirmed,
    /// The customer wants it cancelled.
    CancelRequested,
    /// The seller is cancelling it.
    CancelInProgress,
    /// Cancelled.
    Cancelled,
    /// The customer wants to send it back.
    ReturnRequested,
    /// On its way back.
    ReturnInProgress,
    /// Back in stock.
    Returned,
    /// The customer wants another one for it.
    ExchangeRequested,
    /// The other one is on its way.
    ExchangeInProgress,
    /// Exchanged.
    Exchanged,
}

named!(LineStatus {
    "PENDING_PAYMENT" => PendingPayment,
    "PAID" => Paid,
    "PREPARING" => Preparing,
    "SHIPPED" => Shipped,
    "IN_DELIVERY" => InDelivery,
    "DELIVERED" => Delivered,
    "PURCHASE_CONFIRMED" => PurchaseConfirmed,
    "CANCEL_REQUESTED" => CancelRequested,
    "CANCEL_IN_PROGRESS" => CancelInProgress,
    "CANCELLED" => Cancelled,
    "RETURN_REQUESTED" => ReturnRequested,
    "RETURN_IN_PROGRESS" => ReturnInProgress,
    "RETURNED" => Returned,
    "EXCHANGE_REQUESTED" => ExchangeRequested,
    "EXCHANGE_IN_PROGRESS" => ExchangeInProgress,
    "EXCHANGED" => Exchanged,
});

impl LineStatus {
    /// Whether all of the line's units have returned to the stock.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Cancelled | Self::Returned)
    }

    /// Whether its state follows from its parcels: no request of the customer and no confirmation has changed it.
    pub fn is_on_its_way(self) -> bool {
        matches!(self, Self::Paid | Self::Preparing | Self::Shipped | Self::InDelivery | Self::Delivered)
    }

    /// Whether the line can be cancelled at once: it is paid, and nothing of it has been shipped.
    pub fn is_unshipped(self) -> bool {
        matches!(self, Self::Paid | Self::Preparing)
    }
}

/// The state of a parcel, the least advanced first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ParcelStatus {
    /// It has been handed to the carrier.
    Shipped,
    /// It is on its way to the recipient.
    InDelivery,
    /// It has arrived.
    Delivered,
}

named!(ParcelStatus { "SHIPPED" => Shipped, "IN_DELIVERY" => InDelivery, "DELIVERED" => Delivered });

impl From<ParcelStatus> for LineStatus {
    fn from(status: ParcelStatus) -> Self {
        match status {
            ParcelStatus::Shipped => Self::Shipped,
            ParcelStatus::InDelivery => Self::InDelivery,
            ParcelStatus::Delivered => Self::Delivered,
        }
    }
}

/// The state of an order as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    /// The payment is pending, the stock held.
    PendingPayment,
    /// The balance was too low; nothing was taken.
    PaymentFailed,
    /// Ended unpaid.
    Cancelled,
    /// Paid, nothing cancelled.
    Paid,
    /// Paid, some of it cancelled or returned.
    PartiallyCancelled,
    /// Paid, all of it cancelled or returned.
    FullyRefunded,
    /// All units left have arrived.
    Completed,
}

named!(OrderStatus {
    "PENDING_PAYMENT" => PendingPayment,
    "PAYMENT_FAILED" => PaymentFailed,
    "CANCELLED" => Cancelled,
    "PAID" => Paid,
    "PARTIALLY_CANCELLED" => PartiallyCancelled,
    "FULLY_REFUNDED" => FullyRefunded,
    "COMPLETED" => Completed,
});

/// The part of a line that the state of its order depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineState {
    pub status: LineStatus,
    /// Units of it cancelled or returned.
    pub cancelled: u16,
    /// Units of them that came back by claims.
    pub returned: u16,
}

impl OrderStatus {
    /// The state that follows from the lines, whether the order was paid, and whether paying failed.
    pub fn derive(lines: impl IntoIterator<Item = LineState>, paid: bool, failed: bool) -> Self {
        use LineStatus::{Delivered, PurchaseConfirmed};

        let lines: Vec<LineState> = lines.into_iter().collect();
        let gone = |line: &LineState| line.status.is_terminal();
        let arrived = |line: &LineState| matches!(line.status, Delivered | PurchaseConfirmed);
        let all_gone = lines.iter().all(gone);
        match (failed, paid) {
            (true, _) => Self::PaymentFailed,
            (false, false) if all_gone => Self::Cancelled,
            (false, false) => Self::PendingPayment,
            (false, true) if all_gone => Self::FullyRefunded,
            // A part that came back by a claim stays visible in the order.
            (false, true) if lines.iter().any(|line| line.returned > 0) => Self::PartiallyCancelled,
            (false, true) if lines.iter().filter(|line| !gone(line)).all(arrived) => Self::Completed,
            (false, true) if lines.iter().any(|line| gone(line) || line.cancelled > 0) => Self::PartiallyCancelled,
            (false, true) => Self::Paid,
        }
    }

    /// Whether the order has ended with nothing left for the customer, or never began.
    pub fn is_void(self) -> bool {
        matches!(self, Self::PaymentFailed | Self::Cancelled | Self::FullyRefunded)
    }
}

/// An action on an order as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderAction {
    /// Pay it from the balance.
    Pay,
    /// Cancel everything left of it.
    Cancel,
}

/// The result of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundStatus {
    /// Asked for; the result is open.
    Requested,
    /// The money is back.
    Succeeded,
    /// It could not be sent back. An admin decides how to go on.
    Failed,
}

/// The state of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClaimStatus {
    /// The customer asks.
    Requested,
    /// The seller agrees, and waits for the units.
    Accepted,
    /// The seller does not agree.
    Refused,
    /// The customer keeps the units.
    Withdrawn,
    /// The units of an exchange are back; the replacement is to be shipped.
    Received,
    /// It has ended with a refund or a replacement.
    Completed,
}

named!(ClaimStatus {
    "REQUESTED" => Requested,
    "ACCEPTED" => Accepted,
    "REFUSED" => Refused,
    "WITHDRAWN" => Withdrawn,
    "RECEIVED" => Received,
    "COMPLETED" => Completed,
});

/// An action on a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClaimAction {
    /// Accept or refuse it.
    Decide,
    /// Receive its units.
    Receive,
    /// Withdraw it.
    Withdraw,
    /// Ship the replacement, in a parcel.
    Ship,
}

/// The state of a payment session as its user sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SessionStatus {
    /// The customer can pay.
    Ready,
    /// The provider was asked, and its answer is open.
    Confirming,
    /// The customer is to transfer the money.
    WaitingForDeposit,
    /// The money arrived, and the shop used it.
    Paid,
    /// The provider declined. The customer can try again with another payment key until the session expires.
    Declined,
    /// It was not paid in time.
    Expired,
    /// The money went back, or is on its way back.
    Refunded,
}

/// An action on a payment session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SessionAction {
    /// Confirm it with a payment key.
    Confirm,
}

/// The state of a withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WithdrawalStatus {
    /// The money has left the balance and is to be paid out.
    Requested,
    /// The money is on the user's account at the bank.
    PaidOut,
    /// The money could not be paid out, and is back in the balance.
    Returned,
}

named!(WithdrawalStatus { "REQUESTED" => Requested, "PAID_OUT" => PaidOut, "RETURNED" => Returned });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_from_the_lines() {
        use LineStatus::{Cancelled, Delivered, Exchanged, PendingPayment, Preparing, Returned, Shipped};

        let lines = |statuses: &[LineStatus]| {
            statuses.iter().map(|&status| LineState { status, cancelled: 0, returned: 0 }).collect::<Vec<_>>()
        };
        let paid = |statuses: &[LineStatus]| OrderStatus::derive(lines(statuses), true, false);
        assert_eq!(paid(&[Preparing, Shipped]), OrderStatus::Paid);
        assert_eq!(paid(&[Preparing, Cancelled]), OrderStatus::PartiallyCancelled);
        assert_eq!(paid(&[Returned, Cancelled]), OrderStatus::FullyRefunded);
        assert_eq!(paid(&[Delivered, Cancelled]), OrderStatus::Completed);
        assert_eq!(paid(&[Delivered, Exchanged]), OrderStatus::Paid);
        assert_eq!(OrderStatus::derive(lines(&[PendingPayment]), false, false), OrderStatus::PendingPayment);
        assert_eq!(OrderStatus::derive(lines(&[Cancelled]), false, false), OrderStatus::Cancelled);
        assert_eq!(OrderStatus::derive(lines(&[PendingPayment]), false, true), OrderStatus::PaymentFailed);
    }

    #[test]
    fn some_units_of_a_line_cancelled_is_partial_too() {
        let line = LineState { status: LineStatus::Preparing, cancelled: 1, returned: 0 };
        assert_eq!(OrderStatus::derive([line], true, false), OrderStatus::PartiallyCancelled);
    }
}
