//! `POST /products/{productId}/restock`

use serde_json::json;
use tests::TestShop;

#[tokio::test]
async fn a_restock_adds_or_subtracts_and_never_goes_below_zero() {
    let shop = TestShop::new();
    shop.product("tea", 1_000, 3).await;
    let restock = |quantity: i64| shop.post("/products/tea/restock", json!({ "quantity": quantity })).as_admin();
    assert_eq!(restock(4).await.expect(200)["stock"], 7);
    assert_eq!(restock(-7).await.expect(200)["stock"], 0);
    let details = restock(-1).await.refused(409, "STOCK_NOT_ENOUGH");
    assert_eq!(details, json!({ "productId": "tea", "requested": 1, "available": 0 }));
    assert_eq!(restock(0).await.bad_fields(), ["quantity"]);
    assert_eq!(restock(1_000_000_000).await.expect(200)["stock"], 1_000_000_000);
    restock(1).await.refused(409, "LIMIT_EXCEEDED");
    let nowhere = shop.post("/products/coffee/restock", json!({ "quantity": 1 })).as_admin();
    nowhere.await.refused(404, "ENTITY_NOT_FOUND");
}

#[tokio::test]
async fn sharded_stock_sells_to_the_last_unit() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    let tea = json!({ "productId": "tea", "name": "녹차", "price": 1_000, "stock": 10, "stockShards": 4 });
    shop.post("/products", tea).as_admin().await.expect(201);
    assert_eq!(shop.stock("tea").await, 10);
    // No shard has five alone.
    shop.order("mina", "tea", 5).await.expect(201);
    shop.order("mina", "tea", 4).await.expect(201);
    let details = shop.order("mina", "tea", 2).await.refused(409, "STOCK_NOT_ENOUGH");
    assert_eq!(details, json!({ "productId": "tea", "requested": 2, "available": 1 }));
    shop.order("mina", "tea", 1).await.expect(201);
    assert_eq!(shop.stock("tea").await, 0);

    let restock = |quantity: i64| shop.post("/products/tea/restock", json!({ "quantity": quantity })).as_admin();
    assert_eq!(restock(7).await.expect(200)["stock"], 7);
    assert_eq!(restock(-6).await.expect(200)["stock"], 1);
}
