//! Flash sales over HTTP: more customers than stock or coupons.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt, future::join_all, stream};
use serde_json::json;
use tests::night::times;

use crate::stack::{Api, Shop, codes};

/// Longer than a function remembers that a product was sold out.
const SOLD_OUT_AGE: Duration = Duration::from_millis(1_500);

/// The number of concurrent customers.
const AT_ONCE: usize = 250;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flash_sales_sell_exactly_what_there_is() {
    let shop = Shop::start("e2e-flash").await;
    let api = &shop.api;
    let (customers, coupons) = (times(200, 2_000), times(100, 500));
    api.customers(customers, 0).await;

    // More customers than the coupons in 16 counters.
    let campaign = json!({
        "couponId": "flash", "name": "flash", "kind": "FIXED", "value": 1_000, "totalQuantity": coupons, "validDays": 7,
        "counterShards": 16, "issueFrom": "2026-01-01T00:00:00Z", "issueUntil": "2036-01-01T00:00:00Z",
    });
    api.as_admin().post("/coupons", campaign).await.data();
    let issue = |user: usize| async move {
        let body = json!({ "userId": format!("u{user}"), "couponId": "flash" });
        api.post("/coupons/issue", body).await.code().to_owned()
    };
    let answers: Vec<String> = stream::iter(0..customers).map(issue).buffer_unordered(AT_ONCE).collect().await;
    let mut counted = BTreeMap::new();
    answers.into_iter().for_each(|code| *counted.entry(code).or_default() += 1);
    assert_eq!(counted, codes(&[("COUPON_SOLD_OUT", customers - coupons), ("SUCCESS", coupons)]));

    // By 1 to 7 units at a time until nothing is left, over 1, 16 and 4 shards meanwhile.
    let teas = times(500, 1_000);
    api.product("tea", 100, teas).await;
    let buyers = 40;
    for user in 0..buyers {
        let charge = json!({ "userId": format!("u{user}"), "amount": 1_000_000 });
        api.post("/balance/charge", charge).await.data();
    }
    let resharding = async {
        for shards in [16, 4] {
            tokio::time::sleep(Duration::from_millis(150)).await;
            let change = api.as_admin().patch("/products/tea", json!({ "stockShards": shards })).await;
            assert!(change.status.is_success(), "{} {}", change.status, change.body);
        }
    };
    let buying = join_all((0..buyers).map(|user| buy_until_sold_out(api, user, "tea")));
    let ((), sold) = tokio::join!(resharding, buying);
    assert_eq!((sold.iter().sum(), api.stock("tea").await), (teas, 0));

    // In flash mode, which is switched on, over 4 shards.
    let cups = times(250, 500);
    api.product("cup", 100, cups).await;
    api.as_admin().patch("/products/cup", json!({ "flash": true, "stockShards": 4 })).await.data();
    let sold: usize = join_all((0..buyers).map(|user| buy_until_sold_out(api, user, "cup"))).await.iter().sum();
    // A customer who reserves too little gives it back, perhaps after all others have found nothing. For a second the
    // functions remember that. Then the rest is sold to the next customer.
    tokio::time::sleep(SOLD_OUT_AGE).await;
    let rest = buy_until_sold_out(api, 0, "cup").await;
    assert_eq!((sold + rest, api.stock("cup").await), (cups, 0));

    shop.audit().await;
    shop.no_function_panicked();
    shop.stop().await;
}

/// Orders 1 to 7 units at a time until not even one is left, and returns the units bought.
async fn buy_until_sold_out(api: &Api, user: usize, product: &str) -> usize {
    let (mut bought, mut most) = (0, 7);
    for turn in 0.. {
        let quantity = (turn * 5 + user * 3) % most + 1;
        let items = json!([{ "productId": product, "quantity": quantity }]);
        let answer = api.post("/orders", json!({ "userId": format!("u{user}"), "items": items })).await;
        match answer.code() {
            "SUCCESS" => bought += quantity,
            "STOCK_NOT_ENOUGH" if quantity == 1 => break,
            "STOCK_NOT_ENOUGH" => most = quantity - 1,
            other => panic!("{other}: {}", answer.body),
        }
    }
    bought
}
