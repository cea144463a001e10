//! Results of external payments: concurrent ones, lost answers, functions that die.

use std::collections::BTreeMap;

use PaymentOutcome::{Failed, Succeeded};
use futures::future::join_all;
use shared::{app::orders::PaymentOutcome, domain::order::PaymentStatus};
use tests::{
    Fault, TestShop,
    steps::{
        END, JUST_BEFORE, dying_at, end_hold,
        external::{payment, payments, refunds_asked, waiting},
        order_by, settle, status,
    },
};

/// A mixture of results, some of them many times, and the end of the hold, all at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_results_pay_at_most_once() {
    for round in 0..12_usize {
        let shop = TestShop::with_instances(8);
        shop.customer("mina", 50_000).await;
        shop.product("tea", 12_000, 10).await;
        let order = order_by(&shop, "mina", "tea", 2, "EXTERNAL").await.expect(201);
        let (right, wrong) = (27_000, 26_999);
        shop.set_clock(if round % 4 == 3 { END } else { JUST_BEFORE });
        let mut results = Vec::new();
        for number in 0..20_usize {
            // Five payments, one with a wrong amount. Each is reported four times, now as a success, now as a failure.
            let (name, amount) = (format!("pay-{}", number % 5), if number % 5 == 4 { wrong } else { right });
            let fails = match round % 3 {
                0 => number % 4 == 0,
                1 => number % 5 == 1,
                _ => false,
            };
            results.push((if fails { Failed } else { Succeeded }, name, amount));
        }
        results.rotate_left(round % 7);
        let settled = results.iter().cloned().map(|(outcome, name, amount)| {
            let (shop, order) = (shop.clone(), order.clone());
            tokio::spawn(async move { settle(&shop, &order, outcome, &name, amount).await })
        });
        let settled: Vec<_> = settled.collect();
        let ending = tokio::spawn({
            let (shop, order) = (shop.clone(), order.clone());
            async move { end_hold(&shop, &order).await }
        });
        for settled in join_all(settled).await {
            settled.unwrap();
        }
        ending.await.unwrap();

        let mut by_status: BTreeMap<String, i64> = BTreeMap::new();
        let noted = payments(&shop, &order).await;
        for (_, _, status) in &noted {
            *by_status.entry(status.clone()).or_default() += 1;
        }
        let paid = by_status.get("PAID").copied().unwrap_or_default();
        assert!(paid <= 1, "{noted:?}");
        let state = status(&shop, &order).await;
        assert_eq!(paid == 1, state == "PAID", "{noted:?} {state}");
        // Every success that did not pay is refunded, once.
        let mut asked: Vec<_> =
            refunds_asked(&shop, &order).await.into_iter().map(|(id, amount, _)| (id, amount)).collect();
        asked.sort();
        let back = noted.iter().filter(|(_, _, status)| status == "REFUND_REQUESTED");
        assert_eq!(asked, back.map(|(id, amount, _)| (id.clone(), *amount)).collect::<Vec<_>>());
        let succeeded =
            |name: &String| results.iter().any(|(outcome, other, _)| *outcome == Succeeded && other == name);
        for (name, _, status) in &noted {
            assert_eq!(succeeded(name), status != "FAILED", "{noted:?}");
        }
        shop.set_clock(END);
        end_hold(&shop, &order).await;
        let units = if paid == 1 { 2 } else { 0 };
        assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (50_000, 10 - units));
        shop.audit().await;
    }
}

#[tokio::test(start_paused = true)]
async fn results_survive_conflicts_throttling_and_lost_answers() {
    for fault in [Fault::Conflict, Fault::Throttled, Fault::LostReply] {
        let times = if fault == Fault::LostReply { 2 } else { 4 };
        let (shop, order) = waiting().await;
        shop.dynamo().fail_first("TransactWriteItems", times, fault);
        assert_eq!(settle(&shop, &order, Succeeded, "pay-1", 26_000).await, PaymentStatus::Paid);
        shop.dynamo().fail_first("TransactWriteItems", times, fault);
        assert_eq!(settle(&shop, &order, Succeeded, "pay-2", 26_000).await, PaymentStatus::RefundRequested);
        shop.dynamo().fail_first("TransactWriteItems", times, fault);
        assert_eq!(settle(&shop, &order, Failed, "pay-3", 26_000).await, PaymentStatus::Failed);
        shop.dynamo().fail(|_| Fault::None);
        assert_eq!(refunds_asked(&shop, &order).await, [payment("pay-2", 26_000, "NOT_NEEDED")]);
        shop.audit().await;
    }
}

/// The consumer dies after any of its calls to DynamoDB; the result comes again.
#[tokio::test]
async fn results_survive_a_death_at_any_call() {
    for number in 1..=4 {
        for (outcome, expected) in [(Succeeded, PaymentStatus::Paid), (Failed, PaymentStatus::Failed)] {
            let (shop, order) = waiting().await;
            let fresh = shop.another_instance();
            let _ = dying_at(&shop, number, settle(&fresh, &order, outcome, "pay-1", 26_000)).await;
            assert_eq!(settle(&shop, &order, outcome, "pay-1", 26_000).await, expected);
            assert_eq!(shop.stock("tea").await, if outcome == Succeeded { 8 } else { 10 });
            assert_eq!(refunds_asked(&shop, &order).await, []);
            shop.audit().await;
        }
    }
}
