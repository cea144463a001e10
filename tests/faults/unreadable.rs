//! Stored items that cannot be read: each is set aside by itself, and the others go on.

use std::time::Duration;

use functions::{schedule::rebuild_sales, stream::count_sales};
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::{Value, json};
use shared::{
    app::rebuild::Progress,
    lambda::dead_letters::MAX_MESSAGE,
    store::{Action, Key, keys},
};
use tests::{
    Bus, Fault, TestShop,
    drafts::id,
    fakes::{queue::DeadLetterQueue, stream::batch},
    permissions::running_as,
    sales::{Sales, count, item, records, tamper},
};

use crate::rebuild::SMALL;

/// All that is to be done in one invocation.
const LONG: Duration = Duration::from_secs(3_600);

/// A shop in which tea and cup have counts, and the number of its stream records so far.
async fn shop_with_counts() -> (TestShop, usize) {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    for product in ["tea", "cup", "ink", "pot"] {
        shop.product(product, 100, 1_000).await;
    }
    for product in ["tea", "cup"] {
        shop.order("mina", product, 1).await.expect(201);
    }
    shop.settle().await;
    let settled = records(&shop).len();
    (shop, settled)
}

async fn order(shop: &TestShop, products: &[&str]) {
    let items: Vec<Value> = products.iter().map(|id| json!({ "productId": id, "quantity": 1 })).collect();
    shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201);
}

/// Sets an attribute of a stored item to a value that no code of the shop writes.
async fn damage(shop: &TestShop, key: &Key, attribute: &str, value: impl Serialize) {
    let damage = Action::update(key.clone(), format!("SET #{attribute} = :value"));
    tamper(shop, damage.when("attribute_exists(#pk)").value(":value", value)).await;
}

/// Stores an item as [`item`] returned it.
fn restore(shop: &TestShop, item: &Value) {
    let put = json!({ "TransactItems": [{ "Put": { "TableName": tests::TABLE, "Item": item } }] });
    shop.dynamo().execute("TransactWriteItems", put).unwrap();
}

/// Lets the function count a batch that it must not fail. Returns the letters: the record and the reason of each.
async fn count_aside(shop: &TestShop, records: &[Value]) -> Vec<(Value, String)> {
    let dead_letters = DeadLetterQueue::default();
    let queue = dead_letters.of_stream();
    let handled = running_as("count-sales", count_sales::handle(shop.instance(), &queue, batch(records)));
    let answer = handled.await.unwrap();
    assert!(answer.batch_item_failures.is_empty(), "{answer:?}");
    dead_letters.taken()
}

/// The products sold by each of these records.
fn sold(records: &[(Value, String)]) -> Vec<Vec<&str>> {
    let lines = |record: &Value| record["dynamodb"]["NewImage"]["items"]["L"].as_array().cloned().unwrap_or_default();
    let mut sold: Vec<Vec<&str>> = Vec::new();
    for (record, _) in records {
        let ids: Vec<&str> = ["cup", "ink", "pot", "tea"]
            .into_iter()
            .filter(|id| lines(record).iter().any(|line| line["M"]["productId"]["S"] == *id))
            .collect();
        sold.push(ids);
    }
    sold.sort();
    sold
}

async fn top(shop: &TestShop) -> Vec<(String, i64)> {
    let list = shop.get("/products/top").await.expect(200);
    let row = |row: &Value| (row["productId"].as_str().unwrap().to_owned(), row["soldQuantity"].as_i64().unwrap());
    list["items"].as_array().unwrap().iter().map(row).collect()
}

/// Attributes that cannot be read, and values with which no condition on them can hold.
#[tokio::test(start_paused = true)]
async fn a_damaged_count_stops_no_other_count() {
    let damages = [
        ("lastSoldAt", json!("soon")),
        ("day_20261120", json!("five")),
        ("day_20261120", json!(1.5)),
        ("snapshot_20261120", json!(true)),
        ("generation", json!("the first")),
        ("generation", Value::Null),
        ("corrected", json!("never")),
        ("offSale", json!(false)),
        ("stockShards", json!(-1)),
    ];
    for (attribute, value) in damages {
        let (shop, settled) = shop_with_counts().await;
        let tea = keys::sales(&id("tea"));
        let whole = item(&shop, &tea);
        damage(&shop, &tea, attribute, value.clone()).await;
        for products in [&["tea"][..], &["cup"], &["cup", "tea"], &["ink"], &["tea"]] {
            order(&shop, products).await;
        }
        let lost = records(&shop).split_off(settled);
        let letters = count_aside(&shop, &lost).await;
        let case = format!("{attribute} = {value}: {letters:?}");
        assert_eq!(sold(&letters), [vec!["cup", "tea"], vec!["tea"], vec!["tea"]], "{case}");
        assert!(letters.iter().all(|(_, reason)| reason.contains("SALES#tea")), "{case}");
        let counted = |product: &str| item(&shop, &keys::sales(&id(product)))["day_20261120"]["N"].clone();
        assert_eq!((counted("cup"), counted("ink")), (json!("2"), json!("1")), "{case}");

        // The batch comes again: the same letters, and nothing counts twice.
        assert_eq!(sold(&count_aside(&shop, &lost).await), sold(&letters), "{case}");
        assert_eq!((counted("cup"), counted("ink")), (json!("2"), json!("1")), "{case}");

        // The item is mended, and each letter is handed over twice.
        restore(&shop, &whole);
        for (record, _) in letters.iter().chain(&letters) {
            assert_eq!(count_aside(&shop, std::slice::from_ref(record)).await, [], "{case}");
        }
        Sales::assert_right(&shop).await;
        shop.audit_as_is().await;
    }
}

/// The sale is counted. Its record is set aside all the same, because the key of the count cannot be checked.
#[tokio::test(start_paused = true)]
async fn a_damaged_product_stops_no_count() {
    let (shop, settled) = shop_with_counts().await;
    let ink = keys::product(&id("ink"));
    let whole = item(&shop, &ink);
    damage(&shop, &ink, "version", "the first").await;
    order(&shop, &["tea"]).await;
    let mut lost = records(&shop).split_off(settled);
    // The order was placed before the damage.
    restore(&shop, &whole);
    let placed = records(&shop).len();
    order(&shop, &["ink"]).await;
    lost.extend(records(&shop).split_off(placed));
    damage(&shop, &ink, "version", "the first").await;

    let letters = count_aside(&shop, &lost).await;
    let reasons: Vec<&str> = letters.iter().map(|(_, reason)| reason.as_str()).collect();
    assert_eq!(reasons.iter().filter(|reason| reason.contains("PRODUCT#ink")).count(), 1, "{reasons:?}");
    // The record of the damage itself.
    assert_eq!(letters.len(), 2, "{reasons:?}");
    assert_eq!(item(&shop, &keys::sales(&id("ink")))["day_20261120"]["N"], "1");
    assert_eq!(top(&shop).await, [("tea".to_owned(), 2), ("cup".to_owned(), 1)]);

    restore(&shop, &whole);
    let sale = letters.iter().find(|(_, reason)| reason.contains("PRODUCT#ink")).unwrap();
    assert_eq!(count_aside(&shop, std::slice::from_ref(&sale.0)).await, []);
    Sales::assert_right(&shop).await;
    shop.audit_as_is().await;
}

/// A key of the index cannot be corrected, because no condition on the count can hold.
#[tokio::test(start_paused = true)]
async fn a_count_that_cannot_be_ranked_stops_no_other() {
    let (shop, settled) = shop_with_counts().await;
    damage(&shop, &keys::sales(&id("tea")), "offSale", false).await;
    for product in ["tea", "cup"] {
        let hidden = shop.patch(&format!("/products/{product}"), json!({ "status": "HIDDEN" }));
        hidden.as_admin().await.expect(200);
    }
    let letters = count_aside(&shop, &records(&shop).split_off(settled)).await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert!(letters[0].1.contains("SALES#tea"), "{letters:?}");
    assert_eq!(item(&shop, &keys::sales(&id("cup")))["offSale"]["BOOL"], true);
}

/// Only a count that begins needs the generation of the rebuild.
#[tokio::test(start_paused = true)]
async fn a_damaged_rebuild_stops_only_counts_that_begin() {
    let (shop, _) = shop_with_counts().await;
    shop.set_clock("2026-11-20T18:00:00Z");
    let Progress::Finished(_) = rebuild_sales::handle(shop.instance(), &SMALL, LONG).await.unwrap() else {
        panic!("it has all the time")
    };
    let whole = item(&shop, &keys::rebuild());
    for (attribute, product, aside) in [("phase", "ink", vec![]), ("generation", "pot", vec![vec!["pot"]])] {
        let settled = records(&shop).len();
        restore(&shop, &whole);
        damage(&shop, &keys::rebuild(), attribute, "lost").await;
        order(&shop, &["tea"]).await;
        order(&shop, &[product]).await;
        let letters = count_aside(&shop, &records(&shop).split_off(settled)).await;
        assert_eq!(sold(&letters), aside, "{attribute}: {letters:?}");
        assert!(letters.iter().all(|(_, reason)| reason.contains("REBUILD")), "{letters:?}");
        restore(&shop, &whole);
        for (record, _) in &letters {
            assert_eq!(count_aside(&shop, std::slice::from_ref(record)).await, []);
        }
        Sales::assert_right(&shop).await;
    }
}

/// A busy table is no reason to set a record aside.
#[tokio::test(start_paused = true)]
async fn a_busy_table_fails_the_batch() {
    let (shop, settled) = shop_with_counts().await;
    damage(&shop, &keys::sales(&id("tea")), "lastSoldAt", "soon").await;
    order(&shop, &["tea"]).await;
    order(&shop, &["cup"]).await;
    let lost = records(&shop).split_off(settled);
    for operation in ["BatchGetItem", "TransactWriteItems"] {
        shop.dynamo().fail(move |called| if called == operation { Fault::Throttled } else { Fault::None });
        let dead_letters = DeadLetterQueue::default();
        let failed = count_sales::handle(shop.instance(), &dead_letters.of_stream(), batch(&lost)).await;
        assert!(failed.is_err() && dead_letters.taken().is_empty(), "{operation}: {failed:?}");
    }
    shop.dynamo().fail(|_| Fault::None);
    assert_eq!(sold(&count_aside(&shop, &lost).await), [vec!["tea"]]);
}

/// The letters' queue is down: the batch comes again from the first record that could not be sent.
#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_set_aside_comes_again() {
    let (shop, settled) = shop_with_counts().await;
    damage(&shop, &keys::sales(&id("tea")), "lastSoldAt", "soon").await;
    for product in ["cup", "tea", "cup"] {
        order(&shop, &[product]).await;
    }
    let lost = records(&shop).split_off(settled);
    let dead_letters = DeadLetterQueue::default();
    dead_letters.set_down(true);
    let answer = count_sales::handle(shop.instance(), &dead_letters.of_stream(), batch(&lost)).await.unwrap();
    let failed = answer.batch_item_failures[0].item_identifier.clone().unwrap();
    let tea = lost.iter().find(|record| record.to_string().contains("\"tea\"")).unwrap();
    assert_eq!(failed, tea["dynamodb"]["SequenceNumber"].as_str().unwrap());
    assert_eq!(item(&shop, &keys::sales(&id("cup")))["day_20261120"]["N"], "3");
}

/// An unreadable record, as text of this many bytes.
fn sized(record: &Value, bytes: usize) -> Value {
    let mut record = record.clone();
    record["dynamodb"]["NewImage"]["items"] = json!({ "S": "two teas" });
    record["dynamodb"]["NewImage"]["note"] = json!({ "S": "" });
    let filler = "x".repeat(bytes - record.to_string().len());
    record["dynamodb"]["NewImage"]["note"] = json!({ "S": filler });
    record
}

/// The largest that the queue takes, one byte more, and one with a character that no message may have.
#[tokio::test(start_paused = true)]
async fn an_unreadable_record_too_large_for_a_queue_goes_to_the_bucket() {
    let (shop, settled) = shop_with_counts().await;
    for product in ["tea", "cup", "ink", "cup"] {
        order(&shop, &[product]).await;
    }
    let whole: Vec<Value> = records(&shop).split_off(settled);
    let whole: Vec<Value> =
        whole.into_iter().filter(|record| record["dynamodb"]["Keys"]["sk"]["S"] == "ORDER").collect();
    let reason = {
        let dead_letters = DeadLetterQueue::default();
        let poison = batch(&[sized(&whole[0], 10_000)]);
        count_sales::handle(shop.instance(), &dead_letters.of_stream(), poison).await.unwrap();
        dead_letters.taken().remove(0).1
    };
    let most = MAX_MESSAGE - "ReasonString".len() - reason.len();
    let mut strange = sized(&whole[2], 10_000);
    strange["dynamodb"]["NewImage"]["note"] = json!({ "S": "\u{ffff}" });
    let given = [sized(&whole[0], most), sized(&whole[1], most + 1), strange, whole[3].clone()];

    for function in ["count-sales", "relay-events"] {
        let (dead_letters, bus) = (DeadLetterQueue::default(), Bus::default());
        let (letters, relay) = (dead_letters.of_stream(), bus.relay(&dead_letters));
        let handle = async |given: &[Value]| match function {
            "count-sales" => {
                running_as(function, count_sales::handle(shop.instance(), &letters, batch(given))).await.unwrap()
            }
            _ => bus.handle(&relay, batch(given)).await.unwrap(),
        };
        assert!(handle(&given).await.batch_item_failures.is_empty(), "{function}");
        let taken = dead_letters.taken();
        assert!(taken.len() == 1 && taken[0].0 == given[0], "{function}");
        let objects = dead_letters.bucket.objects();
        let payloads: Vec<Value> = objects
            .iter()
            .map(|(key, object)| {
                assert!(key.starts_with("dead-letters/shop-CountSales-1AB/2026/11/20/"), "{key}");
                assert_eq!(object["requestContext"]["functionArn"], "shop-CountSales-1AB");
                assert_eq!(object["reason"], reason);
                serde_json::from_str(object["payload"].as_str().unwrap()).unwrap()
            })
            .collect();
        for lost in &given[1..3] {
            assert!(payloads.contains(&json!({ "Records": [lost] })), "{function}");
        }
        assert_eq!(payloads.len(), 2);

        // The bucket is down: the batch comes again from the record that nothing took.
        dead_letters.bucket.set_down(true);
        let answer = handle(&given).await;
        let failed = answer.batch_item_failures[0].item_identifier.as_deref();
        assert_eq!(failed, given[1]["dynamodb"]["SequenceNumber"].as_str(), "{function}");
        dead_letters.bucket.set_down(false);
        assert!(handle(&whole).await.batch_item_failures.is_empty());
    }
    Sales::assert_right(&shop).await;
}

/// A queue that was made with a smaller limit refuses a letter that would fit another.
#[tokio::test(start_paused = true)]
async fn a_record_that_its_queue_refuses_goes_to_the_bucket() {
    let (shop, settled) = shop_with_counts().await;
    order(&shop, &["tea"]).await;
    let poison: Vec<Value> = records(&shop)[settled..].iter().map(|record| sized(record, 20_000)).collect();
    let dead_letters = DeadLetterQueue::default();
    dead_letters.take_at_most(10_000);
    count_sales::handle(shop.instance(), &dead_letters.of_stream(), batch(&poison)).await.unwrap();
    assert!(dead_letters.taken().is_empty());
    assert!(!dead_letters.bucket.objects().is_empty());
}

/// The progress of the refresh is lost: it begins anew.
#[tokio::test(start_paused = true)]
async fn a_damaged_refresh_begins_anew() {
    for (key, attribute) in [(keys::ranks_refreshed(), "revision"), (keys::board(), "version")] {
        let (shop, _) = shop_with_counts().await;
        assert!(rebuild_sales::refresh(shop.instance()).await.unwrap());
        tamper(&shop, Action::update(key.clone(), format!("SET #{attribute} = :lost")).value(":lost", "lost")).await;
        shop.set_clock("2026-11-21T03:00:00Z");
        assert!(running_as("rebuild-sales", rebuild_sales::refresh(shop.instance())).await.unwrap(), "{key:?}");
        assert!(rebuild_sales::refresh(shop.instance()).await.unwrap());
        Sales::assert_right(&shop).await;
        let refreshed = item(&shop, &keys::ranks_refreshed());
        assert_eq!(refreshed["isDone"]["BOOL"], true, "{refreshed}");
    }
}

/// A count, a processed-event record, and the rebuild's own progress.
#[tokio::test(start_paused = true)]
async fn the_rebuild_leaves_what_it_cannot_read_and_corrects_the_rest() {
    let (shop, _) = shop_with_counts().await;
    order(&shop, &["ink"]).await;
    shop.settle().await;
    let spoil = async |product: &str| {
        let spoilt = Action::update(keys::sales(&id(product)), "ADD #day_20261120 :units");
        tamper(&shop, spoilt.when("attribute_exists(#pk)").value(":units", 7)).await;
    };
    for product in ["tea", "cup"] {
        spoil(product).await;
    }
    let tea = item(&shop, &keys::sales(&id("tea")));
    damage(&shop, &keys::sales(&id("tea")), "lastSoldAt", "soon").await;
    shop.set_clock("2026-11-20T18:00:00Z");
    let finish = async || match running_as("rebuild-sales", rebuild_sales::handle(shop.instance(), &SMALL, LONG)).await
    {
        Ok(Progress::Finished(figures)) => figures,
        other => panic!("{other:?}"),
    };
    let figures = finish().await;
    assert_eq!((figures.corrected, figures.left, figures.unreadable), (1, 1, 0), "{figures:?}");
    assert_eq!(item(&shop, &keys::sales(&id("cup")))["day_20261120"]["N"], "1");

    // The rebuild's own record has lost its phase: the next rebuild begins at once.
    restore(&shop, &tea);
    damage(&shop, &keys::rebuild(), "phase", "lost").await;
    let figures = finish().await;
    assert_eq!((figures.corrected, figures.left, figures.unreadable), (1, 0, 0), "{figures:?}");
    Sales::assert_right(&shop).await;

    // What an unreadable mark counted is unknown: nothing is corrected.
    let marked = records(&shop).into_iter().find_map(|record| {
        let pk = record["dynamodb"]["Keys"]["pk"]["S"].as_str()?.strip_prefix("ORDER#")?.to_owned();
        Some(keys::counted(&format!("{pk}-1")))
    });
    damage(&shop, &marked.unwrap(), "generation", "lost").await;
    spoil("cup").await;
    shop.set_clock(&shop.now().checked_add(SignedDuration::from_hours(7)).unwrap().to_string());
    let figures = finish().await;
    assert!(figures.unreadable == 1 && figures.corrected == 0 && figures.left > 0, "{figures:?}");
}

/// An event that nobody has counted is recovered by the rebuild, unless its count cannot be read.
#[tokio::test(start_paused = true)]
async fn the_rebuild_recovers_what_it_can() {
    let (shop, _) = shop_with_counts().await;
    for products in [&["tea"][..], &["cup"], &["ink"]] {
        order(&shop, products).await;
    }
    let tea = item(&shop, &keys::sales(&id("tea")));
    damage(&shop, &keys::sales(&id("tea")), "day_20261120", "five").await;
    shop.set_clock("2026-11-20T18:00:00Z");
    let Ok(Progress::Finished(figures)) = rebuild_sales::handle(shop.instance(), &SMALL, LONG).await else {
        panic!("it has all the time")
    };
    assert_eq!(figures.recovered, 2, "{figures:?}");
    restore(&shop, &tea);
    for record in records(&shop) {
        count(&shop, std::slice::from_ref(&record)).await.unwrap();
    }
    Sales::assert_right(&shop).await;
}
