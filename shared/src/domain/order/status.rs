//! The state of an order, which its lines decide.

use serde::{Deserialize, Serialize};

use super::{LineStatus, OrderLine};

/// The state of an order as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    /// Waits for the money, its stock held.
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
    /// All that is left has arrived.
    Completed,
}

impl OrderStatus {
    /// The state that follows from the lines, whether the order was paid, and whether paying failed.
    pub fn derive(lines: &[OrderLine], paid: bool, failed: bool) -> Self {
        use LineStatus::{Cancelled, Delivered, Exchanged, PurchaseConfirmed, Returned};

        let gone = |line: &OrderLine| matches!(line.status, Cancelled | Returned);
        let arrived = |line: &OrderLine| matches!(line.status, Delivered | PurchaseConfirmed | Exchanged);
        let all_gone = lines.iter().all(gone);
        match (failed, paid) {
            (true, _) => Self::PaymentFailed,
            (false, false) if all_gone => Self::Cancelled,
            (false, false) => Self::PendingPayment,
            (false, true) if all_gone => Self::FullyRefunded,
            (false, true) if lines.iter().filter(|line| !gone(line)).all(arrived) => Self::Completed,
            (false, true) if lines.iter().any(|line| gone(line) || line.cancelled_quantity > 0) => {
                Self::PartiallyCancelled
            }
            (false, true) => Self::Paid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ProductId, Quantity, Won};

    fn line(status: LineStatus) -> OrderLine {
        OrderLine {
            product_id: ProductId::try_from("tea".to_owned()).unwrap(),
            seller_id: None,
            name: "Tea".to_owned(),
            quantity: Quantity::try_from(2).unwrap(),
            cancelled_quantity: 0,
            unit_price: Won::new(1_000),
            unit_discount: Won::ZERO,
            coupon_share: Won::ZERO,
            status,
        }
    }

    #[test]
    fn follows_from_the_lines() {
        use LineStatus::{Cancelled, Delivered, PendingPayment, Preparing, Returned, Shipped};

        let paid = |statuses: &[LineStatus]| {
            OrderStatus::derive(&statuses.iter().map(|&status| line(status)).collect::<Vec<_>>(), true, false)
        };
        assert_eq!(paid(&[Preparing, Shipped]), OrderStatus::Paid);
        assert_eq!(paid(&[Preparing, Cancelled]), OrderStatus::PartiallyCancelled);
        assert_eq!(paid(&[Returned, Cancelled]), OrderStatus::FullyRefunded);
        assert_eq!(paid(&[Delivered, Cancelled]), OrderStatus::Completed);
        assert_eq!(OrderStatus::derive(&[line(PendingPayment)], false, false), OrderStatus::PendingPayment);
        assert_eq!(OrderStatus::derive(&[line(Cancelled)], false, false), OrderStatus::Cancelled);
        assert_eq!(OrderStatus::derive(&[line(PendingPayment)], false, true), OrderStatus::PaymentFailed);
    }

    #[test]
    fn some_units_of_a_line_cancelled_is_partial_too() {
        let line = OrderLine { cancelled_quantity: 1, ..line(LineStatus::Preparing) };
        assert_eq!(OrderStatus::derive(&[line], true, false), OrderStatus::PartiallyCancelled);
    }
}
