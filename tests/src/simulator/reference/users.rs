//! Users: joining, changing, leaving, and being forgotten.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Asked, Outcome, Reference, Refused, fine, not_found, number, shipping::address};

#[derive(Debug, Clone, Default)]
pub(super) struct User {
    /// `None` is `ACTIVE`.
    status: Option<String>,
    name: String,
    email: String,
    phone: Value,
    /// As it was given, or null.
    address: Value,
    /// The instant at which the personal data of a withdrawn user is erased.
    pub(super) erase_at: Option<Timestamp>,
    pub(super) is_erased: bool,
    pub(super) balance: i64,
    /// Oldest first: type, amount, balance after it, order.
    pub(super) ledger: Vec<(&'static str, i64, i64, Option<String>)>,
}

impl User {
    pub(super) fn is(&self, status: &str) -> bool {
        self.status.as_deref().unwrap_or("ACTIVE") == status
    }

    pub(super) fn shown(&self) -> Value {
        json!({
            "status": self.status.as_deref().unwrap_or("ACTIVE"), "name": self.name, "email": self.email,
            "phone": self.phone, "address": self.ship_to(),
        })
    }

    /// The address that orders of now are shipped to.
    pub(super) fn ship_to(&self) -> Value {
        if self.address.is_null() { Value::Null } else { address(&self.address, &self.name, &self.phone) }
    }

    /// The parts that an address for goods lacks.
    pub(super) fn missing_of_address(&self) -> Vec<&'static str> {
        let address = self.ship_to();
        ["postcode", "line1"].into_iter().filter(|part| address[*part].is_null()).collect()
    }

    fn erase(&mut self) {
        self.erase_at = None;
        self.is_erased = true;
        (self.name, self.email) = (String::new(), String::new());
        (self.phone, self.address) = (Value::Null, Value::Null);
    }
}

impl Reference {
    pub(super) fn create_user(&mut self, asked: &Asked<'_>) -> Outcome {
        let id = asked.text("userId");
        if self.users.contains_key(&id) {
            return Err(("ALREADY_EXISTS", json!({})));
        }
        let user = User {
            name: asked.text("name"),
            email: asked.text("email"),
            phone: asked.sent["phone"].clone(),
            address: asked.sent["address"].clone(),
            ..User::default()
        };
        if self.is_email_taken(&id, &user) {
            return Err(("ALREADY_EXISTS", json!({ "field": "email" })));
        }
        self.users.insert(id.clone(), user);
        let kind = if asked.sent["kind"].is_string() { &asked.sent["kind"] } else { &json!("CUSTOMER") };
        Ok((201, json!({ "userId": id, "status": "ACTIVE", "kind": kind })))
    }

    pub(super) fn update_user(&mut self, asked: &Asked<'_>) -> Outcome {
        let (id, sent) = (asked.part(1), &asked.sent);
        let before = self.users.get(&id).ok_or_else(not_found)?;
        let has_precondition = asked.call.header_of("if-match").is_some();
        if asked.call.header_of("if-match").is_some_and(|tags| tags != "*") {
            return Err(("PRECONDITION_FAILED", json!({})));
        }
        if before.is_erased {
            let repeats = *sent == json!({ "status": "WITHDRAWN" }) && !has_precondition;
            return if repeats { fine(before.shown()) } else { Err(("USER_NOT_ACTIVE", json!({}))) };
        }
        let leaves = sent["status"] == "WITHDRAWN" && !before.is("WITHDRAWN");
        if leaves {
            self.ensure_free(&id, false, asked)?;
        }
        let before = self.users.get(&id).ok_or_else(not_found)?;
        let mut after = before.clone();
        after.status = sent["status"].as_str().map(str::to_owned).or(after.status);
        after.name = sent["name"].as_str().map_or(after.name, str::to_owned);
        after.email = sent["email"].as_str().map_or(after.email, str::to_owned);
        for (field, value) in [("phone", &mut after.phone), ("address", &mut after.address)] {
            if let Some(sent) = sent.get(field) {
                value.clone_from(sent);
            }
        }
        if self.is_email_taken(&id, &after) {
            return Err(("ALREADY_EXISTS", json!({ "field": "email" })));
        }
        if leaves {
            self.plan_erasure(&mut after, asked);
        } else if !after.is("WITHDRAWN") {
            after.erase_at = None;
        }
        let (shown, is_paused) = (after.shown(), !after.is("ACTIVE"));
        self.products.values_mut().filter(|product| product.seller == id).for_each(|it| it.is_paused = is_paused);
        self.users.insert(id, after);
        fine(shown)
    }

    pub(super) fn withdraw_user(&mut self, asked: &Asked<'_>) -> Outcome {
        let (id, forfeits) = (asked.part(1), asked.sent["forfeit"] == true);
        let user = self.users.get(&id).ok_or_else(not_found)?;
        let leaves = !user.is("WITHDRAWN");
        if leaves {
            let balance = user.balance;
            self.ensure_free(&id, forfeits, asked)?;
            if balance != 0 {
                self.book(&id, "ADJUSTMENT", -balance, None);
            }
        }
        let mut user = self.users.get(&id).ok_or_else(not_found)?.clone();
        user.status = Some("WITHDRAWN".to_owned());
        if leaves {
            self.plan_erasure(&mut user, asked);
        }
        let shown = user.shown();
        self.users.insert(id.clone(), user);
        self.products.values_mut().filter(|product| product.seller == id).for_each(|it| it.is_paused = true);
        fine(shown)
    }

    /// Data that is to be erased at once is so in the answer, unless a function died over it: then the sweep erases it.
    fn plan_erasure(&self, user: &mut User, asked: &Asked<'_>) {
        let after = self.settings.policy.people.erase_after;
        user.erase_at = Some(asked.at("updatedAt") + after);
        if after.is_zero() && asked.actual["email"] == "" {
            user.erase();
        }
    }

    /// Erases the data whose time has come.
    pub(in crate::simulator) fn erase(&mut self, now: Timestamp) {
        let is_due = |user: &&mut User| user.erase_at.is_some_and(|at| at <= now);
        self.users.values_mut().filter(is_due).for_each(User::erase);
    }

    /// Refuses a withdrawal while something is open. The reference does not know payments from outside and their
    /// refunds, so for those the shop's own answer counts.
    fn ensure_free(&self, id: &str, forfeits: bool, asked: &Asked<'_>) -> Result<(), Refused> {
        let user = self.users.get(id).ok_or_else(not_found)?;
        let theirs = || self.orders.values().filter(|order| order.user == id);
        let orders = theirs().filter(|order| order.is_open()).count();
        let claims = theirs().flat_map(|order| &order.claims).filter(|claim| claim.is_open()).count();
        let counted = |name: &str| number(asked.actual, name);
        let is_kept_from_outside = counted("payments") + counted("refunds") > 0;
        if orders + claims == 0 && (user.balance == 0 || forfeits) && !is_kept_from_outside {
            return Ok(());
        }
        let details = json!({ "orders": orders, "claims": claims, "balance": user.balance });
        Err(("ORDER_STATE_CONFLICT", details))
    }

    /// Whether another user, not withdrawn, has the address of this one.
    fn is_email_taken(&self, id: &str, user: &User) -> bool {
        let is_same = |other: &User| !other.is("WITHDRAWN") && other.email.eq_ignore_ascii_case(&user.email);
        !user.is("WITHDRAWN") && self.users.iter().any(|(other, there)| other != id && is_same(there))
    }

    pub(super) fn ensure_active(&self, user: &str) -> Result<&User, Refused> {
        let user = self.users.get(user).ok_or_else(not_found)?;
        if user.is("ACTIVE") { Ok(user) } else { Err(("USER_NOT_ACTIVE", json!({}))) }
    }

    /// Sellers and admins change nothing while they are not active. A caller without a record is known by the role
    /// alone.
    pub(super) fn may_change(&self, asked: &Asked<'_>) -> Result<(), Refused> {
        let is_staff = asked.call.role() != "CUSTOMER" && self.users.contains_key(&asked.call.caller());
        if is_staff { self.ensure_active(&asked.call.caller()).map(|_| ()) } else { Ok(()) }
    }
}
