//! The initial content of a run's shop. Most shops have so little that all clients contend for it. Some have so much
//! that the bounds of lists and caches are reached.

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{plan::pick, world::World};
use crate::{Call, limits::Chance};

/// The users, products and campaigns of a shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub users: &'static [&'static str],
    /// Sellers; the products are dealt to them in turn.
    pub sellers: &'static [&'static str],
    pub products: &'static [&'static str],
    pub coupons: &'static [&'static str],
    /// The most lines of an order.
    pub most_lines: usize,
    /// The most shards of a product.
    pub most_shards: u16,
    /// The most coupons of a campaign.
    pub most_coupons: u64,
    /// The factor on the usual money and stock.
    pub wealth: u64,
}

static USERS: LazyLock<Vec<&str>> = LazyLock::new(|| names(&["mina", "jun", "sora", "kim"], "user", 24));
static SELLERS: LazyLock<Vec<&str>> = LazyLock::new(|| names(&["seller"], "seller", 10));
static PRODUCTS: LazyLock<Vec<&str>> = LazyLock::new(|| names(&["tea", "cup", "pot"], "product", 60));
static COUPONS: LazyLock<Vec<&str>> = LazyLock::new(|| names(&["welcome", "night"], "coupon", 8));

/// So many names: these, and numbered ones.
fn names(first: &[&'static str], kind: &str, count: usize) -> Vec<&'static str> {
    let numbered = (first.len()..count).map(|number| &*format!("{kind}-{number}").leak());
    first.iter().copied().chain(numbered).collect()
}

impl Shape {
    /// The usual shop.
    pub fn small() -> Self {
        Self {
            users: &USERS[..4],
            sellers: &SELLERS[..1],
            products: &PRODUCTS[..3],
            coupons: &COUPONS[..2],
            most_lines: 2,
            most_shards: 4,
            most_coupons: 5,
            wealth: 1,
        }
    }

    /// Users who are many for a campaign of a small shop.
    pub(super) fn crowd() -> &'static [&'static str] {
        &USERS[..16]
    }

    /// More products than a sweep of one page a minute gets to before a run is over.
    pub(super) fn many_products() -> &'static [&'static str] {
        &PRODUCTS[..24]
    }

    pub(super) fn generate(chance: &mut Chance) -> Self {
        let wealth = if chance.below(3) == 0 { 10 } else { 1 };
        match chance.below(50) {
            0 => Self {
                users: &USERS[..12 + pick(chance, 13)],
                sellers: &SELLERS[..4 + pick(chance, 7)],
                products: &PRODUCTS[..40 + pick(chance, 21)],
                coupons: &COUPONS[..8],
                most_lines: 12,
                most_shards: 16,
                most_coupons: 40,
                wealth,
            },
            1..6 => Self {
                users: &USERS[..8],
                sellers: &SELLERS[..3],
                products: &PRODUCTS[..8 + pick(chance, 7)],
                coupons: &COUPONS[..4],
                most_lines: 6,
                most_shards: 8,
                most_coupons: 12,
                wealth,
            },
            number => Self { sellers: &SELLERS[..if number % 2 == 0 { 1 } else { 2 }], wealth, ..Self::small() },
        }
    }

    /// The same shop, reduced to one of its products.
    pub(super) fn of_one_product(&self, place: usize) -> Self {
        Self { products: &self.products[place..=place], ..*self }
    }

    /// The same shop, reduced to one of its users.
    pub(super) fn of_one_user(&self, place: usize) -> Self {
        Self { users: &self.users[place..=place], ..*self }
    }

    pub(super) fn user(&self, chance: &mut Chance) -> &'static str {
        any(chance, self.users)
    }

    pub(super) fn seller(&self, chance: &mut Chance) -> &'static str {
        any(chance, self.sellers)
    }

    /// A product: in a large shop mostly one of the few popular ones.
    pub(super) fn product(&self, chance: &mut Chance) -> &'static str {
        let wanted = if self.products.len() > 4 && chance.below(2) == 0 { 4 } else { self.products.len() };
        any(chance, &self.products[..wanted])
    }

    pub(super) fn coupon(&self, chance: &mut Chance) -> &'static str {
        any(chance, self.coupons)
    }

    /// The seller of a product.
    pub(super) fn seller_of(&self, product: &str) -> &'static str {
        let place = PRODUCTS.iter().position(|other| *other == product).unwrap_or(0);
        self.sellers[place % self.sellers.len()]
    }
}

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

/// The calls that seed the shop.
pub(super) fn seed_data(world: &World) -> Vec<Call> {
    let (mut chance, shape) = (world.chance_of("furniture"), world.shape);
    let mut calls = Vec::new();
    for user in shape.users {
        let mut new = new_user(user);
        if world.settings.policy.people.require_address && chance.below(4) > 0 {
            new["address"] = json!({ "postcode": "03187", "line1": "종로 1" });
        }
        calls.push(post("/users", &new));
        let amount = 100 * (1 + chance.below(900)) * shape.wealth;
        calls.push(post("/balance/charge", &json!({ "userId": user, "amount": amount })));
    }
    for seller in shape.sellers {
        calls.push(post("/users", &new_seller(seller)).as_admin());
    }
    for product in shape.products {
        let new = new_product(world.now(), &mut chance, &shape, product);
        calls.push(post("/products", &new).as_admin());
    }
    for coupon in shape.coupons {
        calls.push(post("/coupons", &new_coupon(world.now(), &shape, &mut chance, coupon)).as_admin());
    }
    calls
}

pub(super) fn new_user(user: &str) -> Value {
    json!({ "userId": user, "name": "김민수", "email": format!("{user}@example.com") })
}

pub(super) fn new_seller(seller: &str) -> Value {
    let mut user = new_user(seller);
    user["kind"] = json!("SELLER");
    user["seller"] = json!({
        "businessName": "다방 상회", "registrationNumber": "123-45-67890", "contact": "02-123-4567",
        "address": "서울시 종로구", "category": "차",
    });
    user
}

pub(super) fn new_product(now: Timestamp, chance: &mut Chance, shape: &Shape, product: &str) -> Value {
    let price = 1_000 * (1 + chance.below(20));
    let discount = if chance.below(3) == 0 { price / 10 } else { 0 };
    let limit = if chance.below(3) == 0 { some_limit(chance) } else { Value::Null };
    let (from, until) = if chance.below(6) == 0 { some_window(chance, now) } else { (Value::Null, Value::Null) };
    let offers = if chance.below(4) == 0 { some_offers(chance, now) } else { Value::Null };
    let mut new = json!({
        "limit": limit, "saleFrom": from, "saleUntil": until, "offers": offers,
        "needsShipping": chance.below(8) > 0, "productId": product, "name": format!("{product} 상품"), "price": price, "discount": discount,
        "sellerId": shape.seller_of(product),
        "stock": chance.below(9) * shape.wealth, "stockShards": shards(chance, shape), "flash": chance.below(2) == 0,
    });
    // Half of the products scale by themselves. Their mode stays: the registers know only modes that were asked for.
    if chance.below(2) == 0 {
        new["stockShards"] = Value::Null;
    }
    new
}

/// A purchase limit so tight that the orders of a user reach it.
pub(super) fn some_limit(chance: &mut Chance) -> Value {
    json!({ "perUser": 1 + chance.below(6), "within": any(chance, &["EVER", "DAY"]) })
}

/// The discounts of timed offers, which no product has by itself.
pub(super) const OFFER_DISCOUNTS: [i64; 3] = [137, 377, 977];

/// Timed offers that begin or end in the run. One with a quota, so tight that orders reach it, goes on to the end of the
/// run: else nobody could say which of its units returned in time.
pub(super) fn some_offers(chance: &mut Chance, now: Timestamp) -> Value {
    let mut soon = |from: i64| json!(now + SignedDuration::from_secs(from + i64::try_from(chance.below(600)).unwrap()));
    let (first, second) = (soon(1), soon(610));
    let (past, future) = (json!("2026-11-01T00:00:00Z"), json!("2026-12-20T00:00:00Z"));
    let mut offer = |from: &Value, until: &Value, has_quota: bool| {
        let quantity = if has_quota { json!(1 + chance.below(30)) } else { Value::Null };
        json!({ "discount": OFFER_DISCOUNTS[pick(chance, 3)], "from": from, "until": until, "quantity": quantity })
    };
    let (until_first, after_it) = (offer(&past, &first, false), offer(&first, &second, false));
    let (to_the_end, all_the_time) = (offer(&second, &future, true), offer(&past, &future, true));
    match chance.below(4) {
        0 => json!([until_first, after_it, to_the_end]),
        1 => json!([after_it]),
        _ => json!([all_the_time]),
    }
}

/// A sale window that begins or ends in the run, or both.
pub(super) fn some_window(chance: &mut Chance, now: Timestamp) -> (Value, Value) {
    let mut soon = |from: i64| json!(now + SignedDuration::from_secs(from + i64::try_from(chance.below(600)).unwrap()));
    let (from, until) = (soon(1), soon(610));
    match chance.below(3) {
        0 => (from, Value::Null),
        1 => (Value::Null, until),
        _ => (from, until),
    }
}

/// The number of shards of a product: mostly few.
pub(super) fn shards(chance: &mut Chance, shape: &Shape) -> u64 {
    let most = if chance.below(4) == 0 { u64::from(shape.most_shards) } else { 3 };
    1 + chance.below(most)
}

/// A campaign of a few coupons. It may close, and its coupons may expire, before the run is over.
pub(super) fn new_coupon(now: Timestamp, shape: &Shape, chance: &mut Chance, coupon: &str) -> Value {
    let soon = |chance: &mut Chance| now + SignedDuration::from_secs(i64::try_from(chance.below(1_500)).unwrap() + 10);
    let total = 1 + chance.below(shape.most_coupons);
    let mut campaign = match chance.below(3) {
        0 => json!({ "kind": "FIXED", "value": 1_500 }),
        1 => json!({ "kind": "RATE", "value": 15, "maxDiscount": 3_000 }),
        _ => json!({ "kind": "FREE_SHIPPING" }),
    };
    campaign["couponId"] = json!(coupon);
    campaign["name"] = json!("환영 쿠폰");
    campaign["totalQuantity"] = json!(total);
    // A campaign with a number of counters keeps it, and any other gets more.
    let counters = 1 + chance.below(total.min(u64::from(shape.most_shards)));
    campaign["counterShards"] = if chance.below(2) == 0 { json!(counters) } else { Value::Null };
    campaign["issueFrom"] = json!("2026-11-01T00:00:00Z");
    campaign["issueUntil"] = if chance.below(3) == 0 { json!(soon(chance)) } else { json!("2026-12-01T00:00:00Z") };
    match chance.below(3) {
        0 => campaign["validDays"] = json!(1),
        1 => campaign["validUntil"] = campaign["issueUntil"].clone(),
        _ => campaign["validUntil"] = json!("2026-12-01T00:00:00Z"),
    }
    match chance.below(6) {
        0 | 1 => campaign["scope"] = json!({ "productIds": [shape.product(chance)] }),
        2 => campaign["scope"] = json!({ "sellerIds": [shape.seller(chance)] }),
        _ => {}
    }
    if campaign["kind"] != "FREE_SHIPPING" && chance.below(2) == 0 {
        // Enough for a discount or a few.
        campaign["maxTotalDiscount"] = json!(500 + 500 * chance.below(4 * total));
    }
    campaign
}
