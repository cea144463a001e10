//! Steps of the tests of external payments.

use serde_json::Value;

use crate::{
    TestShop,
    steps::{id, order_with_coupon, published_of},
};

/// An order of two teas with a coupon, by the external system: 26,000 won. The balance is not involved.
pub async fn waiting() -> (TestShop, Value) {
    let shop = TestShop::new();
    shop.customer("mina", 50_000).await;
    shop.product("tea", 12_000, 10).await;
    let order = order_with_coupon(&shop, "mina", "EXTERNAL").await;
    (shop, order)
}

/// The payments of an order: id, amount, status.
pub async fn payments(shop: &TestShop, order: &Value) -> Vec<(String, i64, String)> {
    let page = shop.get(&format!("/orders/{}/payments", id(order))).as_admin().await.expect(200);
    let text = |payment: &Value, field: &str| payment[field].as_str().unwrap().to_owned();
    let listed = page["items"].as_array().unwrap().iter();
    listed.map(|p| (text(p, "paymentId"), p["amount"].as_i64().unwrap(), text(p, "status"))).collect()
}

pub fn payment(id: &str, amount: i64, status: &str) -> (String, i64, String) {
    (id.to_owned(), amount, status.to_owned())
}

/// The requested refunds: payment, amount, reason.
pub async fn refunds_asked(shop: &TestShop, order: &Value) -> Vec<(String, i64, String)> {
    let events = published_of(shop, order).await;
    let asked = events.into_iter().filter(|(kind, _)| *kind == "RefundRequested");
    let text = |data: &Value, field: &str| data[field].as_str().unwrap().to_owned();
    asked.map(|(_, data)| (text(&data, "paymentId"), data["amount"].as_i64().unwrap(), text(&data, "reason"))).collect()
}
