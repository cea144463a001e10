//! Recounts of a shop at rest, by plain reckoning from the stored records: units, refunds, confirmations and erasures.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    books::plain_item,
    known::{list, number as amount},
    quiesce::{number, product_of_shard, text},
    reference::end_of,
    world::World,
};

/// More than clocks differ, in milliseconds.
const SKEW_MS: i64 = 11_000;

/// The longest time between the end of a claim and the confirmation that it held up.
const LATE_MS: i64 = 3_600_000 + 60_000;

/// Texts of people that no record has plain.
const PERSONAL: [&str; 5] = ["김민수", "최보라", "@example.com", "세종대로", "010-1234"];

/// The orders of a table.
fn orders(items: &[Value]) -> impl Iterator<Item = Value> {
    items.iter().filter(|item| item["sk"]["S"] == "ORDER").map(plain_item)
}

fn is_open(claim: &Value) -> bool {
    ["REQUESTED", "ACCEPTED", "RECEIVED"].iter().any(|status| claim["status"] == *status)
}

/// Units of a line, by its number, that a claim keeps off the shelf beside those that the customer has: scrapped ones,
/// and those held for an exchange.
fn kept_by(claim: &Value, line: usize) -> i64 {
    let is_of_line = |part: &&Value| part["line"] == line;
    let scrapped = list(claim, "received").filter(is_of_line).filter(|part| part["condition"] == "UNSELLABLE");
    let scrapped: i64 = scrapped.map(|part| amount(part, "units")).sum();
    let is_held = claim["type"] == "EXCHANGE" && claim["status"] == "ACCEPTED";
    let asked: i64 = list(claim, "items").filter(is_of_line).map(|part| amount(part, "units")).sum();
    scrapped + if is_held { asked } else { 0 }
}

/// The units of each product that are neither on the shelf nor with a customer, scrapped or held for an exchange: none
/// at rest.
pub(super) fn missing_units(items: &[Value]) -> BTreeMap<String, i64> {
    let mut missing: BTreeMap<String, i64> = BTreeMap::new();
    for item in items {
        if let Some(product) = product_of_shard(text(item, "pk")) {
            *missing.entry(product.to_owned()).or_default() += number(item, "received") - number(item, "remaining");
        }
    }
    for order in orders(items).filter(|order| order["status"] != "PAYMENT_FAILED") {
        for (line, place) in list(&order, "items").zip(1..) {
            let kept: i64 = list(&order, "claims").map(|claim| kept_by(claim, place)).sum();
            let product = line["productId"].as_str().unwrap_or_default().to_owned();
            *missing.entry(product).or_default() -= amount(line, "quantity") - amount(line, "cancelledQuantity") + kept;
        }
    }
    missing.retain(|_, units| *units != 0);
    missing
}

/// The violations at rest.
pub(super) fn violations(world: &World, items: &[Value]) -> Vec<String> {
    let missing = missing_units(items).into_iter();
    let mut found: Vec<String> =
        missing.map(|(product, units)| format!("{units} units of {product} are nowhere")).collect();
    let refunds = refunds_by_order(items);
    let plans = plans(items);
    for order in orders(items) {
        let id = order["orderId"].as_str().unwrap_or_default();
        let of_order = refund_violations(&order, refunds.get(id).copied().unwrap_or(0));
        let of_order = of_order.into_iter().chain(confirmation_violations(world, &order, plans.get(id).copied()));
        found.extend(of_order.map(|violation| format!("order {id}: {violation}")));
    }
    found.extend(people_violations(world, items));
    found
}

/// The refunds to the balance by order.
fn refunds_by_order(items: &[Value]) -> BTreeMap<String, i64> {
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for entry in items.iter().filter(|item| text(item, "type") == "REFUND" && text(item, "sk").starts_with("LEDGER#")) {
        *sums.entry(text(entry, "orderId").to_owned()).or_default() += number(entry, "amount");
    }
    sums
}

/// The planned confirmation of each order.
fn plans(items: &[Value]) -> BTreeMap<String, i64> {
    let plans = items.iter().filter(|item| item["sk"]["S"] == "CONFIRMATION");
    plans.map(|plan| (text(plan, "orderId").to_owned(), number(plan, "at"))).collect()
}

/// Refunds and fees kept are what was paid for all that is gone.
fn refund_violations(order: &Value, booked: i64) -> Vec<String> {
    let mut found = Vec::new();
    if order["paidAt"].is_null() {
        return found;
    }
    let fees: i64 = list(order, "claims").map(|claim| amount(&claim["refund"], "returnFee")).sum();
    let goods = list(order, "items").map(|line| {
        let units = amount(line, "quantity");
        let paid = (amount(line, "unitPrice") - amount(line, "unitDiscount")) * units - amount(line, "couponShare");
        paid * amount(line, "cancelledQuantity") / units
    });
    let gone = goods.sum::<i64>() + fees_of_gone_shipments(order);
    let refunded = amount(order, "refunded");
    if refunded + fees != gone {
        found.push(format!("{refunded} won refunded and {fees} kept are not the {gone} paid for what is gone"));
    }
    if order["payment"] == "BALANCE" && booked != refunded {
        found.push(format!("{booked} won of {refunded} refunded are in the ledger"));
    }
    for claim in list(order, "claims").filter(|claim| claim["refund"].is_object()) {
        let refund = &claim["refund"];
        let gross = amount(refund, "goods") - amount(refund, "coupon") + amount(refund, "shipping");
        let is_of_customer = claim["reason"] == "CHANGE_OF_MIND" && claim["type"] == "RETURN";
        let fee = if is_of_customer { amount(claim, "fee").min(gross) } else { 0 };
        if amount(refund, "returnFee") != fee || amount(refund, "total") != gross - fee {
            found.push(format!("a claim refunds {refund} with a fee of {fee}"));
        }
    }
    found
}

/// The fees of the shipments that nothing is left of.
fn fees_of_gone_shipments(order: &Value) -> i64 {
    let of_seller = |line: &Value| {
        let own =
            list(order, "shipments").position(|it| it["sellerId"].is_string() && it["sellerId"] == line["sellerId"]);
        own.or_else(|| list(order, "shipments").position(|it| it["sellerId"].is_null()))
    };
    let live = list(order, "items").filter(|line| line["quantity"] != line["cancelledQuantity"]);
    let open: Vec<Option<usize>> = live.map(of_seller).collect();
    if order["shipments"].is_null() {
        return if open.is_empty() { amount(order, "shippingFee") } else { 0 };
    }
    let gone = list(order, "shipments").enumerate().filter(|(place, _)| !open.contains(&Some(*place)));
    gone.map(|(_, shipment)| amount(shipment, "fee")).sum()
}

/// The instants at which the parcels of a line arrived. With `is_live`, of those alone that have live units.
fn arrivals(order: &Value, line: usize, is_live: bool) -> Vec<Option<i64>> {
    let is_in = |parcel: &&Value| {
        let items = list(parcel, "items").filter(|item| item["line"] == line);
        let units: i64 = items.map(|item| amount(item, "units") - if is_live { amount(item, "gone") } else { 0 }).sum();
        parcel["claim"].is_null() && units > 0
    };
    list(order, "parcels").filter(is_in).map(|parcel| parcel["deliveredAt"].as_i64()).collect()
}

fn end_ms(at: i64, window: SignedDuration) -> i64 {
    end_of(Timestamp::from_millisecond(at).expect("an instant"), window).as_millisecond()
}

/// A silent customer's line is confirmed in time, and never earlier.
fn confirmation_violations(world: &World, order: &Value, plan: Option<i64>) -> Vec<String> {
    let (mut found, mut next) = (Vec::new(), None);
    let (window, now) = (world.settings.policy.confirm_after, world.now().as_millisecond());
    for entry in list(order, "history").filter(|entry| entry["actor"] == "SYSTEM" && entry["event"] == "LINE_MOVED") {
        for step in list(entry, "lines").filter(|step| step["to"] == "PURCHASE_CONFIRMED") {
            let line = usize::try_from(amount(step, "number")).unwrap_or(0);
            let first = arrivals(order, line, false).into_iter().flatten().min();
            if first.is_none_or(|first| amount(entry, "at") < end_ms(first, window)) {
                found.push(format!("line {line} is confirmed at {}, having arrived at {first:?}", entry["at"]));
            }
        }
    }
    for (line, number) in list(order, "items").zip(1..) {
        if line["status"] != "DELIVERED" {
            continue;
        }
        let arrived: Option<Vec<i64>> = arrivals(order, number, true).into_iter().collect();
        let Some(due) = arrived.and_then(|all| all.into_iter().max()).map(|at| end_ms(at, window)) else { continue };
        next = Some(due.min(next.unwrap_or(due)));
        let is_held_up = list(order, "claims").any(is_open);
        if due + LATE_MS + SKEW_MS < now && !is_held_up {
            found.push(format!("line {number} is not confirmed, which it should have been at {due}"));
        }
    }
    let has_claims = order["claims"].is_array();
    if !has_claims && plan != next {
        found.push(format!("its confirmation is planned for {plan:?}, not for {next:?}"));
    }
    found
}

/// Personal data is sealed, and that of withdrawn users goes in time, with its key.
fn people_violations(world: &World, items: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    let now = world.now().as_millisecond();
    let has =
        |user: &str, sk: &str| items.iter().any(|item| text(item, "pk") == user && text(item, "sk").starts_with(sk));
    for item in items {
        let stored = item.to_string();
        if let Some(plain) = PERSONAL.iter().find(|plain| stored.contains(**plain)) {
            found.push(format!("{}/{} has {plain} plain", text(item, "pk"), text(item, "sk")));
        }
    }
    for profile in items.iter().filter(|item| item["sk"]["S"] == "PROFILE") {
        let user = text(profile, "pk");
        let account = items.iter().find(|item| text(item, "pk") == user && item["sk"]["S"] == "ACCOUNT");
        let is_withdrawn = account.is_some_and(|account| text(account, "status") == "WITHDRAWN");
        let is_erased = profile["erasedAt"].is_object();
        let planned = items.iter().find(|item| text(item, "pk") == user && item["sk"]["S"] == "ERASURE");
        if is_withdrawn != (is_erased || planned.is_some()) || (is_erased && planned.is_some()) {
            found.push(format!("{user} is withdrawn: {is_withdrawn}, erased: {is_erased}, planned: {planned:?}"));
        }
        if planned.is_some_and(|planned| number(planned, "eraseAt") + SKEW_MS < now) {
            found.push(format!("the data of {user} should be erased by now"));
        }
        if has(user, "KEY") == is_erased {
            found.push(format!("{user} is erased: {is_erased}, and has a key: {is_erased}"));
        }
        let is_empty = ["name", "email"].iter().all(|field| text(profile, field).is_empty())
            && ["phone", "address", "seller"].iter().all(|field| !profile[*field].is_object());
        if is_erased && (!is_empty || has(user, "ADDRESS#")) {
            found.push(format!("{user} is erased, and has data still: {profile}"));
        }
    }
    found
}

/// The ends that a run came to: claims, parcels and confirmations by their state, withdrawn users, erased ones.
pub(super) fn ends(items: &[Value]) -> BTreeMap<(&'static str, String), u64> {
    let mut ends: BTreeMap<(&'static str, String), u64> = BTreeMap::new();
    let mut count = |what: &'static str, state: &str| *ends.entry((what, state.to_owned())).or_default() += 1;
    for order in orders(items) {
        for claim in list(&order, "claims") {
            let text = |name: &str| claim[name].as_str().unwrap_or_default();
            count("claims", &format!("{} {}", text("type"), text("status")));
        }
        list(&order, "parcels").for_each(|parcel| count("parcels", parcel["status"].as_str().unwrap_or_default()));
        let by_system = list(&order, "history").filter(|it| it["actor"] == "SYSTEM" && it["event"] == "LINE_MOVED");
        by_system.for_each(|_| count("confirmations", "by the shop"));
    }
    for item in items {
        if item["sk"]["S"] == "ACCOUNT" && text(item, "status") == "WITHDRAWN" {
            count("users", "WITHDRAWN");
        }
        if item["sk"]["S"] == "PROFILE" && item["erasedAt"].is_object() {
            count("users", "erased");
        }
    }
    ends
}

/// The instant of the next confirmation that no claim holds up, or erasure, in milliseconds.
pub(super) fn next_plan(items: &[Value]) -> Option<i64> {
    let held_up: Vec<String> = orders(items)
        .filter(|order| list(order, "claims").any(is_open))
        .map(|order| order["orderId"].as_str().unwrap_or_default().to_owned())
        .collect();
    let confirmations = plans(items).into_iter().filter(|(order, _)| !held_up.contains(order)).map(|(_, at)| at);
    let erasures = items.iter().filter(|item| item["sk"]["S"] == "ERASURE").map(|item| number(item, "eraseAt"));
    confirmations.chain(erasures).min()
}
