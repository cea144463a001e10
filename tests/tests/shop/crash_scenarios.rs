//! Tasks of functions, for the functions to die of.

use functions::{
    queue::{deliver_orders, process_expiry, settle_payments},
    schedule::{audit_books, rebuild_sales, sweep},
    stream::{count_sales, relay_events},
};
use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    app::rebuild::Progress,
    events::{Event, EventKind},
    platform::Clock,
    store::{Action, keys},
};
use tests::{
    TABLE, TestShop,
    queue::{Letters, batch},
    stream::Consumers,
};

use crate::{
    crash_points::{Scenario, Stage, api, scenario},
    rebuild::{SMALL, with_drift},
    selling::tamper,
    steps::{cancel, hold, id, move_along, order_by, order_with_coupon, pay},
};

/// A customer, a product on two shards, a campaign.
async fn furnished(shop: &TestShop) {
    shop.customer("mina", 100_000).await;
    let tea = json!({ "productId": "tea", "name": "녹차", "price": 10_000, "stock": 10, "stockShards": 2 });
    shop.post("/products", tea).as_admin().await.expect(201);
    shop.campaign("welcome", 3, json!({ "kind": "FIXED", "value": 1_000, "counterShards": 2 })).await;
}

async fn shop_alone(shop: TestShop) -> Value {
    furnished(&shop).await;
    Value::Null
}

async fn with_withdrawn(shop: TestShop) -> Value {
    furnished(&shop).await;
    shop.patch("/users/mina", json!({ "status": "WITHDRAWN" })).as_admin().await.expect(200)
}

async fn with_coupon(shop: TestShop) -> Value {
    furnished(&shop).await;
    shop.issue("mina", "welcome").await.expect(201)
}

async fn with_cart(shop: TestShop) -> Value {
    furnished(&shop).await;
    let body = json!({ "userId": "mina", "productId": "tea", "quantity": 2 });
    shop.post("/orders/cart", body).await.expect(200)
}

async fn with_sheet(shop: TestShop) -> Value {
    with_coupon(shop.clone()).await;
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    shop.post("/order-sheets", json!({ "userId": "mina", "items": items, "couponId": "welcome" })).await.expect(201)
}

async fn with_paid_order(shop: TestShop) -> Value {
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 10).await;
    order_with_coupon(&shop, "mina", "BALANCE").await
}

/// An order, with all its consequences.
async fn with_books(shop: TestShop) -> Value {
    let order = with_paid_order(shop.clone()).await;
    shop.settle().await;
    order
}

async fn with_hold(shop: TestShop) -> Value {
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 10).await;
    order_with_coupon(&shop, "mina", "LATER").await
}

async fn with_external_order(shop: TestShop) -> Value {
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 10).await;
    order_with_coupon(&shop, "mina", "EXTERNAL").await
}

async fn with_returned_line(shop: TestShop) -> Value {
    let order = with_paid_order(shop.clone()).await;
    move_along(&shop, &order, "1", &["SHIPPED", "IN_DELIVERY", "DELIVERED", "RETURN_REQUESTED", "RETURN_IN_PROGRESS"])
        .await;
    order
}

/// A waiting order, a paid one, and a sheet, at an instant after every expiry.
async fn with_expired(shop: TestShop) -> Value {
    with_sheet(shop.clone()).await;
    hold(&shop, "mina", "tea", 2).await.expect(201);
    order_by(&shop, "mina", "tea", 1, "EXTERNAL").await.expect(201);
    let events = shop.published().await;
    let due = |event: &&Event| matches!(event.kind, EventKind::OrderPlaced | EventKind::OrderSheetCreated);
    let due: Vec<Value> = events.iter().filter(due).map(|event| json!([event.kind.as_str(), event])).collect();
    shop.set_clock("2026-11-20T04:00:00Z");
    Value::Array(due)
}

/// An orphaned ticket.
async fn with_orphaned_tickets(shop: TestShop) -> Value {
    with_coupon(shop.clone()).await;
    shop.customer("jun", 0).await;
    let mut reservations = 0;
    shop.dynamo().fail(move |operation| {
        reservations += u32::from(operation == "UpdateItem");
        if reservations == 1 { tests::Fault::LostReply } else { tests::Fault::None }
    });
    shop.issue("jun", "welcome").await.expect(201);
    shop.dynamo().fail(|_| tests::Fault::None);
    sweep::tickets::run(shop.instance()).await.unwrap();
    shop.set_clock("2026-11-20T03:01:00Z");
    Value::Null
}

/// A customer, and a product in flash mode on four shards, with enough for two requests of seven units.
async fn with_flash(shop: TestShop) -> Value {
    shop.customer("mina", 100_000).await;
    let tea = json!({
        "productId": "tea", "name": "녹차", "price": 10_000, "stock": 20, "stockShards": 4, "flash": true,
    });
    shop.post("/products", tea).as_admin().await.expect(201);
    Value::Null
}

/// Orphaned reservations.
async fn with_orphaned_units(shop: TestShop) -> Value {
    with_flash(shop.clone()).await;
    shop.dynamo().fail_first("UpdateItem", 1, tests::Fault::LostReply);
    shop.order("mina", "tea", 2).await.expect(201);
    shop.set_clock("2026-11-20T03:01:00Z");
    sweep::inventory::run(shop.instance()).await.unwrap();
    shop.set_clock("2026-11-20T03:02:00Z");
    Value::Null
}

/// Coupons that have expired.
async fn with_expired_coupons(shop: TestShop) -> Value {
    furnished(&shop).await;
    for user in ["jun", "sora"] {
        shop.customer(user, 0).await;
        shop.issue(user, "welcome").await.expect(201);
    }
    for minute in 1..=3 {
        shop.set_clock(&format!("2026-12-08T03:0{minute}:00Z"));
        sweep::tickets::run(shop.instance()).await.unwrap();
    }
    Value::Null
}

/// The stream's records of three orders, of a cancellation, and of a sheet.
async fn with_stream(shop: TestShop) -> Value {
    let order = with_paid_order(shop.clone()).await;
    for _ in 0..2 {
        shop.order("mina", "tea", 1).await.expect(201);
    }
    cancel(&shop, "mina", &order, json!({})).await.expect(200);
    let mut records = Vec::new();
    let mut consumers = Consumers::new(shop.dynamo().clone());
    while let batch @ [_, ..] = consumers.next_batch().as_slice() {
        records.extend(batch.to_vec());
    }
    json!({ "Records": records })
}

/// Index entries of the day before, and a leaderboard of the first stage.
async fn with_old_ranks(shop: TestShop) -> Value {
    shop.customer("mina", 100_000).await;
    for product in ["tea", "cup", "pot"] {
        shop.product(product, 1_000, 10).await;
        shop.order("mina", product, 2).await.expect(201);
    }
    shop.settle().await;
    shop.set_clock("2026-11-22T03:00:00Z");
    for product in ["tea", "cup"] {
        shop.order("mina", product, 1).await.expect(201);
    }
    shop.settle().await;
    let board = json!({ "candidates": [], "version": 3 });
    tamper(&shop, Action::create(keys::board(), &board)).await;
    shop.set_clock("2026-11-23T03:00:00Z");
    Value::Null
}

/// A queue's batch with the events in `given`.
fn messages(given: &Value) -> aws_lambda_events::sqs::SqsEvent {
    let events = given.as_array().unwrap().iter();
    let events: Vec<(&str, Value)> = events.map(|event| (event[0].as_str().unwrap(), event[1].clone())).collect();
    batch("jangteo.orders", &events)
}

fn path(order: &Value, rest: &str) -> String {
    format!("/orders/{}{rest}", id(order))
}

/// Every task of the functions that matters.
pub fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    all.extend(users());
    all.extend(products());
    all.extend(coupons());
    all.extend(baskets());
    all.extend(orders());
    all.extend(lives());
    all.extend(behind());
    all
}

fn users() -> Vec<Scenario> {
    let new = |user: &str| json!({ "userId": user, "name": "김민수", "email": format!("{user}@example.com") });
    vec![
        api("create-user", "a newcomer", shop_alone, move |shop, _| shop.post("/users", new("jun")).key("k")),
        api("get-user", "a user", shop_alone, |shop, _| shop.get("/users/mina").as_user("mina")),
        api("update-user", "is suspended", shop_alone, |shop, _| {
            shop.patch("/users/mina", json!({ "status": "SUSPENDED", "name": "새 이름" })).as_admin()
        }),
        api("update-user", "another e-mail address", shop_alone, |shop, _| {
            shop.patch("/users/mina", json!({ "email": "other@example.com" })).as_user("mina")
        }),
        api("update-user", "withdraws", shop_alone, |shop, _| {
            shop.patch("/users/mina", json!({ "status": "WITHDRAWN" })).as_admin()
        }),
        api("update-user", "comes back", with_withdrawn, |shop, _| {
            shop.patch("/users/mina", json!({ "status": "ACTIVE", "email": "again@example.com" })).as_admin()
        }),
        api("charge-balance", "with a key", shop_alone, |shop, _| {
            shop.post("/balance/charge", json!({ "userId": "mina", "amount": 1_000 })).key("k")
        }),
        Scenario {
            again: false,
            ..api("charge-balance", "without a key", shop_alone, |shop, _| {
                shop.post("/balance/charge", json!({ "userId": "mina", "amount": 1_000 }))
            })
        },
        api("get-balance", "a balance", shop_alone, |shop, _| shop.get("/balance/mina").as_user("mina")),
        api("list-balance-entries", "a ledger", shop_alone, |shop, _| {
            shop.get("/balance/mina/entries").as_user("mina")
        }),
    ]
}

fn products() -> Vec<Scenario> {
    vec![
        api("list-products", "a page", shop_alone, |shop, _| shop.get("/products")),
        api("list-bestsellers", "the best", shop_alone, |shop, _| shop.get("/products/top")),
        api("get-product", "one", shop_alone, |shop, _| shop.get("/products/tea")),
        api("list-products", "recent stock", shop_alone, |shop, _| shop.get("/products?stock=recent")),
        api("get-product", "recent stock", shop_alone, |shop, _| shop.get("/products/tea?stock=recent")),
        api("list-desk-products", "a page", shop_alone, |shop, _| shop.get("/desk/products").as_admin()),
        api("get-desk-product", "one", shop_alone, |shop, _| shop.get("/desk/products/tea").as_admin()),
        api("create-product", "a hidden plate", shop_alone, |shop, _| {
            let plate = json!({ "productId": "plate", "name": "접시", "price": 5_000, "stock": 3, "status": "HIDDEN" });
            shop.post("/products", plate).as_admin().key("k")
        }),
        api("create-product", "a cup", shop_alone, |shop, _| {
            let cup = json!({ "productId": "cup", "name": "잔", "price": 5_000, "stock": 3, "stockShards": 2 });
            shop.post("/products", cup).as_admin().key("k")
        }),
        api("update-product", "another price", shop_alone, |shop, _| {
            shop.patch("/products/tea", json!({ "price": 9_000 })).as_admin()
        }),
        api("restock-product", "more", shop_alone, |shop, _| {
            shop.post("/products/tea/restock", json!({ "quantity": 5 })).as_admin().key("k")
        }),
        api("restock-product", "fewer", shop_alone, |shop, _| {
            shop.post("/products/tea/restock", json!({ "quantity": -7 })).as_admin().key("k")
        }),
        Scenario {
            again: false,
            ..api("restock-product", "without a key", shop_alone, |shop, _| {
                shop.post("/products/tea/restock", json!({ "quantity": 5 })).as_admin()
            })
        },
    ]
}

fn coupons() -> Vec<Scenario> {
    let issue = || json!({ "userId": "mina", "couponId": "welcome" });
    vec![
        api("create-coupon", "a campaign", shop_alone, |shop, _| {
            let campaign = json!({
                "couponId": "night", "name": "밤", "kind": "RATE", "value": 10, "totalQuantity": 5, "counterShards": 2,
                "issueFrom": "2026-11-01T00:00:00Z", "issueUntil": "2026-12-01T00:00:00Z", "validDays": 3,
            });
            shop.post("/coupons", campaign).as_admin().key("k")
        }),
        api("get-coupon", "a campaign", shop_alone, |shop, _| shop.get("/coupons/welcome").as_admin()),
        api("list-desk-campaigns", "a page", shop_alone, |shop, _| shop.get("/desk/campaigns").as_admin()),
        api("list-coupons", "a user's", with_coupon, |shop, _| shop.get("/coupons?userId=mina")),
        Scenario {
            but_for: &["SLOT", "COUNTER"],
            ..api("issue-coupon", "with a key", shop_alone, move |shop, _| {
                shop.post("/coupons/issue", issue()).key("k")
            })
        },
        Scenario {
            but_for: &["SLOT", "COUNTER"],
            again: false,
            ..api("issue-coupon", "without a key", shop_alone, move |shop, _| shop.post("/coupons/issue", issue()))
        },
        api("revoke-coupon", "a usable one", with_coupon, move |shop, _| {
            shop.post("/coupons/revoke", issue()).as_admin().key("k")
        }),
    ]
}

fn baskets() -> Vec<Scenario> {
    let items = || json!([{ "productId": "tea", "quantity": 3 }]);
    let tea = || json!({ "userId": "mina", "productId": "tea", "quantity": 2 });
    vec![
        api("add-to-cart", "the first", shop_alone, move |shop, _| shop.post("/orders/cart", tea()).key("k")),
        api("add-to-cart", "more", with_cart, move |shop, _| shop.post("/orders/cart", tea()).key("k")),
        Scenario {
            again: false,
            ..api("add-to-cart", "without a key", with_cart, move |shop, _| shop.post("/orders/cart", tea()))
        },
        api("get-cart", "a cart", with_cart, |shop, _| shop.get("/orders/cart").as_user("mina")),
        api("remove-from-cart", "a product", with_cart, |shop, _| {
            shop.call("DELETE", "/orders/cart/tea").as_user("mina")
        }),
        api("create-order-sheet", "of items", with_coupon, move |shop, _| {
            let body = json!({ "userId": "mina", "items": items(), "couponId": "welcome" });
            shop.post("/order-sheets", body).key("k")
        }),
        api("get-order-sheet", "a sheet", with_sheet, |shop, sheet| {
            shop.get(&format!("/order-sheets/{}", sheet["orderSheetId"].as_str().unwrap())).as_user("mina")
        }),
    ]
}

fn orders() -> Vec<Scenario> {
    let body = |quantity: i64, payment: &str| {
        let items = json!([{ "productId": "tea", "quantity": quantity }]);
        json!({ "userId": "mina", "items": items, "couponId": "welcome", "payment": payment })
    };
    vec![
        // More than either shard has.
        api("create-order", "paid at once", with_coupon, move |shop, _| {
            shop.post("/orders", body(7, "BALANCE")).key("k")
        }),
        Scenario {
            again: false,
            ..api("create-order", "without a key", with_coupon, move |shop, _| shop.post("/orders", body(2, "BALANCE")))
        },
        Scenario {
            but_for: &["UNITS", "STOCK"],
            ..api("create-order", "in flash mode", with_flash, |shop, _| {
                let items = json!([{ "productId": "tea", "quantity": 7 }]);
                shop.post("/orders", json!({ "userId": "mina", "items": items })).key("k")
            })
        },
        api("create-order", "to be paid later", with_coupon, move |shop, _| {
            shop.post("/orders", body(2, "LATER")).key("k")
        }),
        api("create-order", "to be paid outside", with_coupon, move |shop, _| {
            shop.post("/orders", body(2, "EXTERNAL")).key("k")
        }),
        api("create-order", "of the cart", with_cart, |shop, _| {
            shop.post("/orders", json!({ "userId": "mina", "fromCart": true })).key("k")
        }),
        api("create-order", "of a sheet", with_sheet, |shop, sheet| {
            shop.post("/orders", json!({ "userId": "mina", "orderSheetId": sheet["orderSheetId"] })).key("k")
        }),
        api("list-orders", "a user's", with_hold, |shop, _| shop.get("/orders?userId=mina")),
        api("get-order", "one", with_hold, |shop, order| shop.get(&path(order, "")).as_user("mina")),
        api("get-order-history", "its history", with_hold, |shop, order| {
            shop.get(&path(order, "/history")).as_user("mina")
        }),
        api("list-order-payments", "its payments", with_paid_order, |shop, order| {
            shop.get(&path(order, "/payments")).as_user("mina")
        }),
    ]
}

fn lives() -> Vec<Scenario> {
    vec![
        api("pay-order", "a pending one", with_hold, |shop, order| pay(shop, "mina", order).key("k")),
        api("cancel-order", "a pending one", with_hold, |shop, order| cancel(shop, "mina", order, json!({})).key("k")),
        api("cancel-order", "a paid one", with_paid_order, |shop, order| {
            cancel(shop, "mina", order, json!({})).key("k")
        }),
        api("cancel-order", "a part", with_paid_order, |shop, order| {
            cancel(shop, "mina", order, json!({ "items": [{ "itemId": "1", "quantity": 1 }] })).key("k")
        }),
        Scenario {
            again: false,
            ..api("cancel-order", "a part, without a key", with_paid_order, |shop, order| {
                cancel(shop, "mina", order, json!({ "items": [{ "itemId": "1", "quantity": 1 }] }))
            })
        },
        api("update-order-item", "is shipped", with_paid_order, |shop, order| {
            shop.patch(&path(order, "/items/1"), json!({ "status": "SHIPPED" })).as_admin()
        }),
        api("update-order-item", "is returned", with_returned_line, |shop, order| {
            shop.patch(&path(order, "/items/1"), json!({ "status": "RETURNED" })).as_admin()
        }),
    ]
}

fn behind() -> Vec<Scenario> {
    let done = |failures: usize| json!({ "failures": failures });
    vec![
        scenario("relay-events", "three orders", with_stream, move |stage: Stage| async move {
            let client = stage.deaths.eventbridge(stage.bus);
            let (letters, random) = (Letters::default().queue(), stage.shop.instance().random.clone());
            let relay = relay_events::Relay::new(client, "orders".to_owned(), letters, random);
            done(relay.handle(serde_json::from_value(stage.given).unwrap()).await.unwrap().batch_item_failures.len())
        }),
        scenario("count-sales", "three orders", with_stream, move |stage: Stage| async move {
            let (letters, batch) = (Letters::default().queue(), serde_json::from_value(stage.given).unwrap());
            done(count_sales::handle(stage.shop.instance(), &letters, batch).await.unwrap().batch_item_failures.len())
        }),
        scenario("rebuild-sales", "what is counted wrong", with_drift, |stage: Stage| async move {
            let done = rebuild_sales::handle(stage.shop.instance(), &SMALL, Duration::from_secs(60)).await.unwrap();
            // A function that dies after its last call is followed by one with nothing left to do.
            let (Progress::Finished(found) | Progress::Resting(found)) = done else { panic!("{done:?}") };
            serde_json::to_value(found).unwrap()
        }),
        scenario("rebuild-sales", "ranks of the day before", with_old_ranks, |stage: Stage| async move {
            json!(rebuild_sales::refresh(stage.shop.instance()).await.unwrap())
        }),
        scenario("process-expiry", "what is overdue", with_expired, move |stage: Stage| async move {
            let queue = stage.waits.queue_over(stage.deaths.sqs(stage.waits.clone()));
            let answer = process_expiry::handle(stage.shop.instance(), &queue, messages(&stage.given)).await.unwrap();
            done(answer.batch_item_failures.len())
        }),
        scenario("process-expiry", "what comes too early", with_hold, move |stage: Stage| async move {
            let queue = stage.waits.queue_over(stage.deaths.sqs(stage.waits.clone()));
            let messages = batch("jangteo.orders", &[("OrderPlaced", json!({ "aggregateId": id(&stage.given) }))]);
            done(
                process_expiry::handle(stage.shop.instance(), &queue, messages)
                    .await
                    .unwrap()
                    .batch_item_failures
                    .len(),
            )
        }),
        settling("a payment", "PaymentSucceeded", 20_000),
        settling("a failure", "PaymentFailed", 20_000),
        settling("too much money", "PaymentSucceeded", 30_000),
        scenario(
            "deliver-orders",
            "two events, and one that is refused",
            with_stream,
            move |stage: Stage| async move {
                let queue = stage.waits.queue_over(stage.deaths.sqs(stage.waits.clone()));
                let events = [
                    ("OrderPaid", json!({ "eventId": "e1", "aggregateId": "o1" })),
                    ("OrderPaid", json!({ "eventId": "bad", "aggregateId": "o2" })),
                    ("OrderPaid", json!({ "eventId": "e2", "aggregateId": "o2" })),
                ];
                let letters = stage.platform.letters.queue_over(stage.deaths.sqs(stage.platform.letters.clone()));
                let (circuit, random) = (deliver_orders::Circuit::default(), stage.shop.instance().random.clone());
                let worker = deliver_orders::DeliveryWorker::new(stage.platform, queue, letters, circuit, random);
                done(worker.handle(batch("jangteo.orders", &events)).await.unwrap().batch_item_failures.len())
            },
        ),
        scenario("sweep EXPIRY", "what is overdue", with_expired, |stage: Stage| async move {
            sweep::expiry::run(stage.shop.instance()).await.unwrap();
            Value::Null
        }),
        scenario("audit-books", "the books", with_books, |stage: Stage| async move {
            let now = stage.shop.now();
            let client = stage.deaths.dynamodb(stage.shop.dynamo().clone());
            let books = audit_books::Books::new(client, TABLE.to_owned(), Clock::new(move || now));
            json!(books.wrong().await.unwrap().len())
        }),
        scenario("sweep COUPONS", "expired coupons", with_expired_coupons, |stage: Stage| async move {
            sweep::coupons::run(stage.shop.instance()).await.unwrap();
            Value::Null
        }),
        scenario("sweep INVENTORY", "orphaned units", with_orphaned_units, |stage: Stage| async move {
            sweep::inventory::run(stage.shop.instance()).await.unwrap();
            Value::Null
        }),
        scenario("sweep TICKETS", "an orphaned ticket", with_orphaned_tickets, |stage: Stage| async move {
            sweep::tickets::run(stage.shop.instance()).await.unwrap();
            Value::Null
        }),
    ]
}

fn settling(what: &'static str, kind: &'static str, amount: i64) -> Scenario {
    scenario("settle-payments", what, with_external_order, move |stage: Stage| async move {
        let queue = stage.waits.queue_over(stage.deaths.sqs(stage.waits.clone()));
        let result = json!({
            "paymentId": "pay-1", "orderId": id(&stage.given), "amount": amount, "at": "2026-11-20T03:00:01Z",
        });
        let answer =
            settle_payments::handle(stage.shop.instance(), &queue, batch("jangteo.payments", &[(kind, result)]));
        json!({ "failures": answer.await.unwrap().batch_item_failures.len() })
    })
}
