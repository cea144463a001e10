//! `POST /coupons/revoke`

use serde_json::json;
use tests::TestShop;

#[tokio::test]
async fn admins_revoke_usable_coupons_only() {
    let shop = TestShop::new();
    shop.customer("mina", 50_000).await;
    shop.product("tea", 10_000, 5).await;
    shop.coupon("welcome", 5).await;
    let revoke = json!({ "userId": "mina", "couponId": "welcome" });
    shop.post("/coupons/revoke", revoke.clone()).as_admin().await.refused(404, "ENTITY_NOT_FOUND");
    shop.issue("mina", "welcome").await.expect(201);
    shop.post("/coupons/revoke", revoke.clone()).as_user("mina").await.refused(403, "FORBIDDEN");
    shop.post("/coupons/revoke", revoke.clone()).as_admin().await.expect(200);
    shop.post("/coupons/revoke", revoke).as_admin().await.expect(200);

    shop.coupon("second", 5).await;
    shop.issue("mina", "second").await.expect(201);
    shop.set_clock("2026-11-27T00:00:00Z");
    let late = json!({ "userId": "mina", "couponId": "second" });
    let details = shop.post("/coupons/revoke", late).as_admin().await.refused(409, "COUPON_NOT_USABLE");
    assert_eq!(details["reason"], "EXPIRED");
}
