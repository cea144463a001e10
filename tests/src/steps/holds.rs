//! Steps of the tests of holds.

use crate::{TestShop, steps::order_with_coupon};

pub async fn shop_with_tea(balance: i64, stock: i64) -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", balance).await;
    shop.product("tea", 12_000, stock).await;
    shop
}

/// A hold of two teas with a coupon: 26,000 won.
pub async fn hold_with_coupon(shop: &TestShop) -> serde_json::Value {
    order_with_coupon(shop, "mina", "LATER").await
}
