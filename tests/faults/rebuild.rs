//! The nightly rebuild of the bestsellers: wrong counts are corrected, and right ones stay.

use std::{collections::VecDeque, time::Duration};

use functions::schedule::rebuild_sales;
use futures::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::{
    app::rebuild::{Pace, Progress},
    domain::ProductId,
    platform::Random,
    store::{
        Action, Consistency, keys,
        rebuild::{Figures, Rebuild},
        sales::{self, SalesRecord},
    },
};
use tests::{
    Cost, Fault, TestShop,
    drafts::id,
    fakes::stream::Consumers,
    night::times,
    random,
    sales::{Sales, count, dying_after, item, paid_order, put_orders, records, tamper},
    steps::{cancel, cancel_units},
};

use crate::counting::{days_of_orders, deliver, stocked_shop, unreliable};

/// In small steps, and without waiting for an index that does not lag.
pub const SMALL: Pace =
    Pace { settle: SignedDuration::ZERO, segments: 3, buckets: 4, rows: 7, pages: 2, products: 5, ..Pace::NIGHTLY };

/// All that is to be done in one invocation.
const LONG: Duration = Duration::from_secs(3_600);

/// Continues the rebuild until it is done, and returns its figures.
async fn rebuild(shop: &TestShop) -> Figures {
    match rebuild_sales::handle(shop.instance(), &SMALL, LONG).await.unwrap() {
        Progress::Finished(figures) => figures,
        other => panic!("{other:?}"),
    }
}

/// The last rebuild.
async fn last(shop: &TestShop) -> Rebuild {
    shop.instance().table.get(keys::rebuild(), Consistency::Strong).await.unwrap().unwrap()
}

fn pass(shop: &TestShop, time: SignedDuration) {
    shop.set_clock(&shop.now().checked_add(time).unwrap().to_string());
}

/// Adds units to a product's count, and to its entry in the index by sales, as if they had been counted wrong.
async fn spoil(shop: &TestShop, product: &str, day: &str, units: i64) {
    let key = keys::sales(&id(product));
    let spoilt = Action::update(key, format!("ADD #day_{day} :units")).when("attribute_exists(#pk)");
    tamper(shop, spoilt.value(":units", units)).await;
    rank(shop, product).await;
}

async fn rank(shop: &TestShop, product: &str) {
    let id: ProductId = id(product);
    let there: Option<SalesRecord> = shop.instance().table.get(keys::sales(&id), Consistency::Strong).await.unwrap();
    let there = there.unwrap();
    if there.rank_place() != there.place_of(&id, there.summary, shop.now()) {
        tamper(shop, sales::rank(&id, &there, there.summary, shop.now())).await;
    }
}

/// A shop that has sold 5 teas, 3 cups, 2 pots and a mat, on two days; all of it counted.
async fn shop_with_sales(instances: usize) -> TestShop {
    let shop = TestShop::with_instances(instances);
    sell(&shop).await;
    shop
}

async fn sell(shop: &TestShop) {
    shop.customer("mina", 1_000_000).await;
    for product in ["tea", "cup", "pot", "mat", "ink"] {
        shop.product(product, 1_000, 100).await;
    }
    for (product, units) in [("tea", 6), ("cup", 2)] {
        let order = shop.order("mina", product, units).await.expect(201);
        if product == "tea" {
            cancel_units(shop, "mina", &order, "1", 1).await.expect(200);
        }
    }
    shop.set_clock("2026-11-21T03:00:00Z");
    let items = json!([
        { "productId": "cup", "quantity": 1 }, { "productId": "pot", "quantity": 2 },
        { "productId": "mat", "quantity": 1 },
    ]);
    shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201);
    shop.settle().await;
}

/// Sales with counts wrong in every way, and one missing, for rebuilds to die of.
pub async fn with_drift(shop: TestShop) -> Value {
    sell(&shop).await;
    spoil_all(&shop).await;
    shop.order("mina", "ink", 2).await.expect(201);
    pass(&shop, SignedDuration::from_mins(20));
    Value::Null
}

/// Spoils counts in every way: too high, too low, on a wrong day, missing, of a product never sold. The index entry of
/// one is removed. They are seven counts of a product on a day, by 24 units.
async fn spoil_all(shop: &TestShop) {
    spoil(shop, "tea", "20261120", -4).await;
    spoil(shop, "cup", "20261120", 3).await;
    spoil(shop, "cup", "20261119", 1).await;
    tamper(shop, Action::delete(keys::sales(&id("pot"))).when("attribute_exists(#pk)")).await;
    let phantom = Action::update(keys::sales(&id("ink")), "SET #day_20261121 = :units");
    tamper(shop, phantom.when("attribute_not_exists(#pk)").value(":units", 9)).await;
    rank(shop, "ink").await;
    spoil(shop, "mat", "20261121", -1).await;
    spoil(shop, "mat", "20261120", 4).await;
    lose_place(shop, "tea").await;
}

/// Takes a product's count out of the index by sales.
async fn lose_place(shop: &TestShop, product: &str) {
    let lost = Action::update(keys::sales(&id(product)), "REMOVE #bySalesPk, #bySalesSk");
    tamper(shop, lost.when("attribute_exists(#bySalesPk)")).await;
}

const SPOILT: (u64, u64) = (7, 24);

fn top(list: &Value) -> Vec<(&str, i64)> {
    let rows = list["items"].as_array().unwrap().iter();
    rows.map(|row| (row["productId"].as_str().unwrap(), row["soldQuantity"].as_i64().unwrap())).collect()
}

#[tokio::test]
async fn correct_counts_stay() {
    let shop = shop_with_sales(1).await;
    let before = Sales::assert_right(&shop).await;
    let place = item(&shop, &keys::sales(&id("tea")))["bySalesSk"].clone();
    assert_eq!(rebuild(&shop).await, Figures { orders: 3, ..Figures::default() });
    assert_eq!(Sales::assert_right(&shop).await.counted, before.counted);
    assert_eq!(item(&shop, &keys::sales(&id("tea")))["bySalesSk"], place);
    shop.audit_as_is().await;
    // Nothing more to do tonight; and again tomorrow.
    let found = Figures { orders: 3, ..Figures::default() };
    assert_eq!(rebuild_sales::handle(shop.instance(), &SMALL, LONG).await.unwrap(), Progress::Resting(found));
    shop.set_clock("2026-11-22T03:00:00Z");
    assert_eq!(rebuild(&shop).await, Figures { orders: 3, ..Figures::default() });
    shop.set_clock("2026-11-23T03:00:00Z");
    assert_eq!(rebuild(&shop).await, Figures { orders: 1, ..Figures::default() });
    shop.order("mina", "mat", 4).await.expect(201);
    shop.audit().await;
}

#[tokio::test]
async fn wrong_counts_are_corrected_and_shown_at_once() {
    let shop = shop_with_sales(1).await;
    spoil_all(&shop).await;
    let wrong = [("ink", 9), ("cup", 7), ("mat", 4)];
    let right = [("tea", 5), ("cup", 3), ("pot", 2), ("mat", 1)];
    let mut shown = Vec::new();
    let figures = loop {
        let list = shop.get("/products/top").await.expect(200);
        let rows = top(&list);
        shown.push(rows == right);
        assert!(shown.len() > 1 || rows == wrong, "{list}");
        // A correction is visible at once, each by itself.
        assert!(rows.iter().all(|row| wrong.contains(row) || right.contains(row)), "{list}");
        if let Progress::Finished(figures) =
            rebuild_sales::handle(shop.instance(), &SMALL, Duration::ZERO).await.unwrap()
        {
            break figures;
        }
    };
    assert!(shown.iter().filter(|right| !**right).count() > 5 && shown.is_sorted());
    let (corrected, units) = SPOILT;
    assert_eq!(figures, Figures { orders: 3, corrected, units, ..Figures::default() });
    assert_eq!(top(&shop.get("/products/top").await.expect(200)), right);
    Sales::assert_right(&shop).await;
    shop.audit_as_is().await;
}

/// A lost event is counted by the rebuild; its late delivery does not count again.
#[tokio::test]
async fn an_uncounted_sale_is_counted_once() {
    let shop = shop_with_sales(2).await;
    let settled = records(&shop).len();
    let order = shop.order("mina", "tea", 4).await.expect(201);
    cancel_units(&shop, "mina", &order, "1", 1).await.expect(200);
    shop.order("mina", "ink", 1).await.expect(201);
    let lost = records(&shop).split_off(settled);
    // It may still be on its way.
    pass(&shop, SignedDuration::from_mins(10));
    assert_eq!(rebuild(&shop).await, Figures { orders: 5, ..Figures::default() });
    pass(&shop, SignedDuration::from_hours(6));
    assert_eq!(rebuild(&shop).await, Figures { orders: 5, recovered: 3, ..Figures::default() });
    let sales = Sales::assert_right(&shop).await;
    for record in &lost {
        count(&shop, std::slice::from_ref(record)).await.unwrap();
    }
    assert_eq!(Sales::assert_right(&shop).await.counted, sales.counted);
    shop.audit_as_is().await;
}

#[tokio::test(start_paused = true)]
async fn concurrent_rebuilds_equal_one() {
    for seed in 1..=3 {
        let shop = shop_with_sales(4).await;
        spoil_all(&shop).await;
        shop.order("mina", "ink", 2).await.expect(201);
        pass(&shop, SignedDuration::from_mins(20));
        let random = random(seed);
        shop.dynamo().fail(unreliable(random.clone()));
        let work = (0..4).map(|_| async {
            // A killed rebuild is followed by another.
            while !matches!(
                dying_after(50 + random.below(900), rebuild_sales::handle(shop.instance(), &SMALL, LONG)).await,
                Some(Ok(Progress::Finished(_) | Progress::Resting(_)))
            ) {}
        });
        join_all(work).await;
        shop.dynamo().fail(|_| Fault::None);
        let Figures { corrected, units, left, .. } = last(&shop).await.figures;
        assert_eq!(((corrected, units), left), (SPOILT, 0));
        Sales::assert_right(&shop).await;
        shop.audit_as_is().await;
    }
}

/// Orders are paid and cancelled, and counted by several instances, in any order, while the rebuild goes on. It is
/// killed and goes on, over midnight. Every count that was spoilt before is right in the end, and no other was touched.
#[tokio::test(start_paused = true)]
async fn only_wrong_counts_change_while_the_shop_is_open() {
    for seed in (1..).take(times(2, 4)) {
        let random = random(seed);
        let shop = stocked_shop(4).await;
        days_of_orders(&shop, &random).await;
        shop.settle().await;
        shop.set_clock(if seed % 2 == 0 { "2026-11-21T07:50:00Z" } else { "2026-11-21T14:50:00Z" });
        let settled = records(&shop).len();
        spoil(&shop, "p1", "20261120", 7).await;
        spoil(&shop, "p2", "20261121", -2).await;
        tamper(&shop, Action::delete(keys::sales(&id("p3"))).when("attribute_exists(#pk)")).await;
        // Every other night nothing is wrong.
        if seed % 2 == 0 {
            assert!(rebuild(&shop).await.corrected > 2);
            pass(&shop, SignedDuration::from_hours(7));
        }
        shop.dynamo().fail(unreliable(random.clone()));
        let (selling, counting) = (sell_on(&shop, &random), count_on(&shop, settled, &random));
        futures::join!(selling, counting, rebuild_on(&shop, &random));
        shop.dynamo().fail(|_| Fault::None);
        let figures = last(&shop).await.figures;
        if seed % 2 == 0 {
            assert_eq!((figures.corrected, figures.left), (0, 0), "{seed}");
        } else {
            assert!(figures.corrected > 2 && figures.left == 0, "{seed}: {figures:?}");
        }
        assert_eq!(shop.now().to_string(), "2026-11-21T15:10:00Z");
        for record in records(&shop).chunks(50) {
            count(&shop, record).await.unwrap();
        }
        Sales::assert_right(&shop).await;
        shop.audit_as_is().await;
    }
}

/// Orders, and cancellations of some of them.
async fn sell_on(shop: &TestShop, random: &Random) {
    for _ in 0..60 {
        pass(shop, SignedDuration::from_secs(20));
        let items: Vec<Value> = (0..9)
            .filter(|_| random.below(3) == 0)
            .map(|product| json!({ "productId": format!("p{product}"), "quantity": 1 + random.below(3) }))
            .collect();
        if items.is_empty() {
            continue;
        }
        let answer = shop.post("/orders", json!({ "userId": "mina", "items": items })).await;
        if answer.status == 201 && random.below(3) == 0 {
            let _ = cancel(shop, "mina", &answer.body["data"], json!({})).await;
        }
        for _ in 0..random.below(8) {
            tokio::task::yield_now().await;
        }
    }
}

/// Delivers new records through several instances, now and then again.
async fn count_on(shop: &TestShop, mut from: usize, random: &Random) {
    let (mut stream, mut all) = (Consumers::new(shop.dynamo().clone()), Vec::new());
    for _ in 0..40 {
        while let batch @ [_, ..] = stream.next_batch().as_slice() {
            all.extend_from_slice(batch);
        }
        let again = from.saturating_sub(usize::try_from(random.below(12)).unwrap());
        let batch: Vec<Value> = all[again..].to_vec();
        from = all.len();
        if !batch.is_empty() {
            let parts = [batch.clone(), batch].map(|batch| deliver(shop, VecDeque::from([batch]), random));
            join_all(parts).await;
        }
        for _ in 0..random.below(40) {
            tokio::task::yield_now().await;
        }
    }
}

/// Goes on with the rebuild, step by step, killed now and then.
async fn rebuild_on(shop: &TestShop, random: &Random) {
    loop {
        let turns = if random.below(4) == 0 { random.below(200) } else { 100_000 };
        match dying_after(turns, rebuild_sales::handle(shop.instance(), &SMALL, Duration::ZERO)).await {
            Some(Ok(Progress::Finished(_) | Progress::Resting(_))) => return,
            _ => tokio::task::yield_now().await,
        }
    }
}

/// The sales of an unreadable order are unknown: nothing is corrected, and all else goes on.
#[tokio::test]
async fn an_unreadable_order_leaves_the_counts_unchanged() {
    let shop = shop_with_sales(1).await;
    let order = shop.order("mina", "ink", 1).await.expect(201);
    shop.settle().await;
    let key = keys::order(&id(order["orderId"].as_str().unwrap()));
    tamper(&shop, Action::update(key.clone(), "REMOVE #history").when("attribute_exists(#pk)")).await;
    spoil(&shop, "tea", "20261120", 1).await;
    assert_eq!(rebuild(&shop).await, Figures { orders: 3, unreadable: 1, left: 2, ..Figures::default() });
    let ink: ProductId = id("ink");
    assert_eq!(item(&shop, &keys::sales(&ink))["day_20261121"]["N"], "1");
}

/// The rest of an unfinished rebuild does not affect the next.
#[tokio::test]
async fn an_abandoned_rebuild_does_not_affect_the_next() {
    let shop = shop_with_sales(1).await;
    for steps in 1..40 {
        spoil(&shop, "tea", "20261120", 1).await;
        spoil(&shop, "pot", "20261121", -1).await;
        for _ in 0..steps {
            let _ = rebuild_sales::handle(shop.instance(), &SMALL, Duration::ZERO).await.unwrap();
        }
        shop.order("mina", "tea", 1).await.expect(201);
        shop.settle().await;
        pass(&shop, SignedDuration::from_hours(6));
        if shop.now() > "2026-11-22T14:00:00Z".parse().unwrap() {
            shop.set_clock("2026-11-22T14:00:00Z");
            break;
        }
    }
    pass(&shop, SignedDuration::from_mins(1));
    let _ = rebuild_sales::handle(shop.instance(), &SMALL, LONG).await.unwrap();
    Sales::assert_right(&shop).await;
    shop.audit_as_is().await;
}

/// Orders of forty products, most of them old, in invocations of one step each.
#[tokio::test]
async fn many_orders_are_recounted_in_small_steps() {
    const ORDERS: usize = 2_500;
    const PACE: Pace = Pace { pages: 1, rows: 100, products: 200, ..Pace::NIGHTLY };
    let (shop, random) = (TestShop::without_stream(2), random(3));
    for product in 0..40 {
        shop.product(&format!("p{product:02}"), 1_000, 1).await;
    }
    let choose = |bound: u64| random.below(bound);
    for (number, day) in (0..20).enumerate() {
        shop.set_clock(&format!("2026-11-{:02}T03:00:00Z", 16 + day % 5));
        let orders = (0..ORDERS / 20).map(|order| {
            let lines = [(format!("p{:02}", choose(40)), 1 + u16::try_from(choose(3)).unwrap())];
            paid_order(&shop, number * ORDERS / 20 + order, &lines)
        });
        put_orders(&shop, orders.collect::<Vec<_>>()).await;
    }
    shop.set_clock("2026-11-20T18:00:00Z");
    let (mut invocations, mut waits) = (0, 0);
    let figures = loop {
        invocations += 1;
        match rebuild_sales::handle(shop.instance(), &PACE, Duration::ZERO).await.unwrap() {
            Progress::Working => {}
            Progress::Settling => {
                waits += 1;
                pass(&shop, SignedDuration::from_mins(5));
            }
            Progress::Finished(figures) => break figures,
            Progress::Resting(_) => panic!("it has work"),
        }
    };
    println!("{invocations} invocations, {figures:?}");
    assert!(invocations > 15 && waits == 2, "{invocations} {waits}");
    // The orders of the 19th and the 20th, which had not been counted.
    assert_eq!((figures.orders, figures.recovered, figures.left), (1_000, 1_000, 0));
    Sales::assert_right(&shop).await;

    for product in 0..5 {
        spoil(&shop, &format!("p{product:02}"), "20261120", 10).await;
    }
    pass(&shop, SignedDuration::from_hours(6));
    shop.meter().take();
    let pace = Pace { settle: SignedDuration::ZERO, ..Pace::NIGHTLY };
    let Progress::Finished(figures) = rebuild_sales::handle(shop.instance(), &pace, LONG).await.unwrap() else {
        panic!("it has all the time")
    };
    assert_eq!((figures.orders, figures.corrected, figures.units), (1_000, 5, 50));
    let Cost { write_units, read_units, .. } = shop.meter().take();
    println!("recounting 1,000 of 2,500 orders: {write_units:.0} write units, {read_units:.0} read units");
    assert!(write_units < 500.0 && read_units < 2_500.0, "{write_units} write units, {read_units} read units");
    Sales::assert_right(&shop).await;
}
