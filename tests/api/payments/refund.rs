//! `POST /payments/{paymentId}/refund`.

use payment_system::{CallFault, On};
use serde_json::{Value, json};
use tests::{
    Call, TestShop,
    steps::{
        ledger,
        payments::{CARD, fail_once, held, look_at_session, pay_session, payment_id, sweep_payments, top_up},
        race, set_user, wait,
    },
};

/// A shop with a paid top-up of 10,000 won.
async fn topped_up() -> (TestShop, Value) {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    let session = top_up(&shop, "mina", 10_000).await;
    let session = pay_session(&shop, "mina", &session, CARD).await;
    (shop, session)
}

fn refund(shop: &TestShop, session: &Value, amount: i64) -> Call {
    shop.post(&format!("/payments/{}/refund", payment_id(session)), json!({ "amount": amount })).as_admin()
}

#[tokio::test]
async fn a_top_up_goes_back_to_where_it_came_from() {
    let (shop, session) = topped_up().await;
    let part = refund(&shop, &session, 4_000).await.expect(200);
    assert_eq!((&part["status"], &part["refunds"][0]["status"]), (&json!("PAID"), &json!("REQUESTED")));
    assert_eq!(shop.balance("mina").await, 6_000, "the balance pays at once");
    shop.audit().await;
    sweep_payments(&shop).await;
    assert_eq!(look_at_session(&shop, &session).await["refunds"][0]["status"], "SUCCEEDED");
    assert_eq!(held(&shop), 6_000);
    let entry = &shop.get("/balance/mina/entries").await.expect(200)["items"][0];
    assert_eq!(
        (&entry["type"], &entry["amount"], &entry["paymentId"], &entry["actor"]),
        (&json!("REFUND"), &json!(-4_000), &json!(payment_id(&session)), &json!("ADMIN"))
    );
    let details = refund(&shop, &session, 6_001).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(details["available"], 6_000);
    assert_eq!(refund(&shop, &session, 6_000).await.expect(200)["status"], "REFUNDED");
    sweep_payments(&shop).await;
    assert_eq!((held(&shop), shop.balance("mina").await), (0, 0));
    refund(&shop, &session, 1).await.refused(409, "ORDER_STATE_CONFLICT");
    shop.audit().await;
}

#[tokio::test]
async fn at_most_the_balance_goes_back() {
    let (shop, session) = topped_up().await;
    shop.product("tea", 4_000, 1).await;
    shop.order("mina", "tea", 1).await.expect(201);
    let details = refund(&shop, &session, 10_000).await.refused(402, "BALANCE_NOT_ENOUGH");
    assert_eq!(details, json!({ "payable": 10_000, "balance": 3_000 }));
    refund(&shop, &session, 3_000).await.expect(200);
    shop.audit().await;
}

#[tokio::test]
async fn a_key_refunds_once() {
    let (shop, session) = topped_up().await;
    let first = refund(&shop, &session, 6_000).key("k").await.expect(200);
    assert_eq!(refund(&shop, &session, 6_000).key("k").await.expect(200), first);
    let answers = race((0..10).map(|_| refund(&shop, &session, 4_000).key("l")).collect()).await;
    assert_eq!(answers.get("SUCCESS"), Some(&10), "{answers:?}");
    assert_eq!(shop.balance("mina").await, 0);
    shop.audit().await;
}

#[tokio::test]
async fn only_admins_refund() {
    let (shop, session) = topped_up().await;
    refund(&shop, &session, 1).as_user("mina").await.refused(403, "FORBIDDEN");
    refund(&shop, &session, 0).await.bad_fields();
    refund(&shop, &json!({ "paymentId": "nowhere" }), 1).await.refused(404, "ENTITY_NOT_FOUND");
    set_user(&shop, "mina", "SUSPENDED").await;
    refund(&shop, &session, 1).await.expect(200);
}

#[tokio::test]
async fn a_refund_without_an_answer_is_sent_once() {
    let (shop, session) = topped_up().await;
    refund(&shop, &session, 4_000).await.expect(200);
    fail_once(&shop, On::Cancel, CallFault::FailAfter);
    sweep_payments(&shop).await;
    assert_eq!(look_at_session(&shop, &session).await["refunds"][0]["status"], "REQUESTED");
    assert_eq!(held(&shop), 6_000);
    wait(&shop, 60_000);
    sweep_payments(&shop).await;
    assert_eq!(look_at_session(&shop, &session).await["refunds"][0]["status"], "SUCCEEDED");
    assert_eq!(held(&shop), 6_000);
    shop.audit().await;
}

#[tokio::test]
async fn a_refund_that_the_provider_refuses_is_back_in_the_balance() {
    let (shop, session) = topped_up().await;
    refund(&shop, &session, 4_000).await.expect(200);
    fail_once(&shop, On::Cancel, CallFault::Decline("NOT_CANCELABLE_PAYMENT".to_owned()));
    sweep_payments(&shop).await;
    let failed = look_at_session(&shop, &session).await;
    assert_eq!((&failed["status"], &failed["refunds"][0]["status"]), (&json!("PAID"), &json!("FAILED")));
    assert_eq!((shop.balance("mina").await, held(&shop)), (10_000, 10_000));
    let moved: Vec<i64> = ledger(&shop, "mina").await.into_iter().map(|(_, amount, _)| amount).collect();
    assert_eq!(moved, [10_000, -4_000, 4_000]);
    shop.audit().await;
}
