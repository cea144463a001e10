//! Steps that tests have in common.

pub mod cancellation;
pub mod cart;
pub mod external;
pub mod holds;
pub mod order_sheets;
pub mod payments;
pub mod tickets;

use std::{collections::BTreeMap, future::IntoFuture, pin::pin, sync::Arc};

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::{
    app::{
        orders::{self, PaymentOutcome},
        sheets,
    },
    domain::{OrderId, OrderSheetId, PaymentId, Won, order::PaymentStatus},
    events::{Event, PaymentResult},
    platform::Clock,
    store::keys,
};
use tokio::sync::Notify;

use crate::{Answer, Call, Fault, TestShop, fakes::stream::Consumers};

/// The end of a hold that began at the shop's first instant.
pub const END: &str = "2026-11-20T03:10:00Z";

/// The last instant before [`END`].
pub const JUST_BEFORE: &str = "2026-11-20T03:09:59.999Z";

/// The id in an order.
pub fn id(order: &Value) -> String {
    order["orderId"].as_str().expect("an order has an id").to_owned()
}

/// The id in an order, for calls below the API.
pub fn order_id(order: &Value) -> OrderId {
    OrderId::try_from(id(order)).unwrap()
}

/// Orders units of one product, with this kind of payment.
pub fn order_by(shop: &TestShop, user: &str, product: &str, quantity: i64, payment: &str) -> Call {
    let items = json!([{ "productId": product, "quantity": quantity }]);
    shop.post("/orders", json!({ "userId": user, "items": items, "payment": payment }))
}

/// Holds units of one product, to be paid later.
pub fn hold(shop: &TestShop, user: &str, product: &str, quantity: i64) -> Call {
    order_by(shop, user, product, quantity, "LATER")
}

/// Orders two teas with the coupon `welcome`, which the user gets for it, with this kind of payment. The order spends the
/// whole budget of its campaign.
pub async fn order_with_coupon(shop: &TestShop, user: &str, payment: &str) -> Value {
    let terms = json!({ "kind": "FIXED", "value": 1_000, "maxTotalDiscount": 1_000 });
    shop.campaign("welcome", 1, terms).await;
    shop.issue(user, "welcome").await.expect(201);
    let items = json!([{ "productId": "tea", "quantity": 2 }]);
    let body = json!({ "userId": user, "items": items, "couponId": "welcome", "payment": payment });
    shop.post("/orders", body).key("snapshot").await.expect(201)
}

/// Makes a call that another overtakes after its `number`th request to DynamoDB was carried out. Returns both answers;
/// `None` if the call ends before that.
pub async fn overtaken_at(shop: &TestShop, number: u32, call: Call, other: Call) -> Option<[Answer; 2]> {
    let sent = Arc::new(Notify::new());
    let (sends, mut requests) = (Arc::clone(&sent), 0);
    shop.dynamo().fail(move |_| {
        requests += 1;
        if requests == number {
            sends.notify_one();
        }
        Fault::None
    });
    let mut call = pin!(call.into_future());
    let is_overtaken = tokio::select! {
        biased;
        () = sent.notified() => true,
        _ = &mut call => false,
    };
    shop.dynamo().fail(|_| Fault::None);
    if !is_overtaken {
        return None;
    }
    let other = other.await;
    Some([call.await, other])
}

pub fn pay(shop: &TestShop, user: &str, order: &Value) -> Call {
    shop.call("POST", &format!("/orders/{}/payment", id(order))).as_user(user)
}

/// Cancels an order, or the part that the body names.
pub fn cancel(shop: &TestShop, user: &str, order: &Value, body: Value) -> Call {
    shop.post(&format!("/orders/{}/cancel", id(order)), body).as_user(user)
}

pub fn cancel_units(shop: &TestShop, user: &str, order: &Value, item: &str, quantity: i64) -> Call {
    cancel(shop, user, order, json!({ "items": [{ "itemId": item, "quantity": quantity }] }))
}

/// Moves a line, by no caller yet.
pub fn move_line(shop: &TestShop, order: &Value, item: &str, status: &str) -> Call {
    shop.patch(&format!("/orders/{}/items/{item}", id(order)), json!({ "status": status }))
}

/// Moves a line along several states, as an admin.
pub async fn move_along(shop: &TestShop, order: &Value, item: &str, path: &[&str]) -> Value {
    let mut moved = Value::Null;
    for status in path {
        moved = move_line(shop, order, item, status).as_admin().await.expect(200);
    }
    moved
}

pub async fn look(shop: &TestShop, order: &Value) -> Value {
    shop.get(&format!("/orders/{}", id(order))).as_admin().await.expect(200)
}

pub async fn status(shop: &TestShop, order: &Value) -> String {
    look(shop, order).await["status"].as_str().unwrap().to_owned()
}

/// An order's history, a line each: event, actor, the changes with their units, reason.
pub async fn history(shop: &TestShop, order: &Value) -> String {
    let steps = shop.get(&format!("/orders/{}/history", id(order))).as_admin().await.expect(200);
    let lines = steps["items"].as_array().unwrap().iter().map(|step| {
        let text = |field: &str| step[field].as_str().unwrap_or("-").to_owned();
        let what = step["itemId"].as_str().map_or_else(|| "order".to_owned(), |item| format!("line {item}"));
        let (event, actor, from, to) = (text("event"), text("actor"), text("from"), text("to"));
        let units = step["quantity"].as_i64().map(|units| format!(" x{units}")).unwrap_or_default();
        let reason = step["reason"].as_str().map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("{event} by {actor}: {what} {from} > {to}{units}{reason}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A user's ledger, newest first: type, amount, balance after.
pub async fn ledger(shop: &TestShop, user: &str) -> Vec<(String, i64, i64)> {
    let page = shop.get(&format!("/balance/{user}/entries?limit=100")).as_user(user).await.expect(200);
    let figure = |entry: &Value, field: &str| entry[field].as_i64().unwrap();
    let entries = page["items"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            (entry["type"].as_str().unwrap().to_owned(), figure(entry, "amount"), figure(entry, "balanceAfter"))
        })
        .collect()
}

/// The state of a user's only coupon.
pub async fn coupon_status(shop: &TestShop, user: &str) -> String {
    let coupons = shop.get(&format!("/coupons?userId={user}&status=ALL")).await.expect(200);
    coupons["items"][0]["status"].as_str().unwrap().to_owned()
}

/// The events published so far.
pub async fn published(shop: &TestShop) -> Vec<Event> {
    let mut consumers = Consumers::new(shop.dynamo().clone());
    consumers.catch_up(shop.instance()).await;
    consumers.published
}

/// The names and data of the events published so far about an order, in order.
pub async fn published_of(shop: &TestShop, order: &Value) -> Vec<(&'static str, Value)> {
    let of_order = published(shop).await.into_iter().filter(|event| event.aggregate_id == id(order));
    of_order.map(|event| (event.kind.as_str(), serde_json::to_value(&event.data).unwrap())).collect()
}

pub async fn charge(shop: &TestShop, user: &str, amount: i64) {
    shop.post("/balance/charge", json!({ "userId": user, "amount": amount })).await.expect(200);
}

/// Sets the status of a user.
pub async fn set_user(shop: &TestShop, user: &str, status: &str) {
    shop.patch(&format!("/users/{user}"), json!({ "status": status })).as_admin().await.expect(200);
}

/// Ends an order's hold, if it has expired.
pub async fn end_hold(shop: &TestShop, order: &Value) {
    orders::end_hold(shop.instance(), &order_id(order)).await.expect("a hold can be ended");
}

/// Delivers the result of a payment to an order.
pub async fn settle(
    shop: &TestShop,
    order: &Value,
    outcome: PaymentOutcome,
    payment: &str,
    amount: i64,
) -> PaymentStatus {
    let result = result(shop, order, payment, amount);
    orders::settle(shop.instance(), outcome, &result).await.expect("a result can be settled")
}

/// The result of a payment.
pub fn result(shop: &TestShop, order: &Value, payment: &str, amount: i64) -> PaymentResult {
    PaymentResult {
        payment_id: PaymentId::try_from(payment.to_owned()).unwrap(),
        order_id: order_id(order),
        amount: Won::new(amount),
        at: shop.now(),
        reason: None,
    }
}

/// Runs a call that dies after its `number`th request to DynamoDB was carried out; `None` if it died.
pub async fn dying_at<F: IntoFuture>(shop: &TestShop, number: u32, call: F) -> Option<F::Output> {
    let died = Arc::new(Notify::new());
    let (dies, mut calls) = (Arc::clone(&died), 0);
    shop.dynamo().fail(move |_| {
        calls += 1;
        if calls == number {
            dies.notify_one();
        }
        Fault::None
    });
    let answer = tokio::select! {
        biased;
        () = died.notified() => None,
        answer = call.into_future() => Some(answer),
    };
    shop.dynamo().fail(|_| Fault::None);
    answer
}

/// The orders with an expired hold, with its expiry, as the sweep finds them: the oldest first.
pub async fn expired_orders(shop: &TestShop) -> Vec<(Timestamp, OrderId)> {
    let mut expired = Vec::new();
    for bucket in 0..keys::EXPIRY_BUCKETS {
        expired.extend(orders::expired(shop.instance(), bucket, shop.now(), None).await.unwrap().items);
    }
    expired.sort();
    expired
}

/// The same for order sheets.
pub async fn expired_sheets(shop: &TestShop) -> Vec<(Timestamp, OrderSheetId)> {
    let mut expired = Vec::new();
    for bucket in 0..keys::EXPIRY_BUCKETS {
        expired.extend(sheets::expired(shop.instance(), bucket, shop.now(), None).await.unwrap().items);
    }
    expired.sort();
    expired
}

/// All calls at once, spread over threads.
pub async fn at_once(calls: impl IntoIterator<Item = Call>) -> Vec<Answer> {
    let running: Vec<_> = calls.into_iter().map(|call| tokio::spawn(call.into_future())).collect();
    join_all(running).await.into_iter().map(Result::unwrap).collect()
}

/// Makes all calls at once and counts the answers by code.
pub async fn race(calls: Vec<Call>) -> BTreeMap<String, usize> {
    counted(&at_once(calls).await)
}

/// The number of answers of each code.
pub fn counted(answers: &[Answer]) -> BTreeMap<String, usize> {
    let mut codes = BTreeMap::new();
    for answer in answers {
        *codes.entry(answer.code().to_owned()).or_default() += 1;
    }
    codes
}

/// So many answers of each code.
pub fn codes(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    expected.iter().map(|(code, count)| ((*code).to_owned(), *count)).collect()
}

/// Moves the clock on.
pub fn wait(shop: &TestShop, ms: i64) {
    let later = shop.now().checked_add(SignedDuration::from_millis(ms)).unwrap();
    shop.set_clock(&later.to_string());
}

/// Migrates the shop by pages of two items; the lines that are printed.
pub async fn migrate(shop: &TestShop, again: bool) -> Result<Vec<String>, migrate::Failure> {
    migrate_by_pages_of(2, shop, again).await
}

/// Migrates the shop by pages of so many items; the lines that are printed.
pub async fn migrate_by_pages_of(page: usize, shop: &TestShop, again: bool) -> Result<Vec<String>, migrate::Failure> {
    let (table, now) = (shop.instance().table.clone(), shop.now());
    let migrated = migrate::Shop::new(table, Clock::new(move || now), shop.instance().random.clone(), page);
    let mut lines = Vec::new();
    migrate::run(&migrated, again, &mut |line| lines.push(line)).await?;
    Ok(lines)
}
