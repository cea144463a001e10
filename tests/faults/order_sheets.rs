//! Order sheets: expiry, concurrent orders of one sheet, lost answers, functions that die.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::IntoFuture,
};

use futures::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::{app::sheets, domain::OrderSheetId};
use tests::{
    Fault, TABLE, TestShop,
    steps::{
        dying_at, expired_sheets,
        order_sheets::{
            EXPIRY, IN_TIME, create_sheet, order, order_by, path, sheet_id, sheet_in, sheet_status, shop_with_sheet,
        },
    },
};

/// Storage removes a sheet and the record of its key. The same key then makes another sheet, with events of its own.
#[tokio::test]
async fn the_id_of_a_removed_sheet_does_not_come_again() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 12_000, 100).await;
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let create = || shop.post("/order-sheets", json!({ "userId": "mina", "items": items })).key("k");
    let first = create().await.expect(201);
    assert_eq!(create().await.expect(201)["orderSheetId"], first["orderSheetId"]);

    shop.set_clock("2026-12-05T03:00:00Z");
    let now = shop.now().as_second();
    let expired = shop.dynamo().execute("Scan", json!({ "TableName": TABLE })).unwrap();
    let is_over = |item: &Value| item["ttl"]["N"].as_str().is_some_and(|ttl| ttl.parse::<i64>().unwrap() < now);
    let over: Vec<&Value> = expired["Items"].as_array().unwrap().iter().filter(|item| is_over(item)).collect();
    assert_eq!(over.len(), 2, "the sheet and the key's record");
    for item in over {
        let delete = json!({ "TableName": TABLE, "Key": { "pk": item["pk"], "sk": item["sk"] } });
        shop.dynamo().execute("TransactWriteItems", json!({ "TransactItems": [{ "Delete": delete }] })).unwrap();
    }
    let second = create().await.expect(201);
    assert_ne!(second["orderSheetId"], first["orderSheetId"]);
    let ids: BTreeSet<String> = shop.published().await.into_iter().map(|event| event.event_id).collect();
    assert_eq!(ids.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_orders_of_one_sheet_have_one_winner() {
    let shop = TestShop::with_instances(8);
    let sheet = sheet_in(&shop, 1_000_000).await;
    let calls = (0..20).map(|number| {
        let call = if number % 2 == 0 { order(&shop, &sheet) } else { order_by(&shop, &sheet, "LATER") };
        tokio::spawn(call.into_future())
    });
    let mut codes: BTreeMap<String, usize> = BTreeMap::new();
    for answer in join_all(calls.collect::<Vec<_>>()).await {
        *codes.entry(answer.unwrap().code().to_owned()).or_default() += 1;
    }
    assert_eq!(codes.remove("SUCCESS"), Some(1));
    // Some orders see the used coupon before the ordered sheet.
    let refused: usize =
        ["ORDER_STATE_CONFLICT", "COUPON_NOT_USABLE"].iter().filter_map(|code| codes.remove(*code)).sum();
    assert_eq!((refused, codes), (19, BTreeMap::new()));
    assert_eq!((shop.stock("tea").await, shop.stock("cup").await), (8, 9));
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_orders_of_a_sheet_without_a_coupon_report_it_as_ordered() {
    let shop = TestShop::with_instances(8);
    shop.customer("mina", 1_000_000).await;
    shop.product("tea", 12_000, 100).await;
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let sheet = shop.post("/order-sheets", json!({ "userId": "mina", "items": items })).await.expect(201);
    let calls = (0..20).map(|_| tokio::spawn(order(&shop, &sheet).into_future()));
    let mut paid = 0;
    for answer in join_all(calls.collect::<Vec<_>>()).await {
        let answer = answer.unwrap();
        if answer.status == 201 {
            paid += 1;
        } else {
            answer.refused(409, "ORDER_STATE_CONFLICT");
        }
    }
    assert_eq!((paid, shop.stock("tea").await, shop.balance("mina").await), (1, 99, 985_000));
    shop.audit().await;
}

#[tokio::test]
async fn an_unordered_sheet_is_abandoned_once() {
    let (shop, sheet) = shop_with_sheet().await;
    let abandon = async || sheets::abandon(shop.instance(), &sheet_id(&sheet)).await.unwrap();
    assert_eq!(abandon().await, Some(SignedDuration::from_mins(30)));
    shop.set_clock(IN_TIME);
    assert_eq!(abandon().await, Some(SignedDuration::from_millis(1)));
    assert_eq!(sheet_status(&shop, &sheet).await, "OPEN");
    assert_eq!(expired_sheets(&shop).await, []);

    shop.set_clock("2026-11-20T03:30:00.001Z");
    let expired = expired_sheets(&shop).await;
    assert_eq!(expired.into_iter().map(|(_, id)| id).collect::<Vec<_>>(), [sheet_id(&sheet)]);
    for _ in 0..2 {
        assert_eq!(abandon().await, None);
        assert_eq!(expired_sheets(&shop).await, []);
        assert_eq!(sheet_status(&shop, &sheet).await, "EXPIRED");
    }
    order(&shop, &sheet).await.refused(409, "ORDER_SHEET_EXPIRED");
    assert_eq!(
        sheets::abandon(shop.instance(), &OrderSheetId::try_from("none".to_owned()).unwrap()).await.unwrap(),
        None
    );
    shop.audit().await;
}

#[tokio::test]
async fn an_ordered_sheet_is_never_abandoned() {
    let (shop, sheet) = shop_with_sheet().await;
    let placed = order(&shop, &sheet).await.expect(201);
    shop.set_clock("2026-11-20T03:30:00.001Z");
    assert_eq!(expired_sheets(&shop).await, []);
    assert_eq!(sheets::abandon(shop.instance(), &sheet_id(&sheet)).await.unwrap(), None);
    let ordered = shop.get(&path(&sheet)).as_user("mina").await.expect(200);
    assert_eq!((&ordered["status"], &ordered["orderId"]), (&json!("ORDERED"), &placed["orderId"]));
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_order_and_abandonment_have_one_winner() {
    let shop = TestShop::with_instances(4);
    shop.customer("mina", 10_000_000).await;
    shop.product("tea", 12_000, 1_000).await;
    let mut placed = 0;
    for round in 0..80 {
        shop.set_clock("2026-11-20T03:00:00Z");
        let items = json!([{ "productId": "tea", "quantity": 1 }]);
        let sheet = shop.post("/order-sheets", json!({ "userId": "mina", "items": items })).await.expect(201);
        shop.set_clock(IN_TIME);
        let ordering = tokio::spawn(order(&shop, &sheet).into_future());
        let abandoning = tokio::spawn({
            let (shop, sheet) = (shop.clone(), sheet.clone());
            async move {
                for _ in 0..round % 16 {
                    tokio::task::yield_now().await;
                }
                shop.set_clock(EXPIRY);
                assert_eq!(sheets::abandon(shop.instance(), &sheet_id(&sheet)).await.unwrap(), None);
            }
        });
        let (answer, abandoned) = tokio::join!(ordering, abandoning);
        abandoned.unwrap();
        let answer = answer.unwrap();
        let state = sheet_status(&shop, &sheet).await;
        if answer.status == 201 {
            assert_eq!(state, "ORDERED");
            placed += 1;
        } else {
            answer.refused(409, "ORDER_SHEET_EXPIRED");
            assert_eq!(state, "EXPIRED");
        }
    }
    assert_eq!(shop.stock("tea").await, 1_000 - placed);
    assert_eq!(shop.balance("mina").await, 10_000_000 - 15_000 * placed);
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn conflicts_throttling_and_lost_answers_change_nothing() {
    for fault in [Fault::Conflict, Fault::Throttled, Fault::LostReply] {
        let times = if fault == Fault::LostReply { 2 } else { 4 };
        let (shop, _) = shop_with_sheet().await;
        shop.dynamo().fail_first("TransactWriteItems", times, fault);
        let sheet = create_sheet(&shop).await.expect(201);
        shop.dynamo().fail_first("TransactWriteItems", times, fault);
        let placed = order(&shop, &sheet).await.expect(201);
        shop.dynamo().fail(|_| Fault::None);
        assert_eq!(shop.get(&path(&sheet)).as_user("mina").await.expect(200)["orderId"], placed["orderId"]);
        assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (73_000, 8));

        let left =
            shop.post("/order-sheets", json!({ "userId": "mina", "items": [{ "productId": "tea", "quantity": 1 }] }));
        let left = left.await.expect(201);
        shop.set_clock(EXPIRY);
        shop.dynamo().fail_first("UpdateItem", 2, fault);
        assert_eq!(sheets::abandon(shop.instance(), &sheet_id(&left)).await.unwrap(), None);
        shop.dynamo().fail(|_| Fault::None);
        assert_eq!(sheet_status(&shop, &left).await, "EXPIRED");
        shop.audit().await;
    }
}

/// The function dies after any of its calls to DynamoDB; the client asks again with the same key.
#[tokio::test]
async fn creation_and_order_of_a_sheet_survive_a_death_at_any_call() {
    for number in 1.. {
        let (shop, _) = shop_with_sheet().await;
        let fresh = shop.another_instance();
        let created = dying_at(&shop, number, create_sheet(&fresh).key("s")).await;
        let sheet = create_sheet(&shop).key("s").await.expect(201);
        let fresh = shop.another_instance();
        let placed = dying_at(&shop, number, order(&fresh, &sheet).key("o")).await;
        let again = order(&shop, &sheet).key("o").await.expect(201);
        assert_eq!(shop.get(&path(&sheet)).as_user("mina").await.expect(200)["orderId"], again["orderId"]);
        assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (73_000, 8), "died at call {number}");
        shop.audit().await;
        if created.is_some() && placed.is_some() {
            break;
        }
    }
}
