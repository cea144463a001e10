//! `/orders/cart`

mod add;
mod get;
mod remove;

use serde_json::{Value, json};
use tests::{Call, TestShop};

/// A shop for Mina with tea (10,000 won, 5 in stock) and cups (3,000 won, none left).
async fn open() -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.product("tea", 10_000, 5).await;
    shop.product("cup", 3_000, 0).await;
    shop
}

fn add(shop: &TestShop, product: &str, quantity: i64) -> Call {
    shop.post("/orders/cart", json!({ "productId": product, "quantity": quantity })).as_user("mina")
}

async fn cart(shop: &TestShop) -> Value {
    shop.get("/orders/cart").as_user("mina").await.expect(200)
}

/// The ids in a cart with their quantities.
fn quantities(cart: &Value) -> Vec<(&str, i64)> {
    let items = cart["items"].as_array().unwrap().iter();
    items.map(|item| (item["itemId"].as_str().unwrap(), item["quantity"].as_i64().unwrap())).collect()
}
