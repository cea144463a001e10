//! What happened to an order.
//!
//! An order stores what happened ([`Happening`]); what that changed ([`Change`]) is replayed from it. A commit that
//! moves many lines is one happening, however many they are.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{LineStatus, Order, OrderStatus};

/// Who made something happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Actor {
    /// Who ordered.
    Customer,
    /// Who sells a line.
    Seller,
    /// Who runs the shop.
    Admin,
    /// The shop by itself.
    System,
}

/// One thing that happened to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Happening {
    /// What.
    pub event: HistoryEvent,
    /// Who did it.
    pub actor: Actor,
    /// When.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
}

/// What can happen to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HistoryEvent {
    /// It was created and paid; its lines went through PAID to PREPARING.
    Paid,
    /// It was created, and the balance was too low to pay it.
    PaymentFailed,
}

/// A step of the order or of one of its lines from one state to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The order as a whole.
    Order {
        /// Its state before; none before there was an order.
        from: Option<OrderStatus>,
        /// Its state after.
        to: OrderStatus,
    },
    /// One line.
    Line {
        /// Its number, from 1.
        number: usize,
        /// Its state before; none before there was a line.
        from: Option<LineStatus>,
        /// Its state after.
        to: LineStatus,
    },
}

impl Order {
    /// Every step that the order and its lines took, oldest first, with what made it happen.
    pub fn changes(&self) -> Vec<(Happening, Change)> {
        let mut changes = Vec::new();
        for &happening in &self.history {
            // What follows by itself is the shop's doing.
            let by_itself = Happening { actor: Actor::System, ..happening };
            let order = |to| (happening, Change::Order { from: None, to });
            let lines = |happening, from, to| {
                (1..=self.items.len()).map(move |number| (happening, Change::Line { number, from, to }))
            };
            match happening.event {
                HistoryEvent::Paid => {
                    changes.push(order(OrderStatus::Paid));
                    changes.extend(lines(happening, None, LineStatus::Paid));
                    changes.extend(lines(by_itself, Some(LineStatus::Paid), LineStatus::Preparing));
                }
                HistoryEvent::PaymentFailed => {
                    changes.push(order(OrderStatus::PaymentFailed));
                    changes.extend(lines(happening, None, LineStatus::PendingPayment));
                }
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        OrderId, ProductId, Quantity, UserId, Won,
        order::{Draft, OrderLine},
        pricing::{ShippingPolicy, quote},
    };

    fn draft() -> Draft {
        let line = |product: &str, price: i64| OrderLine {
            product_id: ProductId::try_from(product.to_owned()).unwrap(),
            seller_id: None,
            name: product.to_owned(),
            quantity: Quantity::try_from(2).unwrap(),
            cancelled_quantity: 0,
            unit_price: Won::new(price),
            unit_discount: Won::ZERO,
            coupon_share: Won::ZERO,
            status: LineStatus::PendingPayment,
        };
        let items = vec![line("tea", 1_000), line("cup", 2_000)];
        let priced: Vec<_> = items.iter().map(OrderLine::priced).collect();
        let shipping = ShippingPolicy { fee: Won::new(3_000), free_from: Won::new(30_000) };
        Draft {
            user_id: UserId::try_from("mina".to_owned()).unwrap(),
            actor: Actor::Customer,
            items,
            quote: quote(&priced, None, shipping).unwrap(),
            coupon_id: None,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    /// Replays an order's history: its state and those of its lines in the end.
    fn replay(order: &Order) -> (Option<OrderStatus>, Vec<Option<LineStatus>>) {
        let (mut status, mut lines) = (None, vec![None; order.items.len()]);
        for (_, change) in order.changes() {
            match change {
                Change::Order { from, to } => {
                    assert_eq!(from, status);
                    status = Some(to);
                }
                Change::Line { number, from, to } => {
                    assert_eq!(from, lines[number - 1]);
                    lines[number - 1] = Some(to);
                }
            }
        }
        (status, lines)
    }

    #[test]
    fn the_history_leads_to_what_is() {
        let id = || OrderId::try_from("order".to_owned()).unwrap();
        for order in [Order::paid(id(), draft()), Order::payment_failed(id(), draft())] {
            let (status, lines) = replay(&order);
            assert_eq!(status, Some(order.status));
            assert_eq!(lines, order.items.iter().map(|line| Some(line.status)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn only_what_is_paid_has_been_paid() {
        let id = || OrderId::try_from("order".to_owned()).unwrap();
        let paid = Order::paid(id(), draft());
        assert_eq!((paid.status, paid.paid, paid.payable), (OrderStatus::Paid, Won::new(9_000), Won::new(9_000)));
        let failed = Order::payment_failed(id(), draft());
        assert_eq!((failed.status, failed.paid, failed.paid_at), (OrderStatus::PaymentFailed, Won::ZERO, None));
    }
}
