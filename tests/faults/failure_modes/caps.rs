//! Caps: bounds on the pending orders of one user, and on the requests in a time.

use serde_json::{Value, json};
use shared::{app::orders::PaymentOutcome, domain::caps::Caps};
use tests::{
    Answer, Call, TestShop,
    steps::{END, JUST_BEFORE, at_once, cancel, codes, counted, end_hold, hold, id, order_by, pay, settle},
};

/// A shop with much stock of one product, and a customer with nothing.
async fn shop_of_tea(stock: i64) -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.product("tea", 1_000, stock).await;
    shop
}

/// An admin holds units for a user.
fn hold_by_admin(shop: &TestShop, quantity: i64) -> Call {
    let items = json!([{ "productId": "tea", "quantity": quantity }]);
    shop.post("/orders", json!({ "userId": "mina", "items": items, "payment": "LATER" })).as_admin()
}

fn capped(limit: &str, max: i64) -> Value {
    json!({ "limit": limit, "max": max })
}

fn retry_after(answer: &Answer) -> i64 {
    answer.headers["retry-after"].to_str().unwrap().parse().unwrap()
}

/// With no balance, one user held the whole stock, let it go, and held it again, 20 times in 1.2 s.
#[tokio::test]
async fn unpaid_orders_of_one_user_cannot_hold_the_whole_stock() {
    let shop = shop_of_tea(1_000).await;
    for _ in 0..20 {
        // The whole stock at once is more than any user may hold, even without other holds.
        let all = hold(&shop, "mina", "tea", 999).await;
        assert_eq!(all.refused(409, "LIMIT_EXCEEDED"), capped("heldUnits", 200));
    }
    let first = hold(&shop, "mina", "tea", 150).await.expect(201);
    hold(&shop, "mina", "tea", 50).await.expect(201);
    let above = hold(&shop, "mina", "tea", 1).await;
    assert_eq!(retry_after(&above), 60);
    assert_eq!(above.refused(429, "TOO_MANY_REQUESTS"), capped("heldUnits", 200));
    assert_eq!(shop.stock("tea").await, 800);
    // A cancelled hold makes room.
    cancel(&shop, "mina", &first, json!({})).await.expect(200);
    hold(&shop, "mina", "tea", 1).await.expect(201);
    shop.audit().await;
}

#[tokio::test]
async fn concurrent_pending_orders_are_capped_exactly() {
    let shop = TestShop::with_instances(4);
    shop.customer("mina", 0).await;
    shop.product("tea", 1_000, 1_000).await;
    let answers = at_once((0..40).map(|_| hold(&shop, "mina", "tea", 1))).await;
    assert_eq!(counted(&answers), codes(&[("SUCCESS", 20), ("TOO_MANY_REQUESTS", 20)]));
    for answer in answers.into_iter().filter(|answer| answer.status == 429) {
        assert_eq!(answer.refused(429, "TOO_MANY_REQUESTS"), capped("pendingOrders", 20));
    }
    assert_eq!(shop.stock("tea").await, 980);
    shop.audit().await;
}

#[tokio::test]
async fn a_refusal_by_the_cap_names_the_end_of_the_first_hold() {
    let shop = shop_of_tea(1_000).await;
    hold(&shop, "mina", "tea", 100).await.expect(201);
    shop.set_clock("2026-11-20T03:05:00Z");
    hold(&shop, "mina", "tea", 100).await.expect(201);
    shop.set_clock("2026-11-20T03:09:30Z");
    let above = hold(&shop, "mina", "tea", 1).await;
    assert_eq!(retry_after(&above), 31);
    shop.set_clock(JUST_BEFORE);
    let above = hold(&shop, "mina", "tea", 1).await;
    assert_eq!(retry_after(&above), 1);
    above.refused(429, "TOO_MANY_REQUESTS");
}

#[tokio::test]
async fn paying_ending_and_results_from_outside_make_room() {
    let shop = shop_of_tea(1_000).await;
    shop.post("/balance/charge", json!({ "userId": "mina", "amount": 300_000 })).await.expect(200);
    let paid = hold(&shop, "mina", "tea", 100).await.expect(201);
    let asked = order_by(&shop, "mina", "tea", 100, "EXTERNAL").await.expect(201);
    hold(&shop, "mina", "tea", 1).await.refused(429, "TOO_MANY_REQUESTS");
    pay(&shop, "mina", &paid).await.expect(200);
    let again = hold(&shop, "mina", "tea", 100).await.expect(201);
    settle(&shop, &asked, PaymentOutcome::Succeeded, "pay-1", 100_000).await;
    hold(&shop, "mina", "tea", 100).await.expect(201);
    hold(&shop, "mina", "tea", 1).await.refused(429, "TOO_MANY_REQUESTS");
    shop.set_clock(END);
    end_hold(&shop, &again).await;
    hold(&shop, "mina", "tea", 1).await.expect(201);
    shop.audit().await;
}

/// Faults of product or stock are reported before a cap, a low balance after it.
#[tokio::test]
async fn a_cap_has_its_place_among_the_answers() {
    let caps = Caps { pending_orders: 1, failed_payments: 1, ..Caps::DEFAULT };
    let shop = shop_of_tea(10).await.with_caps(caps);
    let first = hold(&shop, "mina", "tea", 1).key("first").await.expect(201);
    hold(&shop, "mina", "tea", 1).await.refused(429, "TOO_MANY_REQUESTS");
    hold(&shop, "mina", "tea", 11).await.refused(409, "STOCK_NOT_ENOUGH");
    hold(&shop, "mina", "coffee", 1).await.refused(404, "ENTITY_NOT_FOUND");
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let with_coupon = json!({ "userId": "mina", "items": items, "payment": "LATER", "couponId": "none" });
    shop.post("/orders", with_coupon).await.refused(409, "COUPON_NOT_USABLE");
    // A replay does not count.
    let again = hold(&shop, "mina", "tea", 1).key("first").await.expect(201);
    assert_eq!(id(&again), id(&first));

    shop.order("mina", "tea", 1).await.refused(402, "BALANCE_NOT_ENOUGH");
    let above = shop.order("mina", "tea", 1).await.refused(429, "TOO_MANY_REQUESTS");
    assert_eq!(above, capped("failedPayments", 1));
    shop.order("mina", "tea", 11).await.refused(409, "STOCK_NOT_ENOUGH");
    shop.audit().await;
}

#[tokio::test]
async fn orders_of_an_admin_for_others_are_counted_but_not_capped() {
    let shop = shop_of_tea(1_000).await;
    hold_by_admin(&shop, 300).await.expect(201);
    hold(&shop, "mina", "tea", 1).await.refused(429, "TOO_MANY_REQUESTS");
    hold_by_admin(&shop, 1).await.expect(201);
    shop.audit().await;
}

/// Each such order stays in the table for ever.
#[tokio::test]
async fn failed_payments_are_capped_by_the_hour() {
    let shop = shop_of_tea(10).await;
    let answers = at_once((0..40).map(|_| shop.order("mina", "tea", 1))).await;
    assert_eq!(counted(&answers), codes(&[("BALANCE_NOT_ENOUGH", 30), ("TOO_MANY_REQUESTS", 10)]));
    for answer in answers.into_iter().filter(|answer| answer.status == 429) {
        assert_eq!(retry_after(&answer), 60);
        assert_eq!(answer.refused(429, "TOO_MANY_REQUESTS"), capped("failedPayments", 30));
    }
    let orders = shop.get("/orders?userId=mina&limit=100").as_user("mina").await.expect(200);
    assert_eq!(orders["items"].as_array().unwrap().len(), 30);
    // Another instance has an empty cache, and refuses too.
    shop.another_instance().order("mina", "tea", 1).await.refused(429, "TOO_MANY_REQUESTS");
    shop.set_clock("2026-11-20T04:00:00Z");
    shop.order("mina", "tea", 1).await.refused(402, "BALANCE_NOT_ENOUGH");
    shop.post("/balance/charge", json!({ "userId": "mina", "amount": 4_000 })).await.expect(200);
    shop.order("mina", "tea", 1).await.expect(201);
    shop.audit().await;
}

#[tokio::test]
async fn charges_coupon_issues_and_sheets_are_capped_by_the_minute() {
    let caps = Caps { charges: 2, coupon_issues: 2, order_sheets: 2, ..Caps::DEFAULT };
    let shop = shop_of_tea(10).await.with_caps(caps);
    for coupon in ["one", "two", "three"] {
        shop.coupon(coupon, 10).await;
    }
    let charge = || shop.post("/balance/charge", json!({ "userId": "mina", "amount": 100 }));
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let create_sheet = || shop.post("/order-sheets", json!({ "userId": "mina", "items": items }));
    charge().key("first").await.expect(200);
    charge().await.expect(200);
    create_sheet().key("first").await.expect(201);
    create_sheet().await.expect(201);
    shop.issue("mina", "one").await.expect(201);
    shop.issue("mina", "two").await.expect(201);
    shop.set_clock("2026-11-20T03:00:45Z");
    for (call, limit) in [
        (charge(), "charges"),
        (create_sheet(), "orderSheets"),
        (shop.post("/coupons/issue", json!({ "userId": "mina", "couponId": "three" })), "couponIssues"),
    ] {
        let answer = call.await;
        assert_eq!(retry_after(&answer), 15);
        assert_eq!(answer.refused(429, "TOO_MANY_REQUESTS"), capped(limit, 2));
    }
    charge().key("first").await.expect(200);
    create_sheet().key("first").await.expect(201);
    charge().as_admin().await.expect(200);
    shop.set_clock("2026-11-20T03:01:00Z");
    charge().await.expect(200);
    create_sheet().await.expect(201);
    shop.issue("mina", "three").await.expect(201);
    assert_eq!(shop.balance("mina").await, 400);
    shop.audit().await;
}
