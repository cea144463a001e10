//! The books of those who have the customers' money, against the shop's: to the won.
//!
//! The payment provider has the money of payment sessions, and the external payment system that of other payments of
//! orders. Each must have exactly the money that the shop has used and not sent back, and the money whose way back failed.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value, json};
use shared::{
    domain::{
        order::{Order, RefundStatus, Tender},
        session::{PaymentSession, Purpose},
    },
    store::{orders::OrderRecord, sessions::SessionRecord},
};

use super::{
    clients::send,
    quiesce::{number, text},
    shape::post,
    world::World,
};

/// The most tries of a request of an admin.
const TRIES: u32 = 3;

/// The stored payment sessions.
pub(super) fn sessions(items: &[Value]) -> impl Iterator<Item = PaymentSession> {
    let sessions = items.iter().filter(|item| item["sk"]["S"] == "SESSION");
    sessions.map(|item| read::<SessionRecord>(item).session)
}

/// The stored orders.
pub(super) fn orders(items: &[Value]) -> impl Iterator<Item = Order> {
    let orders = items.iter().filter(|item| item["sk"]["S"] == "ORDER");
    orders.map(order)
}

/// A stored order.
pub(super) fn order(item: &Value) -> Order {
    read::<OrderRecord>(item).order
}

/// A stored item as JSON.
pub(super) fn plain_item(item: &Value) -> Value {
    plain(&json!({ "M": item }))
}

fn read<T: DeserializeOwned>(item: &Value) -> T {
    serde_json::from_value(plain_item(item)).expect("an item can be read")
}

/// A value of DynamoDB as JSON.
fn plain(value: &Value) -> Value {
    let (kind, value) = value.as_object().and_then(|it| it.iter().next()).expect("a value has a kind");
    match (kind.as_str(), value) {
        ("M", Value::Object(fields)) => {
            fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect::<Map<_, _>>().into()
        }
        ("L", Value::Array(values)) => values.iter().map(plain).collect(),
        ("N", Value::String(digits)) => digits.parse::<Number>().map_or(Value::Null, Value::Number),
        ("NULL", _) => Value::Null,
        (_, value) => value.clone(),
    }
}

/// The differences between the provider's books and the shop's.
pub(super) fn violations(world: &World, items: &[Value]) -> Vec<String> {
    let mut money: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for entry in world.provider.act(|provider| provider.entries().collect::<Vec<_>>()) {
        money.entry(entry.merchant_order_id).or_default().0 += entry.paid - entry.cancelled;
    }
    for session in sessions(items) {
        money.entry(session.payment_id.to_string()).or_default().1 += used_by(&session, items);
    }
    for order in orders(items) {
        if let Some(session) = order.session_id().filter(|session| order.payment_id.as_ref() == Some(session)) {
            let returned = returned(&order, |payment| payment == session.as_str());
            money.entry(session.to_string()).or_default().1 += order.external_amount().get() - returned;
        }
    }
    let differing = money.into_iter().filter(|(_, (held, used))| held != used);
    differing.map(|(id, (held, used))| format!("the provider has {held} won of payment {id}, not {used}")).collect()
}

/// Won of a session that its user's balance has, or that could not be sent back.
fn used_by(session: &PaymentSession, items: &[Value]) -> i64 {
    let stuck = session.refunds.iter().filter(|refund| match refund.status {
        RefundStatus::Requested => true,
        RefundStatus::Failed => !refund.from_balance,
        RefundStatus::Succeeded => false,
    });
    let stuck: i64 = stuck.map(|refund| refund.amount.get()).sum();
    let entries = items.iter().filter(|item| {
        text(item, "sk").starts_with("LEDGER#") && text(item, "paymentId") == session.payment_id.as_str()
    });
    let credited: i64 = entries.map(|entry| number(entry, "amount")).sum();
    stuck + if session.purpose == Purpose::TopUp { credited } else { 0 }
}

/// Won of such payments of an order that are back where they came from.
pub(super) fn returned(order: &Order, is_of: impl Fn(&str) -> bool) -> i64 {
    let refunds = order.refunds().into_iter().filter(|refund| {
        refund.to == Tender::External
            && refund.status == RefundStatus::Succeeded
            && refund.payment_id.as_ref().is_some_and(|payment| is_of(payment.as_str()))
    });
    refunds.map(|refund| refund.amount.get()).sum()
}

/// An admin sends all money of sessions again that could not be sent back.
pub(super) async fn retry_refunds(world: &World) {
    let items = world.table.latest();
    let mut calls = Vec::new();
    for session in sessions(&items) {
        let failed = session.refunds.iter().filter(|it| it.status == RefundStatus::Failed && !it.from_balance);
        calls.extend(failed.map(|refund| {
            post(format!("/payments/{}/refund", session.payment_id), &json!({ "amount": refund.amount.get() }))
        }));
    }
    for order in orders(&items) {
        let refunds = order.refunds().into_iter();
        let failed = refunds.filter(|it| it.status == RefundStatus::Failed && it.payment_id == order.session_id());
        calls.extend(
            failed.map(|it| post(format!("/orders/{}/refunds/{}/retry", order.order_id, it.refund_id), &json!({}))),
        );
    }
    for call in calls {
        let line = call.line();
        for _ in 0..TRIES {
            let answer = send(world, "last retries", call.clone().as_admin(), world.chance_of(&line)).await;
            if answer.is_some_and(|answer| answer.status < 300) {
                break;
            }
        }
    }
}
