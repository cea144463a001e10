//! `POST /payment-notices/{provider}`, and deposits, of which notices tell.

use payment_system::{CallFault, Fault, NoticeFault, On};
use serde_json::{Value, json};
use tests::{
    TestShop,
    steps::{
        cancel,
        external::waiting,
        look, order_by,
        payments::{
            CARD, TRANSFER, check_out, confirm, deliver_notices, fail_once, held, look_at_session, pay_session,
            payment_id, send_notice, session_of, session_status, sweep_payments, top_up,
        },
        status,
    },
};

/// A shop with an order of 26,000 won that waits for its deposit.
async fn waiting_for_deposit() -> (TestShop, Value, Value) {
    let (shop, order) = waiting().await;
    let session = session_of(&shop, "mina", &order).await.expect(201);
    let session = pay_session(&shop, "mina", &session, TRANSFER).await;
    assert_eq!(session["status"], "WAITING_FOR_DEPOSIT");
    (shop, order, session)
}

fn deposit(shop: &TestShop, session: &Value) {
    shop.provider.provider().deposit(&payment_id(session), shop.now()).expect("the account is open");
}

#[tokio::test]
async fn an_order_waits_for_a_deposit_as_long_as_the_account_is_open() {
    let (shop, order, session) = waiting_for_deposit().await;
    assert_eq!(session["deposit"]["dueAt"], "2026-11-21T03:00:00Z");
    assert_eq!(look(&shop, &order).await["holdExpiresAt"], "2026-11-21T03:00:00Z");
    assert_eq!(look(&shop, &order).await["status"], "PENDING_PAYMENT");
    shop.audit().await;
    shop.set_clock("2026-11-21T02:00:00Z");
    deposit(&shop, &session);
    assert_eq!(deliver_notices(&shop).await.keys().collect::<Vec<_>>(), [&200]);
    assert_eq!((status(&shop, &order).await.as_str(), held(&shop)), ("PAID", 26_000));
    assert_eq!(session_status(&shop, &session).await, "PAID");
    shop.audit().await;
}

#[tokio::test]
async fn a_deposit_whose_notices_are_lost_is_found_by_the_sweep() {
    let (shop, order, session) = waiting_for_deposit().await;
    shop.provider.provider().set_faults(vec![Fault::on_notices(NoticeFault::Lose)]).unwrap();
    deposit(&shop, &session);
    shop.set_clock("2026-11-20T04:00:00Z");
    sweep_payments(&shop).await;
    assert_eq!((status(&shop, &order).await.as_str(), held(&shop)), ("PAID", 26_000));
    shop.audit().await;
}

#[tokio::test]
async fn a_deposit_for_a_cancelled_order_goes_back() {
    let (shop, order, session) = waiting_for_deposit().await;
    cancel(&shop, "mina", &order, json!({})).await.expect(200);
    shop.audit().await;
    deposit(&shop, &session);
    deliver_notices(&shop).await;
    assert_eq!(session_status(&shop, &session).await, "REFUNDED");
    sweep_payments(&shop).await;
    assert_eq!((held(&shop), status(&shop, &order).await.as_str()), (0, "CANCELLED"));
    shop.audit().await;
}

#[tokio::test]
async fn a_user_has_few_orders_that_wait_for_deposits() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.product("tea", 12_000, 10).await;
    for number in 1..=4 {
        let order = order_by(&shop, "mina", "tea", 1, "EXTERNAL").await.expect(201);
        let session = session_of(&shop, "mina", &order).await.expect(201);
        let session = pay_session(&shop, "mina", &session, TRANSFER).await;
        let expected = if number <= 3 { "WAITING_FOR_DEPOSIT" } else { "DECLINED" };
        assert_eq!(session["status"], expected, "{number}");
        if number == 4 {
            assert_eq!(session["reason"], "DEPOSIT_NOT_POSSIBLE");
            assert_eq!(look(&shop, &order).await["holdExpiresAt"], "2026-11-20T03:10:00Z");
            confirm(&shop, "mina", &session, "another").await.refused(409, "ORDER_STATE_CONFLICT");
            assert_eq!(shop.provider.provider().entries().last().unwrap().status, "CANCELED", "its account is closed");
        }
    }
    shop.audit().await;
}

#[tokio::test]
async fn a_top_up_by_deposit_is_credited_when_the_money_is_there() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    let session = top_up(&shop, "mina", 10_000).await;
    let session = pay_session(&shop, "mina", &session, TRANSFER).await;
    assert_eq!((&session["status"], shop.balance("mina").await), (&json!("WAITING_FOR_DEPOSIT"), 0));
    shop.set_clock("2026-11-20T20:00:00Z");
    deposit(&shop, &session);
    deliver_notices(&shop).await;
    assert_eq!(shop.balance("mina").await, 10_000);
    shop.audit().await;
}

#[tokio::test]
async fn a_notice_alone_moves_nothing() {
    let (shop, order, session) = waiting_for_deposit().await;
    let id = payment_id(&session);
    let done = json!({ "orderId": id, "status": "DONE", "secret": "guessed", "transactionKey": "t", "createdAt": "x" });
    let changed = json!({
        "eventType": "PAYMENT_STATUS_CHANGED",
        "data": { "orderId": id, "status": "DONE", "paymentKey": "k", "totalAmount": 26_000 },
    });
    for body in [done.to_string(), changed.to_string(), "[]".to_owned(), "no JSON".to_owned(), String::new()] {
        send_notice(&shop, &body).await.expect(200);
        assert_eq!(status(&shop, &order).await, "PENDING_PAYMENT", "{body}");
    }
    let unknown = json!({ "eventType": "PAYMENT_STATUS_CHANGED", "data": { "orderId": "nowhere", "status": "DONE" } });
    send_notice(&shop, &unknown.to_string()).await.expect(200);
    shop.call("POST", "/payment-notices/unknown").body("{}").await.refused(404, "ENTITY_NOT_FOUND");
    shop.call("POST", "/payment-notices/TOSS").body("{}").await.refused(404, "ENTITY_NOT_FOUND");
    shop.audit().await;
}

#[tokio::test]
async fn a_notice_comes_again_while_the_provider_gives_no_answer() {
    let (shop, order, session) = waiting_for_deposit().await;
    deposit(&shop, &session);
    shop.provider.provider().set_faults(vec![Fault::once(On::LookUp, CallFault::FailBefore)]).unwrap();
    let notices = shop.provider.provider().take_notices(shop.now());
    send_notice(&shop, &notices[0].body).await.refused(503, "TRY_AGAIN");
    assert_eq!(status(&shop, &order).await, "PENDING_PAYMENT");
    send_notice(&shop, &notices[0].body).await.expect(200);
    assert_eq!(status(&shop, &order).await, "PAID");
    send_notice(&shop, &notices[0].body).await.expect(200);
    shop.audit().await;
}

#[tokio::test]
async fn a_settled_session_costs_no_look_up() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    let session = top_up(&shop, "mina", 10_000).await;
    let key = check_out(&shop, &session, CARD);
    confirm(&shop, "mina", &session, &key).await.expect(200);
    // A look-up would fail, and the provider be asked to come again.
    fail_once(&shop, On::LookUp, CallFault::FailBefore);
    let changed = json!({ "eventType": "PAYMENT_STATUS_CHANGED", "data": { "orderId": payment_id(&session) } });
    send_notice(&shop, &changed.to_string()).await.expect(200);
    assert_eq!(look_at_session(&shop, &session).await["status"], "PAID");
}
