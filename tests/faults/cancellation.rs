//! Cancellations: concurrent requests, lost answers, functions that die.

use serde_json::json;
use tests::{
    Fault, TestShop,
    steps::{
        END, at_once, cancel, cancel_units,
        cancellation::{shop_of_mina, teas_and_cups},
        codes, counted, coupon_status, dying_at, end_hold, hold, ledger, look, move_line, pay, status,
    },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_cancellations_cancel_each_unit_once() {
    let shop = TestShop::with_instances(8);
    shop.customer("mina", 100_000).await;
    shop.product("tea", 1_001, 20).await;
    shop.coupon("welcome", 1).await;
    shop.issue("mina", "welcome").await.expect(201);
    let items = json!([{ "productId": "tea", "quantity": 12 }]);
    let order =
        shop.post("/orders", json!({ "userId": "mina", "items": items, "couponId": "welcome" })).await.expect(201);
    let answers = at_once((0..20).map(|_| cancel_units(&shop, "mina", &order, "1", 1))).await;
    assert_eq!(counted(&answers), codes(&[("ORDER_STATE_CONFLICT", 8), ("SUCCESS", 12)]));
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (100_000, 20));
    assert_eq!(coupon_status(&shop, "mina").await, "USABLE");
    let refunds = ledger(&shop, "mina").await.into_iter().filter(|(kind, ..)| kind == "REFUND").count();
    assert_eq!(refunds, 12);
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_repetitions_of_a_key_cancel_once() {
    let shop = TestShop::with_instances(8);
    shop.customer("mina", 100_000).await;
    shop.product("tea", 1_000, 10).await;
    let order = shop.order("mina", "tea", 10).await.expect(201);
    let calls = (0..20).map(|number| cancel_units(&shop, "mina", &order, "1", 2).key(&format!("k{}", number % 4)));
    let answers = at_once(calls).await;
    assert_eq!(counted(&answers), codes(&[("SUCCESS", 20)]));
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (100_000 - 5_000, 8));
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_cancellation_and_shipping_have_one_winner() {
    let shop = TestShop::with_instances(8);
    shop.customer("mina", 10_000_000).await;
    shop.product("tea", 1_000, 1_000).await;
    let mut shipped = 0;
    for round in 0..40 {
        let order = shop.order("mina", "tea", 2).await.expect(201);
        let cancelling = match round % 3 {
            0 => cancel(&shop, "mina", &order, json!({})),
            1 => cancel_units(&shop, "mina", &order, "1", 2),
            _ => move_line(&shop, &order, "1", "CANCELLED").as_user("mina"),
        };
        let mut calls = vec![cancelling, move_line(&shop, &order, "1", "SHIPPED").as_admin()];
        if round % 2 == 0 {
            calls.reverse();
        }
        let answers = at_once(calls).await;
        assert_eq!(counted(&answers), codes(&[("ORDER_STATE_CONFLICT", 1), ("SUCCESS", 1)]));
        let line = look(&shop, &order).await["items"][0]["status"].clone();
        assert!(["SHIPPED", "CANCELLED"].contains(&line.as_str().unwrap()), "{line}");
        shipped += i64::from(line == "SHIPPED");
    }
    assert_eq!(shop.balance("mina").await, 10_000_000 - 5_000 * shipped);
    assert_eq!(shop.stock("tea").await, 1_000 - 2 * shipped);
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_payment_cancellation_and_expiry_of_a_hold_lose_nothing() {
    let shop = TestShop::with_instances(8);
    shop.customer("mina", 10_000_000).await;
    shop.product("tea", 1_000, 1_000).await;
    for round in 0..30 {
        shop.set_clock("2026-11-20T03:00:00Z");
        let held = hold(&shop, "mina", "tea", 2).await.expect(201);
        let mut calls = vec![
            pay(&shop, "mina", &held),
            cancel(&shop, "mina", &held, json!({})),
            cancel(&shop, "mina", &held, json!({})),
        ];
        calls.rotate_left(round % 3);
        if round % 2 == 0 {
            shop.set_clock(END);
        }
        let ending = tokio::spawn({
            let (shop, held) = (shop.clone(), held.clone());
            async move { end_hold(&shop, &held).await }
        });
        for answer in at_once(calls).await.into_iter().filter(|answer| answer.status != 200) {
            answer.refused(409, "ORDER_STATE_CONFLICT");
        }
        ending.await.unwrap();
        let state = status(&shop, &held).await;
        assert!(["CANCELLED", "FULLY_REFUNDED"].contains(&state.as_str()), "{state}");
        assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (10_000_000, 1_000));
    }
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_cancellations_charges_and_orders_of_one_user_all_count() {
    let shop = TestShop::with_instances(8);
    shop.customer("mina", 200_000).await;
    shop.product("tea", 10_000, 100).await;
    let mut placed = Vec::new();
    for _ in 0..6 {
        placed.push(shop.order("mina", "tea", 1).await.expect(201));
    }
    let calls = placed.iter().flat_map(|order| {
        let charge = shop.post("/balance/charge", json!({ "userId": "mina", "amount": 100 }));
        [cancel(&shop, "mina", order, json!({})), charge, shop.order("mina", "tea", 1)]
    });
    let answers = at_once(calls).await;
    assert_eq!(counted(&answers), codes(&[("SUCCESS", 18)]));
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (200_000 + 600 - 6 * 13_000, 94));
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn conflicts_throttling_and_lost_answers_cancel_once() {
    for fault in [Fault::Conflict, Fault::Throttled, Fault::LostReply] {
        let times = if fault == Fault::LostReply { 2 } else { 4 };
        let shop = shop_of_mina().await;
        let order = teas_and_cups(&shop).await;
        for (instance, is_cold) in [(shop.clone(), false), (shop.another_instance(), true)] {
            shop.dynamo().fail_first("TransactWriteItems", times, fault);
            let part = cancel_units(&instance, "mina", &order, "1", 1).await.expect(200);
            let units = if is_cold { 2 } else { 1 };
            assert_eq!(part["items"][0]["cancelledQuantity"], units, "{fault:?}");
        }
        shop.dynamo().fail_first("TransactWriteItems", times, fault);
        cancel(&shop, "mina", &order, json!({})).key("k").await.expect(200);
        shop.dynamo().fail(|_| Fault::None);
        assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (100_000, 10));
        shop.audit().await;
    }
}

/// Every try loses its answer: the caller gets a 503, and finds the cancellation by repeating the key.
#[tokio::test(start_paused = true)]
async fn a_cancellation_without_an_answer_is_found_by_its_key() {
    let shop = shop_of_mina().await;
    let order = teas_and_cups(&shop).await;
    shop.dynamo().fail(|operation| if operation == "TransactWriteItems" { Fault::LostReply } else { Fault::None });
    cancel_units(&shop, "mina", &order, "1", 1).key("k").await.refused(503, "TRY_AGAIN");
    shop.dynamo().fail(|_| Fault::None);
    assert_eq!(cancel_units(&shop, "mina", &order, "1", 1).key("k").await.expect(200)["refunded"], 949);
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (90_700 + 949, 8));
    shop.audit().await;
}

/// The function dies after any of its calls to DynamoDB; the client asks again with the same key.
#[tokio::test]
async fn a_cancellation_survives_a_death_at_any_call() {
    for cold in [true, false] {
        for number in 1.. {
            let shop = shop_of_mina().await;
            let order = teas_and_cups(&shop).await;
            let instance = if cold { shop.another_instance() } else { shop.clone() };
            let part = || cancel_units(&instance, "mina", &order, "1", 1).key("part");
            let answered = dying_at(&shop, number, part()).await;
            let again = part().await.expect(200);
            assert_eq!((&again["refunded"], &again["items"][0]["cancelledQuantity"]), (&json!(949), &json!(1)));
            assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (90_700 + 949, 8), "call {number}");
            let whole = || cancel(&instance, "mina", &order, json!({})).key("whole");
            let _ = dying_at(&shop, number, whole()).await;
            assert_eq!(whole().await.expect(200)["refunded"], 9_300);
            assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (100_000, 10), "call {number}");
            assert_eq!(coupon_status(&shop, "mina").await, "USABLE");
            shop.audit().await;
            if answered.is_some() {
                assert!(number > 2, "both read and write");
                break;
            }
        }
    }
}
