//! `GET /coupons`

use serde_json::{Value, json};
use tests::TestShop;

fn coupon_ids(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|coupon| coupon["couponId"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn coupons_are_listed_by_status() {
    let shop = TestShop::new();
    shop.customer("mina", 50_000).await;
    shop.product("tea", 10_000, 5).await;
    assert_eq!(shop.get("/coupons?userId=mina").await.expect(200)["items"], json!([]));
    for coupon in ["a-used", "b-usable", "c-revoked"] {
        shop.coupon(coupon, 5).await;
        shop.issue("mina", coupon).await.expect(201);
    }
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let order =
        shop.post("/orders", json!({ "userId": "mina", "items": items, "couponId": "a-used" })).await.expect(201);
    let revoke = json!({ "userId": "mina", "couponId": "c-revoked" });
    assert_eq!(shop.post("/coupons/revoke", revoke).as_admin().await.expect(200)["status"], "REVOKED");

    let list = |status: &str| shop.get(&format!("/coupons?userId=mina&status={status}"));
    assert_eq!(coupon_ids(&shop.get("/coupons?userId=mina").await.expect(200)), ["b-usable"]);
    let used = list("USED").await.expect(200);
    assert_eq!((coupon_ids(&used), &used["items"][0]["orderId"]), (vec!["a-used"], &order["orderId"]));
    assert_eq!(coupon_ids(&list("REVOKED").await.expect(200)), ["c-revoked"]);
    assert_eq!(coupon_ids(&list("ALL").await.expect(200)), ["a-used", "b-usable", "c-revoked"]);
    assert_eq!(list("LOST").await.bad_fields(), ["status"]);

    // To the very instant, whether or not a sweep has run.
    shop.set_clock("2026-11-26T14:59:59.999Z");
    assert_eq!(coupon_ids(&list("USABLE").await.expect(200)), ["b-usable"]);
    shop.set_clock("2026-11-26T15:00:00Z");
    assert_eq!(coupon_ids(&list("USABLE").await.expect(200)), [] as [&str; 0]);
    assert_eq!(coupon_ids(&list("EXPIRED").await.expect(200)), ["b-usable"]);
    shop.get("/coupons?userId=nobody").await.refused(404, "ENTITY_NOT_FOUND");
}

#[tokio::test]
async fn coupons_come_in_pages() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    for number in 0..5 {
        shop.coupon(&format!("c{number}"), 1).await;
        shop.issue("mina", &format!("c{number}")).await.expect(201);
    }
    let first = shop.get("/coupons?userId=mina&limit=3").await.expect(200);
    assert_eq!(coupon_ids(&first), ["c0", "c1", "c2"]);
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = shop.get(&format!("/coupons?userId=mina&limit=3&cursor={cursor}")).await.expect(200);
    assert_eq!((coupon_ids(&second), &second["nextCursor"]), (vec!["c3", "c4"], &Value::Null));
}
