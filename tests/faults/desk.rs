//! The desk: its rows equal a recount of the orders, in any order of messages, repeated, late, or after deaths.

use functions::{
    desk_messages::{HEARTBEAT_SEEN, OUTDATED_ROWS},
    queue::update_desk,
};
use serde_json::{Value, json};
use tests::{
    TABLE, TestShop,
    fakes::{
        queue::{Waits, batch},
        stream::Consumers,
    },
    permissions::running_as,
    random,
    simulator::desk,
};

/// The differences between the desk and a recount of the orders.
fn differences(shop: &TestShop) -> Vec<String> {
    let all = shop.dynamo().execute("Scan", json!({ "TableName": TABLE })).unwrap();
    desk::violations(all["Items"].as_array().unwrap())
}

/// The messages of the relay to the desk so far, one for each changed order and record.
fn messages(shop: &TestShop) -> Vec<Value> {
    let rows = Consumers::new(shop.dynamo().clone()).outdated_rows();
    rows.into_iter().map(|rows| serde_json::to_value(rows).unwrap()).collect()
}

async fn handle(shop: &TestShop, messages: &[Value]) -> usize {
    let events: Vec<(&str, Value)> = messages.iter().map(|message| (OUTDATED_ROWS, message.clone())).collect();
    let (waits, messages) = (Waits::default(), batch("jangteo.orders", &events));
    let queue = waits.queue();
    let handled = running_as("update-desk", update_desk::handle(shop.instance(), &queue, messages)).await;
    handled.unwrap().batch_item_failures.len()
}

/// Orders and their changes at random: payments, holds, cancellations and moves of lines, by several instances.
async fn random_steps(shop: &TestShop, steps: usize, seed: u64) {
    let random = random(seed);
    let below = move |most: u64| usize::try_from(random.bits() as u64 % most).unwrap();
    let mut orders: Vec<String> = Vec::new();
    for step in 0..steps {
        // Ten steps a second: no hold ends meanwhile.
        shop.set_clock(&format!("2026-11-20T03:{:02}:{:02}.{}00Z", step / 600, step / 10 % 60, step % 10));
        if orders.is_empty() || below(4) == 0 {
            let payment = ["BALANCE", "LATER", "BALANCE"][below(3)];
            let products = [&["a"][..], &["a", "c"], &["b", "c", "d"]][below(3)];
            let items: Vec<Value> = products.iter().map(|id| json!({ "productId": id, "quantity": 2 })).collect();
            let order = json!({ "userId": "mina", "items": items, "payment": payment });
            let answer = shop.post("/orders", order).as_user("mina").await;
            orders.extend(answer.body["data"]["orderId"].as_str().map(str::to_owned));
            continue;
        }
        let order = &orders[below(orders.len() as u64)];
        let call = match below(6) {
            0 => shop.post(&format!("/orders/{order}/payment"), json!({})).as_user("mina"),
            1 => shop.post(&format!("/orders/{order}/cancel"), json!({})).as_user("mina"),
            2 => {
                let items = json!([{ "itemId": "1", "quantity": 1 }]);
                shop.post(&format!("/orders/{order}/cancel"), json!({ "items": items })).as_user("mina")
            }
            _ => {
                let status =
                    ["SHIPPED", "IN_DELIVERY", "DELIVERED", "PURCHASE_CONFIRMED", "RETURN_REQUESTED"][below(5)];
                let path = format!("/orders/{order}/items/{}", 1 + below(3));
                shop.patch(&path, json!({ "status": status })).as_admin()
            }
        };
        let answer = call.await;
        assert!(answer.status < 500, "{}", answer.body);
    }
}

async fn seeded_shop() -> TestShop {
    let shop = TestShop::with_instances(3).without_caps();
    shop.customer("mina", 90_000_000).await;
    for (id, seller) in [("a", "hana"), ("b", "hana"), ("c", "duri")] {
        let product = json!({ "productId": id, "name": id, "price": 1_000, "stock": 100_000 });
        shop.post("/products", product).as_seller(seller).await.expect(201);
    }
    shop.product("d", 1_000, 100_000).await;
    shop
}

#[tokio::test]
async fn the_desk_equals_a_recount_after_1_000_random_steps() {
    let shop = seeded_shop().await;
    random_steps(&shop, 1_000, 7).await;
    shop.settle().await;
    assert_eq!(differences(&shop), [] as [&str; 0]);
    shop.audit().await;
}

/// SQS keeps no order, and delivers at least once.
#[tokio::test]
async fn messages_in_any_order_and_twice_end_in_the_same_rows() {
    for seed in 0..4 {
        let shop = seeded_shop().await;
        random_steps(&shop, 60, seed).await;
        // Half of the messages come before the orders change again.
        let early = messages(&shop);
        handle(&shop, &early[..early.len() / 2]).await;
        random_steps(&shop, 60, seed + 100).await;
        let mut late = messages(&shop);
        late.reverse();
        for part in late.chunks(7) {
            assert_eq!(handle(&shop, part).await, 0);
            assert_eq!(handle(&shop, part).await, 0);
        }
        assert_eq!(differences(&shop), [] as [&str; 0], "seed {seed}");
    }
}

/// A function reads an order, stands still, and writes after another one has written a later version.
#[tokio::test]
async fn a_late_writer_does_not_bring_an_old_state_back() {
    let shop = seeded_shop().await;
    let order = shop.order("mina", "a", 2).await.expect(201);
    let path = format!("/orders/{}/items/1", order["orderId"].as_str().unwrap());
    let before = messages(&shop);
    let old = shop.dynamo().execute(
        "GetItem",
        json!({ "TableName": TABLE, "Key": { "pk": { "S": format!("ORDER#{}", order["orderId"].as_str().unwrap()) },
                                             "sk": { "S": "ORDER" } } }),
    );
    let old: shared::store::orders::OrderRecord = serde_json::from_value(plain(&old.unwrap()["Item"])).unwrap();
    shop.patch(&path, json!({ "status": "SHIPPED" })).as_admin().await.expect(200);
    handle(&shop, &messages(&shop)).await;
    // The late writer's rows, as it read the order.
    let change = shared::domain::desk::DeskChange::all_rows(&old.order);
    for (key, row) in shared::store::desk::rows(&old.order, &change) {
        let write = shared::store::desk::write(key.clone(), &row);
        let table = &shop.instance().table;
        let written = table.apply::<serde::de::IgnoredAny>(&write, &mut table.backoff()).await.unwrap();
        assert!(matches!(written, shared::store::Applied::Refused(_)), "{key:?}");
    }
    assert_eq!(handle(&shop, &before).await, 0);
    assert_eq!(differences(&shop), [] as [&str; 0]);
}

/// An item of DynamoDB's JSON as plain JSON.
fn plain(item: &Value) -> Value {
    let item: serde_dynamo::Item = serde_json::from_value(item.clone()).unwrap();
    serde_dynamo::from_item(item).unwrap()
}

#[tokio::test]
async fn a_heartbeat_says_how_late_the_desk_is() {
    let shop = seeded_shop().await;
    let at = shop.now();
    let beat = async |shop: &TestShop| {
        let waits = Waits::default();
        let (queue, seen) = (waits.queue(), json!({ "at": at.as_millisecond() }));
        let messages = batch("jangteo.orders", &[(HEARTBEAT_SEEN, seen)]);
        let answer = running_as("update-desk", update_desk::handle(shop.instance(), &queue, messages)).await.unwrap();
        (answer.batch_item_failures.len(), waits.taken())
    };
    let as_of = async |shop: &TestShop| shop.get("/desk/lines").as_admin().await.expect(200)["asOf"].clone();
    assert_eq!(as_of(&shop).await, Value::Null, "nothing is known yet");
    assert_eq!(beat(&shop).await, (1, vec![10]), "earlier messages have ten seconds to be handled");
    shop.set_clock("2026-11-20T03:00:10Z");
    assert_eq!(beat(&shop).await, (0, vec![]));
    assert_eq!(beat(&shop).await, (0, vec![]), "a repetition changes nothing");
    let shop = shop.another_instance();
    assert_eq!(as_of(&shop).await, json!("2026-11-20T03:00:00Z"));
    assert_eq!(shop.get("/orders").as_admin().await.expect(200)["asOf"], json!("2026-11-20T03:00:00Z"));
}

/// An order that cannot be read stays a message, and stops no other.
#[tokio::test]
async fn an_unreadable_order_holds_up_no_other() {
    let shop = seeded_shop().await;
    let first = shop.order("mina", "a", 1).await.expect(201);
    shop.order("mina", "c", 1).await.expect(201);
    let key = json!({ "pk": { "S": format!("ORDER#{}", first["orderId"].as_str().unwrap()) }, "sk": { "S": "ORDER" } });
    let all = messages(&shop);
    let damage = json!({
        "TableName": TABLE, "Key": key, "UpdateExpression": "REMOVE userId",
    });
    shop.dynamo().execute("UpdateItem", damage).unwrap();
    assert_eq!(handle(&shop, &all).await, 1);
    let list = shop.get("/desk/lines").as_admin().await.expect(200);
    let products: Vec<&Value> = list["items"].as_array().unwrap().iter().map(|line| &line["productId"]).collect();
    assert_eq!(products, [&json!("c")]);
}
