//! Steps of the tests of order sheets.

use serde_json::{Value, json};
use shared::domain::OrderSheetId;

use crate::{Call, TestShop};

/// The expiry of a sheet that was created at the shop's first instant, and the instant before.
pub const EXPIRY: &str = "2026-11-20T03:30:00Z";
pub const IN_TIME: &str = "2026-11-20T03:29:59.999Z";

/// Two teas at 12,000 less 500 and a cup at 2,000, with a coupon of 1,000: 24,000 won of goods, 3,000 for shipping.
pub async fn shop_with_sheet() -> (TestShop, Value) {
    let shop = TestShop::new();
    let sheet = sheet_in(&shop, 100_000).await;
    (shop, sheet)
}

pub async fn sheet_in(shop: &TestShop, balance: i64) -> Value {
    shop.customer("mina", balance).await;
    shop.product("tea", 12_000, 10).await;
    shop.product("cup", 2_000, 10).await;
    shop.patch("/products/tea", json!({ "discount": 500 })).as_admin().await.expect(200);
    shop.coupon("welcome", 1).await;
    shop.issue("mina", "welcome").await.expect(201);
    create_sheet(shop).key("snapshot").await.expect(201)
}

pub fn create_sheet(shop: &TestShop) -> Call {
    let items = json!([{ "productId": "tea", "quantity": 2 }, { "productId": "cup", "quantity": 1 }]);
    shop.post("/order-sheets", json!({ "userId": "mina", "items": items, "couponId": "welcome" }))
}

pub fn sheet_id(sheet: &Value) -> OrderSheetId {
    OrderSheetId::try_from(sheet["orderSheetId"].as_str().unwrap().to_owned()).unwrap()
}

pub fn path(sheet: &Value) -> String {
    format!("/order-sheets/{}", sheet["orderSheetId"].as_str().unwrap())
}

pub fn order(shop: &TestShop, sheet: &Value) -> Call {
    shop.post("/orders", json!({ "userId": "mina", "orderSheetId": sheet["orderSheetId"] }))
}

pub fn order_by(shop: &TestShop, sheet: &Value, payment: &str) -> Call {
    let body = json!({ "userId": "mina", "orderSheetId": sheet["orderSheetId"], "payment": payment });
    shop.post("/orders", body)
}

pub async fn sheet_status(shop: &TestShop, sheet: &Value) -> String {
    shop.get(&path(sheet)).as_user("mina").await.expect(200)["status"].as_str().unwrap().to_owned()
}

/// Asserts that nothing was ordered, nothing has moved, and the sheet can still be ordered.
pub async fn assert_untouched(shop: &TestShop, sheet: &Value, balance: i64) {
    assert_eq!(sheet_status(shop, sheet).await, "OPEN");
    assert_eq!(shop.balance("mina").await, balance);
    let orders = shop.get("/orders?userId=mina").await.expect(200);
    let live = orders["items"].as_array().unwrap().iter().filter(|order| order["status"] != "PAYMENT_FAILED").count();
    assert_eq!(live, 0);
}
