//! The shop as its requirements describe it, in plain words: all of it in memory, one request after the other, without
//! failures. From the shop's own code it takes only the published table of transitions of a line.
//!
//! An answer must equal the reference's. Ids, and instants of the shop's clocks, are taken from the answer; everything
//! else is computed here.

mod claims;
mod coupons;
mod drops;
mod goods;
mod orders;
mod parcels;
mod sheets;
mod shipping;
mod users;
mod withdrawals;

use std::collections::BTreeMap;

use coupons::{Campaign, Coupon};
use drops::Drop;
use goods::Product;
pub(super) use goods::day;
use jiff::Timestamp;
use orders::Order;
pub(super) use parcels::end_of;
use serde_json::{Value, json};
use sheets::Sheet;
use users::User;
use withdrawals::Withdrawal;

use super::{
    known::{number, text},
    settings::RunSettings,
};
use crate::{Answer, Call};

#[derive(Debug)]
pub(super) struct Reference {
    settings: RunSettings,
    users: BTreeMap<String, User>,
    products: BTreeMap<String, Product>,
    campaigns: BTreeMap<String, Campaign>,
    /// By user and campaign.
    coupons: BTreeMap<(String, String), Coupon>,
    /// Coupons that were revoked, and replaced since.
    replaced: BTreeMap<(String, String), Vec<Coupon>>,
    drops: BTreeMap<String, Drop>,
    /// By user and product.
    /// The purchase limits that have begun to count.
    limits: usize,
    /// The quotas of timed offers that have begun to count.
    quotas: usize,
    carts: BTreeMap<String, BTreeMap<String, i64>>,
    /// By user: the last order of their cart.
    cart_orders: BTreeMap<String, String>,
    sheets: BTreeMap<String, Sheet>,
    orders: BTreeMap<String, Order>,
    withdrawals: BTreeMap<String, Withdrawal>,
    /// By seller: fee, threshold and return fee.
    terms: BTreeMap<String, [i64; 3]>,
}

/// The expected answer: a status with at least these data, or a refusal with at least these details.
type Outcome = Result<(u16, Value), Refused>;

/// A code, with details.
type Refused = (&'static str, Value);

/// A request, and the parts of its answer that cannot be computed.
struct Asked<'a> {
    call: &'a Call,
    sent: Value,
    path: Vec<&'a str>,
    /// By the clock of the simulator.
    now: Timestamp,
    actual: &'a Value,
}

impl Asked<'_> {
    fn text(&self, name: &str) -> String {
        text(&self.sent, name)
    }

    /// The n-th part of the path, from 0.
    fn part(&self, number: usize) -> String {
        (*self.path.get(number).unwrap_or(&"")).to_owned()
    }

    /// An id in the answer.
    fn id(&self, name: &str) -> String {
        text(self.actual, name)
    }

    /// An instant in the answer, by the shop's own clock.
    fn at(&self, name: &str) -> Timestamp {
        instant(&self.actual[name]).unwrap_or(self.now)
    }
}

fn instant(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn not_found() -> Refused {
    ("ENTITY_NOT_FOUND", json!({}))
}

fn fine(data: Value) -> Outcome {
    Ok((200, data))
}

impl Reference {
    /// A shop with nothing in it.
    pub(super) fn new(settings: RunSettings) -> Self {
        Self {
            settings,
            users: BTreeMap::new(),
            products: BTreeMap::new(),
            campaigns: BTreeMap::new(),
            coupons: BTreeMap::new(),
            replaced: BTreeMap::new(),
            drops: BTreeMap::new(),
            limits: 0,
            quotas: 0,
            carts: BTreeMap::new(),
            cart_orders: BTreeMap::new(),
            sheets: BTreeMap::new(),
            orders: BTreeMap::new(),
            withdrawals: BTreeMap::new(),
            terms: BTreeMap::new(),
        }
    }

    /// Applies a request, and returns the first difference of its answer, if there is one.
    pub(super) fn check(&mut self, call: &Call, now: Timestamp, answer: &Answer) -> Option<String> {
        let data = &answer.body["data"];
        let actual = if answer.status < 300 { data } else { &answer.body["details"] };
        let path = call.path().split('/').skip(1).collect();
        let asked = Asked { call, sent: call.sent(), path, now, actual };
        let difference = match self.answer(&asked) {
            Ok((status, _)) if answer.status != status => Some(format!("status {status}")),
            Ok((_, expected)) => difference("data", &expected, data),
            Err((code, _)) if answer.body["code"] != code => Some(code.to_owned()),
            Err((_, details)) => difference("details", &details, actual),
        };
        difference.map(|expected| format!("{} {} instead of {expected}", answer.status, answer.body))
    }

    fn answer(&mut self, asked: &Asked<'_>) -> Outcome {
        match asked.call.function() {
            "create-user" => self.create_user(asked),
            "update-user" => self.update_user(asked),
            "withdraw-user" => self.withdraw_user(asked),
            "update-order" => self.readdress(asked),
            "get-user" => fine(self.users.get(&asked.part(1)).ok_or_else(not_found)?.shown()),
            "charge-balance" => {
                self.ensure_active(&asked.text("userId"))?;
                let balance = self.book(&asked.text("userId"), "CHARGE", number(&asked.sent, "amount"), None);
                fine(json!({ "userId": asked.sent["userId"], "balance": balance }))
            }
            "adjust-balance" => self.adjust(asked),
            "create-withdrawal" => self.withdraw(asked),
            "get-withdrawal" => self.withdrawal(asked),
            "update-withdrawal" => self.end_withdrawal(asked),
            "get-balance" => {
                let user = self.users.get(&asked.part(1)).ok_or_else(not_found)?;
                fine(json!({ "userId": asked.part(1), "balance": user.balance }))
            }
            "list-balance-entries" => {
                let user = self.users.get(&asked.part(1)).ok_or_else(not_found)?;
                let entry = |(kind, amount, after, order): &(&str, i64, i64, Option<String>)| json!({ "type": kind, "amount": amount, "balanceAfter": after, "orderId": order });
                let entries: Vec<Value> = user.ledger.iter().rev().take(5).map(entry).collect();
                fine(json!({ "items": entries }))
            }
            "create-product" => self.create_product(asked),
            "update-product" => self.update_product(asked),
            "restock-product" => self.restock(asked),
            "get-product" => self.product(asked),
            "get-yours" => self.yours(asked),
            "list-products" => self.list_products(asked),
            "list-desk-products" => self.list_desk_products(asked),
            "list-desk-lines" => self.list_desk_lines(asked),
            "get-desk-product" => self.desk_product(asked),
            "list-desk-campaigns" => self.list_desk_campaigns(asked),
            "list-bestsellers" => fine(self.bestsellers(asked.now)),
            "add-to-cart" => self.add_to_cart(asked),
            "get-cart" => fine(self.cart(&asked.call.caller())),
            "remove-from-cart" => {
                self.carts.entry(asked.call.caller()).or_default().remove(&asked.part(2));
                Ok((204, Value::Null))
            }
            "create-coupon" => self.create_coupon(asked),
            "update-coupon" => self.change_campaign(asked),
            "list-campaigns" => fine(self.list_campaigns(asked.now)),
            // The route is for admins, and customers call it.
            "get-coupon" => Err(("FORBIDDEN", json!({}))),
            "issue-coupon" => self.issue(asked),
            "set-drop" => self.set_drop(asked),
            "get-drop" => self.drop(asked),
            "enter-drop" => self.enter_drop(asked),
            "get-drop-entry" => self.look_at_line(asked),
            "revoke-coupon" => self.revoke(asked),
            "list-coupons" => fine(self.list_coupons(asked)),
            "create-order-sheet" => self.create_sheet(asked),
            "get-order-sheet" => self.sheet(asked),
            "create-order" => self.place(asked),
            "pay-order" => self.pay(asked),
            "cancel-order" => self.cancel(asked),
            "update-order-item" => self.move_line(asked),
            "create-parcel" => self.ship(asked),
            "update-parcel" => self.move_parcel(asked),
            "set-seller-shipping" => self.set_terms(asked),
            "get-seller-shipping" => self.terms_of(asked),
            "get-order-ship-to" => self.ship_to(asked),
            "create-claim" => self.request_claim(asked),
            "get-claim" => self.claim(asked),
            "decide-claim" => self.decide_claim(asked),
            "receive-claim" => self.receive_claim(asked),
            "withdraw-claim" => self.withdraw_claim(asked),
            "get-order" => self.order(asked),
            "get-order-item" => self.order_item(asked),
            "get-order-history" => self.history(asked),
            "list-order-payments" => self.payments(asked),
            "list-orders" => fine(self.list_orders(asked)),
            other => unreachable!("nobody asks {other} for anything"),
        }
    }

    /// Moves money, and returns the balance after it.
    fn book(&mut self, user: &str, kind: &'static str, amount: i64, order: Option<&str>) -> i64 {
        let user = self.users.get_mut(user).expect("money is moved of a user");
        user.balance += amount;
        user.ledger.push((kind, amount, user.balance, order.map(str::to_owned)));
        user.balance
    }

    /// The instants at which something expires, or begins to be refused.
    pub(super) fn ends(&self) -> impl Iterator<Item = Timestamp> {
        let holds = self.orders.values().filter_map(|order| order.hold_ends);
        let campaigns = self.campaigns.values().map(|campaign| campaign.issue_until);
        let erasures = self.users.values().filter_map(|user| user.erase_at);
        holds
            .chain(erasures)
            .chain(self.ends_of_deliveries())
            .chain(self.ends_of_products())
            .chain(self.sheets.values().map(|sheet| sheet.ends))
            .chain(campaigns)
            .chain(self.coupons.values().map(|coupon| coupon.ends))
    }
}

/// The first difference from the expected value. An object must have at least the expected fields, and none that is
/// expected to be null. A list must have exactly the expected items.
fn difference(name: &str, expected: &Value, actual: &Value) -> Option<String> {
    match (expected, actual) {
        (Value::Object(fields), _) => {
            fields.iter().find_map(|(field, value)| difference(&format!("{name}.{field}"), value, &actual[field]))
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            let mut pairs = items.iter().zip(others).zip(0..);
            pairs.find_map(|((item, other), place)| difference(&format!("{name}.{place}"), item, other))
        }
        _ => (expected != actual).then(|| format!("{name} = {expected}")),
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::http::HeaderMap;

    use super::*;

    #[test]
    fn additional_fields_are_no_difference() {
        let expected = json!({ "items": [{ "id": 1, "gone": null }] });
        let differs = |actual: Value| difference("data", &expected, &actual);
        assert_eq!(differs(json!({ "items": [{ "id": 1, "name": "more" }], "more": 2 })), None);
        assert_eq!(differs(json!({ "items": [{ "id": 2 }] })).as_deref(), Some("data.items.0.id = 1"));
        assert_eq!(differs(json!({ "items": [{ "id": 1, "gone": 3 }] })).as_deref(), Some("data.items.0.gone = null"));
        assert!(differs(json!({ "items": [] })).is_some() && differs(json!({})).is_some());
        assert!(differs(json!({ "items": [{ "id": 1 }, { "id": 1 }] })).is_some());
    }

    #[test]
    fn a_wrong_answer_is_reported() {
        let mut reference = Reference::new(RunSettings::production());
        let now = Timestamp::UNIX_EPOCH;
        let mut check = |method: &str, path: &str, body: Value, status: u16, answer: Value| {
            reference.check(
                &Call::new(method, path).json(&body),
                now,
                &Answer { status, headers: HeaderMap::default(), body: answer },
            )
        };
        let user = json!({ "userId": "mina" });
        let made = json!({ "data": { "userId": "mina", "status": "ACTIVE", "kind": "CUSTOMER" } });
        assert_eq!(check("POST", "/users", user.clone(), 201, made.clone()), None);
        assert!(check("POST", "/users", user, 201, made).unwrap().ends_with("ALREADY_EXISTS"));
        let charge = json!({ "userId": "mina", "amount": 300 });
        let actual = json!({ "data": { "userId": "mina", "balance": 400 } });
        assert!(check("POST", "/balance/charge", charge, 200, actual).unwrap().ends_with("data.balance = 300"));
        let balance = json!({ "data": { "userId": "mina", "balance": 300 } });
        assert_eq!(check("GET", "/balance/mina", Value::Null, 200, balance), None);
    }
}
