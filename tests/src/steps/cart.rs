//! Steps of the tests that order a cart.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{Call, TestShop};

/// Mina has 100,000 won, and 2 teas and a cup in her cart.
pub async fn filled() -> TestShop {
    let shop = TestShop::with_instances(4);
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 5).await;
    shop.product("cup", 3_000, 5).await;
    add(&shop, "tea", 2).await;
    add(&shop, "cup", 1).await;
    shop
}

pub async fn add(shop: &TestShop, product: &str, quantity: i64) {
    let item = json!({ "productId": product, "quantity": quantity });
    shop.post("/orders/cart", item).as_user("mina").await.expect(200);
}

pub async fn in_cart(shop: &TestShop) -> BTreeMap<String, i64> {
    let cart = shop.get("/orders/cart").as_user("mina").await.expect(200);
    let item = |item: &Value| (item["itemId"].as_str().unwrap().to_owned(), item["quantity"].as_i64().unwrap());
    cart["items"].as_array().unwrap().iter().map(item).collect()
}

pub fn quantities(order: &Value) -> BTreeMap<String, i64> {
    let line = |line: &Value| (line["productId"].as_str().unwrap().to_owned(), line["quantity"].as_i64().unwrap());
    order["items"].as_array().unwrap().iter().map(line).collect()
}

pub fn of(items: &[(&str, i64)]) -> BTreeMap<String, i64> {
    items.iter().map(|(id, quantity)| ((*id).to_owned(), *quantity)).collect()
}

pub fn order(shop: &TestShop) -> Call {
    shop.post("/orders", json!({ "userId": "mina", "fromCart": true }))
}
