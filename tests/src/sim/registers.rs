//! What sellers and admins set, and what everybody sees of it: a value that is seen was set by somebody, and was not for
//! certain set anew before anybody looked.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{plan::pick, rest, tally::Known};
use crate::{Call, limits::Chance};

/// Prices, discounts, sale statuses and names of products, and the statuses of users: by whose and what.
#[derive(Debug, Default)]
pub(super) struct Registers(BTreeMap<(String, &'static str), Vec<Write>>);

#[derive(Debug)]
struct Write {
    value: Value,
    began: Instant,
    /// When it was certain; nothing while it is not, and where it never will be.
    ended: Option<Instant>,
}

/// What is set for a product, each with its name in the table.
const FIELDS: [(&str, &str); 4] =
    [("price", "price"), ("discount", "discount"), ("status", "saleStatus"), ("name", "name")];

/// The ages up to which a function may show what it has cached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ages {
    /// Of a name that nothing asserts.
    pub(super) name: Duration,
    /// Of recent stock, and of the fields shown beside it.
    pub(super) stock: Duration,
}

/// A call's writes: where each is.
#[derive(Debug)]
pub(super) struct Writes(Vec<((String, &'static str), usize)>);

impl Registers {
    /// A call is made that may set something.
    pub(super) fn begin(&mut self, call: &Call, began: Instant) -> Writes {
        let (sent, id) = (call.sent(), call.path().split('/').nth(2).unwrap_or_default().to_owned());
        let mut writes = Writes(Vec::new());
        let mut write = |of: &Value, field: &'static str, value: &Value| {
            let key = (of.as_str().unwrap_or_default().to_owned(), field);
            let all = self.0.entry(key.clone()).or_default();
            writes.0.push((key, all.len()));
            all.push(Write { value: value.clone(), began, ended: None });
        };
        match call.function() {
            "create-user" => write(&sent["userId"], "status", &json!("ACTIVE")),
            "update-user" if !sent["status"].is_null() => write(&json!(id), "status", &sent["status"]),
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

    /// What is known of it in the end.
    pub(super) fn end(&mut self, Writes(writes): Writes, known: Known, ended: Instant) {
        for (key, place) in writes {
            let Some(write) = self.0.get_mut(&key).and_then(|writes| writes.get_mut(place)) else { continue };
            match known {
                Known::Made => write.ended = Some(ended),
                // Nobody will ever see it.
                Known::None => write.value = Value::Null,
                Known::Perhaps => {}
            }
        }
    }

    /// What cannot have been seen by who began to look at this instant.
    fn check(&self, of: &str, field: &'static str, seen: &Value, began: Instant) -> Option<String> {
        let writes = self.0.get(&(of.to_owned(), field))?;
        let is_over = |write: &Write| {
            let later = |other: &Write| write.ended.is_some_and(|ended| ended < other.began);
            writes.iter().any(|other| other.ended.is_some_and(|ended| ended < began) && later(other))
        };
        let can_be = writes.iter().any(|write| write.value == *seen && !is_over(write));
        (!can_be).then(|| format!("{field} of {of} is seen as {seen}, after {writes:?}"))
    }

    /// What a unit of a product cost at some time, as somebody set it.
    pub(super) fn some_unit_cost(&self, product: &str, chance: &mut Chance) -> Option<i64> {
        let mut some = |field: &'static str| {
            let writes = self.0.get(&(product.to_owned(), field))?;
            // Most likely the last.
            let back = if chance.below(2) == 0 { pick(chance, writes.len()) } else { 0 };
            writes[writes.len() - 1 - back].value.as_i64()
        };
        let cost = (some("price")? - some("discount")?).max(0);
        // Now and then what it never cost.
        Some(if chance.below(6) == 0 { cost + 1 } else { cost })
    }

    /// What of an answer cannot be, to a call that was made from this instant on.
    pub(super) fn wrong_in(&self, call: &Call, data: &Value, began: Instant, ages: Ages) -> Vec<String> {
        let of_old = began.checked_sub(ages.name).unwrap_or(began);
        let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let mut wrong = Vec::new();
        let items = || data["items"].as_array().into_iter().flatten();
        match call.function() {
            "create-order" | "create-order-sheet" => {
                wrong.extend(self.check(&text(data, "userId"), "status", &json!("ACTIVE"), began));
                let is_of_sheet = call.sent()["orderSheetId"].is_string();
                for line in items() {
                    let product = text(line, "productId");
                    wrong.extend(self.check(&product, "price", &line["unitPrice"], began));
                    wrong.extend(self.check(&product, "discount", &line["unitDiscount"], began));
                    wrong.extend(self.check(&product, "status", &json!("ON_SALE"), began));
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
                        wrong.push(format!("a unit of {product} costs {cost:?}, and {expected} was expected"));
                    }
                    if !is_of_sheet {
                        wrong.extend(self.check(&product, "name", &line["name"], of_old));
                    }
                }
            }
            "get-cart" | "add-to-cart" => {
                // Of what is hidden only the id shows.
                for item in items().filter(|item| item["status"] != "DISCONTINUED") {
                    let product = text(item, "productId");
                    wrong.extend(self.check(&product, "price", &item["price"], began));
                    wrong.extend(self.check(&product, "discount", &item["discount"], began));
                    wrong.extend(self.check(&product, "status", &json!("ON_SALE"), began));
                    wrong.extend(self.check(&product, "name", &item["name"], of_old));
                }
            }
            "get-product" | "get-desk-product" => {
                let read = if call.is_recent() { began.checked_sub(ages.stock).unwrap_or(began) } else { began };
                for field in ["price", "discount", "name"] {
                    wrong.extend(self.check(&text(data, "productId"), field, &data[field], read));
                }
            }
            _ => {}
        }
        wrong
    }

    /// Why units of a product cannot leave its shelf so, in flash mode or not, on behalf of a call that was made from this
    /// instant on.
    pub(super) fn wrong_mode(&self, product: &str, flash: bool, began: Instant, age: Duration) -> Option<String> {
        self.check(product, "flash", &json!(flash), began.checked_sub(age).unwrap_or(began))
    }

    /// What of the products and the shelves in the table cannot be when all is at rest.
    pub(super) fn wrong_at_rest(&self, items: &[Value], now: Instant) -> Vec<String> {
        let mut wrong = Vec::new();
        // A paused product notes its own status; the auditor holds its shards to the other.
        let paused = items.iter().filter(|item| item["pausedStatus"].is_object());
        let paused: BTreeMap<&str, &Value> =
            paused.map(|item| (rest::text(item, "productId"), &item["pausedStatus"]["S"])).collect();
        for item in items {
            let pk = rest::text(item, "pk");
            let product = pk.strip_prefix("PRODUCT#").or_else(|| rest::product_on_shelf(pk));
            let Some(product) = product else { continue };
            for (field, name) in FIELDS.iter().filter(|(_, name)| item[name].is_object()) {
                let number = item[name]["N"].as_str().and_then(|digits| digits.parse::<i64>().ok());
                let seen = match paused.get(product) {
                    Some(own) if *field == "status" => (*own).clone(),
                    _ => number.map_or_else(|| item[name]["S"].clone(), Value::from),
                };
                wrong.extend(self.check(product, field, &seen, now));
            }
        }
        wrong
    }
}
