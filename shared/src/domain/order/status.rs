//! The state of an order, which its lines decide.

use serde::{Deserialize, Serialize};

use super::{LineStatus, OrderLine};

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

/// The part of a line that the state of its order depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineState {
    pub status: LineStatus,
    /// Units of it cancelled or returned.
    pub cancelled: u16,
}

impl From<&OrderLine> for LineState {
    fn from(line: &OrderLine) -> Self {
        Self { status: line.status, cancelled: line.cancelled_quantity }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_from_the_lines() {
        use LineStatus::{Cancelled, Delivered, Exchanged, PendingPayment, Preparing, Returned, Shipped};

        let lines = |statuses: &[LineStatus]| {
            statuses.iter().map(|&status| LineState { status, cancelled: 0 }).collect::<Vec<_>>()
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
        let line = LineState { status: LineStatus::Preparing, cancelled: 1 };
        assert_eq!(OrderStatus::derive([line], true, false), OrderStatus::PartiallyCancelled);
    }
}
