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
