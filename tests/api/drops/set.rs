//! `PUT /drops/{dropId}`

use serde_json::{Value, json};
use tests::{Call, TestShop};

fn set(shop: &TestShop, drop: &str, body: &Value) -> Call {
    shop.call("PUT", &format!("/drops/{drop}")).json(body).as_admin()
}

#[tokio::test(start_paused = true)]
async fn a_drop_guards_one_product_and_a_product_has_one_drop() {
    let shop = TestShop::new();
    shop.product("tea", 10_000, 5).await;
    shop.product("cup", 10_000, 5).await;
    let tea = json!({ "productId": "tea", "opensAt": "2026-12-01T00:00:00Z", "enabled": true });
    let made = set(&shop, "friday", &tea).await.expect(200);
    assert_eq!((&made["dropId"], &made["productId"]), (&json!("friday"), &json!("tea")));
    assert!(made.get("couponId").is_none() && made.get("key").is_none());
    assert_eq!(set(&shop, "friday", &tea).await.expect(200), made, "a repetition changes nothing");
    assert_eq!(set(&shop, "monday", &tea).await.refused(409, "ALREADY_EXISTS"), json!({ "field": "productId" }));
    let cup = json!({ "productId": "cup", "opensAt": "2026-12-01T00:00:00Z", "enabled": true });
    assert_eq!(set(&shop, "friday", &cup).await.refused(409, "ALREADY_EXISTS"), json!({ "field": "dropId" }));
    let off = json!({ "productId": "tea", "opensAt": "2026-12-02T00:00:00Z", "enabled": false });
    let changed = set(&shop, "friday", &off).await.expect(200);
    assert_eq!((&changed["opensAt"], &changed["enabled"]), (&json!("2026-12-02T00:00:00Z"), &json!(false)));
    // A change of the product keeps its guard.
    shop.patch("/products/tea", json!({ "name": "홍차" })).as_admin().await.expect(200);
    assert_eq!(set(&shop, "monday", &tea).await.refused(409, "ALREADY_EXISTS"), json!({ "field": "productId" }));
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn a_drop_names_one_thing_that_exists() {
    let shop = TestShop::new();
    shop.coupon("welcome", 5).await;
    let with = |more: Value| {
        let mut body = json!({ "opensAt": "2026-12-01T00:00:00Z", "enabled": true });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (body, field) in [
        (with(json!({})), "productId"),
        (with(json!({ "productId": "tea", "couponId": "welcome" })), "productId"),
        (with(json!({ "productId": "tea", "opensAt": "soon" })), "opensAt"),
        (with(json!({ "productId": "tea", "enabled": "yes" })), "enabled"),
        (with(json!({ "productId": "tea", "rate": 3 })), "rate"),
    ] {
        let answer = set(&shop, "friday", &body).await;
        assert_eq!((answer.status, &answer.body["fieldErrors"][0]["field"]), (400, &json!(field)), "{}", answer.body);
    }
    let missing = set(&shop, "friday", &with(json!({ "productId": "tea" }))).await;
    assert_eq!(missing.refused(404, "ENTITY_NOT_FOUND"), json!({ "productId": "tea" }));
    let missing = set(&shop, "friday", &with(json!({ "couponId": "none" }))).await;
    assert_eq!(missing.refused(404, "ENTITY_NOT_FOUND"), json!({ "couponId": "none" }));
    let of_coupon = with(json!({ "couponId": "welcome" }));
    set(&shop, "friday", &of_coupon).await.expect(200);
    set(&shop, "monday", &of_coupon).await.refused(409, "ALREADY_EXISTS");
    let by_customer = shop.call("PUT", "/drops/friday").json(&of_coupon).as_user("mina");
    by_customer.await.refused(403, "FORBIDDEN");
    shop.audit().await;
}
