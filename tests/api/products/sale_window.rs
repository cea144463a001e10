//! Sale windows: `saleFrom` and `saleUntil` of a product.

use serde_json::{Value, json};
use tests::{TestShop, steps::hold};

const FROM: &str = "2026-11-20T03:10:00Z";
const UNTIL: &str = "2026-11-20T03:20:00Z";
const JUST_BEFORE: [&str; 2] = ["2026-11-20T03:09:59.999Z", "2026-11-20T03:19:59.999Z"];

/// A shop with a product that is sold for ten minutes.
async fn shop_with_tea(flash: bool) -> TestShop {
    let shop = TestShop::with_instances(2);
    shop.customer("mina", 1_000_000).await;
    let tea = json!({
        "productId": "tea", "name": "녹차", "price": 1_000, "stock": 100, "stockShards": 2, "flash": flash,
        "saleFrom": FROM, "saleUntil": UNTIL,
    });
    let created = shop.post("/products", tea).as_admin().await.expect(201);
    assert_eq!((&created["saleFrom"], &created["saleUntil"]), (&json!(FROM), &json!(UNTIL)));
    shop
}

async fn change(shop: &TestShop, change: Value) {
    shop.patch("/products/tea", change).as_admin().await.expect(200);
}

/// An order at an instant is refused, on each instance.
async fn is_closed(shop: &TestShop, at: &str, window: Value) {
    shop.set_clock(at);
    for _ in 0..2 {
        assert_eq!(shop.order("mina", "tea", 1).await.refused(409, "PRODUCT_NOT_ON_SALE"), window, "{at}");
    }
}

/// An order at an instant is made, on each instance.
async fn is_open(shop: &TestShop, at: &str) {
    shop.set_clock(at);
    for _ in 0..2 {
        shop.order("mina", "tea", 1).await.expect(201);
    }
}

#[tokio::test]
async fn a_product_is_sold_in_its_window_to_the_millisecond() {
    for flash in [false, true] {
        let shop = shop_with_tea(flash).await;
        let window = json!({ "productId": "tea", "saleFrom": FROM, "saleUntil": UNTIL });
        // It is listed and shown before it opens.
        assert_eq!(shop.get("/products").await.expect(200)["items"][0]["productId"], "tea");
        assert_eq!(shop.get("/products/tea").await.expect(200)["status"], "ON_SALE");
        is_closed(&shop, JUST_BEFORE[0], window.clone()).await;
        is_open(&shop, FROM).await;
        is_open(&shop, JUST_BEFORE[1]).await;
        let held = hold(&shop, "mina", "tea", 1).await.expect(201);
        is_closed(&shop, UNTIL, window).await;
        // An order that was made in time can be paid after it.
        let pay = format!("/orders/{}/payment", held["orderId"].as_str().unwrap());
        shop.call("POST", &pay).as_user("mina").await.expect(200);
        assert_eq!(shop.stock("tea").await, 95);
        shop.audit().await;
    }
}

#[tokio::test]
async fn another_window_holds_at_once() {
    for flash in [false, true] {
        let shop = shop_with_tea(flash).await;
        is_open(&shop, FROM).await;
        change(&shop, json!({ "saleFrom": JUST_BEFORE[1] })).await;
        let window = json!({ "productId": "tea", "saleFrom": JUST_BEFORE[1], "saleUntil": UNTIL });
        is_closed(&shop, FROM, window).await;
        change(&shop, json!({ "saleFrom": null })).await;
        is_open(&shop, FROM).await;
        is_closed(&shop, UNTIL, json!({ "productId": "tea", "saleUntil": UNTIL })).await;
        change(&shop, json!({ "saleUntil": null })).await;
        is_open(&shop, UNTIL).await;
        // The window of a limited product changes without its limit.
        change(&shop, json!({ "limit": { "perUser": 1, "within": "EVER" } })).await;
        shop.order("mina", "tea", 1).await.expect(201);
        change(&shop, json!({ "saleFrom": FROM })).await;
        shop.order("mina", "tea", 1).await.refused(409, "LIMIT_EXCEEDED");
        shop.audit().await;
    }
}

#[tokio::test]
async fn a_sheet_is_ordered_in_the_window_only() {
    let shop = shop_with_tea(false).await;
    let body = json!({ "userId": "mina", "items": [{ "productId": "tea", "quantity": 1 }] });
    shop.post("/order-sheets", body.clone()).await.refused(409, "PRODUCT_NOT_ON_SALE");
    shop.set_clock(JUST_BEFORE[1]);
    let sheet = shop.post("/order-sheets", body).await.expect(201);
    shop.set_clock(UNTIL);
    let order = json!({ "userId": "mina", "orderSheetId": sheet["orderSheetId"] });
    shop.post("/orders", order.clone()).await.refused(409, "PRODUCT_NOT_ON_SALE");
    change(&shop, json!({ "saleUntil": null })).await;
    shop.post("/orders", order).await.expect(201);
    shop.audit().await;
}

#[tokio::test]
async fn a_window_ends_after_it_begins() {
    let shop = TestShop::new();
    shop.product("tea", 1_000, 1).await;
    for wrong in [json!({ "saleFrom": UNTIL, "saleUntil": FROM }), json!({ "saleFrom": FROM, "saleUntil": FROM })] {
        let mut cup = json!({ "name": "잔", "price": 1_000, "stock": 1 });
        cup.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        assert_eq!(shop.post("/products", cup).as_admin().await.bad_fields(), ["saleUntil"]);
        assert_eq!(shop.patch("/products/tea", wrong).as_admin().await.bad_fields(), ["saleUntil"]);
    }
    change(&shop, json!({ "saleFrom": FROM })).await;
    let bad = |body: Value| shop.patch("/products/tea", body).as_admin();
    assert_eq!(bad(json!({ "saleUntil": FROM })).await.bad_fields(), ["saleUntil"]);
    assert_eq!(bad(json!({ "saleUntil": "tomorrow" })).await.bad_fields(), ["saleUntil"]);
}
