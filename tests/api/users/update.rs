//! `PATCH /users/{userId}`

use serde_json::json;
use tests::{
    TestShop,
    steps::{charge, move_along},
};

#[tokio::test]
async fn contact_data_is_changed_by_its_user_only() {
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
async fn an_inactive_user_cannot_trade() {
    let shop = TestShop::new();
    shop.customer("mina", 50_000).await;
    shop.product("tea", 10_000, 5).await;
    shop.coupon("welcome", 5).await;
    let key = "paid-before";
    let order = shop.order("mina", "tea", 1).key(key).await.expect(201);
    move_along(&shop, &order, "1", &["SHIPPED", "IN_DELIVERY", "DELIVERED"]).await;
    shop.post("/balance/adjustments", json!({ "userId": "mina", "amount": -37_000, "reason": "정산" }))
        .as_admin()
        .await
        .expect(200);

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
    charge(&shop, "mina", 50_000).await;
    shop.order("mina", "tea", 1).await.expect(201);
}
