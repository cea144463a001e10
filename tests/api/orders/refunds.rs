//! The results of refunds, and `POST /orders/{orderId}/refunds/{refundId}/retry`.

use payment_system::{CallFault, On};
use serde_json::{Value, json};
use shared::app::orders::{self, PaymentOutcome::Succeeded};
use tests::{
    Call, TestShop,
    steps::{
        at_once, cancel, cancel_units, codes, counted,
        external::waiting,
        id, look, order_by, order_id,
        payments::{CARD, fail_once, held, pay_session, session_of, sweep_payments},
        published_of, settle, wait,
    },
};

/// A shop with an order of 26,000 won that was paid in its session and cancelled.
async fn cancelled() -> (TestShop, Value) {
    let (shop, order) = waiting().await;
    let session = session_of(&shop, "mina", &order).await.expect(201);
    pay_session(&shop, "mina", &session, CARD).await;
    cancel(&shop, "mina", &order, json!({})).await.expect(200);
    (shop, order)
}

fn refund_id(order: &Value) -> String {
    format!("{}-3-refund", id(order))
}

fn retry(shop: &TestShop, order: &Value, to: Value) -> Call {
    shop.post(&format!("/orders/{}/refunds/{}/retry", id(order), refund_id(order)), json!({ "to": to })).as_admin()
}

async fn refund(shop: &TestShop, order: &Value) -> Value {
    look(shop, order).await["refunds"][0].clone()
}

#[tokio::test]
async fn a_refund_has_a_result() {
    let (shop, order) = cancelled().await;
    let asked = refund(&shop, &order).await;
    assert_eq!(
        (&asked["refundId"], &asked["to"], &asked["amount"], &asked["status"]),
        (&json!(refund_id(&order)), &json!("EXTERNAL"), &json!(26_000), &json!("REQUESTED"))
    );
    assert_eq!(look(&shop, &order).await["refunded"], 26_000);
    shop.audit().await;
    sweep_payments(&shop).await;
    assert_eq!((refund(&shop, &order).await["status"].clone(), held(&shop)), (json!("SUCCEEDED"), 0));
    assert_eq!(shop.balance("mina").await, 50_000, "nothing goes to the other tender");
    shop.audit().await;
}

#[tokio::test]
async fn a_failed_refund_is_sent_again() {
    let (shop, order) = cancelled().await;
    retry(&shop, &order, Value::Null).await.refused(409, "ORDER_STATE_CONFLICT");
    fail_once(&shop, On::Cancel, CallFault::Decline("NOT_CANCELABLE_PAYMENT".to_owned()));
    sweep_payments(&shop).await;
    assert_eq!(refund(&shop, &order).await["status"], "FAILED");
    let failed = look(&shop, &order).await;
    assert_eq!((&failed["refunded"], &failed["status"]), (&json!(0), &json!("FULLY_REFUNDED")));
    shop.audit().await;
    let path = format!("/orders/{}/refunds/{}/retry", id(&order), refund_id(&order));
    shop.call("POST", &path).as_user("mina").await.refused(403, "FORBIDDEN");
    let again = retry(&shop, &order, Value::Null).key("k").await.expect(200);
    assert_eq!(again["refunds"][0]["status"], "REQUESTED");
    retry(&shop, &order, Value::Null).key("k").await.expect(200);
    sweep_payments(&shop).await;
    assert_eq!((refund(&shop, &order).await["status"].clone(), held(&shop)), (json!("SUCCEEDED"), 0));
    shop.audit().await;
}

#[tokio::test]
async fn a_failed_refund_goes_to_the_balance_instead() {
    let (shop, order) = cancelled().await;
    fail_once(&shop, On::Cancel, CallFault::Decline("NOT_CANCELABLE_PAYMENT".to_owned()));
    sweep_payments(&shop).await;
    let resolved = retry(&shop, &order, json!("BALANCE")).await.expect(200);
    assert_eq!(
        (&resolved["refunds"][0]["to"], &resolved["refunds"][0]["status"], &resolved["refunded"]),
        (&json!("BALANCE"), &json!("SUCCEEDED"), &json!(26_000))
    );
    assert_eq!((shop.balance("mina").await, held(&shop)), (76_000, 26_000));
    retry(&shop, &order, json!("BALANCE")).await.refused(409, "ORDER_STATE_CONFLICT");
    let path = format!("/orders/{}/refunds/unknown/retry", id(&order));
    shop.call("POST", &path).as_admin().await.refused(404, "ENTITY_NOT_FOUND");
    shop.audit().await;
}

/// Each finds the order changed by the others, again and again.
#[tokio::test]
async fn failed_refunds_of_one_order_go_to_the_balance_at_once() {
    let shop = TestShop::new();
    shop.customer("mina", 50_000).await;
    shop.product("tea", 10_000, 10).await;
    let order = order_by(&shop, "mina", "tea", 5, "EXTERNAL").await.expect(201);
    let session = session_of(&shop, "mina", &order).await.expect(201);
    pay_session(&shop, "mina", &session, CARD).await;
    for _ in 0..4 {
        cancel_units(&shop, "mina", &order, "1", 1).await.expect(200);
        fail_once(&shop, On::Cancel, CallFault::Decline("NOT_CANCELABLE_PAYMENT".to_owned()));
        sweep_payments(&shop).await;
    }
    let refunds = look(&shop, &order).await["refunds"].as_array().unwrap().clone();
    let retries = refunds.iter().map(|refund| {
        let path = format!("/orders/{}/refunds/{}/retry", id(&order), refund["refundId"].as_str().unwrap());
        shop.post(&path, json!({ "to": "BALANCE" })).as_admin()
    });
    assert_eq!(counted(&at_once(retries).await), codes(&[("SUCCESS", 4)]));
    assert_eq!(shop.balance("mina").await, 90_000);
    shop.audit().await;
}

#[tokio::test]
async fn a_refund_without_an_answer_is_sent_once() {
    for fault in [CallFault::FailAfter, CallFault::FailBefore] {
        let (shop, order) = cancelled().await;
        fail_once(&shop, On::Cancel, fault);
        sweep_payments(&shop).await;
        assert_eq!(refund(&shop, &order).await["status"], "REQUESTED");
        wait(&shop, 60_000);
        sweep_payments(&shop).await;
        assert_eq!((refund(&shop, &order).await["status"].clone(), held(&shop)), (json!("SUCCEEDED"), 0));
        shop.audit().await;
    }
}

/// 2026-11-20 is a Friday: three business days end on Wednesday.
#[tokio::test]
async fn a_refund_without_a_result_is_overdue_after_three_business_days() {
    let (shop, order) = waiting().await;
    settle(&shop, &order, Succeeded, "pay-1", 26_000).await;
    cancel(&shop, "mina", &order, json!({})).await.expect(200);
    let overdue = async || {
        let events = published_of(&shop, &order).await;
        events.into_iter().filter(|(kind, _)| *kind == "RefundOverdue").count()
    };
    shop.set_clock("2026-11-25T02:00:00Z");
    sweep_payments(&shop).await;
    assert_eq!(overdue().await, 0);
    shop.set_clock("2026-11-25T03:01:00Z");
    sweep_payments(&shop).await;
    sweep_payments(&shop).await;
    assert_eq!(overdue().await, 1);
    assert_eq!(refund(&shop, &order).await["status"], "REQUESTED");
    shop.audit().await;
    let asked = published_of(&shop, &order).await.into_iter().find(|(kind, _)| *kind == "RefundRequested").unwrap().1;
    let refund_id = asked["refundId"].as_str().unwrap();
    orders::settle_refund(shop.instance(), &order_id(&order), refund_id, true).await.unwrap();
    orders::settle_refund(shop.instance(), &order_id(&order), refund_id, false).await.unwrap();
    assert_eq!(refund(&shop, &order).await["status"], "SUCCEEDED", "the first result counts");
    shop.audit().await;
}
