//! Purchase limits: `limit` of a product.

use serde_json::{Value, json};
use shared::{
    domain::{ProductId, UserId, purchase_limit::LimitPeriod},
    store::keys,
};
use tests::{
    TestShop,
    steps::{cancel, cancel_units, end_hold, hold, id, move_along},
};

/// A shop with a product that each user may order some units of.
async fn shop_with(per_user: i64, within: &str, flash: bool) -> TestShop {
    let shop = TestShop::with_instances(2);
    shop.customer("mina", 1_000_000).await;
    let tea = json!({
        "productId": "tea", "name": "녹차", "price": 1_000, "stock": 100, "stockShards": 2, "flash": flash,
        "limit": limit(per_user, within),
    });
    let created = shop.post("/products", tea).as_admin().await.expect(201);
    assert_eq!(created["limit"], limit(per_user, within));
    shop
}

fn limit(per_user: i64, within: &str) -> Value {
    json!({ "perUser": per_user, "within": within })
}

fn refusal(max: i64, within: &str, left: i64) -> Value {
    json!({ "limit": "perUser", "max": max, "productId": "tea", "within": within, "left": left })
}

async fn set(shop: &TestShop, limit: Value) {
    let changed = shop.patch("/products/tea", json!({ "limit": limit })).as_admin().await.expect(200);
    assert_eq!(changed["limit"], limit);
}

#[tokio::test]
async fn units_ordered_and_held_never_exceed_the_limit() {
    for flash in [false, true] {
        let shop = shop_with(3, "EVER", flash).await;
        shop.order("mina", "tea", 4).await.refused(409, "LIMIT_EXCEEDED");
        shop.order("mina", "tea", 1).await.expect(201);
        let held = hold(&shop, "mina", "tea", 1).await.expect(201);
        assert_eq!(shop.order("mina", "tea", 2).await.refused(409, "LIMIT_EXCEEDED"), refusal(3, "EVER", 1));
        shop.order("mina", "tea", 1).await.expect(201);
        for _ in 0..2 {
            let refused = shop.order("mina", "tea", 1).await.refused(409, "LIMIT_EXCEEDED");
            assert_eq!(refused, refusal(3, "EVER", 0));
        }
        // Another user has a counter of their own.
        shop.customer("jun", 100_000).await;
        shop.order("jun", "tea", 3).await.expect(201);
        // The money of a held order makes no difference.
        shop.call("POST", &format!("/orders/{}/payment", id(&held))).as_user("mina").await.expect(200);
        shop.order("mina", "tea", 1).await.refused(409, "LIMIT_EXCEEDED");
        assert_eq!(shop.stock("tea").await, 94);
        shop.audit().await;
    }
}

#[tokio::test]
async fn cancelled_expired_and_returned_units_can_be_ordered_again() {
    let shop = shop_with(2, "EVER", false).await;
    let order = shop.order("mina", "tea", 2).await.expect(201);
    shop.order("mina", "tea", 1).await.refused(409, "LIMIT_EXCEEDED");
    cancel_units(&shop, "mina", &order, "1", 1).await.expect(200);
    let other = shop.order("mina", "tea", 1).await.expect(201);
    cancel(&shop, "mina", &order, json!({})).await.expect(200);
    // A repeated cancellation returns nothing more.
    cancel(&shop, "mina", &order, json!({})).await;
    let held = hold(&shop, "mina", "tea", 1).await.expect(201);
    shop.order("mina", "tea", 1).await.refused(409, "LIMIT_EXCEEDED");
    shop.set_clock(held["holdExpiresAt"].as_str().unwrap());
    end_hold(&shop, &held).await;
    shop.order("mina", "tea", 1).await.expect(201);
    shop.order("mina", "tea", 1).await.refused(409, "LIMIT_EXCEEDED");
    move_along(&shop, &other, "1", &["SHIPPED", "DELIVERED", "RETURN_REQUESTED", "RETURN_IN_PROGRESS", "RETURNED"])
        .await;
    shop.order("mina", "tea", 1).await.expect(201);
    shop.order("mina", "tea", 1).await.refused(409, "LIMIT_EXCEEDED");
    shop.audit().await;
}

#[tokio::test]
async fn a_limit_of_a_day_counts_by_the_day_of_the_order_in_seoul() {
    let shop = shop_with(1, "DAY", false).await;
    let today = shop.order("mina", "tea", 1).await.expect(201);
    assert_eq!(shop.order("mina", "tea", 1).await.refused(409, "LIMIT_EXCEEDED"), refusal(1, "DAY", 0));
    shop.set_clock("2026-11-20T15:00:00Z");
    shop.order("mina", "tea", 1).await.expect(201);
    // The units of yesterday leave today's counter as it is.
    cancel(&shop, "mina", &today, json!({})).await.expect(200);
    shop.order("mina", "tea", 1).await.refused(409, "LIMIT_EXCEEDED");
    shop.audit().await;
}

/// Storage removes the counter of a day long after it. Units can still be cancelled.
#[tokio::test]
async fn an_order_can_be_cancelled_without_its_counter() {
    let shop = shop_with(2, "DAY", false).await;
    let order = shop.order("mina", "tea", 2).await.expect(201);
    let mina = UserId::try_from("mina".to_owned()).unwrap();
    let tea = ProductId::try_from("tea".to_owned()).unwrap();
    let key = keys::limit(&mina, &tea, LimitPeriod { since: 1, day: "2026-11-20".parse().ok() });
    let item = json!({ "TableName": tests::TABLE, "Key": { "pk": { "S": key.pk }, "sk": { "S": key.sk } } });
    let kept = shop.dynamo().execute("GetItem", item.clone()).unwrap();
    assert_eq!((&kept["Item"]["units"]["N"], &kept["Item"]["ttl"]["N"]), (&json!("2"), &json!("1810652400")));
    shop.dynamo().execute("TransactWriteItems", json!({ "TransactItems": [{ "Delete": item }] })).unwrap();
    cancel_units(&shop, "mina", &order, "1", 1).await.expect(200);
    cancel(&shop, "mina", &order, json!({})).await.expect(200);
    assert_eq!(shop.stock("tea").await, 100);
    shop.audit().await;
}

#[tokio::test]
async fn another_limit_holds_for_new_orders_at_once() {
    for flash in [false, true] {
        let shop = shop_with(3, "EVER", flash).await;
        // Each instance has cached the product.
        shop.order("mina", "tea", 1).await.expect(201);
        let second = shop.order("mina", "tea", 1).await.expect(201);
        set(&shop, limit(1, "EVER")).await;
        for _ in 0..2 {
            assert_eq!(shop.order("mina", "tea", 1).await.refused(409, "LIMIT_EXCEEDED"), refusal(1, "EVER", 0));
        }
        set(&shop, limit(3, "EVER")).await;
        shop.order("mina", "tea", 1).await.expect(201);
        shop.order("mina", "tea", 1).await.refused(409, "LIMIT_EXCEEDED");

        // A limit that is set anew counts from then on, whatever becomes of older orders.
        set(&shop, Value::Null).await;
        shop.order("mina", "tea", 5).await.expect(201);
        set(&shop, limit(2, "EVER")).await;
        shop.order("mina", "tea", 2).await.expect(201);
        cancel(&shop, "mina", &second, json!({})).await.expect(200);
        for _ in 0..2 {
            assert_eq!(shop.order("mina", "tea", 1).await.refused(409, "LIMIT_EXCEEDED"), refusal(2, "EVER", 0));
        }
        shop.audit().await;
    }
}

#[tokio::test]
async fn a_repeated_key_answers_with_the_order_that_reached_the_limit() {
    for flash in [false, true] {
        let shop = shop_with(1, "EVER", flash).await;
        let first = shop.order("mina", "tea", 1).key("k").await.expect(201);
        for _ in 0..2 {
            assert_eq!(shop.order("mina", "tea", 1).key("k").await.expect(201), first);
            shop.order("mina", "tea", 1).key("l").await.refused(409, "LIMIT_EXCEEDED");
        }
        shop.audit().await;
    }
}

/// In flash mode a user beyond the limit would else reserve units at each try, only to release them.
#[tokio::test]
async fn a_refusal_writes_nothing() {
    for flash in [false, true] {
        let shop = shop_with(1, "EVER", flash).await;
        shop.order("mina", "tea", 1).await.expect(201);
        shop.meter().take();
        shop.order("mina", "tea", 1).await.refused(409, "LIMIT_EXCEEDED");
        let written = shop.meter().take().write_units;
        assert!(if flash { written == 0.0 } else { written < 20.0 }, "{written}");
        // The first one to fail is the limit, before the money and the coupon.
        let body = json!({ "userId": "mina", "items": [{ "productId": "tea", "quantity": 1 }], "couponId": "none" });
        shop.post("/orders", body.clone()).await.refused(409, "LIMIT_EXCEEDED");
        shop.post("/order-sheets", body).await.refused(409, "LIMIT_EXCEEDED");
        let all = json!({ "userId": "mina", "amount": -shop.balance("mina").await, "reason": "정산" });
        shop.post("/balance/adjustments", all).as_admin().await.expect(200);
        shop.order("mina", "tea", 1).await.refused(409, "LIMIT_EXCEEDED");
    }
}

#[tokio::test]
async fn a_sheet_counts_nothing_until_it_is_ordered() {
    let shop = shop_with(1, "EVER", false).await;
    let body = json!({ "userId": "mina", "items": [{ "productId": "tea", "quantity": 1 }] });
    let sheets = [
        shop.post("/order-sheets", body.clone()).await.expect(201),
        shop.post("/order-sheets", body).await.expect(201),
    ];
    let order =
        |sheet: &Value| shop.post("/orders", json!({ "userId": "mina", "orderSheetId": sheet["orderSheetId"] }));
    order(&sheets[0]).await.expect(201);
    assert_eq!(order(&sheets[1]).await.refused(409, "LIMIT_EXCEEDED"), refusal(1, "EVER", 0));
    shop.audit().await;
}

#[tokio::test]
async fn a_wrong_limit_is_named() {
    let shop = TestShop::new();
    shop.product("tea", 1_000, 1).await;
    for (wrong, field) in [
        (json!({ "perUser": 0, "within": "EVER" }), "limit.perUser"),
        (json!({ "perUser": 10_001, "within": "EVER" }), "limit.perUser"),
        (json!({ "perUser": 1, "within": "WEEK" }), "limit.within"),
        (json!({ "perUser": 1 }), "limit.within"),
        (json!({ "perUser": 1, "within": "DAY", "since": 1 }), "limit.since"),
        (json!(1), "limit"),
    ] {
        assert_eq!(shop.patch("/products/tea", json!({ "limit": wrong })).as_admin().await.bad_fields(), [field]);
        let cup = json!({ "name": "잔", "price": 1_000, "stock": 1, "limit": wrong });
        assert_eq!(shop.post("/products", cup).as_admin().await.bad_fields(), [field]);
    }
}

/// Each limited line takes an action of the order's transaction beside that of its units. The largest order still fits
/// with a coupon whose discount is in all shards of its budget.
#[tokio::test]
async fn an_order_has_at_most_thirty_limited_lines() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    let terms = json!({ "kind": "FIXED", "value": 800, "maxTotalDiscount": 800, "counterShards": 8 });
    shop.campaign("budget", 8, terms).await;
    shop.issue("mina", "budget").await.expect(201);
    let mut items = Vec::new();
    for number in 0..50 {
        let id = format!("p{number}");
        let limit = if number < 31 { limit(1, "EVER") } else { Value::Null };
        let product = json!({ "productId": id, "name": "상품", "price": 100, "stock": 9, "limit": limit });
        shop.post("/products", product).as_admin().await.expect(201);
        items.push(json!({ "productId": id, "quantity": 1 }));
    }
    let order = |items: &[Value]| shop.post("/orders", json!({ "userId": "mina", "items": items }));
    let refused = order(&items).await.refused(409, "LIMIT_EXCEEDED");
    assert_eq!(refused, json!({ "limit": "limitedLines", "max": 30 }));
    let largest = json!({ "userId": "mina", "items": &items[1..], "couponId": "budget" });
    let placed = shop.post("/orders", largest).await.expect(201);
    assert_eq!(placed["couponDiscount"], 800);
    order(&items[1..2]).await.refused(409, "LIMIT_EXCEEDED");
    cancel(&shop, "mina", &placed, json!({})).await.expect(200);
    order(&items[1..2]).await.expect(201);
    shop.audit().await;
}

/// A shop of two instances, both of which know its products: each with two units in two shards, none with a limit. Then
/// these products get one, of which each instance misses half.
async fn with_late_limits(limited: usize) -> (TestShop, Vec<Value>) {
    let shop = TestShop::with_instances(2);
    shop.customer("mina", 1_000_000).await;
    let mut items = Vec::new();
    for number in 0..42 {
        let id = format!("p{number}");
        let product = json!({ "productId": id, "name": "상품", "price": 100, "stock": 6, "stockShards": 2 });
        shop.post("/products", product).as_admin().await.expect(201);
        items.push(json!({ "productId": id, "quantity": 2 }));
    }
    for _ in 0..2 {
        shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201);
    }
    for number in 0..limited {
        let path = format!("/products/p{number}");
        shop.patch(&path, json!({ "limit": limit(9, "EVER") })).as_admin().await.expect(200);
    }
    (shop, items)
}

#[tokio::test]
async fn limits_that_come_during_an_order_leave_it_room_or_refuse_it() {
    let (shop, items) = with_late_limits(30).await;
    // A unit is left in each shard: two actions for a line, until the limits are known.
    shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201);
    shop.audit().await;
    let (shop, items) = with_late_limits(40).await;
    let refused = shop.post("/orders", json!({ "userId": "mina", "items": items })).await;
    let limited = json!({ "limit": "limitedLines", "max": 30 });
    assert_eq!(refused.refused(409, "LIMIT_EXCEEDED"), limited);
    shop.audit().await;
}
