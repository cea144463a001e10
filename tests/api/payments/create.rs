//! `POST /payments`, `GET /payments` and `GET /payments/{paymentId}`.

use serde_json::{Value, json};
use tests::{
    TestShop,
    steps::{
        END, JUST_BEFORE, cancel,
        external::waiting,
        hold, id,
        payments::{look_at_session, payment_id, session_of, top_up},
        set_user, wait,
    },
};

#[tokio::test]
async fn a_top_up_has_a_session_of_half_an_hour() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    let mut session = top_up(&shop, "mina", 10_000).await;
    let id = payment_id(&session);
    assert_eq!(session["checkout"]["merchantOrderId"], json!(id));
    session["paymentId"].take();
    session["checkout"]["merchantOrderId"].take();
    assert_eq!(
        session,
        json!({
            "paymentId": null,
            "purpose": { "type": "TOP_UP", "userId": "mina", "amount": 10_000 },
            "amount": 10_000,
            "status": "READY",
            "createdAt": "2026-11-20T03:00:00Z",
            "expiresAt": "2026-11-20T03:30:00Z",
            "checkout": {
                "provider": "TOSS",
                "clientKey": "test_ck_local",
                "merchantOrderId": null,
                "amount": 10_000,
                "orderName": "잔액 충전",
            },
        })
    );
    assert_eq!(shop.balance("mina").await, 0, "nothing is paid yet");
    shop.set_clock("2026-11-20T03:30:00Z");
    let expired = look_at_session(&shop, &json!({ "paymentId": id })).await;
    assert_eq!((&expired["status"], &expired["checkout"]), (&json!("EXPIRED"), &Value::Null));
    shop.audit().await;
}

#[tokio::test]
async fn a_key_creates_one_session() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    let create = |amount: i64| {
        let purpose = json!({ "type": "TOP_UP", "userId": "mina", "amount": amount });
        shop.post("/payments", json!({ "purpose": purpose })).as_user("mina").key("k")
    };
    let first = create(10_000).await.expect(201);
    assert_eq!(create(10_000).await.expect(201), first);
    create(20_000).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    set_user(&shop, "mina", "SUSPENDED").await;
    assert_eq!(create(10_000).await.expect(201), first, "it was created before");
    let listed = shop.get("/payments?userId=mina").as_admin().await.expect(200);
    assert_eq!(listed["items"], json!([first]));
}

#[tokio::test]
async fn a_wrong_purpose_is_named_and_creates_nothing() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    for (purpose, fields) in [
        (json!({ "type": "TOP_UP", "userId": "mina", "amount": 150 }), vec!["purpose.amount"]),
        (json!({ "type": "TOP_UP", "userId": "mina" }), vec!["purpose.amount"]),
        (json!({ "type": "TOP_UP", "userId": "mina", "amount": 100, "gift": true }), vec!["purpose.gift"]),
        (json!({ "type": "ORDER" }), vec!["purpose.orderId"]),
        (json!({ "type": "GIFT" }), vec!["purpose"]),
        (json!({ "amount": 100 }), vec!["purpose.type"]),
    ] {
        let answer = shop.post("/payments", json!({ "purpose": purpose })).as_user("mina").await;
        assert_eq!(answer.bad_fields(), fields, "{purpose}");
    }
    assert_eq!(shop.get("/payments?userId=mina").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn a_session_concerns_its_user_alone() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.customer("jun", 0).await;
    let of_mina = json!({ "purpose": { "type": "TOP_UP", "userId": "mina", "amount": 100 } });
    shop.post("/payments", of_mina.clone()).as_user("jun").await.refused(403, "FORBIDDEN");
    let session = shop.post("/payments", of_mina).as_admin().await.expect(201);
    let path = format!("/payments/{}", payment_id(&session));
    shop.get(&path).as_user("mina").await.expect(200);
    shop.get(&path).as_user("jun").await.refused(404, "ENTITY_NOT_FOUND");
    shop.get("/payments?userId=mina").as_user("jun").await.refused(403, "FORBIDDEN");
    shop.get("/payments?userId=nobody").as_admin().await.refused(404, "ENTITY_NOT_FOUND");
}

#[tokio::test]
async fn an_inactive_user_tops_nothing_up() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    set_user(&shop, "mina", "SUSPENDED").await;
    let purpose = json!({ "type": "TOP_UP", "userId": "mina", "amount": 100 });
    shop.post("/payments", json!({ "purpose": purpose })).await.refused(409, "USER_NOT_ACTIVE");
    let purpose = json!({ "type": "TOP_UP", "userId": "nobody", "amount": 100 });
    shop.post("/payments", json!({ "purpose": purpose })).await.refused(404, "ENTITY_NOT_FOUND");
}

#[tokio::test]
async fn an_order_has_one_session_that_ends_with_its_hold() {
    let (shop, order) = waiting().await;
    let session = session_of(&shop, "mina", &order).await.expect(201);
    assert_eq!(payment_id(&session), format!("order_{}", id(&order)));
    assert_eq!((&session["amount"], &session["expiresAt"]), (&json!(26_000), &json!(END)));
    assert_eq!(session["purpose"], json!({ "type": "ORDER", "orderId": id(&order) }));
    assert_eq!(session["checkout"]["orderName"], json!("tea 상품"));
    assert_eq!(session_of(&shop, "mina", &order).await.expect(200), session);
    assert_eq!(session_of(&shop, "mina", &order).key("another").await.expect(200), session);
    shop.set_clock(JUST_BEFORE);
    session_of(&shop, "mina", &order).await.expect(200);
    shop.set_clock(END);
    session_of(&shop, "mina", &order).await.refused(409, "ORDER_STATE_CONFLICT");
}

#[tokio::test]
async fn only_an_order_that_waits_for_money_from_outside_has_a_session() {
    let (shop, order) = waiting().await;
    let of_balance = hold(&shop, "mina", "tea", 1).await.expect(201);
    session_of(&shop, "mina", &of_balance).await.refused(409, "ORDER_STATE_CONFLICT");
    shop.customer("jun", 0).await;
    session_of(&shop, "jun", &order).await.refused(404, "ENTITY_NOT_FOUND");
    session_of(&shop, "mina", &json!({ "orderId": "nowhere" })).await.refused(404, "ENTITY_NOT_FOUND");
    cancel(&shop, "mina", &order, json!({})).await.expect(200);
    session_of(&shop, "mina", &order).await.refused(409, "ORDER_STATE_CONFLICT");
}

#[tokio::test]
async fn sessions_are_listed_newest_first_page_by_page() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    let mut newest_first = Vec::new();
    for amount in [100, 200, 300] {
        newest_first.insert(0, payment_id(&top_up(&shop, "mina", amount).await));
        wait(&shop, 1);
    }
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    for length in [2, 1] {
        let page = shop.get(&format!("/payments?userId=mina&limit=2{cursor}")).await.expect(200);
        listed.extend(page["items"].as_array().unwrap().iter().map(payment_id));
        assert_eq!(page["items"].as_array().unwrap().len(), length);
        cursor = format!("&cursor={}", page["nextCursor"].as_str().unwrap_or_default());
    }
    assert_eq!((listed, cursor.as_str()), (newest_first, "&cursor="));
    let of_orders = shop.get("/orders?userId=mina&limit=1").await.expect(200);
    assert_eq!(of_orders["items"], json!([]));
}
