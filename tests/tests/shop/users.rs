//! `/users`

use serde_json::json;
use tests::TestShop;

#[tokio::test]
async fn a_user_joins_and_is_found() {
    let shop = TestShop::new();
    let mina = json!({ "userId": "mina", "name": "이미나", "email": "mina@example.com", "phone": "010-1234-5678" });
    let created = shop.post("/users", mina).await.expect(201);
    insta::assert_json_snapshot!(created, @r#"
    {
      "createdAt": "2026-11-20T03:00:00Z",
      "email": "mina@example.com",
      "kind": "CUSTOMER",
      "name": "이미나",
      "phone": "010-1234-5678",
      "status": "ACTIVE",
      "updatedAt": "2026-11-20T03:00:00Z",
      "userId": "mina"
    }
    "#);
    assert_eq!(shop.get("/users/mina").as_user("mina").await.expect(200), created);
    assert_eq!(shop.balance("mina").await, 0);
}

#[tokio::test]
async fn a_taken_id_is_refused() {
    let shop = TestShop::new();
    shop.customer("mina", 500).await;
    let again = json!({ "userId": "mina", "name": "Other", "email": "other@example.com" });
    let details = shop.post("/users", again).await.refused(409, "ALREADY_EXISTS");
    assert_eq!(details["field"], "userId");
    assert_eq!(shop.balance("mina").await, 500);
    assert_eq!(shop.get("/users/mina").as_user("mina").await.expect(200)["name"], "김민수");
}

#[tokio::test]
async fn a_customer_joins_as_themselves() {
    let shop = TestShop::new();
    let user = json!({ "name": "Mina", "email": "mina@example.com" });
    let created = shop.post("/users", user.clone()).as_user("mina").await.expect(201);
    assert_eq!(created["userId"], "mina");
    let mut other = user;
    other["userId"] = json!("jun");
    shop.post("/users", other).as_user("mina").await.refused(403, "FORBIDDEN");
    // A caller without identity gets an id.
    let unnamed = json!({ "name": "Mina", "email": "other@example.com" });
    let unnamed = shop.post("/users", unnamed).await.expect(201);
    assert_eq!(unnamed["userId"].as_str().unwrap().len(), 26);
}

#[tokio::test]
async fn sellers_are_made_by_admins() {
    let shop = TestShop::new();
    let seller = json!({
        "userId": "dabang", "name": "박다방", "email": "shop@example.com", "kind": "SELLER",
        "seller": {
            "businessName": "다방 상회", "registrationNumber": "123-45-67890", "contact": "02-123-4567",
            "address": "서울시 종로구", "category": "차",
        },
    });
    shop.post("/users", seller.clone()).await.refused(403, "FORBIDDEN");
    let created = shop.post("/users", seller).as_admin().await.expect(201);
    assert_eq!(created["kind"], "SELLER");
    assert_eq!(created["seller"]["businessName"], "다방 상회");
}

#[tokio::test]
async fn contact_data_is_the_users_own_to_change() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    let changed = shop.patch("/users/mina", json!({ "phone": "010-0000-0000" })).as_user("mina").await.expect(200);
    assert_eq!(changed["phone"], "010-0000-0000");
    assert_eq!(changed["name"], "김민수");

    shop.patch("/users/mina", json!({ "name": "X" })).as_user("jun").await.refused(403, "FORBIDDEN");
    shop.patch("/users/mina", json!({ "status": "SUSPENDED" })).as_user("mina").await.refused(403, "FORBIDDEN");
    shop.patch("/users/nobody", json!({ "name": "X" })).as_admin().await.refused(404, "ENTITY_NOT_FOUND");
    assert_eq!(shop.patch("/users/mina", json!({})).as_user("mina").await.bad_fields(), ["body"]);
}

#[tokio::test]
async fn who_is_not_active_cannot_trade() {
    let shop = TestShop::new();
    shop.customer("mina", 50_000).await;
    shop.product("tea", 10_000, 5).await;
    shop.coupon("welcome", 5).await;
    let key = "paid-before";
    let order = shop.order("mina", "tea", 1).key(key).await.expect(201);

    for status in ["SUSPENDED", "WITHDRAWN"] {
        shop.patch("/users/mina", json!({ "status": status })).as_admin().await.expect(200);
        let charge = json!({ "userId": "mina", "amount": 100 });
        shop.post("/balance/charge", charge).await.refused(409, "USER_NOT_ACTIVE");
        shop.order("mina", "tea", 1).await.refused(409, "USER_NOT_ACTIVE");
        shop.issue("mina", "welcome").await.refused(409, "USER_NOT_ACTIVE");
        // Earlier requests are still answered.
        assert_eq!(shop.order("mina", "tea", 1).key(key).await.expect(201)["orderId"], order["orderId"]);
    }
    shop.patch("/users/mina", json!({ "status": "ACTIVE" })).as_admin().await.expect(200);
    shop.order("mina", "tea", 1).await.expect(201);
}

#[tokio::test]
async fn others_are_nobodys_business() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.customer("jun", 0).await;
    for path in ["/users/mina", "/balance/mina", "/balance/mina/entries", "/coupons?userId=mina", "/orders?userId=mina"]
    {
        shop.get(path).as_user("jun").await.refused(403, "FORBIDDEN");
        shop.get(path).as_admin().await.expect(200);
    }
    shop.get("/users/nobody").as_admin().await.refused(404, "ENTITY_NOT_FOUND");
}
