//! Holds: concurrent payments and expiries, lost answers, functions that die.

use std::{collections::BTreeMap, future::IntoFuture};

use futures::future::join_all;
use shared::app::orders;
use tests::{
    Fault, TestShop,
    steps::{
        END, JUST_BEFORE, coupon_status, dying_at, end_hold, expired_orders, history, hold,
        holds::{hold_with_coupon, shop_with_tea},
        order_id, pay, status,
    },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hold_ended_many_times_at_once_ends_once() {
    let shop = TestShop::with_instances(8);
    shop.customer("mina", 100_000).await;
    shop.product("tea", 12_000, 10).await;
    let held = hold_with_coupon(&shop).await;
    shop.set_clock(END);
    let end = |_| {
        let (shop, held) = (shop.clone(), held.clone());
        tokio::spawn(async move { end_hold(&shop, &held).await })
    };
    for done in join_all((0..20).map(end)).await {
        done.unwrap();
    }
    assert_eq!(shop.stock("tea").await, 10);
    assert_eq!(coupon_status(&shop, "mina").await, "USABLE");
    assert_eq!(history(&shop, &held).await.matches("HOLD_EXPIRED").count(), 2);
    shop.audit().await;
}

/// Both are requested around the expiry: one of them decides.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_payment_and_expiry_have_one_winner() {
    let shop = TestShop::with_instances(4);
    shop.customer("mina", 10_000_000).await;
    shop.product("tea", 12_000, 1_000).await;
    let mut outcomes: BTreeMap<String, i64> = BTreeMap::new();
    for round in 0..120 {
        shop.set_clock("2026-11-20T03:00:00Z");
        let held = hold(&shop, "mina", "tea", 1).await.expect(201);
        // A payment that begins a moment before the expiry may commit after the hold's end is visible to others.
        shop.set_clock(if round % 8 == 0 { END } else { JUST_BEFORE });
        let paying = tokio::spawn(pay(&shop, "mina", &held).into_future());
        let ending = tokio::spawn({
            let (shop, held) = (shop.clone(), held.clone());
            async move {
                for _ in 0..round % 16 {
                    tokio::task::yield_now().await;
                }
                shop.set_clock(END);
                end_hold(&shop, &held).await;
            }
        });
        let (answer, ended) = tokio::join!(paying, ending);
        ended.unwrap();
        let answer = answer.unwrap();
        let status = status(&shop, &held).await;
        match answer.status {
            200 => assert_eq!(status, "PAID"),
            _ => {
                answer.refused(409, "ORDER_STATE_CONFLICT");
                assert_eq!(status, "CANCELLED");
            }
        }
        *outcomes.entry(status).or_default() += 1;
    }
    let paid = outcomes.get("PAID").copied().unwrap_or_default();
    assert_eq!(shop.stock("tea").await, 1_000 - paid);
    assert_eq!(shop.balance("mina").await, 10_000_000 - 15_000 * paid);
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_concurrent_holds_take_a_hundred_units_once() {
    let shop = TestShop::with_instances(8);
    shop.product("tea", 10_000, 100).await;
    for user in 0..200 {
        shop.customer(&format!("u{user}"), 20_000).await;
    }
    let holds = (0..200).map(|user| tokio::spawn(hold(&shop, &format!("u{user}"), "tea", 1).into_future()));
    let mut held = Vec::new();
    for (user, answer) in join_all(holds).await.into_iter().enumerate() {
        let answer = answer.unwrap();
        if answer.status == 201 {
            held.push((format!("u{user}"), answer.expect(201)));
        } else {
            answer.refused(409, "STOCK_NOT_ENOUGH");
        }
    }
    assert_eq!((held.len(), shop.stock("tea").await), (100, 0));

    shop.set_clock(JUST_BEFORE);
    let payments = held.iter().step_by(2).map(|(user, order)| tokio::spawn(pay(&shop, user, order).into_future()));
    for answer in join_all(payments).await {
        answer.unwrap().expect(200);
    }
    shop.set_clock("2026-11-20T03:10:00.001Z");
    let expired = expired_orders(&shop).await;
    assert_eq!(expired.len(), 50);
    // Each by two calls, like a queue and a sweep.
    let ends = expired.iter().chain(&expired).map(|(_, order)| {
        let (shop, order) = (shop.clone(), order.clone());
        tokio::spawn(async move { orders::end_hold(shop.instance(), &order).await.expect("a hold can be ended") })
    });
    for ended in join_all(ends).await {
        assert_eq!(ended.unwrap(), None);
    }
    let mut left = 0;
    for user in 0..200 {
        left += shop.balance(&format!("u{user}")).await;
    }
    assert_eq!((shop.stock("tea").await, left), (50, 200 * 20_000 - 50 * 13_000));
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn conflicts_throttling_and_lost_answers_change_nothing() {
    for fault in [Fault::Conflict, Fault::Throttled, Fault::LostReply] {
        for operation in ["TransactWriteItems", "GetItem", "BatchGetItem"] {
            // The SDK itself survives two throttlings of a read; the shop's own retries survive more.
            let times = if operation == "TransactWriteItems" && fault != Fault::LostReply { 4 } else { 2 };
            if operation != "TransactWriteItems" && fault == Fault::Conflict {
                continue;
            }
            let shop = shop_with_tea(100_000, 10).await;
            shop.dynamo().fail_first(operation, times, fault);
            let held = hold_with_coupon_now(&shop).await;
            assert_eq!(shop.stock("tea").await, 8);
            shop.dynamo().fail_first(operation, times, fault);
            pay(&shop.another_instance(), "mina", &held).await.expect(200);
            shop.dynamo().fail(|_| Fault::None);
            assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (73_000, 8), "{fault:?} {operation}");

            let left = hold(&shop, "mina", "tea", 3).await.expect(201);
            shop.set_clock(END);
            shop.dynamo().fail_first(operation, times, fault);
            end_hold(&shop.another_instance(), &left).await;
            shop.dynamo().fail(|_| Fault::None);
            assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (73_000, 8), "{fault:?} {operation}");
            assert_eq!(status(&shop, &left).await, "CANCELLED");
            shop.audit().await;
        }
    }
}

async fn hold_with_coupon_now(shop: &TestShop) -> serde_json::Value {
    hold(shop, "mina", "tea", 2).await.expect(201)
}

/// Every try loses its answer: the payer gets a 503, and finds the payment by repeating the request, with a key or
/// without.
#[tokio::test(start_paused = true)]
async fn a_payment_without_an_answer_is_found() {
    let shop = shop_with_tea(100_000, 10).await;
    let held = hold(&shop, "mina", "tea", 1).await.expect(201);
    let lose = |operation: &str| if operation == "TransactWriteItems" { Fault::LostReply } else { Fault::None };
    shop.dynamo().fail(lose);
    pay(&shop, "mina", &held).key("k").await.refused(503, "TRY_AGAIN");
    shop.dynamo().fail(|_| Fault::None);
    pay(&shop, "mina", &held).key("k").await.expect(200);
    pay(&shop, "mina", &held).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (85_000, 9));

    let left = hold(&shop, "mina", "tea", 1).await.expect(201);
    shop.set_clock(END);
    shop.dynamo().fail(lose);
    assert!(orders::end_hold(shop.instance(), &order_id(&left)).await.is_err());
    shop.dynamo().fail(|_| Fault::None);
    end_hold(&shop, &left).await;
    assert_eq!(shop.stock("tea").await, 9);
    shop.audit().await;
}

/// The function dies after any of its calls to DynamoDB; the client asks again with the same key.
#[tokio::test]
async fn hold_and_payment_survive_a_death_at_any_call() {
    for cold in [true, false] {
        for number in 1.. {
            let shop = shop_with_tea(100_000, 10).await;
            let instance = if cold { shop.another_instance() } else { shop.clone() };
            let held_at_once = dying_at(&shop, number, hold(&instance, "mina", "tea", 1).key("k")).await;
            let held = hold(&shop, "mina", "tea", 1).key("k").await.expect(201);
            assert_eq!(shop.stock("tea").await, 9);
            let instance = if cold { shop.another_instance() } else { shop.clone() };
            let paid_at_once = dying_at(&shop, number, pay(&instance, "mina", &held).key("p")).await;
            let paid = pay(&shop, "mina", &held).key("p").await.expect(200);
            assert_eq!(paid["status"], "PAID");
            assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (85_000, 9), "died at call {number}");
            shop.audit().await;
            if held_at_once.is_some() && paid_at_once.is_some() {
                assert!(number > 2, "both read and write");
                break;
            }
        }
    }
}

/// So does the end of a hold: its message comes again.
#[tokio::test]
async fn the_end_of_a_hold_survives_a_death_at_any_call() {
    for number in 1..=4 {
        let shop = shop_with_tea(100_000, 10).await;
        let held = hold_with_coupon(&shop).await;
        shop.set_clock(END);
        let fresh = shop.another_instance();
        let _ = dying_at(&shop, number, end_hold(&fresh, &held)).await;
        end_hold(&shop, &held).await;
        assert_eq!(shop.stock("tea").await, 10);
        assert_eq!(coupon_status(&shop, "mina").await, "USABLE");
        shop.audit().await;
    }
}
