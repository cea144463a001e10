//! The terms on which sellers ship, and the addresses of orders.

use serde_json::{Value, json};

use super::{Asked, Outcome, Reference, fine, not_found, number, orders::Order, sheets::Line};

impl Reference {
    pub(super) fn set_terms(&mut self, asked: &Asked<'_>) -> Outcome {
        let seller = asked.part(1);
        if asked.call.role() == "CUSTOMER" {
            return Err(("FORBIDDEN", json!({})));
        }
        self.may_change(asked)?;
        if asked.call.role() == "SELLER" && asked.call.caller() != seller {
            return Err(("FORBIDDEN", json!({})));
        }
        if asked.call.role() == "ADMIN" {
            self.users.get(&seller).ok_or_else(not_found)?;
        }
        let terms = ["fee", "freeFrom", "returnFee"].map(|name| number(&asked.sent, name));
        self.terms.insert(seller, terms);
        self.terms_of(asked)
    }

    pub(super) fn terms_of(&self, asked: &Asked<'_>) -> Outcome {
        let seller = asked.part(1);
        let own = self.terms.get(&seller);
        let policy = self.settings.policy;
        let of_shop = [policy.shipping.fee, policy.shipping.free_from, policy.return_fee].map(|won| won.get());
        let [fee, free_from, return_fee] = own.copied().unwrap_or(of_shop);
        fine(json!({
            "sellerId": seller, "own": own.is_some(), "fee": fee, "freeFrom": free_from, "returnFee": return_fee,
        }))
    }

    /// The address of an order: also for its sellers, while it is theirs to ship, or was until lately.
    pub(super) fn ship_to(&self, asked: &Asked<'_>) -> Outcome {
        let order = self.orders.get(&asked.part(1)).ok_or_else(not_found)?;
        let (role, caller) = (asked.call.role(), asked.call.caller());
        let is_sold = |line: &Line| line.seller == caller && line.left() > 0;
        let ships = role == "SELLER" && order.paid_at.is_some() && order.lines.iter().any(is_sold);
        if role != "ADMIN" && order.user != caller && !ships {
            return Err(not_found());
        }
        let address = self.address_of(order, &asked.actual["line1"]);
        if address.is_null() { Err(not_found()) } else { fine(address) }
    }

    /// The address that an order is shipped to: that of the order, or else its user's. An erased user has none, but a
    /// function may show it from its cache for a minute.
    pub(super) fn address_of(&self, order: &Order, actual: &Value) -> Value {
        let user = &self.users[&order.user];
        if !user.is_erased {
            order.ship_to.clone().unwrap_or_else(|| user.ship_to())
        } else if actual.is_null() {
            Value::Null
        } else {
            json!({})
        }
    }
}

/// An address of a request: a text is its first line.
pub(super) fn address(sent: &Value, name: &str, phone: &Value) -> Value {
    let mut address = if sent.is_string() { json!({ "line1": sent }) } else { sent.clone() };
    for (field, usual) in [("name", json!(name)), ("phone", phone.clone())] {
        if address[field].is_null() && !usual.is_null() {
            address[field] = usual;
        }
    }
    address
}
