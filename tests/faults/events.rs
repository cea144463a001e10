//! The consequences of a commit: the events, and the counting of sales, for a stream with repetitions.

use functions::stream::count_sales;
use serde_json::{Value, json};
use shared::events::EventKind;
use tests::{
    Fault, TestShop,
    fakes::{
        queue::DeadLetterQueue,
        stream::{Consumers, batch as as_batch},
    },
    permissions::running_as,
    sales::{count, records},
};

#[tokio::test]
async fn every_paid_and_every_failed_order_is_an_event() {
    let shop = TestShop::new();
    shop.customer("mina", 15_000).await;
    shop.product("tea", 10_000, 10).await;
    let paid = shop.order("mina", "tea", 1).await.expect(201);
    let failed = shop.order("mina", "tea", 1).await.refused(402, "BALANCE_NOT_ENOUGH");

    let mut consumers = Consumers::new(shop.dynamo().clone());
    consumers.catch_up(shop.instance()).await;
    let events: Vec<_> = consumers.published.iter().map(|event| (event.kind, event.aggregate_id.as_str())).collect();
    let expected = [
        (EventKind::OrderPaid, paid["orderId"].as_str().unwrap()),
        (EventKind::ShippingRequested, paid["orderId"].as_str().unwrap()),
        (EventKind::OrderPaymentFailed, failed["orderId"].as_str().unwrap()),
    ];
    assert_eq!(events, expected);
    let event = &consumers.published[0];
    assert_eq!(event.event_id, format!("{}-1", paid["orderId"].as_str().unwrap()));
    let data = serde_json::to_value(&event.data).unwrap();
    for field in ["orderId", "userId", "status", "payable", "paid", "goodsTotal"] {
        assert_eq!(data[field], paid[field], "{field}");
    }
    assert_eq!(data["items"][0]["quantity"], 1);
}

/// The stream delivers at least once, and a repeated batch may be cut differently.
#[tokio::test]
async fn sales_count_once_for_any_number_of_deliveries() {
    let shop = TestShop::new();
    shop.customer("mina", 10_000_000).await;
    for product in 0..7 {
        shop.product(&format!("p{product}"), 100, 1_000).await;
    }
    for order in 0..40 {
        shop.order("mina", &format!("p{}", order % 7), order % 5 + 1).await.expect(201);
    }
    let records = records(&shop);
    for (size, times) in [(7, 1), (100, 2), (3, 1), (13, 1)] {
        for batch in records.chunks(size) {
            for _ in 0..times {
                count(&shop, batch).await.unwrap();
            }
        }
    }
    shop.audit().await;
}

/// Shards of a stream are read concurrently: an earlier sale can be counted later.
#[tokio::test]
async fn the_last_sale_stays_the_last() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    for id in ["tea", "cup"] {
        shop.product(id, 100, 1_000).await;
    }
    for (second, id) in ["tea", "cup", "cup", "tea"].into_iter().enumerate() {
        shop.set_clock(&format!("2026-11-20T04:00:0{second}Z"));
        shop.order("mina", id, 1).await.expect(201);
    }
    let mut records = Consumers::new(shop.dynamo().clone()).next_batch();
    records.reverse();
    for record in records {
        count(&shop, &[record]).await.unwrap();
    }
    let top = shop.get("/products/top").await.expect(200);
    assert_eq!((&top["items"][0]["productId"], &top["items"][1]["productId"]), (&json!("tea"), &json!("cup")));
    shop.audit().await;
}

/// It dies after any of its calls; the batch comes again.
#[tokio::test(start_paused = true)]
async fn counting_survives_a_death_at_any_call() {
    for dies_at in 1..12 {
        let shop = TestShop::new();
        shop.customer("mina", 1_000_000).await;
        shop.product("tea", 100, 1_000).await;
        for _ in 0..3 {
            shop.order("mina", "tea", 2).await.expect(201);
        }
        let batch = Consumers::new(shop.dynamo().clone()).next_batch();
        let mut calls = 0;
        shop.dynamo().fail(move |_| {
            calls += 1;
            // All three tries of the SDK fail.
            if calls >= dies_at { Fault::LostReply } else { Fault::None }
        });
        let dead_letters = DeadLetterQueue::default().of_stream();
        let _ = count_sales::handle(shop.instance(), &dead_letters, as_batch(&batch)).await;
        shop.dynamo().fail(|_| Fault::None);
        count_sales::handle(shop.instance(), &dead_letters, as_batch(&batch)).await.unwrap();
        let top = shop.get("/products/top").await.expect(200);
        assert_eq!(top["items"][0]["soldQuantity"], 6, "died at call {dies_at}");
        shop.audit().await;
    }
}

/// It holds up nothing. Once it can be read it counts after all, once.
#[tokio::test]
async fn an_unreadable_sale_is_a_dead_letter() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    shop.product("tea", 100, 1_000).await;
    for _ in 0..3 {
        shop.order("mina", "tea", 2).await.expect(201);
    }
    let whole = Consumers::new(shop.dynamo().clone()).next_batch();
    let is_order = |record: &Value| record["dynamodb"]["Keys"]["sk"]["S"] == "ORDER";
    let poison = whole.iter().position(is_order).unwrap();
    let mut records = whole.clone();
    records[poison]["dynamodb"]["NewImage"]["items"] = json!({ "S": "two teas" });
    let (dead_letters, sold) = (DeadLetterQueue::default(), async || {
        shop.get("/products/top").await.expect(200)["items"][0]["soldQuantity"].as_i64().unwrap()
    });
    let dead_letter_queue = dead_letters.of_stream();
    let handled = count_sales::handle(shop.instance(), &dead_letter_queue, as_batch(&records));
    let answer = running_as("count-sales", handled).await.unwrap();
    assert!(answer.batch_item_failures.is_empty());
    assert_eq!((sold().await, dead_letters.taken()[0].0.clone()), (4, records[poison].clone()));
    for _ in 0..2 {
        count_sales::handle(shop.instance(), &dead_letters.of_stream(), as_batch(&whole[poison..=poison]))
            .await
            .unwrap();
    }
    assert_eq!(sold().await, 6);
    shop.audit().await;
}
