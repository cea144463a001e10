//! The nightly audit of a busy shop: orders, cancellations, holds and coupon issues go on between and within its pages. It
//! raises no false alarm, and finds the smallest fault.

use std::{collections::BTreeSet, time::Duration};

use audit::{Inspection, Invariant, Pace, Progress, ReadPace, Scope, Source};
use functions::schedule::audit_books::Books;
use serde_json::{Value, json};
use shared::platform::Clock;
use tests::{TABLE, TestShop, limits::Limits, night::times, permissions::running_as};
use tokio::time::sleep;

/// Small pages, slowly read: a pass takes minutes.
const PAGES: ReadPace = ReadPace { page_items: 4, segments: 2, pause: Duration::from_secs(1) };
/// So little memory that an audit takes several passes.
const SMALL: Pace = Pace { memory: 14_000, ..Pace::NIGHTLY };

const CUSTOMERS: usize = 40;

/// A shop with some history, and a clock that follows tokio's.
async fn shop(seed: u64) -> TestShop {
    let shop = TestShop::through(Limits::for_new_table().seeded(seed), 4).without_caps();
    for user in 0..CUSTOMERS {
        shop.customer(&format!("u{user}"), 1_000_000).await;
    }
    let tea = json!({ "productId": "tea", "name": "차", "price": 1_000, "stock": 5_000, "stockShards": 2 });
    shop.post("/products", tea).as_admin().await.expect(201);
    let cup = json!({ "productId": "cup", "name": "잔", "price": 1_000, "stock": 5_000, "flash": true });
    shop.post("/products", cup).as_admin().await.expect(201);
    let terms = json!({ "kind": "FIXED", "value": 301, "maxTotalDiscount": 300_000, "counterShards": 2 });
    shop.campaign("welcome", 1_000, terms).await;
    for user in 0..5 {
        shop.order(&format!("u{user}"), "tea", 1).await.expect(201);
        shop.order(&format!("u{user}"), "cup", 1).await.expect(201);
        shop.issue(&format!("u{user}"), "welcome").await.expect(201);
    }
    shop.settle().await;
    // The open changes of these are over.
    sleep(Duration::from_secs(60)).await;
    shop
}

/// Customers who order, cancel, hold and pay, and collect coupons, for ever. Nobody else is as busy as `u0`.
async fn traffic(shop: &TestShop) {
    let orders = async {
        for turn in 0.. {
            let user = if turn % 2 == 0 { 0 } else { turn % 7 };
            let answer = shop.order(&format!("u{user}"), if turn % 3 == 0 { "cup" } else { "tea" }, 1).await;
            sleep(Duration::from_secs(4)).await;
            if let (0, Some(order)) = (turn % 4, answer.body["data"]["orderId"].as_str()) {
                shop.post(&format!("/orders/{order}/cancel"), json!({})).as_user(&format!("u{user}")).await;
            }
            sleep(Duration::from_secs(8 + turn % 13)).await;
        }
    };
    let holds = async {
        for turn in 0.. {
            let items = json!([{ "productId": "tea", "quantity": 2 }]);
            let body = json!({ "userId": "u1", "items": items, "payment": "LATER" });
            let answer = shop.post("/orders", body).await;
            sleep(Duration::from_secs(9)).await;
            let order = answer.body["data"]["orderId"].as_str().unwrap_or_default();
            let call = if turn % 2 == 0 { "payment" } else { "cancel" };
            shop.post(&format!("/orders/{order}/{call}"), json!({})).as_user("u1").await;
            sleep(Duration::from_secs(23)).await;
        }
    };
    let coupons = async {
        for turn in 5.. {
            let user = format!("u{}", turn % CUSTOMERS);
            shop.issue(&user, "welcome").await;
            sleep(Duration::from_secs(3)).await;
            let items = json!([{ "productId": "tea", "quantity": 2 }]);
            let body = json!({ "userId": user, "couponId": "welcome", "items": items });
            let answer = shop.post("/orders", body).await;
            sleep(Duration::from_secs(17)).await;
            if let (0..2, Some(order)) = (turn % 3, answer.body["data"]["orderId"].as_str()) {
                let one = json!({ "items": [{ "itemId": "1", "quantity": 1 }] });
                let body = if turn % 3 == 0 { json!({}) } else { one };
                shop.post(&format!("/orders/{order}/cancel"), body).as_user(&user).await;
            }
        }
    };
    let stream = async {
        loop {
            shop.settle().await;
            sleep(Duration::from_secs(2)).await;
        }
    };
    tokio::join!(orders, holds, coupons, stream);
}

/// Audits a shop while it is busy.
async fn audit(shop: &TestShop, pace: Pace) -> Progress {
    let source = Source::new(shop.limited().client(), TABLE.to_owned(), PAGES);
    let inspection = Inspection { source: &source, pace, now: || shop.now() };
    let audited = running_as("audit-books", async {
        let mut progress = Progress::new(Scope::Everything, shop.now());
        while !progress.is_done() {
            progress = inspection.advance(&progress).await.unwrap();
        }
        progress
    });
    tokio::select! {
        progress = audited => progress,
        () = traffic(shop) => unreachable!("the shop never closes"),
    }
}

fn broken(progress: &Progress) -> BTreeSet<(Invariant, String)> {
    progress.wrong.iter().map(|violation| (violation.invariant, violation.subject.to_string())).collect()
}

fn tamper(shop: &TestShop, pk: &str, sk: &str, attribute: &str, by: i64) {
    let update = json!({
        "TableName": TABLE, "Key": { "pk": { "S": pk }, "sk": { "S": sk } },
        "UpdateExpression": "SET #a = #a + :by", "ExpressionAttributeNames": { "#a": attribute },
        "ExpressionAttributeValues": { ":by": { "N": by.to_string() } },
    });
    shop.dynamo().execute("UpdateItem", update).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_busy_shop_without_a_fault_raises_no_alarm() {
    for seed in (1..).take(times(1, 3)) {
        let shop = shop(seed).await;
        let progress = audit(&shop, Pace::NIGHTLY).await;
        assert_eq!(progress.wrong, BTreeSet::new(), "seed {seed}");
        assert!(progress.in_flight > 0, "seed {seed}: a pass over a busy shop finds suspects");
    }
}

/// Half a relation in memory makes several passes, each of another moment.
#[tokio::test(start_paused = true)]
async fn passes_in_little_memory_raise_no_alarm() {
    let shop = shop(4).await;
    let progress = audit(&shop, SMALL).await;
    assert_eq!(progress.wrong, BTreeSet::new());
    assert!(progress.passes > 3, "{} passes", progress.passes);
}

#[tokio::test(start_paused = true)]
async fn one_unit_too_few_or_too_many_in_a_busy_shop_is_found() {
    let faults = [("tea#1", -1), ("cup#0", 1), ("tea#1", 1), ("cup#0", -1)];
    for (shard, by) in faults.into_iter().take(times(2, 4)) {
        let shop = shop(5).await;
        tamper(&shop, &format!("STOCK#{shard}"), "STOCK", "remaining", by);
        let progress = audit(&shop, Pace::NIGHTLY).await;
        let expected = BTreeSet::from([(Invariant::Stock, format!("product {}", &shard[..3]))]);
        assert_eq!(broken(&progress), expected, "{by} on {shard}: {:?}", progress.undecided);
    }
}

#[tokio::test(start_paused = true)]
async fn one_won_too_much_on_a_busy_account_is_found() {
    let shop = shop(6).await;
    tamper(&shop, "USER#u0", "ACCOUNT", "balance", 1);
    let progress = audit(&shop, Pace::NIGHTLY).await;
    assert_eq!(broken(&progress), BTreeSet::from([(Invariant::Balances, "user u0".to_owned())]));
}

#[tokio::test(start_paused = true)]
async fn one_coupon_too_many_in_a_busy_campaign_is_found() {
    let shop = shop(7).await;
    tamper(&shop, "COUNTER#welcome#0", "COUNTER", "limit", 1);
    let progress = audit(&shop, Pace::NIGHTLY).await;
    assert_eq!(broken(&progress), BTreeSet::from([(Invariant::Coupons, "coupon welcome".to_owned())]));
    // A claim record that no issue wrote: its user has two.
    let shop = self::shop(8).await;
    let claim = json!({ "pk": { "S": "SLOT#welcome#0#999" }, "sk": { "S": "SLOT" }, "userId": { "S": "u2" } });
    let put = json!({ "TransactItems": [{ "Put": { "TableName": TABLE, "Item": claim } }] });
    shop.dynamo().execute("TransactWriteItems", put).unwrap();
    let progress = audit(&shop, Pace::NIGHTLY).await;
    let expected = ["coupon welcome", "coupon welcome of user u2"].map(|it| (Invariant::Coupons, it.to_owned()));
    assert_eq!(broken(&progress), BTreeSet::from(expected));
}

#[tokio::test(start_paused = true)]
async fn one_won_too_few_or_too_many_in_a_busy_budget_is_found() {
    for by in [-1, 1].into_iter().take(times(1, 2)) {
        let shop = shop(12).await;
        tamper(&shop, "BUDGET#welcome#1", "BUDGET", "left", by);
        let progress = audit(&shop, Pace::NIGHTLY).await;
        let expected = BTreeSet::from([(Invariant::Coupons, "coupon welcome".to_owned())]);
        assert_eq!(broken(&progress), expected, "{by}: {:?}", progress.undecided);
    }
}

/// Orders of tea, every few seconds, for ever.
async fn rush(shop: &TestShop, every: Duration) {
    for turn in 0.. {
        shop.order(&format!("u{}", 10 + turn % 20), "tea", 1).await;
        sleep(every).await;
    }
}

async fn audit_in_a_rush(shop: &TestShop, every: Duration) -> Progress {
    tokio::select! {
        progress = audit(shop, Pace::NIGHTLY) => progress,
        () = rush(shop, every) => unreachable!("the shop never closes"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_product_that_never_rests_is_undecided() {
    let shop = shop(9).await;
    let progress = audit_in_a_rush(&shop, Duration::from_secs(2)).await;
    assert_eq!(progress.wrong, BTreeSet::new());
    let undecided: Vec<_> = progress.undecided.iter().map(|(subject, units)| (subject.to_string(), *units)).collect();
    assert!(matches!(undecided.as_slice(), [(subject, Some(1..20))] if subject == "product tea"), "{undecided:?}");
}

/// A snapshot needs only the five seconds after it without an order to show a lost unit.
#[tokio::test(start_paused = true)]
async fn a_lost_unit_is_found_among_ten_changes_a_minute() {
    let shop = shop(10).await;
    tamper(&shop, "STOCK#tea#0", "STOCK", "remaining", -1);
    let progress = audit_in_a_rush(&shop, Duration::from_secs(15)).await;
    assert_eq!(broken(&progress), BTreeSet::from([(Invariant::Stock, "product tea".to_owned())]));
}

fn record(shop: &TestShop) -> Option<Value> {
    let key = json!({ "pk": { "S": "AUDIT" }, "sk": { "S": "AUDIT" } });
    let item = shop.dynamo().execute("GetItem", json!({ "TableName": TABLE, "Key": key })).unwrap();
    serde_json::from_str(item["Item"]["progress"]["S"].as_str()?).ok()
}

fn books(shop: &TestShop) -> Books {
    let (source, now) = (Source::new(shop.limited().client(), TABLE.to_owned(), PAGES), shop.clone());
    let books = Books::new(shop.limited().client(), TABLE.to_owned(), Clock::new(move || now.now()));
    books.read_from(source, SMALL)
}

/// A function that dies leaves its lease. The next ones wait for its end, and go on from the last step.
#[tokio::test(start_paused = true)]
async fn an_audit_goes_on_where_a_dead_function_stopped() {
    let shop = shop(11).await;
    let passes = |shop: &TestShop| record(shop).map_or(0, |night| night["progress"]["passes"].as_i64().unwrap());
    // Dies in its second step or later.
    let dies = async {
        while passes(&shop) < 2 {
            sleep(Duration::from_secs(1)).await;
        }
    };
    let dying = books(&shop);
    tokio::select! {
        outcome = running_as("audit-books", dying.audit()) => panic!("{outcome:?} before it died"),
        () = dies => {}
    }
    let at_death = passes(&shop);
    running_as("audit-books", books(&shop).audit()).await.unwrap();
    assert_eq!(passes(&shop), at_death, "the lease of the dead function has not ended");
    sleep(Duration::from_secs(16 * 60)).await;
    let mut calls = 0;
    while record(&shop).unwrap()["progress"]["step"] != "Done" {
        running_as("audit-books", books(&shop).audit()).await.unwrap();
        calls += 1;
        assert!(calls < 20, "{:?}", record(&shop));
    }
    let done = record(&shop).unwrap();
    assert!(passes(&shop) > at_death);
    let audited = done["progress"]["figures"]["orders"].as_i64();
    assert_eq!(audited, Some(10), "each order counts once, whichever function read it");
    // A later call of the night reports again, and audits nothing.
    assert!(shop.meter().take().read_units > 20.0, "passes over the table");
    running_as("audit-books", books(&shop).audit()).await.unwrap();
    assert!(shop.meter().take().read_units <= 2.0, "one record");
    assert_eq!(record(&shop).unwrap(), done);
}
