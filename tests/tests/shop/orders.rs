//! `/orders`

use serde_json::json;
use tests::TestShop;

#[tokio::test]
async fn an_order_pays_and_takes_the_units() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 12_000, 10).await;
    shop.product("cup", 8_000, 5).await;

    let items = json!([{ "productId": "tea", "quantity": 2 }, { "productId": "cup", "quantity": 1 }]);
    let order = shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201);

    assert_eq!(order["status"], "PAID");
    assert_eq!(order["payable"], 32_000);
    assert_eq!(order["paid"], 32_000);
    assert_eq!(shop.balance("mina").await, 68_000);
    assert_eq!(shop.stock("tea").await, 8);
    assert_eq!(shop.stock("cup").await, 4);
}
