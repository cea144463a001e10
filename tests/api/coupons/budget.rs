//! The budget of a campaign: won that its coupons take off together.

use serde_json::{Value, json};
use tests::{
    TestShop,
    night::times,
    steps::{at_once, cancel, cancel_units, counted, end_hold, wait},
};

/// Teas at 10,000 won, and a coupon of `value` won for each of the users, with a budget.
async fn shop_with_budget(users: &[&str], value: i64, budget: i64) -> TestShop {
    let shop = TestShop::new();
    shop.product("tea", 10_000, 1_000).await;
    let terms = json!({ "kind": "FIXED", "value": value, "maxTotalDiscount": budget, "counterShards": 4 });
    shop.campaign("budget", 100, terms).await;
    for user in users {
        shop.customer(user, 1_000_000).await;
        shop.issue(user, "budget").await.expect(201);
    }
    shop
}

fn body(user: &str, teas: i64) -> Value {
    json!({ "userId": user, "couponId": "budget", "items": [{ "productId": "tea", "quantity": teas }] })
}

async fn left(shop: &TestShop) -> i64 {
    let campaign = shop.get("/coupons/budget").as_admin().await.expect(200);
    campaign["budgetLeft"].as_i64().unwrap()
}

#[tokio::test]
async fn orders_spend_the_budget_and_cancellations_return_it() {
    let shop = shop_with_budget(&["mina", "jun", "sora"], 3_000, 10_000).await;
    assert_eq!(left(&shop).await, 10_000);
    let mina = shop.post("/orders", body("mina", 3)).as_user("mina").await.expect(201);
    assert_eq!((&mina["couponDiscount"], left(&shop).await), (&json!(3_000), 7_000));
    // A third of the teas has a third of the discount, and with the last one the coupon is usable again.
    cancel_units(&shop, "mina", &mina, "1", 1).await.expect(200);
    assert_eq!(left(&shop).await, 8_000);
    cancel(&shop, "mina", &mina, json!({})).await.expect(200);
    assert_eq!(left(&shop).await, 10_000);
    // A hold spends, and its end returns.
    let held = json!({ "payment": "LATER" });
    let mut later = body("jun", 1);
    later.as_object_mut().unwrap().extend(held.as_object().unwrap().clone());
    let jun = shop.post("/orders", later).as_user("jun").await.expect(201);
    assert_eq!(left(&shop).await, 7_000);
    wait(&shop, 60 * 60 * 1_000);
    end_hold(&shop, &jun).await;
    assert_eq!(left(&shop).await, 10_000);
    shop.audit().await;
}

#[tokio::test]
async fn a_discount_above_what_is_left_is_refused_and_never_cut() {
    let shop = shop_with_budget(&["mina", "jun"], 6_000, 10_000).await;
    let key = || shop.post("/orders", body("mina", 1)).as_user("mina").key("k");
    let first = key().await.expect(201);
    let refused = shop.post("/orders", body("jun", 1)).as_user("jun").await.refused(409, "COUPON_NOT_USABLE");
    assert_eq!(refused, json!({ "couponId": "budget", "reason": "BUDGET_EXCEEDED", "budgetLeft": 4_000 }));
    let sheet = shop.post("/order-sheets", body("jun", 1)).as_user("jun").await.refused(409, "COUPON_NOT_USABLE");
    assert_eq!(sheet, refused);
    // A repetition with the key is answered as the first time, though the budget is too low for another.
    assert_eq!(key().await.expect(201)["orderId"], first["orderId"]);
    let coupons = shop.get("/coupons?userId=jun").as_user("jun").await.expect(200);
    assert_eq!(coupons["items"][0]["status"], "USABLE");
    assert_eq!((shop.stock("tea").await, left(&shop).await), (999, 4_000));
    // Of two refusals that of the coupon comes first.
    shop.customer("poor", 100).await;
    shop.issue("poor", "budget").await.expect(201);
    let poor = shop.post("/orders", body("poor", 1)).as_user("poor").await.refused(409, "COUPON_NOT_USABLE");
    assert_eq!(poor["budgetLeft"], 4_000);
    cancel(&shop, "mina", &first, json!({})).await.expect(200);
    shop.post("/orders", body("jun", 1)).as_user("jun").await.expect(201);
    shop.audit().await;
}

#[tokio::test]
async fn a_budget_that_does_not_suffice_is_told_before_an_address_or_a_cap() {
    let shop = shop_with_budget(&["mina", "jun"], 6_000, 10_000).await;
    shop.post("/orders", body("mina", 1)).as_user("mina").await.expect(201);
    let later = || {
        let mut later = body("jun", 1);
        later["payment"] = json!("LATER");
        shop.post("/orders", later).as_user("jun")
    };
    let shop = shop.clone().with_policy(|policy| policy.people.require_address = true);
    shop.post("/orders", body("jun", 1)).as_user("jun").await.refused(409, "COUPON_NOT_USABLE");
    let shop = shop.with_policy(|policy| {
        policy.people.require_address = false;
        policy.caps.held_units = 0;
    });
    let refused = later().await.refused(409, "COUPON_NOT_USABLE");
    assert_eq!(refused["reason"], "BUDGET_EXCEEDED");
    shop.audit().await;
}

#[tokio::test]
async fn a_sheet_spends_when_it_is_ordered() {
    let shop = shop_with_budget(&["mina", "jun"], 6_000, 10_000).await;
    let sheet = |user: &'static str| shop.post("/order-sheets", body(user, 1)).as_user(user);
    let sheets = [sheet("mina").await.expect(201), sheet("jun").await.expect(201)];
    assert_eq!(left(&shop).await, 10_000);
    let order = |user: &'static str, sheet: &Value| {
        shop.post("/orders", json!({ "userId": user, "orderSheetId": sheet["orderSheetId"] })).as_user(user)
    };
    order("mina", &sheets[0]).await.expect(201);
    let refused = order("jun", &sheets[1]).await.refused(409, "COUPON_NOT_USABLE");
    assert_eq!((&refused["reason"], &refused["budgetLeft"]), (&json!("BUDGET_EXCEEDED"), &json!(4_000)));
    shop.audit().await;
}

#[tokio::test]
async fn a_failed_payment_spends_nothing() {
    let shop = shop_with_budget(&[], 6_000, 10_000).await;
    shop.customer("poor", 100).await;
    shop.issue("poor", "budget").await.expect(201);
    shop.post("/orders", body("poor", 1)).as_user("poor").await.refused(402, "BALANCE_NOT_ENOUGH");
    assert_eq!(left(&shop).await, 10_000);
    shop.audit().await;
}

/// More orders at once than there is budget for: never a won more, and less than one discount remains.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_orders_use_a_budget_up_to_less_than_one_discount() {
    let orders = times(200, 500);
    let budget = i64::try_from(2_000 * orders).unwrap();
    let shop = TestShop::with_instances(8);
    let tea = json!({ "productId": "tea", "name": "녹차", "price": 10_000, "stock": 500, "stockShards": 16 });
    shop.post("/products", tea).as_admin().await.expect(201);
    let terms = json!({ "kind": "FIXED", "value": 3_300, "maxTotalDiscount": budget, "counterShards": 16 });
    shop.campaign("budget", 500, terms).await;
    let users: Vec<String> = (0..orders).map(|number| format!("u{number}")).collect();
    for user in &users {
        shop.customer(user, 20_000).await;
        shop.issue(user, "budget").await.expect(201);
    }
    let order = |user: &String| shop.post("/orders", body(user, 1)).as_user(user).key("one");
    let mut answers = at_once(users.iter().map(order)).await;
    // On a slow machine some are told to try again.
    for (user, answer) in users.iter().zip(&mut answers).filter(|(_, answer)| answer.status == 503) {
        *answer = order(user).await;
    }
    let spent: i64 = answers.iter().filter_map(|answer| answer.body["data"]["couponDiscount"].as_i64()).sum();
    let left = left(&shop).await;
    assert_eq!(spent + left, budget);
    assert!((0..3_300).contains(&left), "{left}");
    let expected = usize::try_from(spent / 3_300).unwrap();
    let codes = counted(&answers);
    assert_eq!((codes["SUCCESS"], codes["COUPON_NOT_USABLE"]), (expected, orders - expected), "{codes:?}");
    shop.audit().await;
}

#[tokio::test]
async fn a_budget_is_for_discounts_in_won() {
    let shop = TestShop::new();
    let good = json!({
        "name": "X", "kind": "FIXED", "value": 100, "totalQuantity": 1, "maxTotalDiscount": 1,
        "issueFrom": "2026-11-01T00:00:00Z", "issueUntil": "2026-12-01T00:00:00Z", "validDays": 1,
    });
    for change in [json!({ "maxTotalDiscount": 0 }), json!({ "kind": "FREE_SHIPPING", "value": null })] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(shop.post("/coupons", body).as_admin().await.bad_fields(), ["maxTotalDiscount"], "{change}");
    }
    let created = shop.post("/coupons", good).as_admin().await.expect(201);
    assert_eq!((&created["maxTotalDiscount"], &created["budgetLeft"]), (&json!(1), &json!(1)));
}
