//! Races over HTTP.

use serde_json::json;
use tests::night::times;

use crate::stack::{Shop, codes, race};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn races_over_http_have_exact_ends() {
    let shop = Shop::start("e2e-races").await;
    let api = &shop.api;
    let crowd = times(120, 400);
    api.customers(crowd, 20_000).await;

    // Everyone orders a unit, and there is one for every fourth.
    api.product("tea", 10_000, crowd / 4).await;
    let users: Vec<String> = (0..crowd).map(|user| format!("u{user}")).collect();
    let (answers, counted) = race(users.iter().map(|user| api.order(user, "tea"))).await;
    assert_eq!(counted, codes(&[("STOCK_NOT_ENOUGH", crowd - crowd / 4), ("SUCCESS", crowd / 4)]));
    assert_eq!(api.stock("tea").await, 0);
    for (user, answer) in users.iter().zip(&answers).step_by(10) {
        let left = if answer.status == 201 { 7_000 } else { 20_000 };
        assert_eq!(api.balance(user).await, left, "{user}");
    }

    // 100 charges of one user.
    let before = api.balance("u0").await;
    let charge = || api.post("/balance/charge", json!({ "userId": "u0", "amount": 100 }));
    let (_, counted) = race((0..100).map(|_| charge())).await;
    assert_eq!(counted, codes(&[("SUCCESS", 100)]));
    assert_eq!(api.balance("u0").await, before + 10_000);

    // Everyone wants a coupon, and there is one for every third.
    api.coupon("welcome", crowd / 3).await;
    let issue = |user: &String| api.post("/coupons/issue", json!({ "userId": user, "couponId": "welcome" }));
    let (answers, counted) = race(users.iter().map(issue)).await;
    assert_eq!(counted, codes(&[("COUPON_SOLD_OUT", crowd - crowd / 3), ("SUCCESS", crowd / 3)]));

    // One coupon, two orders at once.
    api.product("cup", 3_000, 1_000).await;
    let lucky = users.iter().zip(&answers).find(|(_, answer)| answer.status == 201).unwrap().0;
    let items = json!([{ "productId": "cup", "quantity": 1 }]);
    let order = || api.post("/orders", json!({ "userId": lucky, "items": items, "couponId": "welcome" }));
    let (_, counted) = race((0..2).map(|_| order())).await;
    assert_eq!(counted, codes(&[("COUPON_NOT_USABLE", 1), ("SUCCESS", 1)]));

    // One key, twenty times at once.
    let last = &users[crowd - 1];
    let before = api.balance(last).await;
    let keyed = api.with("idempotency-key", "once");
    let (answers, counted) = race((0..20).map(|_| keyed.order(last, "cup"))).await;
    assert_eq!(counted, codes(&[("SUCCESS", 20)]));
    for answer in &answers {
        assert_eq!(answer.data(), answers[0].data());
    }
    assert_eq!(api.balance(last).await, before - 6_000);

    shop.audit().await;
    shop.no_function_panicked();
    shop.stop().await;
}
