//! Results of the external payment system as they come out of their queue.

use functions::queue::settle_payments::handle;
use serde_json::{Value, json};
use tests::{
    Fault, TestShop,
    contract::is_inbound,
    fakes::queue::{DeadLetterQueue, Waits, batch},
    permissions::running_as,
};

fn result(order: &str, payment: &str, amount: i64) -> Value {
    json!({ "paymentId": payment, "orderId": order, "amount": amount, "at": "2026-11-20T03:00:01Z" })
}

/// A result that can never be settled is a dead letter at once, with its reason; the others are settled.
#[tokio::test]
async fn each_message_is_settled_separately() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.product("tea", 10_000, 10).await;
    let mut orders = Vec::new();
    for _ in 0..2 {
        let items = json!([{ "productId": "tea", "quantity": 1 }]);
        let body = json!({ "userId": "mina", "items": items, "payment": "EXTERNAL" });
        let order = shop.post("/orders", body).await.expect(201);
        orders.push(order["orderId"].as_str().unwrap().to_owned());
    }
    let mut declined = result(&orders[1], "p2", 13_000);
    declined["reason"] = json!("CARD_DECLINED");
    let messages = batch(
        "jangteo.payments",
        &[
            ("PaymentSucceeded", result(&orders[0], "p1", 13_000)),
            ("PaymentFailed", declined),
            ("PaymentSucceeded", result("nobody", "p3", 13_000)),
            ("PaymentSucceeded", result(&orders[0], "p4", 0)),
            ("PaymentPondered", result(&orders[0], "p5", 13_000)),
            ("PaymentSucceeded", result(&orders[1], "p1", 13_000)),
            ("PaymentSucceeded", json!({ "paymentId": "p6" })),
        ],
    );
    let (waits, letters) = (Waits::default(), DeadLetterQueue::default());
    for times in 1..=2 {
        let dead_letters = letters.queue_named("PaymentResultsDeadLetters");
        let queue = waits.queue();
        let work = handle(shop.instance(), &queue, &dead_letters, messages.clone());
        let answer = running_as("settle-payments", work).await.unwrap();
        assert!(answer.batch_item_failures.is_empty(), "{:?}", answer.batch_item_failures);
        let taken = letters.taken();
        let reasons: Vec<&str> = taken.iter().skip(5 * (times - 1)).map(|(_, reason)| reason.as_str()).collect();
        let expected = [
            "order not found: nobody",
            "it is no result of a payment: invalid value: 0, expected a whole number of won from 1 to 100000000000000 at line 1 column 11",
            "PaymentPondered is no result of a payment",
            "paymentId: Taken",
            "it is no result of a payment: missing field `orderId` at line 1 column 18",
        ];
        assert_eq!(reasons, expected);
        assert_eq!(taken[0].0["detail"]["orderId"], "nobody", "a letter is the message as it was received");
    }
    assert!(waits.taken().is_empty(), "no message comes again");
    for (order, status) in orders.iter().zip(["PAID", "CANCELLED"]) {
        assert_eq!(shop.get(&format!("/orders/{order}")).as_user("mina").await.expect(200)["status"], status);
    }
    assert_eq!(shop.stock("tea").await, 9);
    shop.audit().await;
}

/// While the dead-letter queue is down, a result that can never be settled comes again.
#[tokio::test]
async fn a_result_that_cannot_be_put_aside_comes_again() {
    let shop = TestShop::new();
    let (waits, letters) = (Waits::default(), DeadLetterQueue::default());
    letters.set_down(true);
    let messages = batch("jangteo.payments", &[("PaymentSucceeded", result("nobody", "p1", 13_000))]);
    let (queue, letters_queue) = (waits.queue(), letters.queue());
    let work = handle(shop.instance(), &queue, &letters_queue, messages);
    let answer = running_as("settle-payments", work).await.unwrap();
    assert_eq!(answer.batch_item_failures.len(), 1);
    assert_eq!((waits.taken(), letters.taken().len()), (vec![2], 0));
}

/// A busy table is no reason for a dead letter.
#[tokio::test(start_paused = true)]
async fn a_result_in_a_busy_table_comes_again() {
    let shop = TestShop::new();
    shop.dynamo().fail_first("GetItem", 1_000, Fault::Throttled);
    let (waits, letters) = (Waits::default(), DeadLetterQueue::default());
    let messages = batch("jangteo.payments", &[("PaymentSucceeded", result("nobody", "p1", 13_000))]);
    let answer = handle(shop.instance(), &waits.queue(), &letters.queue(), messages).await.unwrap();
    assert_eq!(answer.batch_item_failures.len(), 1);
    assert_eq!((waits.taken(), letters.taken().len()), (vec![2], 0));
}

/// Details near the edge of the contract, on either side of it.
fn details(order: &str) -> Vec<Value> {
    let with = |field: &str, value: Value| {
        let mut detail = result(order, "p", 13_000);
        detail[field] = value;
        detail
    };
    let without = |field: &str| {
        let mut detail = result(order, "p", 13_000);
        detail.as_object_mut().unwrap().remove(field);
        detail
    };
    let instants = [
        "2026-11-20T03:00:01.123456789012Z",
        "2026-11-20T12:00:01+09:00",
        "2026-11-20t03:00:01z",
        "1969-07-20T20:17:40Z",
        "2026-12-31T23:59:60Z",
        "2026-11-20T03:00:01",
        "2026-11-20 03:00:01Z",
        "2026-11-20",
        "20261120T030001Z",
        "2026-11-20T03:00Z",
        "2026-11-20T03:00:01,5Z",
        "2026-11-20T25:00:00Z",
        "2026-02-29T00:00:00Z",
        "yesterday",
        "",
    ];
    let amounts = [
        json!(1),
        json!(100_000_000_000_000_i64),
        json!(13_000.0),
        json!(1.3e4),
        json!(0),
        json!(-1),
        json!(0.5),
        json!(13_000.5),
        json!(100_000_000_000_001_i64),
        json!(1e300),
        json!(u64::MAX),
        json!("13000"),
        json!(null),
        json!(true),
        json!([]),
    ];
    let ids =
        [json!("x".repeat(64)), json!("A_z-09"), json!(""), json!("a b"), json!("x".repeat(65)), json!(7), json!(null)];
    let reasons = [json!("CARD_DECLINED"), json!(""), json!("잔액 부족"), json!(null), json!(5), json!({})];
    let traces = [json!("4dfb1d320b6e4d3c9a0f5a3f5c1c8d7e"), json!("?"), json!(5), json!(null), json!({})];
    let mut details = vec![json!(null), json!([]), json!("paid"), json!({}), with("foreign", json!({ "a": [1] }))];
    details.extend(["paymentId", "orderId", "amount", "at", "reason"].map(without));
    details.extend(instants.map(|at| with("at", json!(at))));
    details.extend([json!(1_795_143_600), json!(null)].map(|at| with("at", at)));
    details.extend(amounts.map(|amount| with("amount", amount)));
    details.extend(ids.map(|id| with("paymentId", id)));
    details.extend([json!("a b"), json!(7), json!(null)].map(|id| with("orderId", id)));
    details.extend(reasons.map(|reason| with("reason", reason)));
    details.extend(traces.map(|trace| with("traceId", trace)));
    details
}

/// A malformed detail is a dead letter at once.
#[tokio::test]
async fn exactly_the_details_that_hold_to_the_contract_are_taken() {
    let mut valid = 0;
    for kind in ["PaymentFailed", "PaymentSucceeded"] {
        let shop = TestShop::new();
        shop.customer("mina", 0).await;
        shop.product("tea", 10_000, 10).await;
        let items = json!([{ "productId": "tea", "quantity": 1 }]);
        let body = json!({ "userId": "mina", "items": items, "payment": "EXTERNAL" });
        let order = shop.post("/orders", body).await.expect(201)["orderId"].as_str().unwrap().to_owned();
        for (number, mut detail) in details(&order).into_iter().enumerate() {
            // Each is a payment of its own.
            if detail["paymentId"] == "p" {
                detail["paymentId"] = json!(format!("p-{number}"));
            }
            let holds = is_inbound(kind, &detail);
            let (queue, letters) = (Waits::default().queue(), DeadLetterQueue::default());
            let messages = batch("jangteo.payments", &[(kind, detail.clone())]);
            let answer = handle(shop.instance(), &queue, &letters.queue(), messages).await.unwrap();
            assert!(answer.batch_item_failures.is_empty(), "{kind} {detail}");
            assert_eq!(letters.taken().is_empty(), holds, "{kind} {detail}");
            valid += u32::from(holds);
        }
        shop.audit().await;
    }
    assert_eq!(valid, 2 * 22);
}
