//! `POST /users/{userId}/withdraw`

use functions::schedule::sweep;
use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::app::PeoplePolicy;
use tests::{
    Call, TestShop,
    steps::{cancel, hold, id, ledger, move_along, race, wait},
};

fn withdraw(shop: &TestShop, forfeit: bool) -> Call {
    shop.post("/users/mina/withdraw", json!({ "forfeit": forfeit })).as_user("mina")
}

async fn shop(balance: i64) -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", balance).await;
    shop.product("tea", 1_000, 10).await;
    shop
}

async fn status(shop: &TestShop) -> Value {
    shop.get("/users/mina").as_user("mina").await.expect(200)["status"].clone()
}

#[tokio::test]
async fn a_user_withdraws_once_nothing_is_open() {
    let shop = shop(20_000).await;
    let order = shop.order("mina", "tea", 1).await.expect(201);
    let held = hold(&shop, "mina", "tea", 1).await.expect(201);
    let details = withdraw(&shop, true).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(details, json!({ "orders": 2, "claims": 0, "payments": 0, "refunds": 0, "balance": 16_000 }));
    cancel(&shop, "mina", &held, json!({})).await.expect(200);
    move_along(&shop, &order, "1", &["SHIPPED", "IN_DELIVERY", "DELIVERED"]).await;
    let details = withdraw(&shop, false).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!((&details["orders"], &details["balance"]), (&json!(0), &json!(16_000)), "a delivered order is not open");
    shop.patch("/users/mina", json!({ "status": "WITHDRAWN" })).as_admin().await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(status(&shop).await, "ACTIVE");
    assert_eq!(withdraw(&shop, true).key("k").await.expect(200)["status"], "WITHDRAWN");
    assert_eq!(withdraw(&shop, true).key("k").await.expect(200)["status"], "WITHDRAWN");
    withdraw(&shop, false).key("k").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    withdraw(&shop, false).await.expect(200);
    assert_eq!(ledger(&shop, "mina").await[0], ("ADJUSTMENT".to_owned(), -16_000, 0));
    shop.post("/users/mina/withdraw", json!({})).as_user("jun").await.refused(403, "FORBIDDEN");
    shop.post("/users/nobody/withdraw", json!({})).as_admin().await.refused(404, "ENTITY_NOT_FOUND");
    shop.audit().await;
}

#[tokio::test]
async fn an_open_payment_keeps_a_user() {
    let shop = shop(0).await;
    let top_up = json!({ "purpose": { "type": "TOP_UP", "userId": "mina", "amount": 1_000 } });
    shop.post("/payments", top_up).as_user("mina").await.expect(201);
    let details = withdraw(&shop, false).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(details["payments"], 1);
    shop.patch("/users/mina", json!({ "status": "WITHDRAWN" })).as_admin().await.refused(409, "ORDER_STATE_CONFLICT");
    wait(&shop, 1_800_000);
    withdraw(&shop, false).await.expect(200);
}

/// A claim of a part of a line leaves its order delivered, which is not open.
#[tokio::test]
async fn an_open_claim_keeps_a_user() {
    let shop = shop(10_000).await;
    let order = shop.order("mina", "tea", 2).await.expect(201);
    move_along(&shop, &order, "1", &["SHIPPED", "DELIVERED"]).await;
    let body = json!({ "type": "RETURN", "items": [{ "itemId": "1", "quantity": 1 }], "reason": "DEFECT" });
    let claim = shop.post(&format!("/orders/{}/claims", id(&order)), body).as_user("mina").await.expect(201);
    let details = withdraw(&shop, true).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!((&details["orders"], &details["claims"]), (&json!(0), &json!(1)));
    let path = format!("/claims/{}/withdraw", claim["claimId"].as_str().unwrap());
    shop.post(&path, json!({})).as_user("mina").await.expect(200);
    withdraw(&shop, true).await.expect(200);
}

#[tokio::test]
async fn a_withdrawal_and_an_order_at_once_leave_no_order_of_a_withdrawn_user() {
    for payment in ["BALANCE", "LATER"] {
        for _ in 0..4 {
            let shop = TestShop::with_instances(4);
            shop.customer("mina", 10_000).await;
            shop.product("tea", 1_000, 10).await;
            let items = json!([{ "productId": "tea", "quantity": 1 }]);
            let order = shop.post("/orders", json!({ "userId": "mina", "items": items, "payment": payment }));
            race(vec![order, withdraw(&shop, true), withdraw(&shop, true)]).await;
            let orders = shop.get("/orders?userId=mina").as_user("mina").await.expect(200);
            let is_withdrawn = status(&shop).await == "WITHDRAWN";
            assert_eq!(is_withdrawn, orders["items"].as_array().unwrap().is_empty(), "{payment}: {orders}");
            shop.audit().await;
        }
    }
}

#[tokio::test]
async fn personal_data_is_erased_at_once_where_nothing_waits() {
    let shop = shop(0).await.with_people(PeoplePolicy::DEFAULT);
    let change = json!({ "phone": "010-1234-5678", "address": { "postcode": "1", "line1": "2" } });
    shop.patch("/users/mina", change).as_user("mina").await.expect(200);
    let gone = withdraw(&shop, false).await.expect(200);
    assert_eq!((&gone["status"], &gone["name"], &gone["email"]), (&json!("WITHDRAWN"), &json!(""), &json!("")));
    assert_eq!((&gone["phone"], &gone["address"]), (&Value::Null, &Value::Null));
    assert_eq!(withdraw(&shop, false).await.expect(200), gone);
    shop.patch("/users/mina", json!({ "status": "ACTIVE" })).as_admin().await.refused(409, "USER_NOT_ACTIVE");
    shop.patch("/users/mina", json!({ "name": "X" })).as_user("mina").await.refused(409, "USER_NOT_ACTIVE");
    assert_eq!(shop.get("/users?phone=01012345678").as_admin().await.expect(200)["items"], json!([]));
    let again = json!({ "userId": "jun", "name": "김민아", "email": "mina@example.com" });
    shop.post("/users", again).await.expect(201);
    shop.audit().await;
}

#[tokio::test]
async fn personal_data_is_erased_by_the_sweep_when_its_time_has_come() {
    let people = PeoplePolicy { erase_after: SignedDuration::from_secs(100), ..PeoplePolicy::DEFAULT };
    let shop = shop(0).await.with_people(people);
    for number in 0..120 {
        let change = json!({ "address": format!("서울 {number}") });
        shop.patch("/users/mina", change).as_user("mina").await.expect(200);
    }
    withdraw(&shop, false).await.expect(200);
    sweep::erasures::run(shop.instance()).await.unwrap();
    assert_eq!(shop.get("/users/mina").as_user("mina").await.expect(200)["name"], "김민수");
    // Until then an admin can take the withdrawal back.
    shop.patch("/users/mina", json!({ "status": "ACTIVE" })).as_admin().await.expect(200);
    wait(&shop, 200_000);
    sweep::erasures::run(shop.instance()).await.unwrap();
    assert_eq!(shop.get("/users/mina").as_user("mina").await.expect(200)["address"]["line1"], "서울 119");
    withdraw(&shop, false).await.expect(200);
    wait(&shop, 200_000);
    sweep::erasures::run(shop.instance()).await.unwrap();
    assert_eq!(shop.get("/users/mina").as_user("mina").await.expect(200)["name"], "");
    let left = shop.dynamo().execute("Scan", json!({ "TableName": tests::TABLE })).unwrap()["Items"].to_string();
    for kind in ["ADDRESS#", "\"KEY\"", "PHONE#", "EMAIL#", "ERASURE"] {
        assert!(!left.contains(kind), "{kind}");
    }
    shop.audit().await;
}
