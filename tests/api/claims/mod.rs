//! `/orders/{orderId}/claims` and `/claims`

mod benefits;
mod exchange;
mod returns;
mod rights;

use serde_json::{Value, json};
use tests::{Call, TestShop, steps::id};

/// A shop with a seller's tea at 10,000 won, a cup of another seller, and a customer with enough money for many.
async fn shop_of_sellers() -> TestShop {
    shop_with(TestShop::new()).await
}

async fn shop_with(shop: TestShop) -> TestShop {
    shop.customer("mina", 99_000_000).await;
    for (product, seller) in [("tea", "dabang"), ("cup", "gongbang")] {
        let body = json!({ "productId": product, "name": product, "price": 10_000, "stock": 100 });
        shop.post("/products", body).as_seller(seller).await.expect(201);
    }
    shop
}

/// An order of teas that have all arrived.
async fn delivered(shop: &TestShop, units: i64) -> Value {
    let order = shop.order("mina", "tea", units).await.expect(201);
    deliver(shop, &order, "1", units).await;
    order
}

/// Ships units of a line, and delivers the parcel. Returns its id.
async fn deliver(shop: &TestShop, order: &Value, item: &str, units: i64) -> String {
    let parcel = ship(shop, order, item, units).await;
    let path = format!("/orders/{}/parcels/{parcel}", id(order));
    shop.patch(&path, json!({ "status": "DELIVERED" })).as_admin().await.expect(200);
    parcel
}

async fn ship(shop: &TestShop, order: &Value, item: &str, units: i64) -> String {
    let body = json!({
        "items": [{ "itemId": item, "quantity": units }], "carrier": "CJ", "trackingNumber": "1",
    });
    let parcel = shop.post(&format!("/orders/{}/parcels", id(order)), body).as_admin().await.expect(201);
    parcel["parcelId"].as_str().unwrap().to_owned()
}

/// A claim of units of the first line, by its customer.
fn claim(shop: &TestShop, order: &Value, kind: &str, units: i64, reason: &str) -> Call {
    let body = json!({ "type": kind, "items": [{ "itemId": "1", "quantity": units }], "reason": reason });
    claim_of(shop, order, body)
}

fn claim_of(shop: &TestShop, order: &Value, body: Value) -> Call {
    shop.post(&format!("/orders/{}/claims", id(order)), body).as_user("mina")
}

fn step(shop: &TestShop, claim: &Value, action: &str, body: Value) -> Call {
    shop.post(&format!("/claims/{}/{action}", claim_id(claim)), body)
}

fn claim_id(claim: &Value) -> &str {
    claim["claimId"].as_str().expect("a claim has an id")
}

fn accept(shop: &TestShop, claim: &Value) -> Call {
    step(shop, claim, "decide", json!({ "accept": true })).as_admin()
}

fn withdraw(shop: &TestShop, claim: &Value) -> Call {
    step(shop, claim, "withdraw", json!({})).as_user("mina")
}

/// Receives units of the first line, by condition.
fn receive(shop: &TestShop, claim: &Value, units: &[(&str, i64)]) -> Call {
    let item = |(condition, units): &(&str, i64)| json!({ "itemId": "1", "quantity": units, "condition": condition });
    let items: Vec<_> = units.iter().map(item).collect();
    step(shop, claim, "receive", json!({ "items": items })).as_admin()
}

/// A return of units of the first line, from the wish to the money.
async fn returned(shop: &TestShop, order: &Value, units: i64, reason: &str, condition: &str) -> Value {
    let asked = claim(shop, order, "RETURN", units, reason).await.expect(201);
    accept(shop, &asked).await.expect(200);
    receive(shop, &asked, &[(condition, units)]).await.expect(200)
}
