//! Exports: each row is in the file once, whatever comes twice, at the same time, or stops half-way.

use functions::{
    export_messages::{EXPORT_DUE, ExportMessage, USER_ERASED},
    queue::build_exports,
};
use futures::future::join_all;
use serde_json::{Value, json};
use shared::app::{Bounds, PeoplePolicy};
use tests::{
    TestShop,
    deaths::Deaths,
    fakes::{
        queue::{Waits, batch},
        stream::Consumers,
    },
    night::times,
    permissions::running_as,
};

const ORDERS: usize = 7;

/// Bounds by which an export of a few rows has many parts.
fn small() -> Bounds {
    Bounds { export_page: 1, export_scan: 5, export_pages: 2, export_part_bytes: 300, ..Bounds::PRODUCTION }
}

/// A shop with orders, and its instances with small bounds.
async fn shop_with_orders() -> TestShop {
    shop_with(ORDERS).await
}

async fn shop_with(orders: usize) -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    for product in ["tea", "cup"] {
        let product = json!({ "productId": product, "name": product, "price": 1_000, "stock": 1_000 });
        shop.post("/products", product).as_seller("hana").await.expect(201);
    }
    for number in 0..orders {
        shop.set_clock(&format!("2026-11-20T03:00:{number:02}Z"));
        let items = ["tea", "cup"].map(|product| json!({ "productId": product, "quantity": 1 }));
        shop.post("/orders", json!({ "userId": "mina", "items": items })).as_user("mina").await.expect(201);
    }
    shop.set_clock("2026-11-20T03:01:00Z");
    shop.settle().await;
    shop
}

async fn begin(shop: &TestShop, of: &str) -> String {
    let body = json!({ "of": of, "from": "2026-11-20T03:00:00Z", "to": "2026-11-21T00:00:00Z" });
    let call = shop.post("/exports", body);
    let call = if of == "MINE" { call.as_user("mina") } else { call.as_seller("hana") };
    let call = if of == "LEDGER" { call.as_admin() } else { call };
    call.await.expect(202)["exportId"].as_str().unwrap().to_owned()
}

/// The messages of the relay about exports so far.
fn messages(shop: &TestShop) -> Vec<ExportMessage> {
    next_messages(&mut Consumers::new(shop.dynamo().clone()))
}

fn next_messages(consumers: &mut Consumers) -> Vec<ExportMessage> {
    consumers.messages_left().into_iter().filter_map(|messages| messages.export).collect()
}

/// Hands a message over. Returns whether it was handled.
async fn handle(shop: &TestShop, message: &ExportMessage) -> bool {
    let messages = batch("jangteo.orders", &[(message.detail_type(), serde_json::to_value(message).unwrap())]);
    let queue = Waits::default().queue();
    let handled = running_as("build-exports", build_exports::handle(shop.instance(), &queue, messages)).await;
    handled.unwrap().batch_item_failures.is_empty()
}

/// Hands each message over by `deliver`, and those that follow from it, to the end.
async fn drive(shop: &TestShop, deliver: impl AsyncFn(&ExportMessage)) {
    let mut consumers = Consumers::new(shop.dynamo().clone());
    loop {
        let messages = next_messages(&mut consumers);
        if messages.is_empty() {
            return;
        }
        for message in &messages {
            deliver(message).await;
        }
    }
}

/// The state of an export, and the text of its file.
async fn shown(shop: &TestShop, id: &str) -> (Value, String) {
    let shown = shop.get(&format!("/exports/{id}")).as_admin().await.expect(200);
    let link = shown["link"].as_str().unwrap_or_default().to_owned();
    let text = shop.bucket.download("get-export", &link).await.unwrap_or_default();
    (shown, text)
}

/// The file has each line of the orders once.
fn assert_whole(shown: &Value, text: &str) {
    assert_eq!(shown["status"], "DONE", "{shown}");
    assert_eq!(shown["rows"].as_u64(), u64::try_from(2 * ORDERS).ok());
    let mut rows: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(rows.len(), 2 * ORDERS, "{text}");
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows.len(), 2 * ORDERS, "a row is there twice: {text}");
}

#[tokio::test]
async fn messages_that_come_twice_and_at_once_give_each_row_once() {
    let shop = shop_with_orders().await;
    let instances: Vec<TestShop> = (0..3).map(|_| shop.another_instance_within(small())).collect();
    let id = begin(&shop, "ORDERS").await;
    drive(&shop, async |message| {
        let handled = join_all(instances.iter().map(|instance| handle(instance, message))).await;
        assert!(handled.iter().all(|done| *done));
        // A message that comes late finds that its step was taken.
        assert!(handle(&instances[0], message).await);
    })
    .await;
    let (shown, text) = shown(&shop, &id).await;
    assert_whole(&shown, &text);
    // The attempts that were too late have left parts, which no file has.
    let parts = shop.bucket.texts().into_keys().filter(|key| key.contains("/parts/")).count();
    assert!(parts > 2 * ORDERS / 2, "{parts}");
    shop.audit().await;
}

/// A part that is written again, from rows that are others by then, must not be in the file instead of the first.
#[tokio::test]
async fn an_attempt_that_is_too_late_changes_no_part() {
    let shop = shop_with_orders().await;
    let instance = shop.another_instance_within(small());
    let id = begin(&shop, "ORDERS").await;
    let first = messages(&shop).pop().expect("a message");
    assert!(handle(&instance, &first).await);
    drive(&shop, async |message| assert!(handle(&instance, message).await)).await;
    let (before, text) = shown(&shop, &id).await;
    assert_whole(&before, &text);
    shop.patch("/products/tea", json!({ "name": "another" })).as_seller("hana").await.expect(200);
    for message in messages(&shop) {
        assert!(handle(&instance, &message).await);
    }
    assert_eq!(shown(&shop, &id).await.1, text);
}

/// Exports a small shop by a function that dies as it is to, and by one that does not. Returns whether it died, and the
/// file.
async fn exported(of: &str, deaths: &Deaths) -> (bool, String) {
    let shop = shop_with(2).await;
    let id = begin(&shop, of).await;
    let (dying, again) = (shop.watched_within(deaths, small()), shop.another_instance_within(small()));
    let died = std::cell::Cell::new(false);
    drive(&shop, async |message| {
        if !died.get() && deaths.run(handle(&dying, message)).await.is_none() {
            died.set(true);
        }
        // Lambda hands a message over again if its function died, and may do so if it did not.
        assert!(handle(&again, message).await);
    })
    .await;
    let (shown, text) = shown(&shop, &id).await;
    assert_eq!(shown["status"], "DONE", "{of}: {shown}");
    (died.get(), masked(&text))
}

#[tokio::test(start_paused = true)]
async fn a_death_at_any_call_loses_and_doubles_no_row() {
    let mut count = 0;
    for of in ["ORDERS", "MINE"] {
        let alive = Deaths::default();
        let (_, expected) = exported(of, &alive).await;
        for (call, side) in alive.points() {
            let played = exported(of, &Deaths::at(call, side)).await;
            assert_eq!(played, (true, expected.clone()), "{of}: {side:?} {call} of {:?}", alive.calls());
            count += 1;
        }
    }
    assert!(count > times(10, 20), "{count}");
    println!("{count} deaths");
}

/// The text without ids, which are others in each shop.
fn masked(text: &str) -> String {
    let is_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let words = text.split_inclusive(|c: char| !is_id(c));
    words.map(|word| if word.trim_end_matches(|c: char| !is_id(c)).len() == 26 { "id," } else { word }).collect()
}

#[tokio::test]
async fn an_export_of_too_many_parts_fails_and_makes_room() {
    let shop = shop_with_orders().await;
    let instance = shop.another_instance_within(Bounds { export_parts: 2, ..small() });
    let ids = [begin(&shop, "ORDERS").await, begin(&shop, "ORDERS").await, begin(&shop, "ORDERS").await];
    drive(&shop, async |message| assert!(handle(&instance, message).await)).await;
    for id in ids {
        let (shown, text) = shown(&shop, &id).await;
        assert_eq!((&shown["status"], text.as_str()), (&json!("FAILED"), ""));
    }
    begin(&shop, "ORDERS").await;
    shop.audit().await;
}

#[tokio::test]
async fn a_bucket_that_is_down_delays_an_export() {
    let shop = shop_with_orders().await;
    let id = begin(&shop, "ORDERS").await;
    shop.bucket.set_down(true);
    let message = messages(&shop).pop().expect("a message");
    assert!(!handle(&shop, &message).await);
    assert_eq!(shown(&shop, &id).await.0["status"], "RUNNING");
    shop.bucket.set_down(false);
    drive(&shop, async |message| assert!(handle(&shop, message).await)).await;
    let (shown, text) = shown(&shop, &id).await;
    assert_whole(&shown, &text);
}

/// A scan meets items of all kinds: pages without a row are no end.
#[tokio::test]
async fn a_scan_finds_each_ledger_entry_once() {
    let shop = shop_with_orders().await;
    let instance = shop.another_instance_within(small());
    let id = begin(&shop, "LEDGER").await;
    drive(&shop, async |message| assert!(handle(&instance, message).await)).await;
    let (shown, text) = shown(&shop, &id).await;
    // A payment for each order, and the charge before them.
    let rows: std::collections::BTreeSet<&str> = text.lines().skip(1).collect();
    assert_eq!((shown["rows"].as_u64(), rows.len()), (u64::try_from(ORDERS + 1).ok(), ORDERS + 1), "{text}");
}

/// The step began before the erasure and writes its part after the files were deleted.
#[tokio::test]
async fn a_part_that_is_written_during_an_erasure_is_deleted_too() {
    let shop = TestShop::new().with_people(PeoplePolicy::DEFAULT);
    shop.customer("mina", 0).await;
    let id = begin(&shop, "MINE").await;
    shop.post("/users/mina/withdraw", json!({})).as_user("mina").await.expect(200);
    let all = messages(&shop);
    let kinds: Vec<&str> = all.iter().map(ExportMessage::detail_type).collect();
    assert_eq!(kinds, [EXPORT_DUE, USER_ERASED]);
    // It comes again: a step that began before may still write.
    assert!(!handle(&shop, &all[1]).await);
    shop.bucket.put(&format!("users/mina/{id}/parts/00000-late"), "personal");
    assert!(handle(&shop, &all[0]).await);
    assert_eq!(shown(&shop, &id).await.0["status"], "FAILED");
    shop.bucket.put("users/mina/other", "personal");
    shop.bucket.put("users/minari/file", "of another");
    shop.set_clock("2099-01-01T00:00:00Z");
    assert!(handle(&shop, &all[1]).await);
    assert_eq!(shop.bucket.texts().into_keys().collect::<Vec<_>>(), ["users/minari/file"]);
}
