//! Races: many instances, real threads, one table.

use serde_json::{Value, json};
use tests::{
    Call, TestShop,
    night::times,
    steps::{at_once, codes, counted, hold, race},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_hundred_concurrent_orders_sell_a_hundred_units_once() {
    let shop = TestShop::with_instances(8);
    shop.product("tea", 10_000, 100).await;
    for user in 0..400 {
        shop.customer(&format!("u{user}"), 20_000).await;
    }
    let answers = race((0..400).map(|user| shop.order(&format!("u{user}"), "tea", 1)).collect()).await;
    assert_eq!(answers, codes(&[("STOCK_NOT_ENOUGH", 300), ("SUCCESS", 100)]));
    assert_eq!(shop.stock("tea").await, 0);
    let mut left = 0;
    for user in 0..400 {
        left += shop.balance(&format!("u{user}")).await;
    }
    assert_eq!(left, 400 * 20_000 - 100 * 13_000);
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_orders_sell_sharded_stock_once() {
    let shop = TestShop::with_instances(8);
    let tea = json!({ "productId": "tea", "name": "녹차", "price": 1_000, "stock": 100, "stockShards": 16 });
    shop.post("/products", tea).as_admin().await.expect(201);
    for user in 0..60 {
        shop.customer(&format!("u{user}"), 100_000).await;
    }
    // 1 to 7 units each, 240 in all.
    let calls = (0..60).map(|user| shop.order(&format!("u{user}"), "tea", user % 7 + 1));
    let answers = at_once(calls).await;
    let sold: i64 = answers
        .iter()
        .filter(|answer| answer.status == 201)
        .map(|answer| answer.body["data"]["items"][0]["quantity"].as_i64().unwrap())
        .sum();
    assert_eq!(sold + shop.stock("tea").await, 100);
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        answer.refused(409, "STOCK_NOT_ENOUGH");
    }
    // The rest is less than each refused order had asked for.
    assert!(shop.stock("tea").await < 7);
    shop.audit().await;
}

/// The first try of each user is paid or held, whichever comes first.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn users_get_one_unit_each_however_often_they_try() {
    let users = times(100, 300);
    for flash in [false, true] {
        let shop = TestShop::with_instances(8);
        let tea = json!({
            "productId": "tea", "name": "녹차", "price": 1_000, "stock": 1_000, "stockShards": 16, "flash": flash,
            "limit": { "perUser": 1, "within": "EVER" },
        });
        shop.post("/products", tea).as_admin().await.expect(201);
        for user in 0..users {
            shop.customer(&format!("u{user}"), 100_000).await;
        }
        let tries = (0..3 * users).map(|number| {
            let user = format!("u{}", number % users);
            if number / users == 1 { hold(&shop, &user, "tea", 1) } else { shop.order(&user, "tea", 1) }
        });
        let answers = race(tries.collect()).await;
        assert_eq!(answers, codes(&[("LIMIT_EXCEEDED", 2 * users), ("SUCCESS", users)]));
        for user in 0..users {
            let orders = shop.get(&format!("/orders?userId=u{user}")).as_user(&format!("u{user}")).await.expect(200);
            assert_eq!(orders["items"].as_array().unwrap().len(), 1);
        }
        assert_eq!(usize::try_from(shop.stock("tea").await), Ok(1_000 - users));
        shop.audit().await;
    }
}

/// Of the buyers of one unit each, just a quarter pay half the price. Each order is made.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_first_units_are_sold_at_half_price() {
    let users = times(100, 400);
    for flash in [false, true] {
        let shop = TestShop::with_instances(8);
        let offer = json!({
            "discount": 500, "from": "2026-11-01T00:00:00Z", "until": "2026-12-01T00:00:00Z", "quantity": users / 4,
        });
        let tea = json!({
            "productId": "tea", "name": "녹차", "price": 1_000, "stock": 1_000, "stockShards": 16, "flash": flash,
            "offers": [offer],
        });
        shop.post("/products", tea).as_admin().await.expect(201);
        for user in 0..users {
            shop.customer(&format!("u{user}"), 100_000).await;
        }
        let answers = at_once((0..users).map(|user| shop.order(&format!("u{user}"), "tea", 1))).await;
        let mut discounts: Vec<i64> = answers
            .into_iter()
            .map(|answer| answer.expect(201)["items"][0]["unitDiscount"].as_i64().unwrap_or_default())
            .collect();
        discounts.sort_unstable();
        let whole = users - users / 4;
        assert_eq!((discounts[whole - 1], discounts[whole], discounts[users - 1]), (0, 500, 500));
        assert_eq!(usize::try_from(shop.stock("tea").await), Ok(1_000 - users));
        shop.audit().await;
    }
}

/// Lines of three units do not divide the parts of a quota. Room is moved between them while others order, and in the end
/// the quota has sold as many lines as it has room for.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lines_of_several_units_use_up_a_quota() {
    let shop = TestShop::with_instances(4);
    let offer = json!({
        "discount": 500, "from": "2026-11-01T00:00:00Z", "until": "2026-12-01T00:00:00Z", "quantity": 40,
    });
    let tea = json!({
        "productId": "tea", "name": "녹차", "price": 1_000, "stock": 1_000, "stockShards": 8, "offers": [offer],
    });
    shop.post("/products", tea).as_admin().await.expect(201);
    for user in 0..20 {
        shop.customer(&format!("u{user}"), 100_000).await;
    }
    let is_at_offer = |order: &Value| order["items"][0]["unitDiscount"] == 500;
    let answers = at_once((0..20).map(|user| shop.order(&format!("u{user}"), "tea", 3))).await;
    let mut sold = answers.into_iter().map(|answer| answer.expect(201)).filter(is_at_offer).count();
    assert!((1..=13).contains(&sold), "{sold}");
    while is_at_offer(&shop.order("u0", "tea", 3).await.expect(201)) {
        sold += 1;
    }
    assert_eq!(sold, 13);
    let yours = shop.get("/products/tea/yours").as_user("u0").await.expect(200);
    assert_eq!(yours["offer"]["left"], 1);
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_concurrent_charges_of_one_user_all_count() {
    let shop = TestShop::with_instances(8);
    shop.customer("mina", 0).await;
    let charge = || shop.post("/balance/charge", json!({ "userId": "mina", "amount": 100 }));
    let answers = race((0..100).map(|_| charge()).collect()).await;
    assert_eq!(answers, codes(&[("SUCCESS", 100)]));
    assert_eq!(shop.balance("mina").await, 10_000);
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_hundred_concurrent_users_get_a_hundred_coupons() {
    let shop = TestShop::with_instances(8);
    shop.coupon("welcome", 100).await;
    for user in 0..300 {
        shop.customer(&format!("u{user}"), 0).await;
    }
    let issue = |user: i64| shop.post("/coupons/issue", json!({ "userId": format!("u{user}"), "couponId": "welcome" }));
    let answers = race((0..300).map(issue).collect()).await;
    assert_eq!(answers, codes(&[("COUPON_SOLD_OUT", 200), ("SUCCESS", 100)]));
    assert_eq!(shop.get("/coupons/welcome").as_admin().await.expect(200)["remainingQuantity"], 0);
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_requests_of_one_user_issue_one_coupon() {
    let shop = TestShop::with_instances(8);
    shop.coupon("welcome", 10).await;
    shop.customer("mina", 0).await;
    let issue = |_| shop.post("/coupons/issue", json!({ "userId": "mina", "couponId": "welcome" }));
    let answers = race((0..20).map(issue).collect()).await;
    assert_eq!(answers["SUCCESS"], 1);
    // Voided tickets can be allocated again.
    assert_eq!(shop.get("/coupons/welcome").as_admin().await.expect(200)["remainingQuantity"], 9);
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_repetitions_of_a_key_issue_one_coupon() {
    let shop = TestShop::with_instances(8);
    // As many coupons as requests. With fewer, the last request would get SOLD_OUT while the others still hold tickets.
    shop.coupon("welcome", 20).await;
    shop.customer("mina", 0).await;
    let issue = |_| shop.post("/coupons/issue", json!({ "userId": "mina", "couponId": "welcome" })).key("k");
    let answers = at_once((0..20).map(issue)).await;
    let first = answers[0].clone().expect(201);
    for answer in answers {
        assert_eq!(answer.expect(201), first);
    }
    assert_eq!(shop.get("/coupons/welcome").as_admin().await.expect(200)["remainingQuantity"], 19);
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_orders_use_one_coupon_once() {
    let shop = TestShop::with_instances(8);
    shop.customer("mina", 1_000_000).await;
    shop.product("tea", 10_000, 100).await;
    shop.coupon("welcome", 1).await;
    shop.issue("mina", "welcome").await.expect(201);
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let order = |_| shop.post("/orders", json!({ "userId": "mina", "items": items, "couponId": "welcome" }));
    let answers = race((0..10).map(order).collect()).await;
    assert_eq!(answers, codes(&[("COUPON_NOT_USABLE", 9), ("SUCCESS", 1)]));
    assert_eq!(shop.balance("mina").await, 1_000_000 - 12_000);
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_repetitions_of_a_key_are_one_order() {
    let shop = TestShop::with_instances(8);
    shop.customer("mina", 13_000).await;
    shop.product("tea", 10_000, 1).await;
    let answers = at_once((0..20).map(|_| shop.order("mina", "tea", 1).key("k"))).await;
    let first = answers[0].clone().expect(201);
    for answer in answers {
        assert_eq!(answer.expect(201), first);
    }
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (0, 0));
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_orders_and_charges_of_one_user_all_count() {
    let shop = TestShop::with_instances(8);
    shop.customer("mina", 130_000).await;
    shop.product("tea", 10_000, 100).await;
    let charge = || shop.post("/balance/charge", json!({ "userId": "mina", "amount": 100 }));
    let calls = (0..10).flat_map(|_| [charge(), shop.order("mina", "tea", 1)]).collect();
    let answers = race(calls).await;
    assert_eq!(answers, codes(&[("SUCCESS", 20)]));
    assert_eq!(shop.balance("mina").await, 1_000);
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_additions_to_a_cart_all_count() {
    let shop = TestShop::with_instances(8);
    shop.customer("mina", 0).await;
    shop.product("tea", 1_000, 1).await;
    let add = || shop.post("/orders/cart", json!({ "userId": "mina", "productId": "tea", "quantity": 2 }));
    // Half of them with a key, and each key twice: there is no cart before the first of them.
    let with_keys = (0..40).map(|number| add().key(&format!("k{}", number / 2)));
    let answers = race(with_keys.chain((0..50).map(|_| add())).collect()).await;
    assert_eq!(answers, codes(&[("SUCCESS", 90)]));
    let cart = shop.get("/orders/cart?userId=mina").await.expect(200);
    assert_eq!(cart["items"][0]["quantity"], 2 * 20 + 2 * 50);
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_additions_keep_the_limits_of_a_cart() {
    let shop = TestShop::with_instances(8);
    shop.customer("mina", 0).await;
    for product in 0..70 {
        shop.product(&format!("p{product}"), 1_000, 1).await;
    }
    let add = |product: i64, quantity: i64| {
        let product = format!("p{product}");
        shop.post("/orders/cart", json!({ "userId": "mina", "productId": product, "quantity": quantity }))
    };
    for product in 0..49 {
        add(product, 1).await.expect(200);
    }
    // There is room for one of 21 products, and for nine of twelve additions of a hundred units.
    let calls = (49..70).map(|product| add(product, 1)).chain((0..12).map(|_| add(0, 100))).collect();
    let answers = race(calls).await;
    assert_eq!(answers, codes(&[("LIMIT_EXCEEDED", 20 + 3), ("SUCCESS", 1 + 9)]));
    let cart = shop.get("/orders/cart?userId=mina").await.expect(200);
    assert_eq!(cart["items"].as_array().unwrap().len(), 50);
    assert_eq!(cart["items"][0]["quantity"], 901);
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn orders_during_price_changes_pay_the_price_that_they_show() {
    let shop = TestShop::with_instances(8);
    let tea = json!({ "productId": "tea", "name": "녹차", "price": 1_000, "stock": 1_000, "stockShards": 8 });
    shop.post("/products", tea).as_admin().await.expect(201);
    for user in 0..30 {
        shop.customer(&format!("u{user}"), 100_000).await;
    }
    let mut calls: Vec<Call> = (0..30).map(|user| shop.order(&format!("u{user}"), "tea", 2)).collect();
    calls.insert(10, shop.patch("/products/tea", json!({ "price": 1_500 })).as_admin());
    calls.insert(20, shop.patch("/products/tea", json!({ "price": 2_000 })).as_admin());
    let answers = at_once(calls).await;
    assert_eq!(counted(&answers), codes(&[("SUCCESS", 32)]));
    for order in answers.iter().map(|answer| &answer.body["data"]).filter(|data| data["items"].is_array()) {
        let price = order["items"][0]["unitPrice"].as_i64().unwrap();
        assert!([1_000, 1_500, 2_000].contains(&price), "{price}");
        assert_eq!(order["paid"], json!(price * 2 + 3_000));
    }
    shop.audit().await;
}
