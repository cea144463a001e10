//! The relay from the stream to the bus and the work queues.

use functions::{
    schedule::sweep,
    stream::relay_events::{
        Relay,
        WorkQueue::{self, Expiry, PaymentRequests, ShippingInstructions},
    },
};
use serde_json::{Value, json};
use tests::{
    Bus, BusFault, TestShop,
    fakes::{
        queue::DeadLetterQueue,
        stream::{Consumers, batch as event},
    },
    permissions::running_as,
    steps::order_by,
};

fn relay(bus: &Bus) -> Relay {
    bus.relay(&DeadLetterQueue::default())
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

fn ids(bus: &Bus) -> Vec<String> {
    bus.events().iter().map(|event| event["eventId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn events_are_sent_in_batches_of_ten() {
    let bus = Bus::default();
    let answer = relay(&bus).handle(event(&batch(23).await)).await.unwrap();
    assert!(answer.batch_item_failures.is_empty());
    // Each order is paid, and to be shipped.
    assert_eq!(bus.entries_per_call(), [10, 10, 10, 10, 6]);
    let mut unique = ids(&bus);
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), 46);
    assert_eq!(bus.messages_per_call(ShippingInstructions), [10, 10, 3]);
}

/// A shop with an order that waits for the payment system, one that was paid and taken back by it, and a paid one.
async fn with_all_work() -> Vec<Value> {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 1_000, 100).await;
    order_by(&shop, "mina", "tea", 1, "EXTERNAL").await.expect(201);
    let paid = shop.order("mina", "tea", 1).await.expect(201);
    let cancel = format!("/orders/{}/cancel", paid["orderId"].as_str().unwrap());
    shop.post(&cancel, json!({})).as_user("mina").await.expect(200);
    Consumers::new(shop.dynamo().clone()).next_batch()
}

/// Consumers get the form in which a rule of the bus fills a queue.
#[tokio::test]
async fn work_goes_to_its_queue_and_to_the_bus() {
    let bus = Bus::default();
    relay(&bus).handle(event(&with_all_work().await)).await.unwrap();
    let kinds = |queue: WorkQueue| -> Vec<Value> {
        bus.messages(queue).iter().map(|message| message["detail-type"].clone()).collect()
    };
    assert_eq!(kinds(Expiry), ["OrderPlaced"]);
    assert_eq!(kinds(PaymentRequests), ["PaymentRequested"]);
    assert_eq!(kinds(ShippingInstructions), ["ShippingRequested", "ShippingCancelled"]);
    let events = bus.events();
    let of_events = WorkQueue::ALL.into_iter().filter(|queue| *queue != WorkQueue::Desk);
    for message in of_events.flat_map(|queue| bus.messages(queue)) {
        assert!(events.contains(&message["detail"]), "the bus has it too: {message}");
        assert_eq!(
            (&message["id"], &message["detail-type"]),
            (&message["detail"]["eventId"], &message["detail"]["type"])
        );
    }
    let mut message = bus.messages(PaymentRequests).remove(0);
    message["id"] = json!("…");
    message["detail"] = json!("…");
    insta::assert_json_snapshot!(message, @r#"
    {
      "account": "123456789012",
      "detail": "…",
      "detail-type": "PaymentRequested",
      "id": "…",
      "region": "ap-northeast-2",
      "resources": [],
      "source": "jangteo.orders",
      "time": "2026-11-20T03:00:00Z",
      "version": "0"
    }
    "#);
}

/// Each step of an export is asked for by the change of its record.
#[tokio::test]
async fn an_export_goes_to_its_queue_and_not_to_the_bus() {
    let (bus, shop) = (Bus::default(), TestShop::new());
    shop.customer("mina", 0).await;
    let body = json!({ "of": "MINE", "from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z" });
    let export = shop.post("/exports", body).as_user("mina").await.expect(202);
    let records = Consumers::new(shop.dynamo().clone()).next_batch();
    running_as("relay-events", relay(&bus).handle(event(&records))).await.unwrap();
    let messages = bus.messages(WorkQueue::Exports);
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0]["detail"]["exportId"], export["exportId"]);
    assert_eq!(bus.events(), [] as [Value; 0]);
}

/// A request would have an order paid over the bus while its customer pays in the session.
#[tokio::test]
async fn nobody_is_asked_for_payments_where_sessions_alone_take_them() {
    let (bus, records) = (Bus::default(), with_all_work().await);
    relay(&bus).asking_for_payments(false).handle(event(&records)).await.unwrap();
    assert!(bus.messages(PaymentRequests).is_empty());
    let kinds: Vec<Value> = bus.events().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds, ["OrderPlaced", "OrderPaid", "ShippingRequested", "OrderRefunded", "ShippingCancelled"]);
}

#[tokio::test]
async fn a_withdrawal_is_asked_for_once_and_without_its_account() {
    let shop = TestShop::new();
    shop.customer("mina", 10_000).await;
    let account = json!({ "bank": "장터은행", "number": "110-123-456789", "holder": "김민아" });
    let wanted = json!({ "userId": "mina", "amount": 3_000, "account": account });
    let withdrawal = shop.post("/balance/withdrawals", wanted).as_user("mina").await.expect(201);
    let path = format!("/balance/withdrawals/{}", withdrawal["withdrawalId"].as_str().unwrap());
    shop.patch(&path, json!({ "status": "PAID_OUT" })).as_admin().await.expect(200);
    let records = Consumers::new(shop.dynamo().clone()).next_batch();
    for (is_asked, messages) in [(true, 1), (false, 0)] {
        let bus = Bus::default();
        relay(&bus).asking_for_payments(is_asked).handle(event(&records)).await.unwrap();
        let events = bus.events();
        let [asked] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((&asked["type"], &asked["data"]["amount"]), (&json!("WithdrawalRequested"), &json!(3_000)));
        assert!(!asked.to_string().contains("110-123"), "{asked}");
        assert_eq!(bus.messages(PaymentRequests).len(), messages);
    }
}

#[tokio::test]
async fn a_queue_that_does_not_exist_gets_no_events() {
    let (bus, records) = (Bus::default(), with_all_work().await);
    let relay = bus.relay_filling(&[PaymentRequests], &DeadLetterQueue::default());
    assert!(relay.handle(event(&records)).await.unwrap().batch_item_failures.is_empty());
    assert_eq!(WorkQueue::ALL.map(|queue| bus.messages(queue).len()), [0, 1, 0, 0, 0]);
    assert_eq!(ids(&bus).len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_refused_message_is_retried_alone() {
    let bus = Bus::default();
    let mut refused = 0;
    bus.refuse_anywhere_if(move |queue, _| {
        refused += u32::from(queue.is_some());
        queue.is_some() && refused <= 3
    });
    let answer = relay(&bus).handle(event(&batch(5).await)).await.unwrap();
    assert!(answer.batch_item_failures.is_empty());
    assert_eq!((bus.entries_per_call(), bus.messages_per_call(ShippingInstructions)), (vec![10], vec![5, 3]));
    assert_eq!(bus.messages(ShippingInstructions).len(), 5);
}

/// The queue has the messages; the relay cannot know. Consumers go by the id.
#[tokio::test(start_paused = true)]
async fn messages_without_an_answer_are_sent_again_with_the_same_content() {
    for fault in [BusFault::LostAnswer, BusFault::Throttled, BusFault::Down] {
        let (bus, mut calls) = (Bus::default(), 0);
        bus.fail_anywhere(move |queue| {
            calls += u32::from(queue.is_some());
            if queue.is_some() && calls == 1 { fault } else { BusFault::None }
        });
        relay(&bus).handle(event(&batch(4).await)).await.unwrap();
        let messages = bus.messages(ShippingInstructions);
        let (first, again) = messages.split_at(messages.len() - 4);
        assert_eq!(first, if fault == BusFault::LostAnswer { again } else { &[] }, "{fault:?}");
        assert_eq!(bus.entries_per_call(), [8], "{fault:?}: the bus gets nothing again");
    }
}

/// An order's payment is asked for only when the queue that ends its hold has the order.
#[tokio::test(start_paused = true)]
async fn no_event_overtakes_one_that_its_queue_refused() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 1_000, 100).await;
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let body = json!({ "userId": "mina", "items": items, "payment": "LATER" });
    let order = shop.post("/orders", body).await.expect(201);
    let path = format!("/orders/{}/payment", order["orderId"].as_str().unwrap());
    shop.post(&path, json!({})).as_user("mina").await.expect(200);
    let (bus, mut refusals) = (Bus::default(), 3);
    bus.refuse_anywhere_if(move |queue, _| {
        let is_refused = queue == Some("Expiry") && refusals > 0;
        refusals -= u32::from(is_refused);
        is_refused
    });
    relay(&bus).handle(event(&Consumers::new(shop.dynamo().clone()).next_batch())).await.unwrap();
    let kind = |id: &str| bus.events().into_iter().find(|event| event["eventId"] == id).unwrap()["type"].clone();
    let order: Vec<(Value, Option<String>)> = bus.order().into_iter().map(|(id, queue)| (kind(&id), queue)).collect();
    let queue = |name: &str| Some(name.to_owned());
    let expected = [
        (json!("OrderPlaced"), None),
        (json!("OrderPlaced"), queue("Expiry")),
        (json!("OrderPaid"), None),
        (json!("ShippingRequested"), None),
        (json!("ShippingRequested"), queue("ShippingInstructions")),
    ];
    assert_eq!(order, expected);
}

/// The batch comes again until the queue is up. The bus does not get it each time.
#[tokio::test(start_paused = true)]
async fn a_batch_that_comes_again_goes_only_where_it_is_missing() {
    let (bus, records) = (Bus::default(), batch(3).await);
    let orders: Vec<&Value> =
        records.iter().filter(|record| record["dynamodb"]["Keys"]["sk"]["S"] == "ORDER").collect();
    let second = orders[1]["dynamodb"]["NewImage"]["orderId"]["S"].as_str().unwrap().to_owned();
    bus.refuse_anywhere_if(move |queue, entry| {
        queue.is_some() && entry["MessageBody"].as_str().unwrap().contains(&second)
    });
    let (relay, mut from) = (relay(&bus), 0);
    for _ in 0..3 {
        let answer = relay.handle(event(&orders[from..])).await.unwrap();
        let failed = answer.batch_item_failures[0].item_identifier.clone().unwrap();
        assert_eq!(orders[1]["dynamodb"]["SequenceNumber"], failed.as_str());
        from = 1;
    }
    bus.refuse(0);
    assert!(relay.handle(event(&orders[1..])).await.unwrap().batch_item_failures.is_empty());
    assert_eq!((ids(&bus).len(), bus.messages(ShippingInstructions).len()), (6, 3), "none twice");
    // The memory is that of one environment, and of one batch.
    for relay in [self::relay(&bus), relay] {
        relay.handle(event(&orders[2..])).await.unwrap();
    }
    assert_eq!((ids(&bus).len(), bus.messages(ShippingInstructions).len()), (6 + 4, 3 + 2));
}

/// Whether the bus is up or down.
#[tokio::test]
async fn a_start_publishes_nothing_and_does_not_fail() {
    for fault in [BusFault::None, BusFault::Down] {
        let bus = Bus::default();
        bus.fail(move || fault);
        relay(&bus).connect().await;
        let calls = if matches!(fault, BusFault::None) { vec![0] } else { vec![] };
        assert_eq!((bus.entries_per_call(), bus.taken()), (calls, vec![]));
    }
}

/// The largest orders have the longest names on the most lines: ten of them are more than one call takes.
#[tokio::test]
async fn large_events_are_sent_in_more_calls() {
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
async fn an_event_describes_its_order() {
    let bus = Bus::default();
    relay(&bus).handle(event(&batch(1).await)).await.unwrap();
    let entry = bus.taken().remove(0);
    assert_eq!(
        (&entry["Source"], &entry["DetailType"], &entry["EventBusName"]),
        (&json!("jangteo.orders"), &json!("OrderPaid"), &json!("orders"))
    );
    let mut detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    for name in ["eventId", "aggregateId", "traceId"] {
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
        "shipments": [
          {
            "fee": 3000,
            "sellerId": null
          }
        ],
        "shippingFee": 3000,
        "status": "PAID",
        "userId": "mina"
      },
      "eventId": "…",
      "occurredAt": "2026-11-20T03:00:00Z",
      "sequence": 1,
      "traceId": "…",
      "type": "OrderPaid",
      "version": 1
    }
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_refused_entry_is_retried_alone() {
    let bus = Bus::default();
    bus.refuse(3);
    relay(&bus).handle(event(&batch(5).await)).await.unwrap();
    assert_eq!(bus.entries_per_call(), [10, 3]);
    assert_eq!(ids(&bus).len(), 10);
}

/// A later event of an order is sent only after the earlier ones have been taken.
#[tokio::test(start_paused = true)]
async fn no_event_overtakes_a_refused_one() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 1_000, 100).await;
    let items = json!([{ "productId": "tea", "quantity": 3 }]);
    for _ in 0..2 {
        let order = shop.post("/orders", json!({ "userId": "mina", "items": items, "payment": "LATER" })).await;
        let path = format!("/orders/{}", order.expect(201)["orderId"].as_str().unwrap());
        shop.post(&format!("{path}/payment"), json!({})).as_user("mina").await.expect(200);
        let part = json!({ "items": [{ "itemId": "1", "quantity": 1 }] });
        shop.post(&format!("{path}/cancel"), part).as_user("mina").await.expect(200);
    }
    let bus = Bus::default();
    // The first order's only event in the first call.
    bus.refuse(1);
    relay(&bus).handle(event(&Consumers::new(shop.dynamo().clone()).next_batch())).await.unwrap();
    let published = |order: &Value| -> Vec<(String, u64)> {
        let of_order = bus.events().into_iter().filter(|event| event["aggregateId"] == *order);
        of_order
            .map(|event| (event["type"].as_str().unwrap().to_owned(), event["sequence"].as_u64().unwrap()))
            .collect()
    };
    let (second, first) = (bus.events()[0]["aggregateId"].clone(), bus.events()[1]["aggregateId"].clone());
    let life = [
        ("OrderPlaced", 1),
        ("OrderPaid", 2),
        ("ShippingRequested", 2),
        ("OrderRefunded", 3),
        ("ShippingCancelled", 3),
    ];
    let life = life.map(|(kind, sequence)| (kind.to_owned(), sequence));
    assert_eq!((published(&first), published(&second)), (life.to_vec(), life.to_vec()));
    // All events of one record go together; the first order is a step behind.
    assert_eq!(bus.entries_per_call(), [2, 3, 4, 2]);
}

/// Events published before an outage of the bus do not come again.
#[tokio::test(start_paused = true)]
async fn events_missing_after_an_outage_are_sent_later() {
    let bus = Bus::default();
    let records = batch(12).await;
    let mut calls = 0;
    bus.fail(move || {
        calls += 1;
        if calls > 2 { BusFault::Down } else { BusFault::None }
    });
    let orders: Vec<&Value> =
        records.iter().filter(|record| record["dynamodb"]["Keys"]["sk"]["S"] == "ORDER").collect();
    let answer = relay(&bus).handle(event(&orders)).await.unwrap();
    // Two calls, each with the two events of five orders.
    let failed = answer.batch_item_failures[0].item_identifier.clone().unwrap();
    assert_eq!(orders[10]["dynamodb"]["SequenceNumber"], failed.as_str());
    bus.fail(|| BusFault::None);
    let answer = relay(&bus).handle(event(&orders[10..])).await.unwrap();
    assert!(answer.batch_item_failures.is_empty());
    let mut unique = ids(&bus);
    unique.sort();
    unique.dedup();
    assert_eq!((unique.len(), ids(&bus).len()), (24, 24));
}

/// It holds up nothing. Once it can be read it can be handled after all.
#[tokio::test]
async fn an_unreadable_record_is_a_dead_letter() {
    let (bus, dead_letters) = (Bus::default(), DeadLetterQueue::default());
    let mut records = batch(3).await;
    let whole = records.clone();
    let orders: Vec<usize> =
        (0..records.len()).filter(|&at| records[at]["dynamodb"]["Keys"]["sk"]["S"] == "ORDER").collect();
    let poison = orders[1];
    records[poison]["dynamodb"]["NewImage"]["payable"] = json!({ "S": "a lot" });
    // Not even a stream's.
    records.push(json!({ "dynamodb": "?" }));
    let answer = bus.relay(&dead_letters).handle(event(&records)).await.unwrap();
    assert!(answer.batch_item_failures.is_empty());
    assert_eq!(ids(&bus).len(), 4);
    let letters = dead_letters.taken();
    let bodies: Vec<&Value> = letters.iter().map(|(body, _)| body).collect();
    assert_eq!(bodies, [&records[poison], records.last().unwrap()]);
    assert!(letters.iter().all(|(_, reason)| !reason.is_empty()), "{letters:?}");

    // Handled by a version that knows the shape, or repaired by an operator.
    bus.relay(&dead_letters).handle(event(&[&whole[poison]])).await.unwrap();
    assert_eq!(ids(&bus).len(), 6);
    assert_eq!(dead_letters.taken().len(), 2);
}

/// No event with an invented amount is published.
#[tokio::test]
async fn an_order_with_inconsistent_amounts_is_a_dead_letter() {
    let (bus, dead_letters) = (Bus::default(), DeadLetterQueue::default());
    let mut records = batch(1).await;
    let order = records.iter_mut().find(|record| record["dynamodb"]["Keys"]["sk"]["S"] == "ORDER").unwrap();
    order["dynamodb"]["NewImage"]["items"]["L"][0]["M"]["unitPrice"] = json!({ "N": i64::MAX.to_string() });
    order["dynamodb"]["NewImage"]["items"]["L"][0]["M"]["quantity"] = json!({ "N": "2" });
    bus.relay(&dead_letters).handle(event(&records)).await.unwrap();
    assert!(ids(&bus).is_empty());
    assert_eq!(dead_letters.taken()[0].1, "the amounts of a stored line are inconsistent");
}

/// The records before it are published, and Lambda learns the record to retry from.
#[tokio::test(start_paused = true)]
async fn a_record_without_a_reachable_dead_letter_queue_is_reported_as_failed() {
    let (bus, dead_letters) = (Bus::default(), DeadLetterQueue::default());
    dead_letters.set_down(true);
    let mut records = batch(3).await;
    let orders: Vec<usize> =
        (0..records.len()).filter(|&at| records[at]["dynamodb"]["Keys"]["sk"]["S"] == "ORDER").collect();
    let poison = orders[1];
    records[poison]["dynamodb"]["NewImage"]["payable"] = json!({ "S": "a lot" });
    let answer = bus.relay(&dead_letters).handle(event(&records)).await.unwrap();
    let failed = answer.batch_item_failures[0].item_identifier.clone().unwrap();
    assert_eq!(records[poison]["dynamodb"]["SequenceNumber"], failed.as_str());
    assert_eq!(ids(&bus).len(), 2);
}

/// A user's coupon has events for its issue and its revocation; its use is in the order's events.
#[tokio::test]
async fn coupons_have_events() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 10).await;
    for coupon in ["welcome", "second"] {
        shop.coupon(coupon, 5).await;
        shop.issue("mina", coupon).await.expect(201);
    }
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let body = json!({ "userId": "mina", "items": items, "couponId": "welcome", "payment": "LATER" });
    let order = shop.post("/orders", body).await.expect(201);
    let cancel = format!("/orders/{}/cancel", order["orderId"].as_str().unwrap());
    shop.post(&cancel, json!({})).as_user("mina").await.expect(200);
    shop.set_clock("2026-11-20T04:00:00Z");
    for _ in 0..2 {
        let revocation = json!({ "userId": "mina", "couponId": "second" });
        shop.post("/coupons/revoke", revocation).as_admin().await.expect(200);
    }
    let events = shop.published().await.into_iter().map(|event| serde_json::to_value(event).unwrap());
    let mut published: Vec<Value> =
        events.filter(|event| event["type"].as_str().unwrap().starts_with("Coupon")).collect();
    let kinds = published.iter().map(|event| (event["type"].as_str().unwrap(), event["eventId"].as_str().unwrap()));
    let expected =
        [("CouponIssued", "welcome:mina-1"), ("CouponIssued", "second:mina-1"), ("CouponRevoked", "second:mina-2")];
    assert_eq!(kinds.collect::<Vec<_>>(), expected);
    let mut last = published.pop().unwrap();
    last["data"]["issuedCouponId"] = json!("…");
    last["traceId"] = json!("…");
    insta::assert_json_snapshot!(last, @r#"
    {
      "aggregateId": "second:mina",
      "data": {
        "couponId": "second",
        "expiresAt": "2026-11-26T15:00:00Z",
        "issuedAt": "2026-11-20T03:00:00Z",
        "issuedCouponId": "…",
        "revokedAt": "2026-11-20T04:00:00Z",
        "userId": "mina"
      },
      "eventId": "second:mina-2",
      "occurredAt": "2026-11-20T04:00:00Z",
      "sequence": 2,
      "traceId": "…",
      "type": "CouponRevoked",
      "version": 1
    }
    "#);
}

/// A created sheet is an event, and an abandoned one another; its order has events of its own.
#[tokio::test]
async fn order_sheets_have_events() {
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
    sweep::sheets::run(shop.instance()).await.unwrap();

    let bus = Bus::default();
    relay(&bus).handle(event(&Consumers::new(shop.dynamo().clone()).next_batch())).await.unwrap();
    let published: Vec<(Value, Value)> = bus
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
    assert_eq!(published, expected);
}
