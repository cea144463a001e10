//! One trace, from the request to the events of other systems.

use functions::queue::{
    deliver_orders::{Circuit, DeliveryWorker, Http},
    process_expiry, settle_payments,
};
use serde_json::{Value, json};
use shared::{
    domain::OrderId,
    events::{Event, EventKind},
    platform::{Clock, Random},
    store::keys,
};
use tests::{
    TestShop,
    fakes::{
        parameters::ParameterStore,
        platform::Platform,
        queue::{DeadLetterQueue, Waits, batch, batch_of},
    },
};

use crate::records::stored;

const XRAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
const TRACE: &str = "5759e988bd862e3fe1be46a994272793";
const ANOTHER_XRAY: &str = "Root=1-67891234-12456789abcdef0123456789";
const ANOTHER: &str = "6789123412456789abcdef0123456789";

async fn shop() -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 10).await;
    shop
}

/// Orders a tea with this kind of payment, as a part of the trace.
async fn order(shop: &TestShop, payment: &str) -> String {
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let body = json!({ "userId": "mina", "items": items, "payment": payment });
    let order = shop.post("/orders", body).header("x-amzn-trace-id", XRAY).await.expect(201);
    order["orderId"].as_str().unwrap().to_owned()
}

fn trace_of(shop: &TestShop, order: &str) -> Value {
    stored(shop, keys::order(&OrderId::try_from(order.to_owned()).unwrap()))["traceId"].clone()
}

fn traces(events: &[Event]) -> Vec<(EventKind, String)> {
    let trace = |event: &Event| (event.kind, event.trace_id.as_ref().expect("a trace").to_string());
    events.iter().map(trace).collect()
}

#[tokio::test]
async fn the_trace_of_a_request_reaches_the_data_platform() {
    let shop = shop().await;
    let order = order(&shop, "BALANCE").await;
    assert_eq!(trace_of(&shop, &order), TRACE);

    let paid: Vec<Event> =
        shop.published().await.into_iter().filter(|event| event.kind == EventKind::OrderPaid).collect();
    assert_eq!(traces(&paid), [(EventKind::OrderPaid, TRACE.to_owned())]);

    let platform = Platform::start().await;
    let (queue, dead_letters) = (Waits::default().queue(), DeadLetterQueue::default().queue());
    let http = Http::new(platform.url(), Clock::system()).unwrap();
    let signer = ParameterStore::default().signer(Clock::system());
    let worker = DeliveryWorker::new(
        http,
        signer,
        queue,
        dead_letters,
        Circuit::new(tests::running_clock()),
        Random::new(|| 7 << 64),
    );
    let answer = worker.handle(batch_of(&paid)).await.unwrap();
    assert!(answer.batch_item_failures.is_empty());
    let delivered = platform.received();
    assert_eq!(delivered.len(), 1);
    assert_eq!(delivered[0].header("traceparent"), format!("00-{TRACE}-0000000000000007-01"));
    assert_eq!(delivered[0].header("idempotency-key"), format!("{order}-1"));
    assert_eq!(delivered[0].body["traceId"], TRACE);
}

/// The work of a function on an event continues the event's trace; a request begins its own.
#[tokio::test]
async fn later_work_continues_the_trace() {
    let shop = shop().await;
    let (forgotten, outside) = (order(&shop, "LATER").await, order(&shop, "EXTERNAL").await);
    let placed: Vec<Event> =
        shop.published().await.into_iter().filter(|event| event.kind == EventKind::OrderPlaced).collect();
    // The payment system may return the trace, or none, or any value.
    let result = |payment: &str, trace: Value| json!({ "paymentId": payment, "orderId": outside, "amount": 13_000, "at": "2026-11-20T03:00:01Z", "traceId": trace });
    let results = [("PaymentSucceeded", result("p1", json!(TRACE))), ("PaymentSucceeded", result("p2", json!("?")))];
    let (queue, dead_letters) = (Waits::default().queue(), DeadLetterQueue::default().queue());
    let messages = batch("jangteo.payments", &results);
    let answer = settle_payments::handle(shop.instance(), &queue, &dead_letters, messages).await;
    assert!(answer.unwrap().batch_item_failures.is_empty());
    shop.set_clock("2026-11-20T03:10:00Z");
    process_expiry::handle(shop.instance(), &Waits::default().queue(), batch_of(&placed[..1])).await.unwrap();
    assert_eq!(trace_of(&shop, &forgotten), TRACE);
    let cancel = shop.post(&format!("/orders/{outside}/cancel"), json!({})).as_user("mina");
    cancel.header("x-amzn-trace-id", ANOTHER_XRAY).await.expect(200);
    assert_eq!(trace_of(&shop, &outside), ANOTHER);

    let events = shop.published().await;
    let of = |kind: EventKind| {
        let event = events.iter().rfind(|event| event.kind == kind).unwrap();
        event.trace_id.as_ref().map(ToString::to_string)
    };
    for kind in [EventKind::OrderPaid, EventKind::OrderCancelled] {
        assert_eq!(of(kind).as_deref(), Some(TRACE), "{kind:?}");
    }
    for kind in [EventKind::OrderRefunded, EventKind::ShippingCancelled] {
        assert_eq!(of(kind).as_deref(), Some(ANOTHER), "{kind:?}");
    }
}

#[tokio::test]
async fn events_of_sheets_and_coupons_have_the_trace() {
    let shop = shop().await;
    shop.coupon("welcome", 5).await;
    let issue = json!({ "userId": "mina", "couponId": "welcome" });
    shop.post("/coupons/issue", issue.clone()).header("x-amzn-trace-id", XRAY).await.expect(201);
    let revoke = shop.post("/coupons/revoke", issue).as_admin().header("x-amzn-trace-id", ANOTHER_XRAY);
    revoke.await.expect(200);
    let sheet = json!({ "userId": "mina", "items": [{ "productId": "tea", "quantity": 1 }] });
    shop.post("/order-sheets", sheet).header("x-amzn-trace-id", XRAY).await.expect(201);
    let expected =
        [(EventKind::CouponIssued, TRACE), (EventKind::CouponRevoked, ANOTHER), (EventKind::OrderSheetCreated, TRACE)];
    assert_eq!(traces(&shop.published().await), expected.map(|(kind, trace)| (kind, trace.to_owned())));
}

/// A record stored before there were traces is still readable, and names no trace.
#[tokio::test]
async fn a_record_without_a_trace_can_be_read() {
    let shop = shop().await;
    let order = order(&shop, "LATER").await;
    let remove = json!({
        "TableName": tests::TABLE,
        "Key": { "pk": { "S": format!("ORDER#{order}") }, "sk": { "S": "ORDER" } },
        "UpdateExpression": "REMOVE traceId",
    });
    shop.dynamo().execute("UpdateItem", remove).unwrap();
    assert_eq!(trace_of(&shop, &order), Value::Null);
    let path = format!("/orders/{order}/payment");
    shop.post(&path, json!({})).as_user("mina").header("x-amzn-trace-id", ANOTHER_XRAY).await.expect(200);
    let paid = shop.published().await.into_iter().find(|event| event.kind == EventKind::OrderPaid).unwrap();
    assert_eq!(paid.trace_id.unwrap().to_string(), ANOTHER);
}
