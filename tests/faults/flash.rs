//! Flash mode: units are reserved ahead of the order's commit, which claims them; otherwise they are released.

use functions::schedule::sweep;
use serde_json::{Value, json};
use shared::{
    domain::{ProductId, product::Product},
    store::{Consistency, keys},
};
use tests::{
    Fault, TestShop,
    steps::{cancel_units, codes, dying_at, end_hold, hold, ledger, race, set_user, wait},
};

async fn tea(shop: &TestShop, stock: i64, shards: i64) {
    let tea = json!({ "productId": "tea", "name": "녹차", "price": 1_000, "stock": stock, "stockShards": shards, "flash": true });
    shop.post("/products", tea).as_admin().await.expect(201);
}

async fn shop_with_tea(stock: i64, shards: i64) -> TestShop {
    let shop = TestShop::with_instances(4);
    shop.customer("mina", 1_000_000).await;
    tea(&shop, stock, shards).await;
    shop
}

/// Sweeps each minute.
async fn sweep(shop: &TestShop, times: u32) {
    for _ in 0..times {
        wait(shop, 60_000);
        sweep::inventory::run(shop.instance()).await.unwrap();
    }
}

/// Reserved units that belong to no order and are not back in stock.
async fn unclaimed(shop: &TestShop) -> i128 {
    shop.audit().await.units_unclaimed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_hundred_concurrent_orders_sell_two_hundred_units_once() {
    let shop = TestShop::with_instances(16);
    tea(&shop, 200, 4).await;
    for user in 0..300 {
        shop.customer(&format!("u{user}"), 100_000).await;
    }
    let answers = race((0..300).map(|user| shop.order(&format!("u{user}"), "tea", 1)).collect()).await;
    assert_eq!(answers, codes(&[("STOCK_NOT_ENOUGH", 100), ("SUCCESS", 200)]));
    assert_eq!((shop.stock("tea").await, unclaimed(&shop).await), (0, 0));
    shop.audit().await;
}

/// A repetition finds its order before it reserves anything: no transaction has to give units back.
#[tokio::test]
async fn a_repeated_key_reserves_nothing() {
    let shop = shop_with_tea(20, 1).await;
    let first = shop.order("mina", "tea", 1).key("k").await.expect(201);
    for _ in 0..3 {
        shop.meter().take();
        let again = shop.order("mina", "tea", 1).key("k").await.expect(201);
        assert_eq!((&again["orderId"], shop.meter().take().write_units), (&first["orderId"], 0.0));
    }
    shop.audit().await;
}

/// Orders of several units reserve them in several shards. An order that finds too few releases its reservations.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn units_are_reserved_in_several_shards_if_none_has_enough() {
    let shop = shop_with_tea(20, 16).await;
    shop.order("mina", "tea", 15).await.expect(201);
    let details = shop.order("mina", "tea", 6).await.refused(409, "STOCK_NOT_ENOUGH");
    assert_eq!(details, json!({ "productId": "tea", "requested": 6, "available": 5 }));
    let answers = race((0..4).map(|_| shop.order("mina", "tea", 2)).collect()).await;
    assert!(answers["SUCCESS"] <= 2);
    assert_eq!(unclaimed(&shop).await, 0);
    // Units under release are visible to no other order, and a second's cache keeps that.
    wait(&shop, 1_000);
    let left = shop.stock("tea").await;
    shop.order("mina", "tea", left).await.expect(201);
    shop.audit().await;
}

/// A refused order releases everything, and its refusal is the same as without flash mode.
#[tokio::test]
async fn a_refusal_releases_its_reservations() {
    let shop = shop_with_tea(10, 2).await;
    shop.customer("poor", 500).await;
    shop.coupon("welcome", 10).await;
    let tea_with = |user: &str, more: Value| {
        let mut body = json!({ "userId": user, "items": [{ "productId": "tea", "quantity": 3 }] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        shop.post("/orders", body)
    };
    tea_with("poor", json!({})).await.refused(402, "BALANCE_NOT_ENOUGH");
    tea_with("nobody", json!({})).await.refused(404, "ENTITY_NOT_FOUND");
    tea_with("mina", json!({ "couponId": "welcome" })).await.refused(409, "COUPON_NOT_USABLE");
    // The instance has cached the product as on sale and the user as solvent.
    let old = shop.another_instance();
    old.order("mina", "tea", 1).await.expect(201);
    shop.patch("/products/tea", json!({ "status": "DISCONTINUED" })).as_admin().await.expect(200);
    old.order("mina", "tea", 1).await.refused(409, "PRODUCT_NOT_ON_SALE");
    shop.patch("/products/tea", json!({ "status": "HIDDEN" })).as_admin().await.expect(200);
    old.order("mina", "tea", 1).await.refused(404, "ENTITY_NOT_FOUND");
    shop.patch("/products/tea", json!({ "status": "ON_SALE" })).as_admin().await.expect(200);
    old.order("mina", "tea", 1).await.expect(201);
    set_user(&shop, "mina", "SUSPENDED").await;
    old.order("mina", "tea", 1).await.refused(409, "USER_NOT_ACTIVE");
    old.order("mina", "tea", 100).await.refused(409, "USER_NOT_ACTIVE");
    assert_eq!((shop.stock("tea").await, unclaimed(&shop).await), (8, 0));
    shop.audit().await;
}

/// An old price is never charged: a reservation at it is released.
#[tokio::test]
async fn an_order_pays_the_current_price() {
    let shop = shop_with_tea(10, 2).await;
    let old = shop.another_instance();
    old.order("mina", "tea", 1).await.expect(201);
    shop.patch("/products/tea", json!({ "price": 2_000 })).as_admin().await.expect(200);
    assert_eq!(old.order("mina", "tea", 9).await.expect(201)["goodsTotal"], 18_000);
    assert_eq!(unclaimed(&shop).await, 0);
    shop.audit().await;
}

/// A repetition with the same key makes the same order, for any place of the first death. Its orphaned units are in
/// stock again after two sweeps.
#[tokio::test(start_paused = true)]
async fn an_order_is_made_once_after_a_death_at_any_call_and_its_orphans_return() {
    let mut orphaned = 0;
    for dies_at in 1.. {
        let shop = shop_with_tea(10, 2).await;
        let other = json!({ "productId": "cup", "name": "컵", "price": 500, "stock": 5 });
        shop.post("/products", other).as_admin().await.expect(201);
        let items = json!([{ "productId": "tea", "quantity": 7 }, { "productId": "cup", "quantity": 1 }]);
        let body = json!({ "userId": "mina", "items": items });
        let order = || shop.post("/orders", body.clone()).key("k");
        let died = dying_at(&shop, dies_at, order()).await.is_none();
        orphaned += unclaimed(&shop).await;
        if died {
            shop.audit().await;
            sweep(&shop, 2).await;
        }
        assert_eq!(unclaimed(&shop).await, 0, "died at call {dies_at}");
        let first = order().await.expect(201);
        assert_eq!(order().await.expect(201)["orderId"], first["orderId"]);
        assert_eq!((shop.stock("tea").await, ledger(&shop, "mina").await.len()), (3, 2), "died at call {dies_at}");
        assert_eq!(unclaimed(&shop).await, 0, "a repetition releases its reservation");
        shop.audit().await;
        if !died {
            assert!(dies_at > 4, "a cold order reads, reserves in two shards and commits");
            break;
        }
    }
    assert!(orphaned > 0, "some died with reserved units");
}

/// A reservation whose answer is lost is sent again and reserves twice; one of the two is released.
#[tokio::test(start_paused = true)]
async fn a_sweep_releases_the_reservation_of_a_lost_answer() {
    let shop = shop_with_tea(10, 1).await;
    shop.dynamo().fail_first("UpdateItem", 1, Fault::LostReply);
    shop.order("mina", "tea", 2).await.expect(201);
    assert_eq!((shop.stock("tea").await, unclaimed(&shop).await), (6, 2));
    sweep(&shop, 1).await;
    assert_eq!((shop.stock("tea").await, unclaimed(&shop).await), (6, 2), "seen, but not long ago");
    sweep(&shop, 1).await;
    assert_eq!((shop.stock("tea").await, unclaimed(&shop).await), (8, 0));
    shop.audit().await;
}

/// A shard is not retired before each of its reservations has a claim record.
#[tokio::test(start_paused = true)]
async fn orphaned_units_of_a_retired_shard_come_back() {
    let shop = shop_with_tea(400, 2).await;
    // Some of them are of the second shard.
    for _ in 0..12 {
        shop.dynamo().fail_first("UpdateItem", 1, Fault::LostReply);
        shop.order("mina", "tea", 1).await.expect(201);
    }
    let orphaned = unclaimed(&shop).await;
    shop.patch("/products/tea", json!({ "stockShards": 1 })).as_admin().await.expect(200);
    let left = unclaimed(&shop).await;
    assert!((1..orphaned).contains(&left), "{left} of {orphaned}");
    assert_eq!(i128::from(shop.stock("tea").await), 388 - left);
    sweep(&shop, 2).await;
    assert_eq!((shop.stock("tea").await, unclaimed(&shop).await), (388, 0));
    shop.audit().await;
}

/// Orphaned units come back exactly once, for any number of sweeps, any lost answer and any death.
#[tokio::test(start_paused = true)]
async fn orphaned_units_return_once() {
    for dies_at in 1..16 {
        let shop = shop_with_tea(400, 2).await;
        for user in 0..3 {
            let order = shop.another_instance().order("mina", "tea", 40 + user);
            dying_at(&shop, 2, order).await;
        }
        let order = shop.another_instance().order("mina", "tea", 1);
        order.await.expect(201);
        assert_eq!(unclaimed(&shop).await, 123);
        sweep(&shop, 1).await;
        wait(&shop, 60_000);
        dying_at(&shop, dies_at, sweep::inventory::run(shop.instance())).await;
        shop.audit().await;
        shop.dynamo().fail_first("TransactWriteItems", 1, Fault::LostReply);
        let (first, second) =
            tokio::join!(sweep::inventory::run(shop.instance()), sweep::inventory::run(shop.instance()));
        first.and(second).unwrap();
        assert_eq!((shop.stock("tea").await, unclaimed(&shop).await), (399, 0), "died at call {dies_at}");
        shop.audit().await;
    }
}

/// The claim record decides between a late order and the sweep. An order that loses reserves again, or nothing is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sweeps_among_concurrent_requests_take_nothing_away() {
    let shop = TestShop::with_instances(8);
    tea(&shop, 100, 4).await;
    for user in 0..80 {
        shop.customer(&format!("u{user}"), 100_000).await;
    }
    let sweeps = shop.clone();
    let sweeping = tokio::spawn(async move {
        // The clock advances so far each time that every reservation without a claim record counts as orphaned.
        for _ in 0..40 {
            sweep(&sweeps, 1).await;
            tokio::task::yield_now().await;
        }
    });
    let order = |user: i64| shop.order(&format!("u{user}"), "tea", user % 3 + 1);
    race((0..80).map(order).collect()).await;
    sweeping.await.unwrap();
    sweep(&shop, 2).await;
    while race((0..80).map(|user| shop.order(&format!("u{user}"), "tea", 1)).collect()).await.contains_key("SUCCESS") {}
    assert_eq!((shop.stock("tea").await, unclaimed(&shop).await), (0, 0));
    shop.audit().await;
}

/// Flash mode is only a way of taking units: either way works at any time. The sweep goes on as long as an instance may
/// still use flash mode.
#[tokio::test]
async fn the_mode_can_change_while_it_sells() {
    let shop = shop_with_tea(10, 1).await;
    let old = shop.another_instance();
    old.order("mina", "tea", 1).await.expect(201);
    let switch = |flash: bool| shop.patch("/products/tea", json!({ "flash": flash })).as_admin();
    switch(false).await.expect(200);
    shop.another_instance().order("mina", "tea", 1).await.expect(201);
    // An instance that still uses flash mode dies after a reservation.
    let order = old.order("mina", "tea", 1);
    dying_at(&shop, 1, order).await;
    assert_eq!(unclaimed(&shop).await, 1);
    sweep(&shop, 1).await;
    assert_eq!(unclaimed(&shop).await, 1);
    sweep(&shop, 4).await;
    assert_eq!((shop.stock("tea").await, unclaimed(&shop).await), (8, 0));
    let tea = keys::product(&ProductId::try_from("tea".to_owned()).unwrap());
    let product: Product = shop.instance().table.get(tea, Consistency::Strong).await.unwrap().unwrap();
    assert_eq!(product.sweep.from, None, "there is nothing to sweep any more");
    switch(true).await.expect(200);
    shop.another_instance().order("mina", "tea", 8).await.expect(201);
    shop.audit().await;
}

#[tokio::test]
async fn held_and_cancelled_units_come_back() {
    let shop = shop_with_tea(10, 2).await;
    let held = hold(&shop, "mina", "tea", 2).await.expect(201);
    let paid = shop.order("mina", "tea", 3).await.expect(201);
    cancel_units(&shop, "mina", &paid, "1", 1).await.expect(200);
    assert_eq!(shop.stock("tea").await, 6);
    shop.audit().await;
    wait(&shop, 10 * 60_000);
    end_hold(&shop, &held).await;
    assert_eq!((shop.stock("tea").await, unclaimed(&shop).await), (8, 0));
    shop.audit().await;
}

/// A product in flash mode beside one without it, from a sheet, with a coupon.
#[tokio::test]
async fn a_sheet_with_a_coupon_can_be_ordered() {
    let shop = shop_with_tea(10, 4).await;
    shop.product("cup", 5_000, 5).await;
    shop.coupon("welcome", 1).await;
    shop.issue("mina", "welcome").await.expect(201);
    let items = json!([{ "productId": "tea", "quantity": 4 }, { "productId": "cup", "quantity": 1 }]);
    let sheet = json!({ "userId": "mina", "items": items, "couponId": "welcome" });
    let sheet = shop.post("/order-sheets", sheet).await.expect(201);
    shop.patch("/products/tea", json!({ "price": 900 })).as_admin().await.expect(200);
    let body = json!({ "userId": "mina", "orderSheetId": sheet["orderSheetId"] });
    let details = shop.post("/orders", body.clone()).await.refused(409, "PRICE_CHANGED");
    assert_eq!((details["quoted"].as_i64(), details["current"].as_i64()), (Some(1_000), Some(900)));
    shop.patch("/products/tea", json!({ "price": 1_000 })).as_admin().await.expect(200);
    shop.post("/orders", body).await.expect(201);
    assert_eq!((shop.stock("tea").await, unclaimed(&shop).await), (6, 0));
    shop.audit().await;
}
