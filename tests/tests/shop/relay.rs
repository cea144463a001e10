//! The relay between stream and bus.

use aws_lambda_events::dynamodb::Event;
use relay_events::Relay;
use serde_json::{Value, json};
use shared::runtime::Random;
use tests::{Bus, TestShop, stream::Consumers};

fn relay(bus: &Bus) -> Relay {
    Relay::new(bus.client(), "orders".to_owned(), Random::system())
}

/// A shop with this many paid orders, and the batch that its stream gives.
async fn batch(orders: usize) -> Vec<Value> {
    let shop = TestShop::new();
    shop.customer("mina", 10_000_000).await;
    shop.product("tea", 1_000, 1_000).await;
    for _ in 0..orders {
        shop.order("mina", "tea", 1).await.expect(201);
    }
    Consumers::new(shop.dynamo().clone()).next_batch()
}

fn event(records: &[Value]) -> Event {
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

fn ids(bus: &Bus) -> Vec<String> {
    let id = |entry: &Value| {
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        detail["eventId"].as_str().unwrap().to_owned()
    };
    bus.taken().iter().map(id).collect()
}

#[tokio::test]
async fn events_go_in_batches_of_ten() {
    let bus = Bus::default();
    let answer = relay(&bus).handle(event(&batch(23).await)).await.unwrap();
    assert!(answer.batch_item_failures.is_empty());
    // Each order is paid, and to be shipped.
    assert_eq!(bus.entries_per_call(), [10, 10, 10, 10, 6]);
    let mut unique = ids(&bus);
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), 46);
}

/// The largest orders have the longest names on the most lines: ten of them are more than one call takes.
#[tokio::test]
async fn large_events_go_in_more_calls() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000_000).await;
    let mut items = Vec::new();
    for number in 0..50 {
        let id = format!("{}{number:02}", "p".repeat(62));
        let product = json!({ "productId": id, "name": "가".repeat(100), "price": 1, "stock": 1_000 });
        shop.post("/products", product).as_seller(&"s".repeat(64)).await.expect(201);
        items.push(json!({ "productId": id, "quantity": 1 }));
    }
    for _ in 0..10 {
        shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201);
    }
    let bus = Bus::default();
    let records = Consumers::new(shop.dynamo().clone()).next_batch();
    relay(&bus).handle(event(&records)).await.unwrap();
    assert_eq!(bus.entries_per_call().iter().sum::<usize>(), 20);
    assert!(bus.entries_per_call().len() > 2, "{:?}", bus.bytes_per_call());
    assert!(bus.bytes_per_call().iter().all(|bytes| *bytes <= 256 * 1024), "{:?}", bus.bytes_per_call());
}

#[tokio::test]
async fn an_event_says_what_happened() {
    let bus = Bus::default();
    relay(&bus).handle(event(&batch(1).await)).await.unwrap();
    let entry = bus.taken().remove(0);
    assert_eq!(
        (&entry["Source"], &entry["DetailType"], &entry["EventBusName"]),
        (&json!("jangteo.orders"), &json!("OrderPaid"), &json!("orders"))
    );
    let mut detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    for name in ["eventId", "aggregateId"] {
        detail[name] = json!("…");
    }
    detail["data"]["orderId"] = json!("…");
    insta::assert_json_snapshot!(detail, @r#"
    {
      "aggregateId": "…",
      "data": {
        "couponDiscount": 0,
        "couponId": null,
        "createdAt": "2026-11-20T03:00:00Z",
        "goodsDiscount": 0,
        "goodsTotal": 1000,
        "holdExpiresAt": null,
        "items": [
          {
            "amount": 1000,
            "cancelledQuantity": 0,
            "couponShare": 0,
            "itemId": "1",
            "name": "tea 상품",
            "productId": "tea",
            "quantity": 1,
            "sellerId": null,
            "status": "PREPARING",
            "unitDiscount": 0,
            "unitPrice": 1000
          }
        ],
        "orderId": "…",
        "orderSheetId": null,
        "paid": 4000,
        "paidAt": "2026-11-20T03:00:00Z",
        "payable": 4000,
        "payment": "BALANCE",
        "refunded": 0,
        "shippingFee": 3000,
        "status": "PAID",
        "userId": "mina"
      },
      "eventId": "…",
      "occurredAt": "2026-11-20T03:00:00Z",
      "sequence": 1,
      "type": "OrderPaid",
      "version": 1
    }
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_refused_entry_is_sent_again_by_itself() {
    let bus = Bus::default();
    bus.refuse(3);
    relay(&bus).handle(event(&batch(5).await)).await.unwrap();
    assert_eq!(bus.entries_per_call(), [10, 3]);
    assert_eq!(ids(&bus).len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_down_fails_the_batch() {
    let bus = Bus::default();
    let records = batch(2).await;
    bus.refuse(u32::MAX);
    relay(&bus).handle(event(&records)).await.unwrap_err();
    bus.refuse(0);
    relay(&bus).handle(event(&records)).await.unwrap();
    assert_eq!(ids(&bus).len(), 4);
}

/// What comes before it is published, and Lambda is told where to go on.
#[tokio::test]
async fn a_record_that_cannot_be_read_is_named() {
    let bus = Bus::default();
    let mut records = batch(3).await;
    let orders: Vec<usize> =
        (0..records.len()).filter(|&at| records[at]["dynamodb"]["Keys"]["sk"]["S"] == "ORDER").collect();
    let poison = orders[1];
    records[poison]["dynamodb"]["NewImage"]["payable"] = json!({ "S": "a lot" });
    let answer = relay(&bus).handle(event(&records)).await.unwrap();
    let failed = answer.batch_item_failures[0].item_identifier.clone().unwrap();
    assert_eq!(records[poison]["dynamodb"]["SequenceNumber"], failed.as_str());
    assert_eq!(ids(&bus).len(), 2);
}

/// A sheet drawn up is an event, a sheet abandoned another; what becomes of it by an order the order tells.
#[tokio::test]
async fn order_sheets_are_told_of_too() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 1_000, 10).await;
    let mut sheets = Vec::new();
    for _ in 0..2 {
        let items = json!([{ "productId": "tea", "quantity": 1 }]);
        let sheet = shop.post("/order-sheets", json!({ "userId": "mina", "items": items })).await.expect(201);
        sheets.push(sheet["orderSheetId"].clone());
    }
    shop.post("/orders", json!({ "userId": "mina", "orderSheetId": sheets[0] })).await.expect(201);
    shop.set_clock("2026-11-20T03:30:00.001Z");
    sweep_due::handle(shop.instance()).await.unwrap();

    let bus = Bus::default();
    relay(&bus).handle(event(&Consumers::new(shop.dynamo().clone()).next_batch())).await.unwrap();
    let told: Vec<(Value, Value)> = bus
        .taken()
        .into_iter()
        .map(|entry| {
            let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
            (entry["DetailType"].clone(), detail["data"]["orderSheetId"].clone())
        })
        .collect();
    let expected = [
        (json!("OrderSheetCreated"), sheets[0].clone()),
        (json!("OrderSheetCreated"), sheets[1].clone()),
        (json!("OrderPaid"), sheets[0].clone()),
        (json!("ShippingRequested"), Value::Null),
        (json!("OrderSheetAbandoned"), sheets[1].clone()),
    ];
    assert_eq!(told, expected);
}
