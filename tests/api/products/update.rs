//! `PATCH /products/{productId}`

use serde_json::json;
use tests::TestShop;

#[tokio::test]
async fn a_changed_price_is_charged_from_then_on() {
    let shop = TestShop::with_instances(2);
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 10).await;
    // Each instance has cached the product now.
    shop.order("mina", "tea", 1).await.expect(201);
    shop.order("mina", "tea", 1).await.expect(201);

    shop.patch("/products/tea", json!({ "price": 12_000, "discount": 1_000 })).as_admin().await.expect(200);
    for _ in 0..2 {
        let order = shop.order("mina", "tea", 1).await.expect(201);
        let line = &order["items"][0];
        assert_eq!(
            (&line["unitPrice"], &line["unitDiscount"], &line["amount"]),
            (&json!(12_000), &json!(1_000), &json!(11_000))
        );
        assert_eq!(order["payable"], 14_000);
    }
}

#[tokio::test]
async fn a_discount_is_at_most_the_price() {
    let shop = TestShop::new();
    let dear = json!({ "name": "X", "price": 1_000, "discount": 1_001, "stock": 1 });
    assert_eq!(shop.post("/products", dear).as_admin().await.bad_fields(), ["discount"]);
    shop.product("tea", 1_000, 1).await;
    assert_eq!(shop.patch("/products/tea", json!({ "discount": 1_001 })).as_admin().await.bad_fields(), ["discount"]);
    shop.patch("/products/tea", json!({ "discount": 1_000 })).as_admin().await.expect(200);
    assert_eq!(shop.patch("/products/tea", json!({ "price": 999 })).as_admin().await.bad_fields(), ["discount"]);
}

#[tokio::test]
async fn sellers_change_their_own_products_only() {
    let shop = TestShop::new();
    let product = json!({ "productId": "tea", "name": "녹차", "price": 1_000, "stock": 3 });
    let created = shop.post("/products", product.clone()).as_seller("dabang").await.expect(201);
    assert_eq!(created["sellerId"], "dabang");

    shop.patch("/products/tea", json!({ "price": 1_100 })).as_seller("dabang").await.expect(200);
    shop.patch("/products/tea", json!({ "price": 1 })).as_seller("other").await.refused(404, "ENTITY_NOT_FOUND");
    shop.patch("/products/tea", json!({ "price": 1 })).as_user("mina").await.refused(403, "FORBIDDEN");
    shop.post("/products/tea/restock", json!({ "quantity": 1 }))
        .as_seller("other")
        .await
        .refused(404, "ENTITY_NOT_FOUND");
    shop.post("/products", product.clone()).as_user("mina").await.refused(403, "FORBIDDEN");
    shop.post("/products", product).await.refused(401, "UNAUTHENTICATED");
    let foreign = json!({ "name": "녹차", "price": 1_000, "stock": 3, "sellerId": "dabang" });
    shop.post("/products", foreign).as_seller("other").await.refused(403, "FORBIDDEN");
    assert_eq!(shop.get("/products/tea").await.expect(200)["price"], 1_100);
}

#[tokio::test]
async fn a_product_can_get_more_shards_while_it_sells() {
    let shop = TestShop::with_instances(2);
    shop.customer("mina", 1_000_000).await;
    shop.product("tea", 1_000, 4).await;
    shop.order("mina", "tea", 1).await.expect(201);
    shop.patch("/products/tea", json!({ "stockShards": 3 })).as_admin().await.expect(200);
    assert_eq!(shop.stock("tea").await, 3);
    shop.post("/products/tea/restock", json!({ "quantity": 3 })).as_admin().await.expect(200);
    for _ in 0..6 {
        shop.order("mina", "tea", 1).await.expect(201);
    }
    shop.order("mina", "tea", 1).await.refused(409, "STOCK_NOT_ENOUGH");
}
