//! `POST /payments/{paymentId}/confirm`.

use payment_system::{CallFault, On};
use serde_json::{Value, json};
use shared::{app::orders::PaymentOutcome::Succeeded, domain::order::PaymentStatus};
use tests::{
    TestShop,
    steps::{
        END, JUST_BEFORE, cancel, end_hold,
        external::{payment, payments, refunds_asked, waiting},
        id, ledger, look,
        payments::{
            BAD_CARD, CARD, check_out, confirm, deliver_notices, fail_once, held, look_at_session, pay_session,
            payment_id, session_of, session_status, sweep_payments, top_up,
        },
        race, set_user, settle, status, wait,
    },
};

/// A shop with the session of a top-up of 10,000 won by mina.
async fn topping_up() -> (TestShop, Value) {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    let session = top_up(&shop, "mina", 10_000).await;
    (shop, session)
}

#[tokio::test]
async fn a_top_up_is_credited_once_and_names_its_payment() {
    let (shop, session) = topping_up().await;
    let key = check_out(&shop, &session, CARD);
    let paid = confirm(&shop, "mina", &session, &key).await.expect(200);
    assert_eq!((&paid["status"], &paid["paidAt"]), (&json!("PAID"), &json!("2026-11-20T03:00:00Z")));
    assert_eq!(confirm(&shop, "mina", &session, &key).await.expect(200), paid);
    assert_eq!((shop.balance("mina").await, held(&shop)), (10_000, 10_000));
    let entries = shop.get("/balance/mina/entries").await.expect(200);
    let entry = &entries["items"][0];
    assert_eq!(
        (&entry["type"], &entry["amount"], &entry["paymentId"], &entry["actor"]),
        (&json!("CHARGE"), &json!(10_000), &json!(payment_id(&session)), &json!("CUSTOMER"))
    );
    confirm(&shop, "mina", &session, "another").await.refused(409, "ORDER_STATE_CONFLICT");
    shop.audit().await;
}

#[tokio::test]
async fn an_order_is_paid_in_its_session() {
    let (shop, order) = waiting().await;
    let session = session_of(&shop, "mina", &order).await.expect(201);
    assert_eq!(pay_session(&shop, "mina", &session, CARD).await["status"], "PAID");
    let paid = look(&shop, &order).await;
    assert_eq!((&paid["status"], &paid["paid"]), (&json!("PAID"), &json!(26_000)));
    assert_eq!(paid["tenders"], json!([{ "to": "EXTERNAL", "amount": 26_000, "refunded": 0 }]));
    assert_eq!(payments(&shop, &order).await, [payment(&payment_id(&session), 26_000, "PAID")]);
    assert_eq!((shop.balance("mina").await, held(&shop)), (50_000, 26_000));
    session_of(&shop, "mina", &order).await.refused(409, "ORDER_STATE_CONFLICT");
    shop.audit().await;
}

#[tokio::test]
async fn another_amount_is_refused_and_the_provider_is_not_asked() {
    let (shop, session) = topping_up().await;
    let key = check_out(&shop, &session, CARD);
    let path = format!("/payments/{}/confirm", payment_id(&session));
    let call = shop.post(&path, json!({ "paymentKey": key, "amount": 9_999 })).as_user("mina");
    let details = call.await.refused(409, "PAYMENT_AMOUNT_MISMATCH");
    assert_eq!(details, json!({ "paymentId": payment_id(&session), "amount": 10_000, "named": 9_999 }));
    assert_eq!((session_status(&shop, &session).await.as_str(), held(&shop)), ("READY", 0));
    let wrong = [json!({ "paymentKey": "", "amount": 0 }), json!({ "paymentKey": "a b", "amount": -1 })];
    for body in wrong {
        let answer = shop.post(&path, body).as_user("mina").await;
        assert_eq!(answer.bad_fields(), ["amount", "paymentKey"]);
    }
}

#[tokio::test]
async fn only_the_owner_and_admins_confirm() {
    let (shop, session) = topping_up().await;
    shop.customer("jun", 0).await;
    let key = check_out(&shop, &session, CARD);
    confirm(&shop, "jun", &session, &key).await.refused(404, "ENTITY_NOT_FOUND");
    confirm(&shop, "mina", &json!({ "paymentId": "nowhere", "amount": 10_000 }), &key)
        .await
        .refused(404, "ENTITY_NOT_FOUND");
    assert_eq!(held(&shop), 0);
    assert_eq!(confirm(&shop, "mina", &session, &key).as_admin().await.expect(200)["status"], "PAID");
}

#[tokio::test]
async fn after_a_decline_the_customer_tries_again_while_the_hold_lasts() {
    let (shop, order) = waiting().await;
    let session = session_of(&shop, "mina", &order).await.expect(201);
    let key = check_out(&shop, &session, BAD_CARD);
    let declined = confirm(&shop, "mina", &session, &key).await.expect(200);
    assert_eq!((&declined["status"], &declined["reason"]), (&json!("DECLINED"), &json!("REJECT_CARD_PAYMENT")));
    assert_eq!(confirm(&shop, "mina", &session, &key).await.expect(200), declined, "the same key, the same answer");
    assert_eq!(status(&shop, &order).await, "PENDING_PAYMENT");
    shop.set_clock(JUST_BEFORE);
    assert_eq!(pay_session(&shop, "mina", &session, CARD).await["status"], "PAID");
    assert_eq!((status(&shop, &order).await.as_str(), held(&shop)), ("PAID", 26_000));
    shop.audit().await;
}

#[tokio::test]
async fn nothing_is_confirmed_after_the_session_or_the_hold() {
    let (shop, session) = topping_up().await;
    let key = check_out(&shop, &session, CARD);
    shop.set_clock("2026-11-20T03:30:00Z");
    let details = confirm(&shop, "mina", &session, &key).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(details, json!({ "paymentId": payment_id(&session), "status": "EXPIRED", "allowed": [] }));
    assert_eq!(held(&shop), 0);

    let (shop, order) = waiting().await;
    let session = session_of(&shop, "mina", &order).await.expect(201);
    let key = check_out(&shop, &session, CARD);
    cancel(&shop, "mina", &order, json!({})).await.expect(200);
    confirm(&shop, "mina", &session, &key).await.refused(409, "ORDER_STATE_CONFLICT");
    shop.set_clock(END);
    confirm(&shop, "mina", &session, &key).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(held(&shop), 0);
    shop.audit().await;
}

#[tokio::test]
async fn twenty_confirmations_at_once_pay_once() {
    for is_order in [false, true] {
        let (shop, user, session) = if is_order {
            let (shop, order) = waiting().await;
            let session = session_of(&shop, "mina", &order).await.expect(201);
            (shop, "mina", session)
        } else {
            let (shop, session) = topping_up().await;
            (shop, "mina", session)
        };
        let key = check_out(&shop, &session, CARD);
        let answers = race((0..20).map(|_| confirm(&shop, user, &session, &key)).collect()).await;
        assert_eq!(answers.values().sum::<usize>(), 20);
        assert_eq!(answers.keys().collect::<Vec<_>>(), ["SUCCESS"], "{answers:?}");
        assert_eq!(session_status(&shop, &session).await, "PAID");
        assert_eq!(held(&shop), session["amount"].as_i64().unwrap());
        let charges = ledger(&shop, "mina").await.len();
        assert_eq!(charges, 1, "the top-up, or the charge that the shop began with");
        shop.audit().await;
    }
}

#[tokio::test]
async fn a_notice_and_a_confirmation_at_once_pay_once() {
    let (shop, session) = topping_up().await;
    let key = check_out(&shop, &session, CARD);
    // The provider takes the money and its answer is lost, so that the notice brings the news.
    fail_once(&shop, On::Confirm, CallFault::FailAfter);
    let open = confirm(&shop, "mina", &session, &key).await.expect(200);
    assert_eq!(open["status"], "CONFIRMING");
    let (notices, again) = tokio::join!(deliver_notices(&shop), confirm(&shop, "mina", &session, &key));
    again.expect(200);
    assert_eq!(notices.keys().collect::<Vec<_>>(), [&200]);
    assert_eq!((shop.balance("mina").await, held(&shop)), (10_000, 10_000));
    shop.audit().await;
}

#[tokio::test]
async fn money_taken_without_an_answer_is_found_by_the_sweep() {
    for fault in [CallFault::FailAfter, CallFault::FailBefore] {
        let (shop, order) = waiting().await;
        let session = session_of(&shop, "mina", &order).await.expect(201);
        let key = check_out(&shop, &session, CARD);
        fail_once(&shop, On::Confirm, fault.clone());
        let open = confirm(&shop, "mina", &session, &key).await.expect(200);
        assert_eq!(open["status"], "CONFIRMING", "{fault:?}");
        confirm(&shop, "mina", &session, "another").await.refused(409, "ORDER_STATE_CONFLICT");
        sweep_payments(&shop).await;
        assert_eq!(session_status(&shop, &session).await, "CONFIRMING", "the request may still be on its way");
        wait(&shop, 8_000);
        sweep_payments(&shop).await;
        assert_eq!((session_status(&shop, &session).await.as_str(), held(&shop)), ("PAID", 26_000), "{fault:?}");
        assert_eq!(status(&shop, &order).await, "PAID");
        shop.audit().await;
    }
}

#[tokio::test]
async fn money_that_comes_after_the_hold_goes_back() {
    let (shop, order) = waiting().await;
    let session = session_of(&shop, "mina", &order).await.expect(201);
    let key = check_out(&shop, &session, CARD);
    fail_once(&shop, On::Confirm, CallFault::FailAfter);
    shop.set_clock(JUST_BEFORE);
    confirm(&shop, "mina", &session, &key).await.expect(200);
    shop.set_clock("2026-11-20T03:10:08Z");
    end_hold(&shop, &order).await;
    assert_eq!(status(&shop, &order).await, "CANCELLED");
    sweep_payments(&shop).await;
    let refunded = look_at_session(&shop, &session).await;
    assert_eq!((&refunded["status"], &refunded["refunds"][0]["status"]), (&json!("REFUNDED"), &json!("SUCCEEDED")));
    assert_eq!((held(&shop), shop.balance("mina").await), (0, 50_000));
    assert_eq!(status(&shop, &order).await, "CANCELLED");
    shop.audit().await;
}

#[tokio::test]
async fn a_confirmation_at_the_instant_of_the_hold_s_end_pays_or_goes_back() {
    for is_ended_first in [false, true] {
        let (shop, order) = waiting().await;
        let session = session_of(&shop, "mina", &order).await.expect(201);
        let key = check_out(&shop, &session, CARD);
        shop.set_clock(JUST_BEFORE);
        let confirming = async { confirm(&shop, "mina", &session, &key).await };
        let ending = async {
            if is_ended_first {
                shop.set_clock(END);
            }
            end_hold(&shop, &order).await;
        };
        tokio::join!(confirming, ending);
        shop.set_clock("2026-11-20T03:11:00Z");
        sweep_payments(&shop).await;
        end_hold(&shop, &order).await;
        let (order_now, session_now) = (status(&shop, &order).await, session_status(&shop, &session).await);
        let expected = if order_now == "PAID" { 26_000 } else { 0 };
        assert_eq!(held(&shop), expected, "{order_now} {session_now}");
        shop.audit().await;
    }
}

#[tokio::test]
async fn the_first_of_session_and_bus_pays_and_the_other_goes_back() {
    let (shop, order) = waiting().await;
    let session = session_of(&shop, "mina", &order).await.expect(201);
    let key = check_out(&shop, &session, CARD);
    fail_once(&shop, On::Confirm, CallFault::FailAfter);
    confirm(&shop, "mina", &session, &key).await.expect(200);
    assert_eq!(settle(&shop, &order, Succeeded, "pay-1", 26_000).await, PaymentStatus::Paid);
    wait(&shop, 8_000);
    sweep_payments(&shop).await;
    assert_eq!((session_status(&shop, &session).await.as_str(), held(&shop)), ("REFUNDED", 0));
    shop.audit().await;

    let (shop, order) = waiting().await;
    let session = session_of(&shop, "mina", &order).await.expect(201);
    pay_session(&shop, "mina", &session, CARD).await;
    assert_eq!(settle(&shop, &order, Succeeded, "pay-1", 26_000).await, PaymentStatus::RefundRequested);
    assert_eq!(refunds_asked(&shop, &order).await, [payment("pay-1", 26_000, "NOT_NEEDED")]);
    assert_eq!(held(&shop), 26_000);
    shop.audit().await;
}

#[tokio::test]
async fn the_bus_cannot_name_a_session() {
    let (shop, order) = waiting().await;
    let result = tests::steps::result(&shop, &order, &format!("order_{}", id(&order)), 26_000);
    let settled = shared::app::orders::settle(shop.instance(), Succeeded, &result).await;
    assert!(matches!(settled, Err(shared::app::Failure::Invalid("paymentId", _))), "{settled:?}");
    assert_eq!(status(&shop, &order).await, "PENDING_PAYMENT");
}

#[tokio::test]
async fn a_user_who_is_no_longer_active_gets_the_money_back() {
    let (shop, session) = topping_up().await;
    let key = check_out(&shop, &session, CARD);
    set_user(&shop, "mina", "SUSPENDED").await;
    let refunded = confirm(&shop, "mina", &session, &key).await.expect(200);
    assert_eq!(refunded["status"], "REFUNDED");
    sweep_payments(&shop).await;
    assert_eq!((shop.balance("mina").await, held(&shop)), (0, 0));
    assert_eq!(look_at_session(&shop, &session).await["refunds"][0]["status"], "SUCCEEDED");
    shop.audit().await;
}

#[tokio::test]
async fn another_amount_in_the_provider_s_answer_credits_nothing() {
    let (shop, session) = topping_up().await;
    let key = check_out(&shop, &session, CARD);
    fail_once(&shop, On::Confirm, CallFault::OtherAmount(9_000));
    let answer = confirm(&shop, "mina", &session, &key).await.expect(200);
    assert_ne!(answer["status"], "PAID");
    assert_eq!(shop.balance("mina").await, 0);
}

#[tokio::test]
async fn a_session_that_was_never_paid_is_given_up_once_no_money_can_move() {
    let (shop, session) = topping_up().await;
    // The customer's browser names a payment that was never begun, and the provider's answer is lost.
    fail_once(&shop, On::Confirm, CallFault::FailBefore);
    confirm(&shop, "mina", &session, "never-begun").await.expect(200);
    shop.set_clock("2026-11-20T03:44:00Z");
    sweep_payments(&shop).await;
    assert_eq!(session_status(&shop, &session).await, "CONFIRMING");
    shop.set_clock("2026-11-20T04:30:00Z");
    sweep_payments(&shop).await;
    assert_eq!(session_status(&shop, &session).await, "EXPIRED");
    shop.audit().await;
}
