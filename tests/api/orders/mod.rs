//! `/orders`

mod cancel;
mod create;
mod external_payments;
mod from_cart;
mod from_sheet;
mod get_history;
mod get_item;
mod hold;
mod line_states;
mod list;
mod parcels;
mod pay;
mod refunds;
mod ship_to;
mod split_tender;
mod update_item;

use serde_json::json;
use shared::domain::order::{
    Actor::{self, Admin, Seller},
    LineStatus,
};
use tests::{Call, TestShop};

fn name(status: LineStatus) -> String {
    serde_json::to_value(status).unwrap().as_str().unwrap().to_owned()
}

/// A shop with a seller's product, and a customer with enough money for many.
async fn shop_of_dabang() -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", 99_000_000).await;
    let tea = json!({ "productId": "tea", "name": "녹차", "price": 1_000, "stock": 1_000 });
    shop.post("/products", tea).as_seller("dabang").await.expect(201);
    shop
}

fn as_actor(call: Call, actor: Actor) -> Call {
    match actor {
        Seller => call.as_seller("dabang"),
        Admin => call.as_admin(),
        _ => call.as_user("mina"),
    }
}
