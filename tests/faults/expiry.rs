//! Expired holds and sheets: the queue's messages and the sweep, and both together.

use functions::{
    queue::process_expiry::handle as expire,
    schedule::sweep::{self, Task},
};
use serde_json::{Value, json};
use shared::events::{Event, EventKind};
use tests::{
    Fault, TestShop,
    fakes::queue::{Waits, batch, batch_of},
};

/// The events that the rule passes to the queue.
async fn expiry_events(shop: &TestShop) -> Vec<Event> {
    let is_due = |event: &Event| matches!(event.kind, EventKind::OrderPlaced | EventKind::OrderSheetCreated);
    shop.published().await.into_iter().filter(is_due).collect()
}

async fn hold(shop: &TestShop, user: &str) -> String {
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let order = shop.post("/orders", json!({ "userId": user, "items": items, "payment": "LATER" })).await.expect(201);
    order["orderId"].as_str().unwrap().to_owned()
}

async fn create_sheet(shop: &TestShop, user: &str) -> String {
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let sheet = shop.post("/order-sheets", json!({ "userId": user, "items": items })).await.expect(201);
    sheet["orderSheetId"].as_str().unwrap().to_owned()
}

async fn status(shop: &TestShop, order: &str) -> Value {
    shop.get(&format!("/orders/{order}")).as_admin().await.expect(200)["status"].clone()
}

async fn shop() -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 10).await;
    shop
}

#[tokio::test]
async fn an_early_message_is_deferred_until_its_time() {
    let (shop, waits) = (shop().await, Waits::default());
    let order = hold(&shop, "mina").await;
    create_sheet(&shop, "mina").await;
    let messages = batch_of(&expiry_events(&shop).await);
    shop.set_clock("2026-11-20T03:09:58.500Z");
    let answer = expire(shop.instance(), &waits.queue(), messages.clone()).await.unwrap();
    // The hold has 1.5 s to go. Sheets, whose messages an earlier version waited for, are left to the sweep.
    assert_eq!(answer.batch_item_failures.len(), 1);
    assert_eq!(waits.taken(), [2]);
    assert_eq!(status(&shop, &order).await, "PENDING_PAYMENT");

    shop.set_clock("2026-11-20T03:10:00Z");
    let answer = expire(shop.instance(), &waits.queue(), messages).await.unwrap();
    assert!(answer.batch_item_failures.is_empty());
    assert_eq!(status(&shop, &order).await, "CANCELLED");
    assert_eq!(shop.stock("tea").await, 10);
    shop.audit().await;
}

#[tokio::test]
async fn paid_orders_and_ordered_sheets_are_left_unchanged() {
    let (shop, waits) = (shop().await, Waits::default());
    let order = hold(&shop, "mina").await;
    shop.post(&format!("/orders/{order}/payment"), json!({})).as_user("mina").await.expect(200);
    let sheet = create_sheet(&shop, "mina").await;
    shop.post("/orders", json!({ "userId": "mina", "orderSheetId": sheet })).await.expect(201);
    let messages = batch_of(&expiry_events(&shop).await);
    shop.set_clock("2026-11-20T04:00:00Z");
    for _ in 0..2 {
        let answer = expire(shop.instance(), &waits.queue(), messages.clone()).await.unwrap();
        assert!(answer.batch_item_failures.is_empty());
    }
    assert_eq!(status(&shop, &order).await, "PAID");
    let kinds: Vec<EventKind> = shop.published().await.iter().map(|event| event.kind).collect();
    assert!(!kinds.contains(&EventKind::OrderSheetAbandoned) && !kinds.contains(&EventKind::OrderCancelled));
    shop.audit().await;
}

#[tokio::test]
async fn an_invalid_message_fails_alone() {
    let (shop, waits) = (shop().await, Waits::default());
    hold(&shop, "mina").await;
    let good = serde_json::to_value(&expiry_events(&shop).await[0]).unwrap();
    let nobodys = json!({ "aggregateId": "nobody" });
    let messages = batch(
        "jangteo.orders",
        &[("OrderPlaced", nobodys), ("OrderPaid", good.clone()), ("OrderPlaced", json!({})), ("OrderPlaced", good)],
    );
    shop.set_clock("2026-11-20T04:00:00Z");
    let answer = expire(shop.instance(), &waits.queue(), messages).await.unwrap();
    let failed: Vec<_> = answer.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
    assert_eq!(failed, ["0", "1", "2"]);
    assert_eq!(shop.stock("tea").await, 10);
}

/// Half of the messages are lost, the others come twice, and the sweep runs as they come.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn queue_and_sweep_together_release_exactly_once() {
    let shop = TestShop::with_instances(8);
    shop.product("tea", 10_000, 40).await;
    shop.coupon("welcome", 40).await;
    for user in 0..40 {
        let user = format!("u{user}");
        shop.customer(&user, 0).await;
        shop.issue(&user, "welcome").await.expect(201);
        let items = json!([{ "productId": "tea", "quantity": 1 }]);
        let body = json!({ "userId": user, "items": items, "couponId": "welcome", "payment": "LATER" });
        shop.post("/orders", body).await.expect(201);
    }
    assert_eq!(shop.stock("tea").await, 0);
    let messages: Vec<Event> = expiry_events(&shop).await.into_iter().step_by(2).collect();
    shop.set_clock("2026-11-20T03:10:00.001Z");

    let mut running = Vec::new();
    for _ in 0..2 {
        for message in &messages {
            let (shop, message) = (shop.clone(), batch_of(std::slice::from_ref(message)));
            running.push(tokio::spawn(async move {
                let answer = expire(shop.instance(), &Waits::default().queue(), message).await.unwrap();
                assert!(answer.batch_item_failures.is_empty());
            }));
        }
        let shop = shop.clone();
        running.push(tokio::spawn(async move {
            sweep::expiry::run(shop.instance()).await.unwrap();
        }));
    }
    for task in running {
        task.await.unwrap();
    }
    assert_eq!(shop.stock("tea").await, 40);
    for user in 0..40 {
        let coupons = shop.get(&format!("/coupons?userId=u{user}")).await.expect(200);
        assert_eq!(coupons["items"][0]["status"], "USABLE");
    }
    let ended = shop.published().await.into_iter().filter(|event| event.kind == EventKind::OrderCancelled).count();
    assert_eq!(ended, 40);
    shop.audit().await;
}

#[tokio::test]
async fn the_sweep_finds_exactly_the_expired_orders_and_sheets() {
    let shop = shop().await;
    let (first, sheet) = (hold(&shop, "mina").await, create_sheet(&shop, "mina").await);
    shop.set_clock("2026-11-20T03:05:00Z");
    let second = hold(&shop, "mina").await;
    shop.set_clock("2026-11-20T03:10:00Z");
    sweep::expiry::run(shop.instance()).await.unwrap();
    // At the very instant it has ended, but the sweep takes only earlier expiries.
    assert_eq!(status(&shop, &first).await, "PENDING_PAYMENT");
    shop.set_clock("2026-11-20T03:10:00.001Z");
    sweep::expiry::run(shop.instance()).await.unwrap();
    assert_eq!(
        (status(&shop, &first).await, status(&shop, &second).await),
        (json!("CANCELLED"), json!("PENDING_PAYMENT"))
    );

    shop.set_clock("2026-11-20T03:31:00Z");
    for _ in 0..2 {
        sweep::run(shop.instance(), &Task::ALL).await.unwrap();
    }
    assert_eq!(status(&shop, &second).await, "CANCELLED");
    let sheet = shop.get(&format!("/order-sheets/{sheet}")).as_user("mina").await.expect(200);
    assert_eq!(sheet["status"], "EXPIRED");
    let abandoned = |event: &Event| event.kind == EventKind::OrderSheetAbandoned;
    assert_eq!(shop.published().await.iter().filter(|event| abandoned(event)).count(), 1);
    shop.audit().await;
}

/// The sweep dies anywhere; the next one goes on.
#[tokio::test(start_paused = true)]
async fn the_sweep_survives_a_death_at_any_call() {
    for dies_at in (17..60).step_by(3) {
        let shop = shop().await;
        for _ in 0..3 {
            hold(&shop, "mina").await;
            create_sheet(&shop, "mina").await;
        }
        shop.set_clock("2026-11-20T04:00:00Z");
        let mut calls = 0;
        shop.dynamo().fail(move |_| {
            calls += 1;
            if calls >= dies_at { Fault::LostReply } else { Fault::None }
        });
        let _ = sweep::run(shop.instance(), &[Task::Expiry, Task::Sheets]).await;
        shop.dynamo().fail(|_| Fault::None);
        sweep::run(shop.instance(), &[Task::Expiry, Task::Sheets]).await.unwrap();
        assert_eq!(shop.stock("tea").await, 10, "died at call {dies_at}");
        shop.audit().await;
    }
}
