//! What the shop of a run is furnished with: so little that everybody gets into each other's way.

use serde_json::{Value, json};

use super::{plan::pick, world::World};
use crate::{Call, limits::Chance};

pub(super) const USERS: [&str; 4] = ["mina", "jun", "sora", "kim"];
pub(super) const PRODUCTS: [&str; 3] = ["tea", "cup", "pot"];
pub(super) const COUPONS: [&str; 2] = ["welcome", "night"];
pub(super) const SELLER: &str = "seller";

pub(super) fn any<'a>(chance: &mut Chance, list: &[&'a str]) -> &'a str {
    list[pick(chance, list.len())]
}

/// A call without a body.
pub(super) fn call(method: &str, path: impl AsRef<str>) -> Call {
    Call::new(method, path.as_ref())
}

pub(super) fn post(path: impl AsRef<str>, body: &Value) -> Call {
    call("POST", path).json(body)
}

/// The calls that furnish the shop.
pub(super) fn furnish(world: &World) -> Vec<Call> {
    let mut chance = world.chance_of("furniture");
    let mut calls = Vec::new();
    for user in USERS {
        calls.push(post("/users", &new_user(user)));
        let amount = 100 * (1 + chance.below(900));
        calls.push(post("/balance/charge", &json!({ "userId": user, "amount": amount })));
    }
    for product in PRODUCTS {
        calls.push(post("/products", &new_product(&mut chance, product)).as_admin());
    }
    for coupon in COUPONS {
        calls.push(post("/coupons", &new_coupon(world, &mut chance, coupon)).as_admin());
    }
    calls
}

pub(super) fn new_user(user: &str) -> Value {
    json!({ "userId": user, "name": "김민수", "email": "minsu@example.com" })
}

pub(super) fn new_product(chance: &mut Chance, product: &str) -> Value {
    let price = 1_000 * (1 + chance.below(20));
    let discount = if chance.below(3) == 0 { price / 10 } else { 0 };
    json!({
        "productId": product, "name": format!("{product} 상품"), "price": price, "discount": discount,
        "sellerId": SELLER, "stock": chance.below(9), "stockShards": 1 + chance.below(3), "flash": chance.below(2) == 0,
    })
}

/// A campaign of a few coupons, which may close, and whose coupons may expire, before the run is over.
pub(super) fn new_coupon(world: &World, chance: &mut Chance, coupon: &str) -> Value {
    let now = world.now();
    let soon =
        |chance: &mut Chance| now + jiff::SignedDuration::from_secs(i64::try_from(chance.below(1_500)).unwrap() + 10);
    let total = 1 + chance.below(5);
    let mut campaign = match chance.below(3) {
        0 => json!({ "kind": "FIXED", "value": 1_500 }),
        1 => json!({ "kind": "RATE", "value": 15, "maxDiscount": 3_000 }),
        _ => json!({ "kind": "FREE_SHIPPING" }),
    };
    campaign["couponId"] = json!(coupon);
    campaign["name"] = json!("환영 쿠폰");
    campaign["totalQuantity"] = json!(total);
    campaign["counterShards"] = json!(1 + chance.below(total));
    campaign["issueFrom"] = json!("2026-11-01T00:00:00Z");
    campaign["issueUntil"] = if chance.below(3) == 0 { json!(soon(chance)) } else { json!("2026-12-01T00:00:00Z") };
    match chance.below(3) {
        0 => campaign["validDays"] = json!(1),
        1 => campaign["validUntil"] = campaign["issueUntil"].clone(),
        _ => campaign["validUntil"] = json!("2026-12-01T00:00:00Z"),
    }
    campaign
}
