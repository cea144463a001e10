//! Stock: its shards, their number, and the low cost of saying that nothing is left.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use functions::schedule::sweep;
use futures::future::join_all;
use serde_json::{Value, json};
use shared::{
    domain::{ProductId, inventory::Shard},
    store::{Consistency, Outcome, Transaction, keys, shards},
};
use tests::{
    Answer, Cost, Fault, TABLE, TestShop,
    steps::{codes, dying_at, overtaken_at, race, wait},
};

async fn shop_with_tea(stock: i64, shards: i64) -> TestShop {
    let shop = TestShop::with_instances(4);
    shop.customer("mina", 10_000_000).await;
    let tea = json!({ "productId": "tea", "name": "녹차", "price": 1_000, "stock": stock, "stockShards": shards });
    shop.post("/products", tea).as_admin().await.expect(201);
    shop
}

async fn reshard(shop: &TestShop, shards: i64) -> Answer {
    shop.patch("/products/tea", json!({ "stockShards": shards })).as_admin().await
}

/// The units in each shard.
async fn shards(shop: &TestShop) -> Vec<i64> {
    let tea = ProductId::try_from("tea".to_owned()).unwrap();
    let mut units = Vec::new();
    for number in 0.. {
        let shard = shop.instance().table.get::<Shard>(keys::stock(&tea, number), Consistency::Strong).await.unwrap();
        let Some(shard) = shard else { break };
        units.push(shard.remaining);
    }
    units
}

#[tokio::test]
async fn resharding_moves_units_to_new_shards_and_off_removed_ones() {
    let shop = shop_with_tea(10, 1).await;
    shop.order("mina", "tea", 1).await.expect(201);
    assert_eq!(reshard(&shop, 4).await.expect(200)["stock"], 9);
    assert_eq!(shards(&shop).await, [3, 2, 2, 2]);
    shop.audit().await;
    assert_eq!(reshard(&shop, 2).await.expect(200)["stock"], 9);
    assert_eq!(shards(&shop).await, [5, 4]);
    assert_eq!(reshard(&shop, 1).await.expect(200)["stock"], 9);
    assert_eq!(shards(&shop).await, [9]);
    shop.audit().await;
}

#[tokio::test]
async fn a_stale_number_of_shards_does_no_harm() {
    let shop = shop_with_tea(8, 8).await;
    let (old, admin) = (shop.another_instance(), shop.another_instance());
    let order = old.order("mina", "tea", 1).await.expect(201);
    reshard(&admin, 2).await.expect(200);
    // Removed shards are neither ordered from nor given back to.
    for _ in 0..3 {
        old.order("mina", "tea", 1).await.expect(201);
    }
    let path = format!("/orders/{}/cancel", order["orderId"].as_str().unwrap());
    old.post(&path, json!({})).as_user("mina").await.expect(200);
    reshard(&admin, 16).await.expect(200);
    // Unknown shards are found before the stock is called too low.
    old.order("mina", "tea", 5).await.expect(201);
    let details = old.order("mina", "tea", 1).await.refused(409, "STOCK_NOT_ENOUGH");
    assert_eq!(details["available"], 0);
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn resharding_while_it_sells_loses_and_doubles_nothing() {
    reshard_while_it_sells(shop_with_tea(1_000, 1).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn resharding_while_it_sells_in_flash_mode_loses_and_doubles_nothing() {
    let shop = shop_with_tea(1_000, 1).await;
    shop.patch("/products/tea", json!({ "flash": true })).as_admin().await.expect(200);
    reshard_while_it_sells(shop).await;
}

/// 1,000 units are sold by 1 to 7 at a time while they are spread over 16 shards and then over 4.
async fn reshard_while_it_sells(shop: TestShop) {
    for user in 0..8 {
        shop.customer(&format!("u{user}"), 2_000_000).await;
    }
    let customers = (0..8_i64).map(|user| {
        let shop = shop.another_instance();
        tokio::spawn(async move {
            let (mut sold, mut smallest_refused) = (0, i64::MAX);
            for turn in 0.. {
                let quantity = (turn * 5 + user * 3) % 7 + 1;
                let answer = shop.order(&format!("u{user}"), "tea", quantity).await;
                match answer.status {
                    201 => sold += quantity,
                    409 => {
                        answer.refused(409, "STOCK_NOT_ENOUGH");
                        smallest_refused = smallest_refused.min(quantity);
                        if smallest_refused == 1 {
                            break;
                        }
                    }
                    other => assert_eq!(other, 503, "{}", answer.body),
                }
            }
            sold
        })
    });
    let customers: Vec<_> = customers.collect();
    for shards in [16, 4, 9, 2] {
        assert!(matches!(reshard(&shop, shards).await.status, 200 | 503));
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let sold: i64 = join_all(customers).await.into_iter().map(Result::unwrap).sum();
    // Everyone went on until not even one unit was left.
    assert_eq!((sold, shop.stock("tea").await), (1_000, 0));
    reshard(&shop, 4).await.expect(200);
    shop.audit().await;
}

/// A change of a price may die between two shards. Each shard sells at one of the two prices, and the sweep brings the
/// new one to the rest.
#[tokio::test(start_paused = true)]
async fn an_interrupted_price_change_is_completed() {
    for dies_at in 2..8 {
        let shop = shop_with_tea(40, 4).await;
        let change = || shop.patch("/products/tea", json!({ "price": 2_000 })).as_admin();
        let died = dying_at(&shop, dies_at, change()).await.is_none();
        for _ in 0..8 {
            let order = shop.order("mina", "tea", 1).await.expect(201);
            assert!(order["goodsTotal"] == 2_000 || died && order["goodsTotal"] == 1_000, "{order}");
        }
        if dies_at % 2 == 0 {
            change().await.expect(200);
        } else {
            wait(&shop, 1);
            sweep::inventory::run(shop.instance()).await.unwrap();
        }
        assert_eq!(shop.order("mina", "tea", 32).await.expect(201)["goodsTotal"], 64_000);
        shop.audit().await;
    }
}

/// An offer that comes late to a shard does not replace a later one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_price_changes_leave_one_price_on_all_shards() {
    let shop = shop_with_tea(16, 16).await;
    let change = |price: i64| shop.another_instance().patch("/products/tea", json!({ "price": price })).as_admin();
    let answers = race((1..=8).map(|price| change(price * 100)).collect()).await;
    assert_eq!(answers, codes(&[("SUCCESS", 8)]));
    shop.audit().await;
}

/// The same, for any shard at which it is late.
#[tokio::test]
async fn an_overtaken_price_replaces_none() {
    for number in 1.. {
        let shop = shop_with_tea(8, 4).await;
        let change = |price: i64| shop.patch("/products/tea", json!({ "price": price })).as_admin();
        if overtaken_at(&shop, number, change(1_500), change(2_000)).await.is_none() {
            assert!(number > 6, "it changes the product and each of its shards");
            break;
        }
        let price = shop.get("/products/tea").await.expect(200)["price"].as_i64().unwrap();
        assert_eq!(shop.order("mina", "tea", 8).await.expect(201)["goodsTotal"], 8 * price, "overtaken at {number}");
        shop.audit().await;
    }
}

/// Uneven sales are levelled by the sweep.
#[tokio::test]
async fn the_sweep_levels_shards() {
    let shop = shop_with_tea(3, 1).await;
    reshard(&shop, 4).await.expect(200);
    shop.post("/products/tea/restock", json!({ "quantity": -3 })).as_admin().await.expect(200);
    let order = shop.another_instance().order("mina", "tea", 1);
    order.await.refused(409, "STOCK_NOT_ENOUGH");
    let tea = ProductId::try_from("tea".to_owned()).unwrap();
    let mut transaction = Transaction::new();
    transaction.add(shards::receive(&tea, 2, 10, 0));
    let outcome = shop.instance().table.commit(transaction, &mut shop.instance().backoff()).await.unwrap();
    assert!(matches!(outcome, Outcome::Committed));
    assert_eq!(shards(&shop).await, [0, 0, 10, 0]);
    shop.set_clock("2026-11-20T03:01:00Z");
    sweep::inventory::run(shop.instance()).await.unwrap();
    assert_eq!(shards(&shop).await, [3, 3, 2, 2]);
    shop.audit().await;
}

/// It stops anywhere; the product has all its units, and a repetition goes on.
#[tokio::test(start_paused = true)]
async fn resharding_survives_a_death_at_any_call() {
    for dies_at in (2..40).step_by(3) {
        let shop = shop_with_tea(20, 5).await;
        let mut calls = 0;
        shop.dynamo().fail(move |_| {
            calls += 1;
            if calls >= dies_at { Fault::LostReply } else { Fault::None }
        });
        let _ = reshard(&shop, 2).await;
        shop.dynamo().fail(|_| Fault::None);
        assert_eq!(shop.stock("tea").await, 20, "died at call {dies_at}");
        shop.audit().await;
        reshard(&shop, 2).await.expect(200);
        assert_eq!(shards(&shop).await, [10, 10]);
        shop.audit().await;
    }
}

#[tokio::test]
async fn a_sold_out_refusal_is_cheap() {
    let shop = shop_with_tea(1, 16).await;
    let one = shop.another_instance();
    one.order("mina", "tea", 1).await.expect(201);
    let refused = || async {
        let details = one.order("mina", "tea", 2).await.refused(409, "STOCK_NOT_ENOUGH");
        assert_eq!(details, json!({ "productId": "tea", "requested": 2, "available": 0 }));
        shop.meter().take()
    };
    shop.meter().take();
    refused().await;
    // Cached for a second; then one eventually consistent look at all shards together.
    let nothing = Cost { round_trips: 0, write_units: 0.0, read_units: 0.0 };
    assert_eq!(refused().await, nothing);
    shop.set_clock("2026-11-20T03:00:01Z");
    assert_eq!(refused().await, Cost { round_trips: 1, write_units: 0.0, read_units: 8.0 });
    assert_eq!(refused().await, nothing);

    // A restock through another instance is visible here within a second.
    shop.another_instance().post("/products/tea/restock", json!({ "quantity": 1 })).as_admin().await.expect(200);
    one.order("mina", "tea", 1).await.refused(409, "STOCK_NOT_ENOUGH");
    shop.set_clock("2026-11-20T03:00:02Z");
    one.order("mina", "tea", 1).await.expect(201);
    shop.audit().await;
}

/// This instance sees units that it returned itself at once.
#[tokio::test]
async fn returned_units_can_be_sold_at_once() {
    let shop = shop_with_tea(1, 4).await;
    let one = shop.another_instance();
    let order = one.order("mina", "tea", 1).await.expect(201);
    one.order("mina", "tea", 1).await.refused(409, "STOCK_NOT_ENOUGH");
    let path = format!("/orders/{}/cancel", order["orderId"].as_str().unwrap());
    one.post(&path, json!({})).as_user("mina").await.expect(200);
    one.order("mina", "tea", 1).await.expect(201);
    shop.audit().await;
}

/// A product loses a shard between two reads of one request: it then shows the stock of the shards that are left. Each
/// reader may read product and shards at one instant for that.
#[tokio::test]
async fn readers_that_a_reshard_overtakes_show_the_whole_stock() {
    let stock_of = |answer: &Value| {
        let found = answer["items"].as_array().map_or(answer, |items| &items[0]);
        found["stock"].as_i64().unwrap()
    };
    for path in ["/products", "/products/tea", "/products/top", "/desk/products", "/desk/products/tea"] {
        let mut was_overtaken = false;
        for nth in 1..=3 {
            let shop = TestShop::new();
            shop.customer("mina", 100_000).await;
            shop.product("tea", 1_000, 10).await;
            shop.order("mina", "tea", 1).await.expect(201);
            shop.patch("/products/tea", json!({ "stockShards": 2 })).as_admin().await.expect(200);
            shop.settle().await;
            let overtaken = lose_a_shard_at(&shop, nth);
            let answer = shop.another_instance().get(path).as_admin().await.expect(200);
            shop.dynamo().fail(|_| Fault::None);
            assert_eq!(stock_of(&answer), 9, "{path} at read {nth}");
            was_overtaken |= overtaken.load(Ordering::SeqCst);
        }
        assert!(was_overtaken, "{path}");
    }
}

/// Moves all units of tea to its first shard and retires the second, in the course of the n-th batch of reads: the batch
/// still has the product as it was. Returns whether that happened.
fn lose_a_shard_at(shop: &TestShop, nth: usize) -> Arc<AtomicBool> {
    let (dynamo, mut reads, overtaken) = (shop.dynamo().clone(), 0, Arc::new(AtomicBool::new(false)));
    let done = Arc::clone(&overtaken);
    let key = |pk: &str, sk: &str| json!({ "pk": { "S": pk }, "sk": { "S": sk } });
    let update = |pk: &str, sk: &str, expression: &str, values: Value| json!({ "Update": { "TableName": TABLE, "Key": key(pk, sk), "UpdateExpression": expression, "ExpressionAttributeValues": values } });
    let shard = json!({ "TransactItems": [
        update("STOCK#tea#0", "STOCK", "SET remaining = :all", json!({ ":all": { "N": "9" } })),
        { "Delete": { "TableName": TABLE, "Key": key("STOCK#tea#1", "STOCK") } },
    ] });
    let product = json!({ "TransactItems": [
        update("PRODUCT#tea", "PRODUCT", "SET stockShards = :one ADD version :one", json!({ ":one": { "N": "1" } })),
    ] });
    shop.dynamo().fail(move |operation| {
        reads += usize::from(operation == "BatchGetItem");
        let has_begun = done.load(Ordering::SeqCst);
        if operation == "BatchGetItem" && reads == nth {
            dynamo.execute("TransactWriteItems", shard.clone()).unwrap();
            done.store(true, Ordering::SeqCst);
        } else if has_begun && matches!(operation, "GetItem" | "BatchGetItem") {
            dynamo.execute("TransactWriteItems", product.clone()).unwrap();
        }
        Fault::None
    });
    overtaken
}
