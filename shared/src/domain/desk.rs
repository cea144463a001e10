//! The desk: the rows by which orders, their lines and their claims are listed for sellers and admins.
//!
//! An order has one row from its creation on. Each of its lines has one from the payment on: an order that was never paid
//! concerns no seller. Each of its claims has one. No row ever goes, so that a late writer cannot bring one back.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::order::{Order, OrderLine};

/// The rows of one order that are to be written anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeskChange {
    /// Whether the row of the order itself is one of them.
    pub order: bool,
    /// The numbers of the lines, from 1.
    pub lines: BTreeSet<usize>,
    /// The numbers of the claims, from 1.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub claims: BTreeSet<usize>,
}

impl DeskChange {
    /// The rows that a change of an order makes outdated: those that are new, and those of another state.
    pub fn between(before: Option<&Order>, after: &Order) -> Self {
        let order = before.is_none_or(|before| before.status != after.status);
        let state_before = |number: usize| Some(before.filter(|before| is_listed(before))?.line(number)?.status);
        let changed = listed_lines(after).filter(|(number, line)| state_before(*number) != Some(line.status));
        let claim_before = |number: usize| Some(before?.claim(number)?.status);
        let claims = (1..).zip(&after.claims).filter(|(number, claim)| claim_before(*number) != Some(claim.status));
        Self {
            order,
            lines: changed.map(|(number, _)| number).collect(),
            claims: claims.map(|(number, _)| number).collect(),
        }
    }

    /// All rows of an order.
    pub fn all_rows(order: &Order) -> Self {
        Self::between(None, order)
    }

    pub fn is_empty(&self) -> bool {
        !self.order && self.lines.is_empty() && self.claims.is_empty()
    }

    /// Adds the rows of another change of the same order.
    pub fn join(&mut self, other: Self) {
        self.order |= other.order;
        self.lines.extend(other.lines);
        self.claims.extend(other.claims);
    }
}

fn is_listed(order: &Order) -> bool {
    order.paid_at.is_some()
}

/// The lines that the desk lists, with their numbers from 1.
pub fn listed_lines(order: &Order) -> impl Iterator<Item = (usize, &OrderLine)> {
    (1..).zip(&order.items).filter(|_| is_listed(order))
}

/// A range of instants of creation. Either end can be open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// The first instant.
    pub from: Option<Timestamp>,
    /// The first instant after it.
    pub to: Option<Timestamp>,
}

impl Period {
    pub fn has(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn order(status: &str, paid: bool, lines: &[&str]) -> Order {
        let line = |status: &&str| {
            json!({ "productId": "tea", "name": "Tea", "quantity": 3, "cancelledQuantity": 1, "unitPrice": 1_000,
                    "status": status })
        };
        let mut order = json!({
            "orderId": "o1", "userId": "mina", "status": status, "payment": "BALANCE", "goodsTotal": 0, "payable": 0,
            "items": lines.iter().map(line).collect::<Vec<_>>(),
            "createdAt": 5_000, "updatedAt": 5_000, "version": 1, "history": [],
        });
        if paid {
            order["paidAt"] = Value::from(5_000);
        }
        serde_json::from_value(order).unwrap()
    }

    fn change(order: bool, lines: &[usize]) -> DeskChange {
        DeskChange { order, lines: lines.iter().copied().collect(), ..DeskChange::default() }
    }

    #[test]
    fn a_change_has_the_rows_of_another_state_alone() {
        let pending = order("PENDING_PAYMENT", false, &["PENDING_PAYMENT", "PENDING_PAYMENT"]);
        let paid = order("PAID", true, &["PREPARING", "PREPARING"]);
        let shipped = order("PAID", true, &["PREPARING", "SHIPPED"]);
        let gone = order("PARTIALLY_CANCELLED", true, &["CANCELLED", "SHIPPED"]);
        for (before, after, expected) in [
            (None, &pending, change(true, &[])),
            (None, &paid, change(true, &[1, 2])),
            (Some(&pending), &paid, change(true, &[1, 2])),
            (Some(&paid), &shipped, change(false, &[2])),
            (Some(&shipped), &gone, change(true, &[1])),
            (Some(&gone), &gone, change(false, &[])),
        ] {
            assert_eq!(DeskChange::between(before, after), expected, "{expected:?}");
        }
        assert!(DeskChange::between(Some(&gone), &gone).is_empty());
        let mut joined = DeskChange::between(Some(&paid), &shipped);
        joined.join(DeskChange::between(Some(&shipped), &gone));
        assert_eq!(joined, change(true, &[1, 2]));
    }

    #[test]
    fn a_period_has_its_beginning_and_not_its_end() {
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        let period = Period { from: Some(at(5)), to: Some(at(7)) };
        assert_eq!([4, 5, 6, 7].map(|ms| period.has(at(ms))), [false, true, true, false]);
        assert!(Period::default().has(at(0)));
    }
}
