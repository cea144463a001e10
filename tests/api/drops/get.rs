//! `GET /drops/{dropId}`

use jiff::SignedDuration;
use serde_json::json;
use tests::{TestShop, steps::wait};

#[tokio::test(start_paused = true)]
async fn a_drop_shows_what_it_guards_and_how_many_wait() {
    let shop = TestShop::with_instances(2);
    for user in ["mina", "jun", "sora"] {
        shop.customer(user, 100_000).await;
    }
    shop.product("tea", 10_000, 2).await;
    let opens_at = shop.now() + SignedDuration::from_secs(60);
    let drop = json!({ "productId": "tea", "opensAt": opens_at, "enabled": true });
    let set = shop.call("PUT", "/drops/friday").json(&drop).as_admin().await.expect(200);
    let shown = || shop.get("/drops/friday").as_user("jun");
    assert_eq!(shown().await.expect(200), set);
    assert_eq!(shop.get("/products/tea").await.expect(200)["dropId"], "friday");

    for user in ["mina", "jun", "sora"] {
        shop.post("/drops/friday/entries", json!({})).as_user(user).await.expect(201);
    }
    wait(&shop, 1_000);
    let state = shown().await.expect(200);
    assert_eq!((&state["waiting"], &state["inside"], &state["soldOut"]), (&json!(3), &json!(0), &json!(false)));
    wait(&shop, 60_000);
    let state = shown().await.expect(200);
    assert_eq!((&state["waiting"], &state["inside"]), (&json!(1), &json!(2)), "as many as there are units");

    let off = json!({ "productId": "tea", "opensAt": opens_at, "enabled": false });
    shop.call("PUT", "/drops/friday").json(&off).as_admin().await.expect(200);
    wait(&shop, 1_000);
    let state = shown().await.expect(200);
    assert_eq!((&state["enabled"], &state["waiting"], &state["inside"]), (&json!(false), &json!(0), &json!(0)));
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn a_drop_of_a_campaign_is_named_by_it() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.coupon("welcome", 5).await;
    let drop = json!({ "couponId": "welcome", "opensAt": shop.now(), "enabled": true });
    shop.call("PUT", "/drops/monday").json(&drop).as_admin().await.expect(200);
    assert_eq!(shop.get("/coupons/welcome").as_admin().await.expect(200)["dropId"], "monday");
    assert_eq!(shop.get("/drops/monday").as_user("mina").await.expect(200)["couponId"], "welcome");
    let missing = shop.get("/drops/sunday").as_user("mina").await.refused(404, "ENTITY_NOT_FOUND");
    assert_eq!(missing, json!({ "dropId": "sunday" }));
    shop.get("/drops/not a drop").as_user("mina").await.refused(400, "INVALID_REQUEST");
}
