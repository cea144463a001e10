//! Roles that end: the rights of a caller who was an admin or a seller when a request began.

use std::collections::BTreeSet;

use functions::ROUTES;
use serde_json::{Value, json};
use tests::{
    Call, TestShop,
    steps::{hold, id, set_user},
};

/// A customer with an order that waits, a seller's tea, and staff with records of their own.
async fn shop_with_staff() -> (TestShop, Value) {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.customer("boss", 0).await;
    let business = json!({
        "businessName": "다방 상회", "registrationNumber": "123-45-67890", "contact": "02-123-4567", "address": "서울시 종로구",
        "category": "차",
    });
    let dabang = json!({ "userId": "dabang", "name": "이다방", "email": "dabang@example.com", "seller": business });
    shop.post("/users", dabang).as_admin().await.expect(201);
    let tea = json!({ "productId": "tea", "name": "녹차", "price": 1_000, "stock": 100 });
    shop.post("/products", tea).as_seller("dabang").await.expect(201);
    let order = hold(&shop, "mina", "tea", 2).await.expect(201);
    (shop, order)
}

fn as_boss(call: Call) -> Call {
    call.as_user("boss").header("x-user-role", "ADMIN")
}

/// An admin's key was repeated by the same user without the role. The answer showed an order of another user, or was a
/// 500.
#[tokio::test]
async fn a_replay_without_the_role_shows_nothing() {
    let (shop, order) = shop_with_staff().await;
    let path = format!("/orders/{}", id(&order));
    let pay = || shop.call("POST", &format!("{path}/payment")).key("pay");
    let cancel = || shop.post(&format!("{path}/cancel"), json!({})).key("cancel");
    let restock = || shop.post("/products/tea/restock", json!({ "quantity": 5 })).key("restock");
    let join =
        || shop.post("/users", json!({ "userId": "newcomer", "name": "박새봄", "email": "n@example.com" })).key("join");
    as_boss(pay()).await.expect(200);
    as_boss(cancel()).await.expect(200);
    as_boss(restock()).await.expect(200);
    as_boss(join()).await.expect(201);
    for call in [pay(), cancel()] {
        call.as_user("boss").await.refused(404, "ENTITY_NOT_FOUND");
    }
    restock().as_user("boss").await.refused(403, "FORBIDDEN");
    restock().as_seller("boss").await.refused(404, "ENTITY_NOT_FOUND");
    join().as_user("boss").await.refused(403, "FORBIDDEN");
    // As with a new key.
    shop.post(&format!("{path}/cancel"), json!({})).as_user("boss").await.refused(404, "ENTITY_NOT_FOUND");
    shop.audit().await;
}

/// An admin's key for a user with a generated id would have shown that user.
#[tokio::test]
async fn a_replay_without_the_role_shows_no_created_user() {
    let (shop, _) = shop_with_staff().await;
    let join = || shop.post("/users", json!({ "name": "박새봄", "email": "new@example.com" })).key("join");
    let made = as_boss(join()).await.expect(201);
    assert_eq!(as_boss(join()).await.expect(201)["userId"], made["userId"]);
    join().as_user("boss").await.refused(404, "ENTITY_NOT_FOUND");
}

/// Suspended users went on to set prices, restock and charge, and made themselves ACTIVE.
#[tokio::test]
async fn suspended_sellers_and_admins_change_nothing() {
    let (shop, order) = shop_with_staff().await;
    shop.coupon("welcome", 10).await;
    shop.issue("mina", "welcome").await.expect(201);
    let restock = || shop.post("/products/tea/restock", json!({ "quantity": 5 }));
    restock().as_seller("dabang").key("before").await.expect(200);
    let charge = || shop.post("/balance/charge", json!({ "userId": "mina", "amount": 100 }));
    let charged = as_boss(charge()).key("before").await.expect(200);
    let path = format!("/orders/{}", id(&order));
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let parcel = json!({ "items": [{ "itemId": "1", "quantity": 1 }], "carrier": "CJ", "trackingNumber": "1" });
    let terms = json!({ "fee": 0, "freeFrom": 0, "returnFee": 0 });
    for status in ["SUSPENDED", "WITHDRAWN"] {
        set_user(&shop, "dabang", status).await;
        set_user(&shop, "boss", status).await;
        let export = json!({ "of": "ORDERS", "from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z" });
        let of_seller = [
            shop.patch("/products/tea", json!({ "price": 1 })),
            restock(),
            shop.post("/products", json!({ "name": "홍차", "price": 1, "stock": 1 })),
            shop.patch(&format!("{path}/items/1"), json!({ "status": "SHIPPED" })),
            shop.post(&format!("{path}/parcels"), parcel.clone()),
            shop.call("PUT", "/sellers/dabang/shipping").json(&terms),
            shop.post("/exports", export.clone()),
        ];
        for call in of_seller {
            call.as_seller("dabang").await.refused(409, "USER_NOT_ACTIVE");
        }
        let campaign = json!({
            "name": "봄", "totalQuantity": 1, "issueFrom": "2026-11-01T00:00:00Z", "issueUntil": "2026-12-01T00:00:00Z",
            "validDays": 7, "kind": "FIXED", "value": 1_000,
        });
        let account = json!({ "bank": "장터은행", "number": "110-123-456789", "holder": "김민아" });
        let units = json!([{ "itemId": "1", "quantity": 1 }]);
        let claim = json!({ "type": "RETURN", "items": units, "reason": "DEFECT" });
        let receipt = json!({ "items": [{ "itemId": "1", "quantity": 1, "condition": "SELLABLE" }] });
        let of_admin = [
            shop.patch("/users/boss", json!({ "status": "ACTIVE" })),
            shop.post("/users/mina/withdraw", json!({})),
            shop.patch(&path, json!({ "shipTo": "서울" })),
            shop.post("/users", json!({ "userId": "other", "name": "박새봄", "email": "other@example.com" })),
            charge(),
            shop.patch("/products/tea", json!({ "price": 1 })),
            restock(),
            shop.post("/products", json!({ "name": "홍차", "price": 1, "stock": 1 })),
            shop.post("/coupons", campaign),
            shop.post("/coupons/issue", json!({ "userId": "mina", "couponId": "welcome" })),
            shop.post("/coupons/revoke", json!({ "userId": "mina", "couponId": "welcome" })),
            shop.patch("/coupons/welcome", json!({ "status": "PAUSED" })),
            shop.call("PUT", "/drops/friday").json(&json!({
                "couponId": "welcome", "opensAt": "2026-12-01T00:00:00Z", "enabled": true,
            })),
            shop.post("/drops/friday/entries", json!({})),
            shop.post("/orders/cart", json!({ "userId": "mina", "productId": "tea", "quantity": 1 })),
            shop.call("DELETE", "/orders/cart/tea?userId=mina"),
            shop.post("/order-sheets", json!({ "userId": "mina", "items": items })),
            shop.post("/orders", json!({ "userId": "mina", "items": items })),
            shop.call("POST", &format!("{path}/payment")),
            shop.post(&format!("{path}/cancel"), json!({})),
            shop.patch(&format!("{path}/items/1"), json!({ "status": "SHIPPED" })),
            shop.post(&format!("{path}/claims"), claim),
            shop.post("/claims/claim_1_none/decide", json!({ "accept": true })),
            shop.post("/claims/claim_1_none/receive", receipt),
            shop.post("/claims/claim_1_none/withdraw", json!({})),
            shop.post(&format!("{path}/parcels"), parcel.clone()),
            shop.patch(&format!("{path}/parcels/1"), json!({ "status": "DELIVERED" })),
            shop.call("PUT", "/sellers/dabang/shipping").json(&terms),
            shop.post(&format!("{path}/refunds/none/retry"), json!({})),
            shop.post("/balance/adjustments", json!({ "userId": "mina", "amount": 100, "reason": "정정" })),
            shop.post("/balance/withdrawals", json!({ "userId": "mina", "amount": 100, "account": account })),
            shop.patch("/balance/withdrawals/none", json!({ "status": "PAID_OUT" })),
            shop.post("/payments", json!({ "purpose": { "type": "TOP_UP", "userId": "mina", "amount": 1_000 } })),
            shop.post("/payments/none/confirm", json!({ "paymentKey": "key", "amount": 1_000 })),
            shop.post("/payments/none/refund", json!({ "amount": 1_000 })),
            shop.post("/exports", export.clone()),
        ];
        let tried: BTreeSet<&str> = of_admin.iter().map(Call::function).collect();
        // A notice is the provider's, and has no caller.
        let changing = ROUTES.iter().filter(|route| route.method != "GET" && !route.public);
        assert_eq!(tried, changing.map(|route| route.function).collect(), "every route that changes something");
        for call in of_admin {
            as_boss(call).await.refused(409, "USER_NOT_ACTIVE");
        }
        // Earlier requests are answered again, and faults of a request are reported first.
        restock().as_seller("dabang").key("before").await.expect(200);
        assert_eq!(as_boss(charge()).key("before").await.expect(200), charged);
        assert_eq!(as_boss(shop.patch("/products/tea", json!({ "price": -1 }))).await.bad_fields(), ["price"]);
    }
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (100_100, 103));
    set_user(&shop, "dabang", "ACTIVE").await;
    shop.patch("/products/tea", json!({ "price": 2_000 })).as_seller("dabang").await.expect(200);
    shop.audit().await;
}

#[tokio::test]
async fn the_seller_of_a_product_exists_and_may_sell() {
    let (shop, _) = shop_with_staff().await;
    let coffee = |seller: &str| json!({ "name": "커피", "price": 1, "stock": 1, "sellerId": seller });
    shop.post("/products", coffee("nobody")).as_admin().await.refused(404, "ENTITY_NOT_FOUND");
    shop.post("/products", coffee("dabang")).as_admin().await.expect(201);
    set_user(&shop, "dabang", "SUSPENDED").await;
    shop.post("/products", coffee("dabang")).as_admin().await.refused(409, "USER_NOT_ACTIVE");
    // Under the local runner a seller needs no record.
    shop.post("/products", coffee("stall")).as_seller("stall").await.expect(201);
    shop.audit().await;
}
