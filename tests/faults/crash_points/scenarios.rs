//! Tasks of functions, for the functions to die of.

use std::time::Duration;

use functions::{
    desk_messages::{HEARTBEAT_SEEN, OUTDATED_ROWS},
    queue::{deliver_orders, process_expiry, settle_payments, update_desk},
    schedule::{
        audit_books, rebuild_sales,
        sweep::{self, Task},
    },
    stream::{count_sales, relay_events},
};
use serde_json::{Value, json};
use shared::{app::rebuild::Progress, platform::Clock};
use tests::{
    TABLE,
    fakes::{
        parameters::ParameterStore,
        queue::{DeadLetterQueue, batch},
        work_queues,
    },
    steps::{cancel, id, pay},
};

use super::{
    Scenario, Stage, api,
    prepared::{
        parcel_of_one, seed_data, with_address, with_books, with_cart, with_coupon, with_delivered, with_drop,
        with_entry, with_expired, with_expired_coupons, with_expired_holds, with_external_order, with_flash,
        with_flash_limit, with_flash_offer, with_hold, with_limit, with_nothing, with_offer, with_old_ranks,
        with_orphaned_reservations, with_orphaned_ticket, with_paid_order, with_parcel, with_planned_erasure,
        with_returned_line, with_sheet, with_stream, with_terms, with_withdrawn,
    },
    scenario,
};
use crate::rebuild::{SMALL, with_drift};

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
    let mut all = super::exports::scenarios();
    all.extend(users());
    all.extend(products());
    all.extend(coupons());
    all.extend(carts());
    all.extend(orders());
    all.extend(order_changes());
    all.extend(background());
    all.extend(super::claims::scenarios());
    all.extend(super::payments::scenarios());
    all
}

fn users() -> Vec<Scenario> {
    let new = |user: &str| json!({ "userId": user, "name": "김민수", "email": format!("{user}@example.com") });
    vec![
        api("create-user", "a newcomer", seed_data, move |shop, _| shop.post("/users", new("jun")).key("k")),
        api("get-user", "a user", seed_data, |shop, _| shop.get("/users/mina").as_user("mina")),
        api("update-user", "is suspended", seed_data, |shop, _| {
            shop.patch("/users/mina", json!({ "status": "SUSPENDED", "name": "새 이름" })).as_admin()
        }),
        api("update-user", "another e-mail address", seed_data, |shop, _| {
            shop.patch("/users/mina", json!({ "email": "other@example.com" })).as_user("mina")
        }),
        api("update-user", "withdraws", with_nothing, |shop, _| {
            shop.patch("/users/mina", json!({ "status": "WITHDRAWN" })).as_admin()
        }),
        api("update-user", "comes back", with_withdrawn, |shop, _| {
            shop.patch("/users/mina", json!({ "status": "ACTIVE", "email": "again@example.com" })).as_admin()
        }),
        api("list-users", "by e-mail address", seed_data, |shop, _| {
            shop.get("/users?email=mina@example.com").as_admin()
        }),
        api("withdraw-user", "forfeits", seed_data, |shop, _| {
            shop.post("/users/mina/withdraw", json!({ "forfeit": true })).as_user("mina").key("k")
        }),
        api("update-user", "moves", seed_data, |shop, _| {
            let address = json!({ "postcode": "04524", "line1": "세종대로 110" });
            shop.patch("/users/mina", json!({ "address": address, "phone": "010-1" })).as_user("mina")
        }),
        api("list-accesses", "a log", seed_data, |shop, _| shop.get("/desk/audit-log?userId=mina").as_admin()),
        api("charge-balance", "with a key", seed_data, |shop, _| {
            shop.post("/balance/charge", json!({ "userId": "mina", "amount": 1_000 })).key("k")
        }),
        Scenario {
            repeats: false,
            ..api("charge-balance", "without a key", seed_data, |shop, _| {
                shop.post("/balance/charge", json!({ "userId": "mina", "amount": 1_000 }))
            })
        },
        api("get-seller-shipping", "the terms of one", seed_data, |shop, _| {
            shop.get("/sellers/dabang/shipping").as_user("mina")
        }),
        api("get-balance", "a balance", seed_data, |shop, _| shop.get("/balance/mina").as_user("mina")),
        api("list-balance-entries", "a ledger", seed_data, |shop, _| shop.get("/balance/mina/entries").as_user("mina")),
    ]
}

fn products() -> Vec<Scenario> {
    vec![
        api("list-products", "a page", seed_data, |shop, _| shop.get("/products")),
        api("list-bestsellers", "the best", seed_data, |shop, _| shop.get("/products/top")),
        api("get-product", "one", seed_data, |shop, _| shop.get("/products/tea")),
        api("list-products", "recent stock", seed_data, |shop, _| shop.get("/products?stock=recent")),
        api("get-product", "recent stock", seed_data, |shop, _| shop.get("/products/tea?stock=recent")),
        api("list-desk-products", "a page", seed_data, |shop, _| shop.get("/desk/products").as_admin()),
        api("get-desk-product", "one", seed_data, |shop, _| shop.get("/desk/products/tea").as_admin()),
        api("create-product", "a hidden plate", seed_data, |shop, _| {
            let plate = json!({ "productId": "plate", "name": "접시", "price": 5_000, "stock": 3, "status": "HIDDEN" });
            shop.post("/products", plate).as_admin().key("k")
        }),
        api("create-product", "a cup", seed_data, |shop, _| {
            let cup = json!({ "productId": "cup", "name": "잔", "price": 5_000, "stock": 3, "stockShards": 2 });
            shop.post("/products", cup).as_admin().key("k")
        }),
        api("update-product", "another price", seed_data, |shop, _| {
            shop.patch("/products/tea", json!({ "price": 9_000 })).as_admin()
        }),
        api("update-product", "a purchase limit", seed_data, |shop, _| {
            shop.patch("/products/tea", json!({ "limit": { "perUser": 1, "within": "DAY" } })).as_admin()
        }),
        api("update-product", "a sale window", seed_data, |shop, _| {
            shop.patch("/products/tea", json!({ "saleUntil": "2026-12-01T00:00:00Z" })).as_admin()
        }),
        api("update-product", "a timed offer", seed_data, |shop, _| {
            let offer = json!({ "discount": 500, "from": "2026-11-01T00:00:00Z", "until": "2026-12-01T00:00:00Z", "quantity": 2 });
            shop.patch("/products/tea", json!({ "offers": [offer] })).as_admin()
        }),
        api("get-yours", "of a limited product", with_limit, |shop, _| shop.get("/products/tea/yours").as_user("mina")),
        api("get-yours", "at a timed offer", with_offer, |shop, _| shop.get("/products/tea/yours").as_user("mina")),
        api("restock-product", "more", seed_data, |shop, _| {
            shop.post("/products/tea/restock", json!({ "quantity": 5 })).as_admin().key("k")
        }),
        api("restock-product", "fewer", seed_data, |shop, _| {
            shop.post("/products/tea/restock", json!({ "quantity": -7 })).as_admin().key("k")
        }),
        Scenario {
            repeats: false,
            ..api("restock-product", "without a key", seed_data, |shop, _| {
                shop.post("/products/tea/restock", json!({ "quantity": 5 })).as_admin()
            })
        },
    ]
}

fn coupons() -> Vec<Scenario> {
    let issue = || json!({ "userId": "mina", "couponId": "welcome" });
    vec![
        api("create-coupon", "a campaign", seed_data, |shop, _| {
            let campaign = json!({
                "couponId": "night", "name": "밤", "kind": "RATE", "value": 10, "totalQuantity": 5, "counterShards": 2,
                "issueFrom": "2026-11-01T00:00:00Z", "issueUntil": "2026-12-01T00:00:00Z", "validDays": 3,
            });
            shop.post("/coupons", campaign).as_admin().key("k")
        }),
        api("update-coupon", "pauses, and gets more coupons", seed_data, |shop, _| {
            let change = json!({ "status": "PAUSED", "addQuantity": 3, "issueUntil": "2026-12-24T00:00:00Z" });
            shop.patch("/coupons/welcome", change).as_admin().key("k")
        }),
        api("update-coupon", "is described anew", with_coupon, |shop, _| {
            shop.patch("/coupons/welcome", json!({ "description": "첫 주문에" })).as_admin()
        }),
        Scenario {
            // Each attempt makes a key of its own.
            except: &["DROP"],
            ..api("set-drop", "for a campaign", seed_data, |shop, _| {
                let drop = json!({ "couponId": "welcome", "opensAt": "2026-11-01T00:00:00Z", "enabled": true });
                shop.call("PUT", "/drops/friday").json(&drop).as_admin()
            })
        },
        api("set-drop", "turns off", with_drop, |shop, _| {
            let drop = json!({ "couponId": "welcome", "opensAt": "2026-11-01T00:00:00Z", "enabled": false });
            shop.call("PUT", "/drops/friday").json(&drop).as_admin()
        }),
        // A death of a first entry may leave a number that serves nobody, and the next place: `drops` tests it.
        api("enter-drop", "again, with a step", with_entry, |shop, _| {
            shop.post("/drops/friday/entries", json!({})).as_user("mina")
        }),
        api("get-drop", "with a step", with_entry, |shop, _| shop.get("/drops/friday").as_user("mina")),
        api("get-drop-entry", "a ticket, with a step", with_entry, |shop, entry| {
            let ticket = entry["ticket"].as_str().unwrap();
            shop.get(&format!("/drops/friday/entries?ticket={ticket}")).as_user("mina")
        }),
        Scenario {
            except: &["SLOT", "COUNTER"],
            ..api("issue-coupon", "with a ticket of a drop", with_entry, |shop, entry| {
                let issue = json!({ "userId": "mina", "couponId": "welcome" });
                let issue = shop.post("/coupons/issue", issue).key("k");
                issue.header("x-drop-ticket", entry["ticket"].as_str().unwrap())
            })
        },
        api("list-campaigns", "a page", seed_data, |shop, _| shop.get("/coupons/campaigns?open=true")),
        api("get-coupon", "a campaign", seed_data, |shop, _| shop.get("/coupons/welcome").as_admin()),
        api("list-desk-lines", "a page", with_coupon, |shop, _| shop.get("/desk/lines?status=PREPARING").as_admin()),
        api("list-orders", "of all users", with_coupon, |shop, _| shop.get("/orders").as_admin()),
        api("list-desk-campaigns", "a page", seed_data, |shop, _| shop.get("/desk/campaigns").as_admin()),
        api("list-coupons", "a user's", with_coupon, |shop, _| shop.get("/coupons?userId=mina")),
        Scenario {
            except: &["SLOT", "COUNTER"],
            ..api("issue-coupon", "with a key", seed_data, move |shop, _| shop.post("/coupons/issue", issue()).key("k"))
        },
        Scenario {
            except: &["SLOT", "COUNTER"],
            repeats: false,
            ..api("issue-coupon", "without a key", seed_data, move |shop, _| shop.post("/coupons/issue", issue()))
        },
        api("revoke-coupon", "a usable one", with_coupon, move |shop, _| {
            shop.post("/coupons/revoke", issue()).as_admin().key("k")
        }),
    ]
}

fn carts() -> Vec<Scenario> {
    let items = || json!([{ "productId": "tea", "quantity": 3 }]);
    let tea = || json!({ "userId": "mina", "productId": "tea", "quantity": 2 });
    vec![
        api("add-to-cart", "the first", seed_data, move |shop, _| shop.post("/orders/cart", tea()).key("k")),
        api("add-to-cart", "more", with_cart, move |shop, _| shop.post("/orders/cart", tea()).key("k")),
        Scenario {
            repeats: false,
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
            repeats: false,
            ..api("create-order", "without a key", with_coupon, move |shop, _| shop.post("/orders", body(2, "BALANCE")))
        },
        Scenario {
            except: &["UNITS", "STOCK"],
            ..api("create-order", "in flash mode", with_flash, |shop, _| {
                let items = json!([{ "productId": "tea", "quantity": 7 }]);
                shop.post("/orders", json!({ "userId": "mina", "items": items })).key("k")
            })
        },
        api("create-order", "of a limited product", with_limit, |shop, _| shop.order("mina", "tea", 1).key("k")),
        Scenario {
            except: &["UNITS", "STOCK"],
            ..api("create-order", "of a limited product in flash mode", with_flash_limit, |shop, _| {
                shop.order("mina", "tea", 1).key("k")
            })
        },
        api("create-order", "at a timed offer", with_offer, |shop, _| shop.order("mina", "tea", 1).key("k")),
        api("create-order", "beyond a quota", with_offer, |shop, _| shop.order("mina", "tea", 2).key("k")),
        Scenario {
            except: &["UNITS", "STOCK"],
            ..api("create-order", "at a timed offer in flash mode", with_flash_offer, |shop, _| {
                shop.order("mina", "tea", 1).key("k")
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
        api("get-order-item", "its first line", with_hold, |shop, order| {
            shop.get(&path(order, "/items/1")).as_user("mina")
        }),
        api("get-order-history", "its history", with_hold, |shop, order| {
            shop.get(&path(order, "/history")).as_user("mina")
        }),
        api("list-order-payments", "its payments", with_paid_order, |shop, order| {
            shop.get(&path(order, "/payments")).as_user("mina")
        }),
    ]
}

fn order_changes() -> Vec<Scenario> {
    vec![
        api("pay-order", "a pending one", with_hold, |shop, order| pay(shop, "mina", order).key("k")),
        api("cancel-order", "one at a timed offer", with_offer, |shop, order| {
            cancel(shop, "mina", order, json!({})).key("k")
        }),
        api("cancel-order", "a limited one", with_limit, |shop, order| cancel(shop, "mina", order, json!({})).key("k")),
        api("cancel-order", "a pending one", with_hold, |shop, order| cancel(shop, "mina", order, json!({})).key("k")),
        api("cancel-order", "a paid one", with_paid_order, |shop, order| {
            cancel(shop, "mina", order, json!({})).key("k")
        }),
        api("cancel-order", "a part", with_paid_order, |shop, order| {
            cancel(shop, "mina", order, json!({ "items": [{ "itemId": "1", "quantity": 1 }] })).key("k")
        }),
        Scenario {
            repeats: false,
            ..api("cancel-order", "a part, without a key", with_paid_order, |shop, order| {
                cancel(shop, "mina", order, json!({ "items": [{ "itemId": "1", "quantity": 1 }] }))
            })
        },
        api("create-parcel", "a part", with_paid_order, |shop, order| {
            shop.post(&path(order, "/parcels"), parcel_of_one()).as_admin().key("k")
        }),
        api("update-parcel", "arrives", with_parcel, |shop, order| {
            shop.patch(&path(order, "/parcels/1"), json!({ "status": "DELIVERED" })).as_admin()
        }),
        api("set-seller-shipping", "anew", with_terms, |shop, _| {
            let terms = json!({ "fee": 2_000, "freeFrom": 0, "returnFee": 0 });
            shop.call("PUT", "/sellers/dabang/shipping").json(&terms).as_seller("dabang")
        }),
        api("update-order", "another address", with_paid_order, |shop, order| {
            let address = json!({ "postcode": "04524", "line1": "세종대로 110" });
            shop.patch(&path(order, ""), json!({ "shipTo": address })).as_user("mina")
        }),
        api("get-order-ship-to", "an address", with_address, |shop, order| {
            shop.get(&path(order, "/ship-to")).as_admin()
        }),
        api("update-order-item", "is shipped", with_paid_order, |shop, order| {
            shop.patch(&path(order, "/items/1"), json!({ "status": "SHIPPED" })).as_admin()
        }),
        api("update-order-item", "is returned", with_returned_line, |shop, order| {
            shop.patch(&path(order, "/items/1"), json!({ "status": "RETURNED" })).as_admin()
        }),
    ]
}

fn background() -> Vec<Scenario> {
    let done = |failures: usize| json!({ "failures": failures });
    vec![
        scenario("relay-events", "three orders", with_stream, move |stage: Stage| async move {
            let client = stage.deaths.eventbridge(stage.bus.clone());
            let queues = work_queues(stage.deaths.sqs(stage.bus));
            let (dead_letters, random) = (DeadLetterQueue::default().of_stream(), stage.shop.instance().random.clone());
            let relay = relay_events::Relay::new(client, "orders".to_owned(), dead_letters, random).filling(queues);
            done(relay.handle(serde_json::from_value(stage.given).unwrap()).await.unwrap().batch_item_failures.len())
        }),
        scenario("count-sales", "three orders", with_stream, move |stage: Stage| async move {
            let (dead_letters, batch) =
                (DeadLetterQueue::default().of_stream(), serde_json::from_value(stage.given).unwrap());
            done(
                count_sales::handle(stage.shop.instance(), &dead_letters, batch)
                    .await
                    .unwrap()
                    .batch_item_failures
                    .len(),
            )
        }),
        scenario("rebuild-sales", "wrong counts", with_drift, |stage: Stage| async move {
            let done = rebuild_sales::handle(stage.shop.instance(), &SMALL, Duration::from_secs(60)).await.unwrap();
            // A function that dies after its last call is followed by one with nothing left to do.
            let (Progress::Finished(found) | Progress::Resting(found)) = done else { panic!("{done:?}") };
            serde_json::to_value(found).unwrap()
        }),
        scenario("rebuild-sales", "ranks of the day before", with_old_ranks, |stage: Stage| async move {
            json!(rebuild_sales::refresh(stage.shop.instance()).await.unwrap())
        }),
        scenario("process-expiry", "expired orders", with_expired_holds, move |stage: Stage| async move {
            let queue = stage.waits.queue_over(stage.deaths.sqs(stage.waits.clone()));
            let answer = process_expiry::handle(stage.shop.instance(), &queue, messages(&stage.given)).await.unwrap();
            done(answer.batch_item_failures.len())
        }),
        scenario("update-desk", "rows of an order", with_hold, move |stage: Stage| async move {
            let queue = stage.waits.queue_over(stage.deaths.sqs(stage.waits.clone()));
            let outdated =
                json!({ "orderId": id(&stage.given), "version": 1, "changedAt": 0, "order": true, "lines": [] });
            let messages = batch("jangteo.orders", &[(OUTDATED_ROWS, outdated), (HEARTBEAT_SEEN, json!({ "at": 0 }))]);
            let answer = update_desk::handle(stage.shop.instance(), &queue, messages).await.unwrap();
            done(answer.batch_item_failures.len())
        }),
        scenario("process-expiry", "an early message", with_hold, move |stage: Stage| async move {
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
        settling("an amount of no order", "PaymentSucceeded", 0),
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
                let dead_letters =
                    stage.platform.dead_letters.queue_over(stage.deaths.sqs(stage.platform.dead_letters.clone()));
                let (circuit, random) = (
                    deliver_orders::Circuit::new(stage.shop.instance().clock.clone()),
                    stage.shop.instance().random.clone(),
                );
                let (store, clock) = (ParameterStore::default(), stage.shop.instance().clock.clone());
                let signer = store.signer_over(stage.deaths.ssm(store.clone()), clock);
                let worker =
                    deliver_orders::DeliveryWorker::new(stage.platform, signer, queue, dead_letters, circuit, random);
                done(worker.handle(batch("jangteo.orders", &events)).await.unwrap().batch_item_failures.len())
            },
        ),
        scenario("sweep EXPIRY", "expired orders and sheets", with_expired, |stage: Stage| async move {
            sweep::run(stage.shop.instance(), &[Task::Expiry, Task::Sheets]).await.unwrap();
            Value::Null
        }),
        scenario("sweep CONFIRMATIONS", "a delivered line", with_delivered, |stage: Stage| async move {
            sweep::run(stage.shop.instance(), &[Task::Confirmations]).await.unwrap();
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
        scenario("sweep INVENTORY", "orphaned reservations", with_orphaned_reservations, |stage: Stage| async move {
            sweep::inventory::run(stage.shop.instance()).await.unwrap();
            Value::Null
        }),
        scenario("sweep ERASURES", "a withdrawn user", with_planned_erasure, |stage: Stage| async move {
            sweep::erasures::run(stage.shop.instance()).await.unwrap();
            Value::Null
        }),
        scenario("sweep TICKETS", "an orphaned ticket", with_orphaned_ticket, |stage: Stage| async move {
            sweep::tickets::run(stage.shop.instance()).await.unwrap();
            Value::Null
        }),
    ]
}

fn settling(description: &'static str, kind: &'static str, amount: i64) -> Scenario {
    scenario("settle-payments", description, with_external_order, move |stage: Stage| async move {
        let queue = stage.waits.queue_over(stage.deaths.sqs(stage.waits.clone()));
        let dead_letters = &stage.platform.dead_letters;
        let dead_letters = dead_letters.queue_over(stage.deaths.sqs(dead_letters.clone()));
        let result = json!({
            "paymentId": "pay-1", "orderId": id(&stage.given), "amount": amount, "at": "2026-11-20T03:00:01Z",
        });
        let messages = batch("jangteo.payments", &[(kind, result)]);
        let answer = settle_payments::handle(stage.shop.instance(), &queue, &dead_letters, messages);
        json!({ "failures": answer.await.unwrap().batch_item_failures.len() })
    })
}
