//! Prices that changed after the customer looked.

use serde_json::{Value, json};
use tests::TestShop;

async fn shop() -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", 10_000_000).await;
    shop.product("tea", 1_000, 100).await;
    shop
}

fn order(shop: &TestShop, items: Value, more: Value) -> tests::Call {
    let mut body = json!({ "userId": "mina", "items": items });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    shop.post("/orders", body)
}

/// A product rose from 1,000 to 900,000 won after the customer had looked, and the customer paid 900,000.
#[tokio::test]
async fn an_order_at_another_price_than_expected_is_refused() {
    let shop = shop().await;
    let tea = |price: i64| json!([{ "productId": "tea", "quantity": 1, "expectedPrice": price }]);
    let as_expected = order(&shop, tea(1_000), json!({ "expectedPayable": 4_000 })).await.expect(201);
    assert_eq!(as_expected["payable"], 4_000);
    // By another instance: the ordering one has cached the old price.
    shop.another_instance().patch("/products/tea", json!({ "price": 900_000 })).as_admin().await.expect(200);
    let changed = json!({ "productId": "tea", "quoted": 1_000, "current": 900_000 });
    assert_eq!(order(&shop, tea(1_000), json!({})).await.refused(409, "PRICE_CHANGED"), changed);
    let without_price = json!([{ "productId": "tea", "quantity": 1 }]);
    let payable = json!({ "expectedPayable": 4_000 });
    let details = order(&shop, without_price, payable).await.refused(409, "PRICE_CHANGED");
    assert_eq!(details, json!({ "quoted": 4_000, "current": 900_000 }));
    assert_eq!(shop.balance("mina").await, 9_996_000);
    let dearer = order(&shop, tea(900_000), json!({ "expectedPayable": 900_000 })).await.expect(201);
    assert_eq!(dearer["paid"], 900_000);
    shop.audit().await;
}

/// Also in flash mode, with units reserved ahead of the commit: none is lost.
#[tokio::test]
async fn a_flash_order_at_another_price_than_expected_is_refused() {
    let shop = shop().await;
    shop.patch("/products/tea", json!({ "flash": true })).as_admin().await.expect(200);
    let tea = |price: i64| json!([{ "productId": "tea", "quantity": 2, "expectedPrice": price }]);
    order(&shop, tea(1_000), json!({})).await.expect(201);
    shop.another_instance()
        .patch("/products/tea", json!({ "price": 1_500, "discount": 100 }))
        .as_admin()
        .await
        .expect(200);
    let changed = json!({ "productId": "tea", "quoted": 1_000, "current": 1_400 });
    assert_eq!(order(&shop, tea(1_000), json!({})).await.refused(409, "PRICE_CHANGED"), changed);
    order(&shop, tea(1_400), json!({})).await.expect(201);
    assert_eq!(shop.stock("tea").await, 96);
    shop.audit().await;
}

/// A cart, a sheet and an order with a coupon can expect an amount as well.
#[tokio::test]
async fn orders_of_cart_and_sheet_can_expect_an_amount() {
    let shop = shop().await;
    shop.coupon("welcome", 1).await;
    shop.issue("mina", "welcome").await.expect(201);
    shop.post("/orders/cart", json!({ "userId": "mina", "productId": "tea", "quantity": 2 })).await.expect(200);
    let cart = |payable: i64| {
        let body = json!({ "userId": "mina", "fromCart": true, "couponId": "welcome", "expectedPayable": payable });
        shop.post("/orders", body)
    };
    let details = cart(5_000).await.refused(409, "PRICE_CHANGED");
    assert_eq!(details, json!({ "quoted": 5_000, "current": 4_000 }));
    let sheet = json!({ "userId": "mina", "fromCart": true, "couponId": "welcome" });
    let sheet = shop.post("/order-sheets", sheet).await.expect(201)["orderSheetId"].clone();
    let of_sheet = |payable: i64| {
        let body = json!({ "userId": "mina", "orderSheetId": sheet, "expectedPayable": payable });
        shop.post("/orders", body)
    };
    of_sheet(5_000).await.refused(409, "PRICE_CHANGED");
    of_sheet(4_000).await.expect(201);
    shop.audit().await;
}

/// Wrong expectations name their fields. Faults of user and product are reported before the price.
#[tokio::test]
async fn an_unexpected_price_keeps_its_place_among_the_faults() {
    let shop = shop().await;
    let twice = json!([
        { "productId": "tea", "quantity": 1, "expectedPrice": 1_000 },
        { "productId": "tea", "quantity": 1, "expectedPrice": 2_000 },
    ]);
    assert_eq!(order(&shop, twice, json!({})).await.bad_fields(), ["items[1].expectedPrice"]);
    let merged = json!([
        { "productId": "tea", "quantity": 1, "expectedPrice": 1_000 },
        { "productId": "tea", "quantity": 1 },
    ]);
    order(&shop, merged, json!({})).await.expect(201);
    let negative = json!([{ "productId": "tea", "quantity": 1, "expectedPrice": -1 }]);
    let answer = order(&shop, negative, json!({ "expectedPayable": -1 })).await;
    assert_eq!(answer.bad_fields(), ["expectedPayable", "items[0].expectedPrice"]);

    let unexpected =
        |product: &str, quantity: i64| json!([{ "productId": product, "quantity": quantity, "expectedPrice": 1 }]);
    order(&shop, unexpected("none", 1), json!({})).await.refused(404, "ENTITY_NOT_FOUND");
    // Before the stock.
    order(&shop, unexpected("tea", 999), json!({})).await.refused(409, "PRICE_CHANGED");
    shop.patch("/products/tea", json!({ "status": "DISCONTINUED" })).as_admin().await.expect(200);
    order(&shop, unexpected("tea", 1), json!({})).await.refused(409, "PRODUCT_NOT_ON_SALE");
}
