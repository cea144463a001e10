//! Bestsellers: a list that forgets the next in line, units that cost nothing, entries with too few fields.

use std::time::Duration;

use functions::schedule::rebuild_sales;
use futures::future::join_all;
use serde_json::{Value, json};
use shared::{
    app::{Bounds, rebuild::Progress},
    domain::ProductId,
    store::{Action, TableBounds, keys},
};
use tests::{
    Cost, Fault, TestShop,
    drafts::id,
    night::times,
    sales::{Sales, item, tamper},
    steps::cancel,
};

use crate::rebuild::SMALL;

/// Rank, product and units of each entry.
fn rows(list: &Value) -> Vec<(i64, String, i64)> {
    let rows = list["items"].as_array().unwrap().iter();
    rows.map(|row| {
        let product = row["productId"].as_str().unwrap().to_owned();
        (row["rank"].as_i64().unwrap(), product, row["soldQuantity"].as_i64().unwrap())
    })
    .collect()
}

async fn top(shop: &TestShop) -> Vec<(i64, String, i64)> {
    rows(&shop.get("/products/top").await.expect(200))
}

/// The expected bestsellers: these products with these units.
fn ranked(best: impl IntoIterator<Item = (usize, i64)>) -> Vec<(i64, String, i64)> {
    (1..).zip(best).map(|(rank, (product, units))| (rank, format!("p{product:02}"), units)).collect()
}

const PRODUCTS: usize = 45;

/// Units that a product sells in 25 orders: 24,975 of the first, 25 fewer of each after it.
fn units(product: usize) -> i64 {
    25 * each(product)
}

fn each(product: usize) -> i64 {
    999 - i64::try_from(product).unwrap()
}

/// 45 products that sell 24,975 to 23,875 units, and the orders.
async fn shop_of_45() -> (TestShop, Vec<Value>) {
    let shop = TestShop::new();
    shop.customer("mina", 90_000_000).await;
    for product in 0..PRODUCTS {
        shop.product(&format!("p{product:02}"), 1, 25_000).await;
    }
    let line = |product| json!({ "productId": format!("p{product:02}"), "quantity": each(product) });
    let items: Vec<Value> = (0..PRODUCTS).map(line).collect();
    let mut orders = Vec::new();
    for _ in 0..25 {
        orders.push(shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201));
    }
    shop.settle().await;
    assert_eq!(top(&shop).await, ranked((0..5).map(|product| (product, units(product)))));
    (shop, orders)
}

/// The five remaining of the 45.
fn the_last_five() -> Vec<(i64, String, i64)> {
    ranked((40..45).map(|product| (product, units(product))))
}

/// grandnode 684: the list of bestsellers showed products that the shop no longer sold. Here the 40 best of 45 products
/// are cancelled. A leaderboard that kept 10 showed products with 999, 994 and 44 units until the night.
#[tokio::test]
async fn lower_ranks_move_up_when_the_best_are_cancelled() {
    let (shop, orders) = shop_of_45().await;
    for (number, order) in orders.iter().enumerate() {
        let line = |product: usize| json!({ "itemId": (product + 1).to_string(), "quantity": each(product) });
        let items: Vec<Value> = (0..40).map(line).collect();
        cancel(&shop, "mina", order, json!({ "items": items })).await.expect(200);
        if number % 8 == 0 {
            shop.settle().await;
            Sales::assert_right(&shop).await;
        }
    }
    shop.settle().await;
    assert_eq!(top(&shop).await, the_last_five());
    shop.audit_as_is().await;
}

/// The same for 40 products that become hidden or discontinued. They vanish at once, before the stream is read, and
/// then within the budget. They come back likewise.
#[tokio::test]
async fn lower_ranks_move_up_when_the_best_are_hidden() {
    let (shop, _) = shop_of_45().await;
    let set = async |status: &str| {
        for product in 0..40 {
            let change = shop.patch(&format!("/products/p{product:02}"), json!({ "status": status }));
            change.as_admin().await.expect(200);
        }
    };
    for status in ["HIDDEN", "DISCONTINUED"] {
        set(status).await;
        assert_eq!(top(&shop).await, the_last_five());
        shop.settle().await;
        shop.meter().take();
        assert_eq!(top(&shop).await, the_last_five());
        let Cost { round_trips, read_units, .. } = shop.meter().take();
        assert!(round_trips <= 2 && read_units <= 10.0, "{round_trips} round trips, {read_units} read units");
        shop.audit_as_is().await;
        set("ON_SALE").await;
        shop.settle().await;
        assert_eq!(top(&shop).await, ranked((0..5).map(|product| (product, units(product)))));
        shop.audit_as_is().await;
    }
}

/// The general case: each answer equals a full recount, for any sales, cancellations and changes of status, over days.
#[tokio::test]
async fn every_answer_equals_a_full_recount() {
    let random = tests::random(684);
    let shop = TestShop::new();
    shop.customer("mina", 90_000_000).await;
    for product in 0..30 {
        shop.product(&format!("p{product:02}"), 1, 100_000).await;
    }
    let below = |bound: u64| i64::try_from(random.below(bound)).unwrap();
    let (mut orders, mut off_sale) = (Vec::new(), std::collections::BTreeSet::new());
    for hour in (0..120).step_by(times(2, 1)) {
        let at = format!("2026-11-{:02}T{:02}:59:00Z", 20 + hour / 24, hour % 24);
        shop.set_clock(&at);
        let items: Vec<Value> = (0..30)
            .filter(|product| below(4) == 0 && !off_sale.contains(product))
            .map(|product| json!({ "productId": format!("p{product:02}"), "quantity": 1 + below(60) }))
            .collect();
        if !items.is_empty() {
            orders.push(shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201));
        }
        if below(3) == 0 && !orders.is_empty() {
            let order = orders.swap_remove(usize::try_from(random.below(orders.len() as u64)).unwrap());
            cancel(&shop, "mina", &order, json!({})).await.expect(200);
        }
        let status = ["ON_SALE", "ON_SALE", "HIDDEN", "DISCONTINUED"][usize::try_from(below(4)).unwrap()];
        let product = below(30);
        let change = shop.patch(&format!("/products/p{product:02}"), json!({ "status": status }));
        change.as_admin().await.expect(200);
        if status == "ON_SALE" {
            off_sale.remove(&product)
        } else {
            off_sale.insert(product)
        };
        shop.settle().await;
        let best = Sales::assert_right(&shop).await.ranked(shop.now());
        let recount: Vec<_> = best.into_iter().map(|rank| (rank.product_id.to_string(), rank.units)).collect();
        let shown: Vec<_> = top(&shop).await.into_iter().map(|(_, product, units)| (product, units)).collect();
        assert_eq!(shown, recount, "{at}");
        if below(8) == 0 {
            rebuild_sales::refresh(shop.instance()).await.unwrap();
        }
    }
    shop.audit_as_is().await;
}

/// A day leaves the window at midnight, before any function runs: each list is an upper bound, and the answer is exact.
/// The minute's refresh makes the lists short again, once, for any deaths and any number of concurrent runs.
#[tokio::test]
async fn the_first_minute_of_a_day_is_as_exact_as_any() {
    let shop = TestShop::new();
    shop.customer("mina", 90_000_000).await;
    for product in 0..250 {
        shop.product(&format!("p{product:03}"), 1, 100_000).await;
    }
    let sell = async |products: std::ops::Range<i64>, units: &dyn Fn(i64) -> i64| {
        for chunk in products.collect::<Vec<_>>().chunks(50) {
            let line = |product: &i64| json!({ "productId": format!("p{product:03}"), "quantity": units(*product) });
            let items: Vec<Value> = chunk.iter().map(line).collect();
            shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201);
        }
        shop.settle().await;
    };
    // Every product sells; two days later none of it counts any more.
    sell(0..250, &|product| 100 + product).await;
    shop.set_clock("2026-11-22T03:00:00Z");
    sell(0..250, &|product| 1 + product % 50).await;
    shop.set_clock("2026-11-22T15:00:00Z");
    let best = [49, 99, 149, 199, 249].map(|product| (format!("p{product:03}"), 50));
    let shown = async || {
        shop.meter().take();
        let rows = top(&shop).await.into_iter().map(|(_, product, units)| (product, units)).collect::<Vec<_>>();
        (rows, shop.meter().take())
    };
    let (rows, cost) = shown().await;
    assert_eq!(rows, best);
    assert!(cost.round_trips > 2, "nothing was refreshed: {cost}");
    // The clocks of readers lag for a moment, and two concurrent refreshes may both do all the work.
    assert!(rebuild_sales::refresh(shop.instance()).await.unwrap());
    assert!(shown().await.1.round_trips > 2);
    shop.set_clock("2026-11-22T15:00:15Z");
    let both = join_all(
        [shop.another_instance(), shop.another_instance()]
            .map(|shop| async move { rebuild_sales::refresh(shop.instance()).await.unwrap() }),
    );
    assert_eq!(both.await, [true, true]);
    let (rows, cost) = shown().await;
    assert_eq!(rows, best);
    assert!(cost.round_trips <= 2 && cost.read_units <= 10.0, "{cost}");
    shop.audit_as_is().await;
    // Nothing more to do for the rest of the day.
    shop.meter().take();
    assert!(rebuild_sales::refresh(shop.instance()).await.unwrap());
    assert_eq!(shop.meter().take(), Cost { round_trips: 1, write_units: 0.0, read_units: 1.0 });
}

/// A refresh without time continues from its last place. An unreadable record keeps no other from its rank.
#[tokio::test]
async fn a_refresh_continues_from_its_last_place() {
    let shop = TestShop::new();
    shop.customer("mina", 90_000_000).await;
    for product in 0..20 {
        shop.product(&format!("p{product:02}"), 1, 1_000).await;
        shop.order("mina", &format!("p{product:02}"), 1 + product).await.expect(201);
    }
    shop.settle().await;
    shop.set_clock("2026-11-22T03:00:00Z");
    shop.order("mina", "p00", 1).await.expect(201);
    shop.order("mina", "p19", 1).await.expect(201);
    shop.settle().await;
    let broken: ProductId = id("p07");
    let spoilt = Action::update(keys::sales(&broken), "SET #lastSoldAt = :text").when("attribute_exists(#pk)");
    tamper(&shop, spoilt.value(":text", "yesterday")).await;
    shop.set_clock("2026-11-23T03:00:00Z");
    let table = TableBounds { batch_keys: 6, ..TableBounds::PRODUCTION };
    let small = shop.another_instance_within(Bounds { table, ranks_noted: 1, ..Bounds::PRODUCTION });
    let mut runs = 0;
    while !shared::app::rebuild::refresh_ranks(small.instance(), Duration::ZERO).await.unwrap() {
        runs += 1;
    }
    assert!((2..20).contains(&runs), "{runs}");
    assert_eq!(top(&shop).await.len(), 2);
    let place = |product: &str| item(&shop, &keys::sales(&id(product)))["bySalesSk"]["S"].clone();
    assert_eq!(place("p03"), Value::Null, "nothing of it counts any more");
    assert!(place("p19").as_str().unwrap().starts_with("999999999998#"), "{}", place("p19"));
}

/// 999 free units with a coupon for free shipping were first of the bestsellers.
#[tokio::test]
async fn units_that_cost_nothing_do_not_count() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    let gift = json!({ "productId": "gift", "name": "gift", "price": 1_000, "discount": 1_000, "stock": 2_000 });
    shop.post("/products", gift).as_admin().await.expect(201);
    shop.product("tea", 1_000, 10).await;
    shop.campaign("ship", 1, json!({ "kind": "FREE_SHIPPING", "value": null })).await;
    shop.issue("mina", "ship").await.expect(201);
    let items = json!([{ "productId": "gift", "quantity": 999 }]);
    let free = json!({ "userId": "mina", "items": items, "couponId": "ship" });
    let free = shop.post("/orders", free).await.expect(201);
    assert_eq!((free["payable"].as_i64(), free["status"].as_str()), (Some(0), Some("PAID")));
    // A coupon that takes everything off makes no unit free.
    shop.campaign("all", 1, json!({ "kind": "FIXED", "value": 1_000 })).await;
    shop.issue("mina", "all").await.expect(201);
    let items = json!([{ "productId": "tea", "quantity": 1 }, { "productId": "gift", "quantity": 1 }]);
    shop.post("/orders", json!({ "userId": "mina", "items": items, "couponId": "all" })).await.expect(201);
    shop.settle().await;
    assert_eq!(top(&shop).await, [(1, "tea".to_owned(), 1)]);
    shop.audit_as_is().await;
    // Returned units do not count either.
    cancel(&shop, "mina", &free, json!({})).await.expect(200);
    shop.settle().await;
    assert_eq!(top(&shop).await, [(1, "tea".to_owned(), 1)]);
    shop.audit_as_is().await;
}

/// Free units that were counted before are subtracted by the next rebuild.
#[tokio::test]
async fn the_rebuild_takes_off_free_units_that_were_counted() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    let gift = json!({ "productId": "gift", "name": "gift", "price": 1_000, "discount": 1_000, "stock": 2_000 });
    shop.post("/products", gift).as_admin().await.expect(201);
    shop.product("tea", 1_000, 10).await;
    let items = json!([{ "productId": "tea", "quantity": 1 }, { "productId": "gift", "quantity": 999 }]);
    let order = shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201);
    shop.settle().await;
    // The first stage would have counted it: the event has its mark already.
    let gift: ProductId = id("gift");
    let counted = Action::update(
        keys::sales(&gift),
        "ADD #day_20261120 :units SET #generation = :generation, #lastSoldAt = :last, #ttl = :ttl, \
         #byTimePk = :list, #byTimeSk = :place",
    );
    let counted = counted.when("attribute_not_exists(#pk)").value(":units", 999);
    let counted = counted.value(":generation", 0).value(":last", 1_795_143_600_000_i64);
    let counted = counted.value(":ttl", 1_796_007_600);
    let counted = counted.value(":list", "SALES").value(":place", "gift");
    tamper(&shop, counted).await;
    let done = rebuild_sales::handle(shop.instance(), &SMALL, Duration::from_secs(60)).await.unwrap();
    let Progress::Finished(found) = done else { panic!("{done:?}") };
    assert_eq!((found.corrected, found.units, found.left), (1, 999, 0));
    assert_eq!(top(&shop).await, [(1, "tea".to_owned(), 1)]);
    cancel(&shop, "mina", &order, json!({})).await.expect(200);
    shop.audit().await;
}

/// An entry showed the price before the discount, and not whether any is left.
#[tokio::test]
async fn an_entry_shows_price_discount_status_and_stock() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    for (product, stock, shards) in [("tea", 10, 1), ("cup", 3, 1), ("pot", 9, 3)] {
        let body = json!({
            "productId": product, "name": product, "price": 10_000, "discount": 1_000, "stock": stock,
            "stockShards": shards,
        });
        shop.post("/products", body).as_admin().await.expect(201);
        shop.order("mina", product, 3).await.expect(201);
    }
    shop.order("mina", "tea", 2).await.expect(201);
    shop.settle().await;
    let entry = |rank: i64, product: &str, stock: i64, sold: i64| {
        let status = if stock > 0 { "ON_SALE" } else { "SOLD_OUT" };
        json!({
            "rank": rank, "productId": product, "name": product, "price": 10_000, "discount": 1_000, "stock": stock,
            "status": status, "soldQuantity": sold,
        })
    };
    for path in ["/products/top", "/products/best-seller"] {
        shop.meter().take();
        let list = shop.get(path).await.expect(200);
        assert_eq!(list["items"], json!([entry(1, "tea", 5, 5), entry(2, "cup", 0, 3), entry(3, "pot", 6, 3)]));
        // The index has the number of shards of each product.
        assert_eq!(shop.meter().take().round_trips, 2);
    }
    shop.patch("/products/tea", json!({ "price": 12_000, "discount": 0 })).as_admin().await.expect(200);
    shop.patch("/products/pot", json!({ "stockShards": 8 })).as_admin().await.expect(200);
    let list = shop.get("/products/top").await.expect(200);
    assert_eq!((&list["items"][0]["price"], &list["items"][0]["discount"]), (&json!(12_000), &json!(0)));
    assert_eq!(list["items"][2], entry(3, "pot", 6, 3));
}

/// An answer is a second old at most, not a minute, for any number of requests. Meanwhile nothing is read.
#[tokio::test]
async fn the_bestsellers_are_at_most_a_second_old() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 1_000, 10).await;
    let caching = shop.another_instance_within(Bounds::PRODUCTION);
    shop.order("mina", "tea", 1).await.expect(201);
    shop.settle().await;
    assert_eq!(top(&caching).await, [(1, "tea".to_owned(), 1)]);
    shop.order("mina", "tea", 1).await.expect(201);
    shop.settle().await;
    shop.set_clock("2026-11-20T03:00:00.999Z");
    shop.meter().take();
    assert_eq!(top(&caching).await, [(1, "tea".to_owned(), 1)]);
    assert_eq!(shop.meter().take(), Cost::default());
    shop.set_clock("2026-11-20T03:00:01Z");
    assert_eq!(top(&caching).await, [(1, "tea".to_owned(), 2)]);
}

/// Counts, a leaderboard and a rebuild of the first stage: all can be read. Within a minute of the upgrade the list is
/// complete, also if functions of the first stage go on for a while.
#[tokio::test]
async fn counts_of_the_first_stage_are_ranked() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    for (product, units) in [("tea", 3), ("cup", 2), ("pot", 1)] {
        shop.product(product, 1_000, 100).await;
        shop.order("mina", product, units).await.expect(201);
    }
    shop.patch("/products/pot", json!({ "status": "HIDDEN" })).as_admin().await.expect(200);
    shop.settle().await;
    for product in ["tea", "cup", "pot"] {
        let key = keys::sales(&id(product));
        let old = Action::update(key, "REMOVE #bySalesPk, #bySalesSk, #offSale").when("attribute_exists(#pk)");
        tamper(&shop, old).await;
    }
    let board = |version: u64| {
        let day = json!({ "2026-11-20": 3 });
        let tea = json!({ "productId": "tea", "name": "tea", "price": 1_000, "days": day, "lastSoldAt": 1_795_143_600_000_i64 });
        Action::put(keys::board(), &json!({ "candidates": [tea], "version": version }))
    };
    tamper(&shop, board(7).when("attribute_not_exists(#pk)")).await;
    assert_eq!(top(&shop).await, []);
    // A product that sells before that is ranked with everything counted of it.
    shop.order("mina", "cup", 2).await.expect(201);
    shop.settle().await;
    assert_eq!(top(&shop).await, [(1, "cup".to_owned(), 4)]);
    assert!(rebuild_sales::refresh(shop.instance()).await.unwrap());
    let right = [(1, "cup".to_owned(), 4), (2, "tea".to_owned(), 3)];
    assert_eq!(top(&shop).await, right);
    assert_eq!(item(&shop, &keys::board()), Value::Null);
    shop.audit_as_is().await;

    // A function of the first stage counts some more, and puts up a leaderboard.
    let order = shop.order("mina", "tea", 2).await.expect(201);
    let event = format!("{}-1", order["orderId"].as_str().unwrap());
    tamper(&shop, Action::create(keys::counted(&event), &json!({ "generation": 0 }))).await;
    let added = Action::update(keys::sales(&id("tea")), "ADD #day_20261120 :units").when("#generation = :generation");
    tamper(&shop, added.value(":units", 2).value(":generation", 0)).await;
    tamper(&shop, board(1).when("attribute_not_exists(#pk)")).await;
    shop.settle().await;
    // It dies, is overtaken by another leaderboard, and begins anew.
    shop.dynamo().fail_first("TransactWriteItems", 3, Fault::LostReply);
    let _ = rebuild_sales::refresh(shop.instance()).await;
    shop.dynamo().fail(|_| Fault::None);
    assert!(rebuild_sales::refresh(shop.instance()).await.unwrap());
    assert_eq!(top(&shop).await, [(1, "tea".to_owned(), 5), (2, "cup".to_owned(), 4)]);
    shop.audit_as_is().await;
}

/// A rebuild that the first stage left at its leaderboard comes to its end.
#[tokio::test]
async fn a_rebuild_of_the_first_stage_ends() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 1_000, 10).await;
    shop.order("mina", "tea", 1).await.expect(201);
    shop.settle().await;
    let lost = Action::update(keys::sales(&id("tea")), "REMOVE #bySalesPk, #bySalesSk");
    tamper(&shop, lost.when("attribute_exists(#pk)")).await;
    let at_ms = shop.now().as_millisecond();
    let best = json!([{ "productId": "tea", "name": "tea", "price": 1_000, "days": { "2026-11-20": 1 }, "lastSoldAt": at_ms }]);
    let rebuild = json!({
        "generation": 0, "startedAt": at_ms, "days": { "last": "2026-11-20" }, "segments": 1, "buckets": 1,
        "phase": { "name": "BOARD", "after": null, "best": best }, "figures": {}, "revision": 9,
    });
    tamper(&shop, Action::create(keys::rebuild(), &rebuild)).await;
    let done = rebuild_sales::handle(shop.instance(), &SMALL, Duration::from_secs(60)).await.unwrap();
    assert!(matches!(done, Progress::Finished(_)), "{done:?}");
    assert_eq!(top(&shop).await, [(1, "tea".to_owned(), 1)]);
    shop.audit_as_is().await;
}
