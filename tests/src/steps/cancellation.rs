//! The order that the tests of cancellations cancel.

use serde_json::{Value, json};

use crate::TestShop;

/// Three teas at 1,100 won and two cups at 2,200 less 200, with a coupon of 1,000.
///
/// The goods cost 3,300 + 4,000 = 7,300. The shares of the coupon are 1,000 × 3,300 ÷ 7,300 = 452.05 for the teas
/// and 547.95 for the cups, so 452 and 548. The lines cost 2,848 and 3,452 after it. With 3,000 for shipping: 9,300 won.
pub async fn teas_and_cups(shop: &TestShop) -> Value {
    shop.product("tea", 1_100, 10).await;
    shop.product("cup", 2_200, 10).await;
    shop.patch("/products/cup", json!({ "discount": 200 })).as_admin().await.expect(200);
    shop.coupon("welcome", 1).await;
    shop.issue("mina", "welcome").await.expect(201);
    let items = json!([{ "productId": "tea", "quantity": 3 }, { "productId": "cup", "quantity": 2 }]);
    let body = json!({ "userId": "mina", "items": items, "couponId": "welcome" });
    shop.post("/orders", body).key("snapshot").await.expect(201)
}

pub async fn shop_of_mina() -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop
}
