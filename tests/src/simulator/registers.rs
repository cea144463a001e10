//! The values that sellers and admins set, and their readers. A value that is seen was set before, and was not
//! certainly overwritten before the read began.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{plan::pick, quiesce, shape::OFFER_DISCOUNTS, tally::Known};
use crate::{Call, limits::Chance};

/// Prices, discounts, sale statuses and names of products, and what users are: by id and field.
#[derive(Debug, Default)]
pub(super) struct Registers(BTreeMap<(String, &'static str), Vec<Write>>);

#[derive(Debug)]
struct Write {
    /// The value; `None` if no reader can see it, since it was never written.
    value: Option<Value>,
    began: Instant,
    /// The instant from which the write was certain; `None` while it is not, or if it never will be.
    ended: Option<Instant>,
}

/// The fields of a product that clients set, each with its name in the table.
const FIELDS: [(&str, &str); 4] =
    [("price", "price"), ("discount", "discount"), ("status", "saleStatus"), ("name", "name")];

/// The personal fields of a user. `null` clears the optional ones.
const PERSONAL: [&str; 3] = ["name", "email", "phone"];

/// The greatest ages of a function's cache entries in answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ages {
    /// The age of a name that no condition asserts.
    pub(super) name: Duration,
    /// The age of recent stock, and of the fields shown beside it.
    pub(super) stock: Duration,
}

/// The writes of one call, by register and index.
#[derive(Debug)]
pub(super) struct Writes(Vec<((String, &'static str), usize)>);

impl Registers {
    /// Notes the values that a call may set.
    pub(super) fn begin(&mut self, call: &Call, began: Instant) -> Writes {
        let (sent, id) = (call.sent(), call.path().split('/').nth(2).unwrap_or_default().to_owned());
        let mut writes = Writes(Vec::new());
        let mut write = |of: &Value, field: &'static str, value: &Value| {
            let key = (of.as_str().unwrap_or_default().to_owned(), field);
            let all = self.0.entry(key.clone()).or_default();
            writes.0.push((key, all.len()));
            all.push(Write { value: Some(value.clone()), began, ended: None });
        };
        match call.function() {
            "create-user" => {
                write(&sent["userId"], "status", &json!("ACTIVE"));
                PERSONAL.iter().for_each(|field| write(&sent["userId"], field, &sent[field]));
            }
            "withdraw-user" => write(&json!(id), "status", &json!("WITHDRAWN")),
            "update-user" => {
                let set = |field: &str| sent.get(field).is_some();
                ["status"].iter().chain(&PERSONAL).filter(|it| set(it)).for_each(|it| write(&json!(id), it, &sent[it]));
            }
            "create-product" => {
                let status = if sent["status"].is_string() { sent["status"].clone() } else { json!("ON_SALE") };
                write(&sent["productId"], "status", &status);
                ["price", "discount", "name", "flash"]
                    .iter()
                    .for_each(|field| write(&sent["productId"], field, &sent[field]));
            }
            "update-product" => {
                let set = FIELDS.iter().filter(|(field, _)| !sent[field].is_null());
                set.for_each(|(field, _)| write(&json!(id), field, &sent[field]));
                if sent["flash"].is_boolean() {
                    write(&json!(id), "flash", &sent["flash"]);
                }
            }
            _ => {}
        }
        writes
    }

    /// Notes the final knowledge of these writes.
    pub(super) fn end(&mut self, Writes(writes): Writes, known: Known, ended: Instant) {
        for (key, place) in writes {
            let Some(write) = self.0.get_mut(&key).and_then(|writes| writes.get_mut(place)) else { continue };
            match known {
                Known::Made => write.ended = Some(ended),
                Known::None => write.value = None,
                Known::Perhaps => {}
            }
        }
    }

    /// The reason why a reader that began at this instant cannot have seen the value.
    fn check(&self, of: &str, field: &'static str, seen: &Value, began: Instant) -> Option<String> {
        let writes = self.0.get(&(of.to_owned(), field))?;
        let is_over = |write: &Write| {
            let later = |other: &Write| write.ended.is_some_and(|ended| ended < other.began);
            writes.iter().any(|other| other.ended.is_some_and(|ended| ended < began) && later(other))
        };
        let can_be = writes.iter().any(|write| write.value.as_ref() == Some(seen) && !is_over(write));
        (!can_be).then(|| format!("{field} of {of} is seen as {seen}, after {writes:?}"))
    }

    /// A unit price that a product had at some time, by its writes.
    pub(super) fn some_unit_cost(&self, product: &str, chance: &mut Chance) -> Option<i64> {
        let mut some = |field: &'static str| {
            let writes = self.0.get(&(product.to_owned(), field))?;
            // Most likely the last.
            let back = if chance.below(2) == 0 { pick(chance, writes.len()) } else { 0 };
            writes[writes.len() - 1 - back].value.as_ref()?.as_i64()
        };
        let cost = (some("price")? - some("discount")?).max(0);
        // Now and then a price that it never had.
        Some(if chance.below(6) == 0 { cost + 1 } else { cost })
    }

    /// The impossible values in the answer to a call that began at this instant.
    pub(super) fn violations_in(&self, call: &Call, data: &Value, began: Instant, ages: Ages) -> Vec<String> {
        let of_old = began.checked_sub(ages.name).unwrap_or(began);
        let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let mut violations = Vec::new();
        let items = || data["items"].as_array().into_iter().flatten();
        match call.function() {
            "create-order" | "create-order-sheet" => {
                violations.extend(self.check(&text(data, "userId"), "status", &json!("ACTIVE"), began));
                let is_of_sheet = call.sent()["orderSheetId"].is_string();
                for line in items() {
                    let product = text(line, "productId");
                    violations.extend(self.check(&product, "price", &line["unitPrice"], began));
                    let is_of_offer = line["unitDiscount"].as_i64().is_some_and(|it| OFFER_DISCOUNTS.contains(&it));
                    if !is_of_offer {
                        violations.extend(self.check(&product, "discount", &line["unitDiscount"], began));
                    }
                    violations.extend(self.check(&product, "status", &json!("ON_SALE"), began));
                    let asked = call.sent()["items"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .find(|it| it["productId"] == product.as_str())
                        .cloned();
                    let cost =
                        line["unitPrice"].as_i64().zip(line["unitDiscount"].as_i64()).map(|(price, less)| price - less);
                    if let Some(expected) =
                        asked.and_then(|it| it["expectedPrice"].as_i64()).filter(|it| Some(*it) != cost)
                    {
                        violations.push(format!("a unit of {product} costs {cost:?}, and {expected} was expected"));
                    }
                    if !is_of_sheet {
                        violations.extend(self.check(&product, "name", &line["name"], of_old));
                    }
                }
            }
            "get-cart" | "add-to-cart" => {
                // A hidden product shows only its id.
                for item in items().filter(|item| item["status"] != "DISCONTINUED") {
                    let product = text(item, "productId");
                    violations.extend(self.check(&product, "price", &item["price"], began));
                    violations.extend(self.check(&product, "discount", &item["discount"], began));
                    violations.extend(self.check(&product, "status", &json!("ON_SALE"), began));
                    violations.extend(self.check(&product, "name", &item["name"], of_old));
                }
            }
            "get-user" | "update-user" => {
                let user = text(data, "userId");
                violations.extend(self.check(&user, "status", &data["status"], began));
                // The personal data of a withdrawn user may be erased.
                let personal = PERSONAL.iter().filter(|_| data["status"] != "WITHDRAWN");
                personal.for_each(|field| violations.extend(self.check(&user, field, &data[field], began)));
            }
            "get-product" | "get-desk-product" => {
                let read = if call.is_recent() { began.checked_sub(ages.stock).unwrap_or(began) } else { began };
                for field in ["price", "discount", "name"] {
                    violations.extend(self.check(&text(data, "productId"), field, &data[field], read));
                }
            }
            _ => {}
        }
        violations
    }

    /// The reason why units of a product cannot be sold in this mode, flash or not, for a call that began at this
    /// instant.
    pub(super) fn mode_violation(&self, product: &str, flash: bool, began: Instant, age: Duration) -> Option<String> {
        self.check(product, "flash", &json!(flash), began.checked_sub(age).unwrap_or(began))
    }

    /// The impossible values of products and their shards in the table of a quiescent shop.
    pub(super) fn violations_at_rest(&self, items: &[Value], now: Instant) -> Vec<String> {
        let mut violations = Vec::new();
        // A paused product notes its own status; the auditor compares its shards with the effective one.
        let paused = items.iter().filter(|item| item["pausedStatus"].is_object());
        let paused: BTreeMap<&str, &Value> =
            paused.map(|item| (quiesce::text(item, "productId"), &item["pausedStatus"]["S"])).collect();
        for item in items {
            let pk = quiesce::text(item, "pk");
            let product = pk.strip_prefix("PRODUCT#").or_else(|| quiesce::product_of_shard(pk));
            let Some(product) = product else { continue };
            for (field, name) in FIELDS.iter().filter(|(_, name)| item[name].is_object()) {
                let number = item[name]["N"].as_str().and_then(|digits| digits.parse::<i64>().ok());
                let seen = match paused.get(product) {
                    Some(own) if *field == "status" => (*own).clone(),
                    _ => number.map_or_else(|| item[name]["S"].clone(), Value::from),
                };
                violations.extend(self.check(product, field, &seen, now));
            }
        }
        violations
    }
}
