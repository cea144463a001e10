//! The external systems: the data platform, the payment system, the delivery system.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use functions::queue::deliver_orders::{Answer, Delivery, Platform, TIMEOUT};
use lambda_runtime::Error;
use serde_json::{Value, json};
use shared::events::PAYMENTS_SOURCE;
use tokio::time::sleep;

use super::{
    plan::{FaultKind, pick},
    world::World,
};
use crate::{fakes::parameters::SECRETS, limits::Chance};

/// The records of the external systems.
#[derive(Debug, Default)]
pub(super) struct Outside {
    /// The events that the data platform received, by id, each with the number of deliveries.
    received: Mutex<BTreeMap<String, (Value, u32)>>,
    /// The events that the payment and delivery systems have handled.
    seen: Mutex<BTreeMap<String, Value>>,
    /// The successful payments, each with its order and amount.
    payments: Mutex<BTreeMap<String, (String, i64)>>,
    /// The results that were sent: the order, the kind, and the amount.
    results: Mutex<Vec<(String, &'static str, i64)>>,
    /// The orders named in results of payments that belong to another order.
    reused: Mutex<Vec<(String, String)>>,
    /// The refunds that succeeded, by the id of their attempt, each with its order and amount.
    refunds: Mutex<BTreeMap<String, (String, i64)>>,
    /// The number of payments with results that are not sent yet.
    unsent: AtomicU32,
}

impl Outside {
    /// The events that the data platform received.
    pub(super) fn received(&self) -> Vec<Value> {
        self.received.lock().unwrap().values().map(|(event, _)| event.clone()).collect()
    }

    /// Won that customers have paid outside for an order.
    pub(super) fn paid_for(&self, order: &str) -> i64 {
        self.payments.lock().unwrap().values().filter(|(of, _)| of == order).map(|(_, amount)| amount).sum()
    }

    /// Won that went back to customers outside for an order.
    pub(super) fn refunded_for(&self, order: &str) -> i64 {
        self.refunds.lock().unwrap().values().filter(|(of, _)| of == order).map(|(_, amount)| amount).sum()
    }

    /// The orders with an external payment.
    pub(super) fn paid_orders(&self) -> BTreeSet<String> {
        self.payments.lock().unwrap().values().map(|(order, _)| order.clone()).collect()
    }

    /// The results sent for an order's payments.
    pub(super) fn results_for(&self, order: &str) -> Vec<(&'static str, i64)> {
        let results = self.results.lock().unwrap();
        results.iter().filter(|(of, ..)| of == order).map(|(_, kind, amount)| (*kind, *amount)).collect()
    }

    /// Whether a dead letter is a result that needs a person: it names an order for a payment of another one, or a
    /// withdrawal as paid out that is back.
    pub(super) fn is_expected_letter(&self, letter: &Value) -> bool {
        if letter["detail-type"] == "WithdrawalPaidOut" {
            return true;
        }
        let [payment, order] =
            ["paymentId", "orderId"].map(|field| letter["detail"][field].as_str().unwrap_or_default());
        self.reused.lock().unwrap().iter().any(|(reused, for_order)| reused == payment && for_order == order)
    }

    /// A payment that the shop knows, and the amount.
    fn some_known_payment(&self, world: &World, chance: &mut Chance) -> Option<(String, i64)> {
        let payments = self.payments.lock().unwrap();
        let is_known = |payment: &str, order: &str| {
            world.table.is_there(&(format!("ORDER#{order}"), format!("PAYMENT#{payment}")))
        };
        let known: Vec<_> = payments.iter().filter(|(payment, (order, _))| is_known(payment, order)).collect();
        let (payment, (_, amount)) = known.get(pick(chance, known.len().max(1)))?;
        Some(((*payment).clone(), *amount))
    }

    /// Whether every result has been sent.
    pub(super) fn is_silent(&self) -> bool {
        self.unsent.load(Ordering::SeqCst) == 0
    }
}

/// The data platform, reached by one delivery.
#[derive(Debug)]
pub(super) struct DataPlatform(pub(super) World);

impl Platform for DataPlatform {
    async fn post(&self, Delivery { event_id, signed, event, .. }: Delivery) -> Result<Answer, Error> {
        let Self(world) = self;
        let (timestamp, now) = (signed.timestamp.to_string(), world.now().as_second());
        let header = |name| match name {
            webhook::ID => Some(event_id.as_str()),
            webhook::TIMESTAMP => Some(timestamp.as_str()),
            _ => Some(signed.signature.as_str()),
        };
        if let Err(unverified) = SECRETS.verify(header, event.as_bytes(), now) {
            world.report_violation(format!("event {event_id} is delivered unsigned: {unverified}"));
        }
        let mut chance = world.chance_of(&format!("{event_id} {:?}", world.now()));
        let is_faulty = world.injects(FaultKind::PlatformDown);
        sleep(Duration::from_millis(1 + chance.below(40))).await;
        if world.is_down(FaultKind::PlatformDown) || (is_faulty && chance.below(10) == 0) {
            world.trace.note("data platform", || format!("refuses {event_id}"));
            return Ok(Answer::of(503));
        }
        {
            let event: Value = serde_json::from_str(&event)?;
            let mut received = world.outside.received.lock().unwrap();
            let (known, times) = received.entry(event_id.clone()).or_insert_with(|| (event.clone(), 0));
            *times += 1;
            if *known != event {
                world.report_violation(format!("event {event_id} is another the second time: {event}"));
            }
        }
        if is_faulty && chance.below(10) == 0 {
            sleep(TIMEOUT).await;
            return Err("the data platform did not answer in time".into());
        }
        world.trace.note("data platform", || format!("takes {event_id}"));
        Ok(Answer::of(200))
    }
}

/// Receives the events for the delivery system.
pub(super) async fn deliver(world: World) {
    let mut chance = world.chance_of("delivery system");
    loop {
        for message in world.bus.receive("ShippingInstructions", 10, &mut chance).await {
            note(&world, &message);
        }
    }
}

/// Answers the requests to the payment system.
pub(super) async fn settle(world: World) {
    let mut chance = world.chance_of("payment system");
    loop {
        for message in world.bus.receive("PaymentRequests", 10, &mut chance).await {
            let Some(event) = note(&world, &message) else { continue };
            match event["type"].as_str() {
                Some("PaymentRequested") => {
                    world.outside.unsent.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(pay(world.clone(), event));
                }
                Some("RefundRequested") => {
                    world.outside.unsent.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(refund(world.clone(), event));
                }
                Some("WithdrawalRequested") => {
                    world.outside.unsent.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(pay_out(world.clone(), event));
                }
                _ => {}
            }
        }
    }
}

/// Lets a customer pay an order outside of its session, too.
pub(super) fn pay_as_well(world: &World, order: &str, amount: i64, mut chance: Chance) {
    let payment = format!("{order}-9");
    world.outside.payments.lock().unwrap().insert(payment.clone(), (order.to_owned(), amount));
    world.trace.note("payment system", || format!("PaymentSucceeded {payment} {amount}, beside the session"));
    let detail = json!({ "paymentId": payment, "orderId": order, "amount": amount, "at": world.now() });
    world.bus.post(world, PAYMENTS_SOURCE, "PaymentSucceeded", detail, &mut chance);
}

/// Whether the payment system was asked for a refund, in any attempt.
pub(super) fn is_refund_requested(world: &World, refund: &str) -> bool {
    let names = |event: &Value| event["data"]["refundId"].as_str().is_some_and(|id| id.starts_with(refund));
    world.outside.seen.lock().unwrap().values().any(|event| event["type"] == "RefundRequested" && names(event))
}

/// Takes an event off its queue: the event, if it was not seen before.
fn note(world: &World, message: &Value) -> Option<Value> {
    let body: Value = serde_json::from_str(message["body"].as_str().unwrap_or_default()).expect("a body is JSON");
    world.bus.delete(message["messageId"].as_str().unwrap_or_default());
    let event = body["detail"].clone();
    let id = event["eventId"].as_str().expect("an event has an id").to_owned();
    let mut seen = world.outside.seen.lock().unwrap();
    match seen.insert(id.clone(), event.clone()) {
        None => Some(event),
        Some(before) => {
            if before != event {
                world.report_violation(format!("event {id} is another the second time: {event}"));
            }
            None
        }
    }
}

/// Lets a customer pay, by chance: at once, late, twice, too much, not at all. Sends the results, now and then
/// contradictory ones.
async fn pay(world: World, request: Value) {
    let id = request["eventId"].as_str().expect("an event has an id").to_owned();
    let mut chance = world.chance_of(&id);
    let asked = request["data"]["amount"].as_i64().expect("a payment has an amount");
    let results: &[(&'static str, u32, i64)] = match chance.below(12) {
        0..5 => &[("PaymentSucceeded", 1, 0)],
        5 | 6 => &[("PaymentFailed", 1, 0)],
        7 => &[("PaymentSucceeded", 1, 0), ("PaymentSucceeded", 2, 0)],
        8 => &[("PaymentFailed", 1, 0), ("PaymentSucceeded", 1, 0)],
        9 => &[("PaymentSucceeded", 1, 0), ("PaymentFailed", 1, 0)],
        10 => &[("PaymentSucceeded", 1, 100)],
        _ => &[],
    };
    if world.is_sequential {
        // The customer gets the answer to the order first; otherwise the answer could show the result already.
        sleep(Duration::from_secs(60)).await;
    }
    let order = request["data"]["orderId"].as_str().expect("a payment is for an order");
    for &(kind, number, more) in results {
        let way_ms =
            if chance.below(3) == 0 && !world.is_sequential { chance.below(1_200_000) } else { chance.below(2_000) };
        sleep(Duration::from_millis(way_ms)).await;
        let (payment, amount) = (format!("{order}-{number}"), asked + more);
        if kind == "PaymentSucceeded" {
            world.outside.payments.lock().unwrap().insert(payment.clone(), (order.to_owned(), amount));
        }
        world.outside.results.lock().unwrap().push((order.to_owned(), kind, amount));
        let detail = json!({ "paymentId": payment, "orderId": order, "amount": amount, "at": world.now() });
        for _ in 0..1 + chance.below(2) {
            world.trace.note("payment system", || format!("{kind} {payment} {amount}"));
            world.bus.post(&world, PAYMENTS_SOURCE, kind, detail.clone(), &mut chance);
        }
    }
    if !world.is_sequential && chance.below(12) == 0 {
        reuse(&world, order, &mut chance);
    }
    world.outside.unsent.fetch_sub(1, Ordering::SeqCst);
}

/// Pays money back, by chance: it succeeds, fails, or is never done. The result may come twice.
async fn refund(world: World, request: Value) {
    let (data, mut chance) = (&request["data"], world.chance_of(&format!("{}", request["eventId"])));
    let text = |name: &str| data[name].as_str().expect("a refund names it").to_owned();
    let (order, refund) = (text("orderId"), text("refundId"));
    let roll = if world.is_sequential { 0 } else { chance.below(10) };
    let kind = if matches!(roll, 6..9) { "RefundFailed" } else { "RefundSucceeded" };
    sleep(Duration::from_millis(chance.below(4_000))).await;
    let is_done = roll < 9;
    if is_done && kind == "RefundSucceeded" {
        let amount = data["amount"].as_i64().expect("a refund has an amount");
        world.outside.refunds.lock().unwrap().insert(refund.clone(), (order.clone(), amount));
    }
    let detail = json!({ "refundId": refund, "orderId": order, "at": world.now() });
    world.trace.note("payment system", || format!("{kind} {refund}"));
    for _ in 0..if is_done { 1 + chance.below(2) } else { 0 } {
        world.bus.post(&world, PAYMENTS_SOURCE, kind, detail.clone(), &mut chance);
    }
    world.outside.unsent.fetch_sub(1, Ordering::SeqCst);
}

/// Pays a withdrawal out, or cannot.
async fn pay_out(world: World, request: Value) {
    let mut chance = world.chance_of(&format!("{}", request["eventId"]));
    sleep(Duration::from_millis(chance.below(4_000))).await;
    let id = request["data"]["withdrawalId"].as_str().expect("it names a withdrawal");
    let results: &[&str] = match chance.below(4) {
        // The reference knows only the word of an admin.
        _ if world.is_sequential => &[],
        0 => &["RETURNED"],
        1 => &["PAID_OUT", "RETURNED"],
        _ => &["PAID_OUT"],
    };
    results.iter().for_each(|status| end_withdrawal(&world, id, status, Chance::new(chance.bits())));
    world.outside.unsent.fetch_sub(1, Ordering::SeqCst);
}

/// Reports that a withdrawal was paid out, or came back.
pub(super) fn end_withdrawal(world: &World, id: &str, status: &str, mut chance: Chance) {
    let kind = if status == "RETURNED" { "WithdrawalReturned" } else { "WithdrawalPaidOut" };
    let detail = json!({ "withdrawalId": id, "at": world.now() });
    for _ in 0..1 + chance.below(2) {
        world.trace.note("payment system", || format!("{kind} {id}"));
        world.bus.post(world, PAYMENTS_SOURCE, kind, detail.clone(), &mut chance);
    }
}

/// Sends a result that names this order for a payment of another one.
fn reuse(world: &World, order: &str, chance: &mut Chance) {
    let Some((payment, amount)) = world.outside.some_known_payment(world, chance) else { return };
    if payment.starts_with(order) {
        return;
    }
    world.outside.reused.lock().unwrap().push((payment.clone(), order.to_owned()));
    let detail = json!({ "paymentId": payment, "orderId": order, "amount": amount, "at": world.now() });
    world.trace.note("payment system", || format!("PaymentSucceeded {payment} {amount}, for {order}, too"));
    world.bus.post(world, PAYMENTS_SOURCE, "PaymentSucceeded", detail, chance);
}
