//! Repeated requests: nothing happens twice, and the answer is the same.

use serde_json::{Value, json};
use tests::TestShop;

#[tokio::test]
async fn a_charge_with_a_key_charges_once() {
    let shop = TestShop::with_instances(2);
    shop.customer("mina", 0).await;
    let charge =
        |amount: i64, key: &str| shop.post("/balance/charge", json!({ "userId": "mina", "amount": amount })).key(key);
    let first = charge(1_000, "k1").await.expect(200);
    assert_eq!(charge(500, "k2").await.expect(200)["balance"], 1_500);
    // With its own balance after, not today's.
    assert_eq!(charge(1_000, "k1").await.expect(200), first);
    charge(2_000, "k1").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(shop.balance("mina").await, 1_500);
    // Fields in another order and white space are the same request.
    let same = shop.call("POST", "/balance/charge").body("{ \"amount\": 1000, \"userId\": \"mina\" }");
    assert_eq!(same.header("content-type", "application/json").key("k1").await.expect(200), first);
}

#[tokio::test]
async fn a_key_belongs_to_its_caller() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.customer("jun", 0).await;
    for user in ["mina", "jun"] {
        shop.post("/balance/charge", json!({ "userId": user, "amount": 100 })).key("k").await.expect(200);
        assert_eq!(shop.balance(user).await, 100);
    }
}

#[tokio::test]
async fn each_call_without_a_key_takes_effect() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    for _ in 0..2 {
        shop.post("/balance/charge", json!({ "userId": "mina", "amount": 100 })).await.expect(200);
    }
    assert_eq!(shop.balance("mina").await, 200);
}

#[tokio::test]
async fn an_order_with_a_key_is_placed_once() {
    let shop = TestShop::with_instances(2);
    // Balance, stock and coupon suffice for one order exactly: the repeat would be refused for each of them.
    shop.customer("mina", 12_000).await;
    shop.product("tea", 10_000, 1).await;
    shop.coupon("welcome", 1).await;
    shop.issue("mina", "welcome").await.expect(201);
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let body = json!({ "userId": "mina", "items": items, "couponId": "welcome" });
    let first = shop.post("/orders", body.clone()).key("k").await.expect(201);
    for _ in 0..3 {
        assert_eq!(shop.post("/orders", body.clone()).key("k").await.expect(201), first);
    }
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (0, 0));

    let other = json!({ "userId": "mina", "items": items });
    shop.post("/orders", other.clone()).key("k").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    // Also after the product is gone, which would refuse any new order.
    shop.patch("/products/tea", json!({ "status": "HIDDEN" })).as_admin().await.expect(200);
    assert_eq!(shop.post("/orders", body).key("k").await.expect(201), first);
    shop.post("/orders", other).key("k2").await.refused(404, "ENTITY_NOT_FOUND");
}

#[tokio::test]
async fn a_refused_request_can_succeed_with_its_key_later() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 0).await;
    shop.order("mina", "tea", 1).key("k").await.refused(409, "STOCK_NOT_ENOUGH");
    shop.post("/products/tea/restock", json!({ "quantity": 1 })).as_admin().await.expect(200);
    shop.order("mina", "tea", 1).key("k").await.expect(201);
}

/// Everything else that is created or changed by a POST.
#[tokio::test]
async fn every_post_takes_a_key() {
    let shop = TestShop::with_instances(2);
    shop.customer("mina", 0).await;
    shop.product("tea", 1_000, 0).await;
    shop.coupon("welcome", 5).await;
    let campaign = json!({
        "name": "X", "kind": "FIXED", "value": 1, "totalQuantity": 1, "validDays": 1,
        "issueFrom": "2026-11-01T00:00:00Z", "issueUntil": "2026-12-01T00:00:00Z",
    });
    let user = json!({ "name": "Sora", "email": "sora@example.com" });
    let product = json!({ "name": "X", "price": 1, "stock": 1 });
    for (path, status, body, change) in [
        ("/users", 201, user, json!({ "name": "Other" })),
        ("/products", 201, product, json!({ "productId": "cup" })),
        ("/products/tea/restock", 200, json!({ "quantity": 3 }), json!({ "quantity": 4 })),
        ("/coupons", 201, campaign, json!({ "couponId": "other" })),
        ("/coupons/issue", 201, json!({ "userId": "mina", "couponId": "welcome" }), json!({ "couponId": "none" })),
        ("/orders/cart", 200, json!({ "userId": "mina", "productId": "tea", "quantity": 1 }), json!({ "quantity": 2 })),
    ] {
        let first = shop.post(path, body.clone()).as_admin().key("k").await.expect(status);
        assert_eq!(shop.post(path, body.clone()).as_admin().key("k").await.expect(status), first, "{path}");
        let mut other: Value = body;
        other.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        shop.post(path, other).as_admin().key("k").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    }
    assert_eq!(shop.stock("tea").await, 3);
    let products = shop.get("/products").await.expect(200);
    assert_eq!(products["items"].as_array().unwrap().len(), 2);
}

/// The same request without the key is another request, and is refused as such.
#[tokio::test]
async fn a_key_does_not_hide_a_conflict() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.coupon("welcome", 5).await;
    let issue = || shop.post("/coupons/issue", json!({ "userId": "mina", "couponId": "welcome" }));
    issue().key("k1").await.expect(201);
    issue().key("k2").await.refused(409, "COUPON_ALREADY_ISSUED");
    issue().await.refused(409, "COUPON_ALREADY_ISSUED");
    issue().key("k1").await.expect(201);
}

/// A ticket that is allocated in vain is there for the next user.
#[tokio::test]
async fn a_key_reused_for_another_coupon_wastes_no_ticket() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.coupon("welcome", 5).await;
    shop.coupon("second", 5).await;
    let issue = |coupon: &str| shop.post("/coupons/issue", json!({ "userId": "mina", "couponId": coupon })).key("k");
    issue("welcome").await.expect(201);
    issue("second").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(shop.get("/coupons/second").as_admin().await.expect(200)["remainingQuantity"], 5);
    shop.audit().await;
}

/// The answer is about the same thing, as it is now.
#[tokio::test]
async fn a_repetition_shows_the_current_state() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.coupon("welcome", 5).await;
    let body = json!({ "userId": "mina", "couponId": "welcome" });
    let first = shop.post("/coupons/issue", body.clone()).key("k").await.expect(201);
    shop.post("/coupons/revoke", body.clone()).as_admin().await.expect(200);
    let again = shop.post("/coupons/issue", body).key("k").await.expect(201);
    assert_eq!(again["issuedCouponId"], first["issuedCouponId"]);
    assert_eq!(again["status"], "REVOKED");
}

/// Ordered units are no longer in the cart. A repetition of the order, or of the sheet before it, finds the result.
#[tokio::test]
async fn a_repeated_cart_order_is_found_after_the_cart_was_emptied() {
    let shop = TestShop::with_instances(2);
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 10).await;
    shop.post("/orders/cart", json!({ "userId": "mina", "productId": "tea", "quantity": 1 })).await.expect(200);
    let body = json!({ "userId": "mina", "fromCart": true });
    let sheet = shop.post("/order-sheets", body.clone()).key("sheet").await.expect(201);
    let order = shop.post("/orders", body.clone()).key("order").await.expect(201);
    assert_eq!(shop.post("/orders", body.clone()).key("order").await.expect(201), order);
    assert_eq!(shop.post("/order-sheets", body.clone()).key("sheet").await.expect(201), sheet);
    assert_eq!(shop.post("/orders", body.clone()).key("other").await.bad_fields(), ["fromCart"]);
    let other = json!({ "userId": "mina", "fromCart": true, "payment": "LATER" });
    shop.post("/orders", other).key("order").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    shop.audit().await;
}
