//! Shops that the scenarios start from.

use functions::schedule::sweep;
use serde_json::{Value, json};
use shared::{
    events::EventKind,
    store::{Action, keys},
};
use tests::{
    TestShop,
    sales::{records, tamper},
    steps::{cancel, hold, id, move_along, order_by, order_with_coupon, wait},
};

/// A customer, a product on two shards, a campaign.
pub async fn seed(shop: &TestShop) {
    shop.customer("mina", 100_000).await;
    let tea = json!({ "productId": "tea", "name": "녹차", "price": 10_000, "stock": 10, "stockShards": 2 });
    shop.post("/products", tea).as_admin().await.expect(201);
    let terms = json!({ "kind": "FIXED", "value": 1_000, "counterShards": 2, "maxTotalDiscount": 3_000 });
    shop.campaign("welcome", 3, terms).await;
}

pub async fn seed_data(shop: TestShop) -> Value {
    seed(&shop).await;
    Value::Null
}

/// A user without money.
pub async fn with_nothing(shop: TestShop) -> Value {
    seed(&shop).await;
    let all = json!({ "userId": "mina", "amount": -100_000, "reason": "정산" });
    shop.post("/balance/adjustments", all).as_admin().await.expect(200)
}

/// An order of a user with an address.
pub async fn with_address(shop: TestShop) -> Value {
    seed(&shop).await;
    let address = json!({ "postcode": "04524", "line1": "세종대로 110" });
    shop.patch("/users/mina", json!({ "address": address, "phone": "010-1" })).as_user("mina").await.expect(200);
    shop.order("mina", "tea", 1).await.expect(201)
}

/// A withdrawn user with an address and a telephone number, whose data is to be erased now.
pub async fn with_planned_erasure(shop: TestShop) -> Value {
    with_nothing(shop.clone()).await;
    let address = json!({ "postcode": "04524", "line1": "세종대로 110" });
    shop.patch("/users/mina", json!({ "address": address, "phone": "010-1" })).as_user("mina").await.expect(200);
    shop.patch("/users/mina", json!({ "status": "WITHDRAWN" })).as_admin().await.expect(200);
    shop.set_clock("2026-11-21T03:00:00Z");
    Value::Null
}

pub async fn with_withdrawn(shop: TestShop) -> Value {
    seed(&shop).await;
    let all = json!({ "userId": "mina", "amount": -100_000, "reason": "정산" });
    shop.post("/balance/adjustments", all).as_admin().await.expect(200);
    shop.patch("/users/mina", json!({ "status": "WITHDRAWN" })).as_admin().await.expect(200)
}

pub async fn with_coupon(shop: TestShop) -> Value {
    seed(&shop).await;
    shop.issue("mina", "welcome").await.expect(201)
}

pub async fn with_cart(shop: TestShop) -> Value {
    seed(&shop).await;
    let body = json!({ "userId": "mina", "productId": "tea", "quantity": 2 });
    shop.post("/orders/cart", body).await.expect(200)
}

pub async fn with_sheet(shop: TestShop) -> Value {
    with_coupon(shop.clone()).await;
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    shop.post("/order-sheets", json!({ "userId": "mina", "items": items, "couponId": "welcome" })).await.expect(201)
}

pub async fn with_paid_order(shop: TestShop) -> Value {
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 10).await;
    order_with_coupon(&shop, "mina", "BALANCE").await
}

/// An order, with all its consequences.
pub async fn with_books(shop: TestShop) -> Value {
    let order = with_paid_order(shop.clone()).await;
    shop.settle().await;
    order
}

pub async fn with_hold(shop: TestShop) -> Value {
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 10).await;
    order_with_coupon(&shop, "mina", "LATER").await
}

/// A product of which mina may order two units, and one of them held for her.
pub async fn with_limit(shop: TestShop) -> Value {
    seed(&shop).await;
    shop.patch("/products/tea", json!({ "limit": { "perUser": 2, "within": "EVER" } })).as_admin().await.expect(200);
    hold(&shop, "mina", "tea", 1).await.expect(201)
}

/// The same in flash mode.
pub async fn with_flash_limit(shop: TestShop) -> Value {
    let held = with_limit(shop.clone()).await;
    shop.patch("/products/tea", json!({ "flash": true })).as_admin().await.expect(200);
    held
}

/// A product with two units at half price, and one of them held for mina.
pub async fn with_offer(shop: TestShop) -> Value {
    seed(&shop).await;
    let offer =
        json!({ "discount": 500, "from": "2026-11-01T00:00:00Z", "until": "2026-12-01T00:00:00Z", "quantity": 2 });
    shop.patch("/products/tea", json!({ "offers": [offer] })).as_admin().await.expect(200);
    hold(&shop, "mina", "tea", 1).await.expect(201)
}

/// The same in flash mode.
pub async fn with_flash_offer(shop: TestShop) -> Value {
    let held = with_offer(shop.clone()).await;
    shop.patch("/products/tea", json!({ "flash": true })).as_admin().await.expect(200);
    held
}

pub async fn with_external_order(shop: TestShop) -> Value {
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 10).await;
    order_with_coupon(&shop, "mina", "EXTERNAL").await
}

pub fn parcel_of_one() -> Value {
    json!({ "items": [{ "itemId": "1", "quantity": 1 }], "carrier": "CJ", "trackingNumber": "1" })
}

/// A paid order with a unit in a parcel.
pub async fn with_parcel(shop: TestShop) -> Value {
    let order = with_paid_order(shop.clone()).await;
    shop.post(&format!("/orders/{}/parcels", id(&order)), parcel_of_one()).as_admin().await.expect(201);
    order
}

/// A paid order that was delivered long ago.
pub async fn with_delivered(shop: TestShop) -> Value {
    let order = with_paid_order(shop.clone()).await;
    move_along(&shop, &order, "1", &["SHIPPED", "DELIVERED"]).await;
    shop.set_clock("2026-12-20T00:00:00Z");
    order
}

/// A drop that guards the campaign, and is open.
pub async fn with_drop(shop: TestShop) -> Value {
    seed_data(shop.clone()).await;
    let drop = json!({ "couponId": "welcome", "opensAt": "2026-11-01T00:00:00Z", "enabled": true });
    shop.call("PUT", "/drops/friday").json(&drop).as_admin().await.expect(200)
}

/// An admitted place in its line.
pub async fn with_entry(shop: TestShop) -> Value {
    with_drop(shop.clone()).await;
    let entry = shop.post("/drops/friday/entries", json!({})).as_user("mina").await.expect(201);
    wait(&shop, 1_000);
    let ticket = entry["ticket"].as_str().unwrap();
    shop.get(&format!("/drops/friday/entries?ticket={ticket}")).as_user("mina").await.expect(200);
    wait(&shop, 1_000);
    entry
}

/// A seller with terms of their own, in force.
pub async fn with_terms(shop: TestShop) -> Value {
    let terms = json!({ "fee": 1_000, "freeFrom": 0, "returnFee": 0 });
    shop.call("PUT", "/sellers/dabang/shipping").json(&terms).as_seller("dabang").await.expect(200);
    wait(&shop, 2_000);
    Value::Null
}

pub async fn with_returned_line(shop: TestShop) -> Value {
    let order = with_paid_order(shop.clone()).await;
    move_along(&shop, &order, "1", &["SHIPPED", "IN_DELIVERY", "DELIVERED", "RETURN_REQUESTED", "RETURN_IN_PROGRESS"])
        .await;
    order
}

/// Waiting orders of two customers, at an instant after every expiry.
pub async fn with_expired_holds(shop: TestShop) -> Value {
    seed(&shop).await;
    expire_holds(shop).await
}

/// The same with an order sheet.
pub async fn with_expired(shop: TestShop) -> Value {
    with_sheet(shop.clone()).await;
    expire_holds(shop).await
}

/// Holds of two customers that have expired, which end together, and their events.
async fn expire_holds(shop: TestShop) -> Value {
    shop.customer("jun", 0).await;
    // The sheet of the other scenario has the coupon already.
    shop.issue("mina", "welcome").await;
    let items = json!([{ "productId": "tea", "quantity": 2 }]);
    let body = json!({ "userId": "mina", "couponId": "welcome", "items": items, "payment": "LATER" });
    shop.post("/orders", body).await.expect(201);
    order_by(&shop, "jun", "tea", 1, "EXTERNAL").await.expect(201);
    let events = shop.published().await;
    let placed = events.iter().filter(|event| event.kind == EventKind::OrderPlaced);
    let placed: Vec<Value> = placed.map(|event| json!([event.kind.as_str(), event])).collect();
    shop.set_clock("2026-11-20T04:00:00Z");
    Value::Array(placed)
}

/// An orphaned ticket.
pub async fn with_orphaned_ticket(shop: TestShop) -> Value {
    with_coupon(shop.clone()).await;
    shop.customer("jun", 0).await;
    let mut allocations = 0;
    shop.dynamo().fail(move |operation| {
        allocations += u32::from(operation == "UpdateItem");
        if allocations == 1 { tests::Fault::LostReply } else { tests::Fault::None }
    });
    shop.issue("jun", "welcome").await.expect(201);
    shop.dynamo().fail(|_| tests::Fault::None);
    sweep::tickets::run(shop.instance()).await.unwrap();
    shop.set_clock("2026-11-20T03:01:00Z");
    Value::Null
}

/// A customer, and a product in flash mode on four shards, with enough for two requests of seven units.
pub async fn with_flash(shop: TestShop) -> Value {
    shop.customer("mina", 100_000).await;
    let tea = json!({
        "productId": "tea", "name": "녹차", "price": 10_000, "stock": 20, "stockShards": 4, "flash": true,
    });
    shop.post("/products", tea).as_admin().await.expect(201);
    Value::Null
}

/// Orphaned reservations.
pub async fn with_orphaned_reservations(shop: TestShop) -> Value {
    with_flash(shop.clone()).await;
    shop.dynamo().fail_first("UpdateItem", 1, tests::Fault::LostReply);
    shop.order("mina", "tea", 2).await.expect(201);
    shop.set_clock("2026-11-20T03:01:00Z");
    sweep::inventory::run(shop.instance()).await.unwrap();
    shop.set_clock("2026-11-20T03:02:00Z");
    Value::Null
}

/// Coupons that have expired.
pub async fn with_expired_coupons(shop: TestShop) -> Value {
    seed(&shop).await;
    for user in ["jun", "sora"] {
        shop.customer(user, 0).await;
        shop.issue(user, "welcome").await.expect(201);
    }
    for minute in 1..=3 {
        shop.set_clock(&format!("2026-12-08T03:0{minute}:00Z"));
        sweep::tickets::run(shop.instance()).await.unwrap();
    }
    Value::Null
}

/// The stream's records of three orders, of a cancellation, and of a sheet.
pub async fn with_stream(shop: TestShop) -> Value {
    let order = with_paid_order(shop.clone()).await;
    for _ in 0..2 {
        shop.order("mina", "tea", 1).await.expect(201);
    }
    cancel(&shop, "mina", &order, json!({})).await.expect(200);
    json!({ "Records": records(&shop) })
}

/// Index entries of the day before, and a leaderboard of the first stage.
pub async fn with_old_ranks(shop: TestShop) -> Value {
    shop.customer("mina", 100_000).await;
    for product in ["tea", "cup", "pot"] {
        shop.product(product, 1_000, 10).await;
        shop.order("mina", product, 2).await.expect(201);
    }
    shop.settle().await;
    shop.set_clock("2026-11-22T03:00:00Z");
    for product in ["tea", "cup"] {
        shop.order("mina", product, 1).await.expect(201);
    }
    shop.settle().await;
    let board = json!({ "candidates": [], "version": 3 });
    tamper(&shop, Action::create(keys::board(), &board)).await;
    shop.set_clock("2026-11-23T03:00:00Z");
    // The stream has not brought this change to the product's count yet.
    shop.patch("/products/pot", json!({ "stockShards": 2 })).as_admin().await.expect(200);
    Value::Null
}
