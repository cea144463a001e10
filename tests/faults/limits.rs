//! The shop through DynamoDB's limits, and tests of their model. All in virtual time.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use tests::{
    Answer, Call, TestShop,
    limits::{Bucket, Chance, Limits, Rush, rush},
    sales::{count, paid_order, record_of},
};
use tokio::time::Instant;

/// A product on so many shards.
async fn sharded(shop: &TestShop, stock: i64, shards: u16) {
    let tea = json!({ "productId": "tea", "name": "녹차", "price": 100, "stock": stock, "stockShards": shards });
    shop.without_limits().post("/products", tea).as_admin().await.expect(201);
}

async fn customers(shop: &TestShop, count: usize) {
    let prepare = shop.without_limits();
    for user in 0..count {
        prepare.customer(&format!("u{user}"), 1_000_000).await;
    }
}

#[test]
fn a_bucket_lets_a_thousand_a_second_through() {
    let mut bucket = Bucket::new(1_000.0, 1.0);
    let mut through = 0;
    // Five seconds of asking for one unit every quarter of a millisecond. The first second is saved up.
    for quarter in 0..20_000 {
        if bucket.has(1.0, Duration::from_micros(quarter * 250)) {
            bucket.take(1.0);
            through += 1;
        }
    }
    assert!((5_990..=6_000).contains(&through), "{through}");
}

/// Two orders of different users for one shard, `apart` from each other.
async fn two_orders(apart: Duration) -> u64 {
    let shop = TestShop::through(Limits::for_new_table(), 1);
    sharded(&shop, 10, 1).await;
    customers(&shop, 2).await;
    // Nothing has to be read then, and both are under way for as long.
    for user in ["u0", "u1"] {
        shop.order(user, "tea", 1).await.expect(201);
    }
    let before = shop.limited().seen();
    let later = async {
        tokio::time::sleep(apart).await;
        shop.order("u1", "tea", 1).await
    };
    let (one, other) = tokio::join!(shop.order("u0", "tea", 1).into_future(), later);
    one.expect(201);
    other.expect(201);
    shop.audit().await;
    (shop.limited().seen() - before).conflicts
}

#[tokio::test(start_paused = true)]
async fn overlapping_transactions_conflict() {
    assert!(two_orders(Duration::ZERO).await > 0);
    assert_eq!(two_orders(Duration::from_millis(200)).await, 0);
}

/// A refusal for lack of balance asserts nothing of the stock: customers without money cannot keep others from buying.
#[tokio::test(start_paused = true)]
async fn a_refused_order_locks_no_shard() {
    let shop = TestShop::through(Limits::for_warm_table(64), 20);
    sharded(&shop, 1_000, 1).await;
    customers(&shop, 1).await;
    for poor in 0..19 {
        shop.without_limits().customer(&format!("poor{poor}"), 0).await;
    }
    let poor = (0..19).map(|user| shop.order(&format!("poor{user}"), "tea", 1).into_future());
    let rich = shop.order("u0", "tea", 1).into_future();
    let (refused, bought) = tokio::join!(join_all(poor), rich);
    for answer in refused {
        answer.refused(402, "BALANCE_NOT_ENOUGH");
    }
    bought.expect(201);
    assert_eq!(shop.limited().seen().conflicts, 0);
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn an_update_during_a_transaction_conflicts() {
    let shop = TestShop::through(Limits::for_new_table(), 1);
    customers(&shop, 1).await;
    let client = shop.limited().client();
    let key = |sk: &str| {
        let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
        Some([("pk".to_owned(), text("USER#u0")), ("sk".to_owned(), text(sk))].into())
    };
    let update = |sk: &'static str| {
        let names = Some([("#mark".to_owned(), "mark".to_owned())].into());
        let request = client.update_item().table_name(tests::TABLE).set_key(key(sk));
        request.update_expression("REMOVE #mark").set_expression_attribute_names(names)
    };
    let charge = || shop.post("/balance/charge", json!({ "userId": "u0", "amount": 100 }));
    charge().await.expect(200);
    let during = async {
        // A call arrives within 1.5 to 33 ms, mostly 2, and the account is held for 10.
        tokio::time::sleep(Duration::from_millis(6)).await;
        let read = client.get_item().table_name(tests::TABLE).set_key(key("ACCOUNT")).consistent_read(true);
        tokio::join!(update("ACCOUNT").send(), update("PROFILE").send(), read.send())
    };
    let (charged, (account, profile, read)) = tokio::join!(charge().into_future(), during);
    charged.expect(200);
    let refused = account.unwrap_err().into_service_error();
    assert!(refused.is_transaction_conflict_exception(), "{refused:?}");
    profile.unwrap();
    read.unwrap();
    update("ACCOUNT").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_partition_throttles_and_recovers() {
    let limits = Limits { write_units: 10.0, ..Limits::for_warm_table(1) };
    let shop = TestShop::through(limits, 1);
    customers(&shop, 20).await;
    let begun = Instant::now();
    let charges = (0..20)
        .map(|user| shop.post("/balance/charge", json!({ "userId": format!("u{user}"), "amount": 100 })).into_future());
    for answer in join_all(charges).await {
        assert!([200, 503].contains(&answer.status), "{}", answer.body);
    }
    let seen = shop.limited().seen();
    assert!(seen.throttled > 0);
    // The saved units, and ten a second.
    assert!(seen.write_units <= 10.0 + 10.0 * begun.elapsed().as_secs_f64() + 4.0, "{seen:?}");
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn a_hundred_concurrent_charges_of_one_user_succeed_within_seconds() {
    let shop = TestShop::through(Limits::for_new_table(), 100);
    shop.without_limits().customer("mina", 0).await;
    let charge = || shop.post("/balance/charge", json!({ "userId": "mina", "amount": 100 })).into_future();
    let begun = Instant::now();
    let answers: Vec<Answer> = join_all((0..100).map(|_| charge())).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 100);
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert_eq!(shop.balance("mina").await, 10_000);
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_units_sell_out_in_orders_of_one_to_seven() {
    let shop = TestShop::through(Limits::for_warm_table(32), 32);
    sharded(&shop, 1_000, 16).await;
    customers(&shop, 64).await;
    let mut chance = Chance::new(7);
    let wishes: Vec<Vec<i64>> =
        (0..64).map(|_| (0..50).map(|_| i64::try_from(chance.below(7)).unwrap() + 1).collect()).collect();
    let orders = shop.clone();
    // Each client goes on until an order is refused. The refused quantity is noted.
    let open = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let refused = std::sync::Arc::clone(&open);
    let wished = wishes.clone();
    let sold = rush(&shop, 64, move |client, round, last| {
        if last.is_some_and(|answer| answer.code() == "STOCK_NOT_ENOUGH") {
            refused.lock().unwrap().push(wished[client][round - 1]);
            return None;
        }
        Some(orders.order(&format!("u{client}"), "tea", wished[client][round]))
    })
    .await;
    let left = shop.stock("tea").await;
    let smallest = *open.lock().unwrap().iter().min().unwrap();
    assert!((0..smallest).contains(&left), "{left} left, {smallest} wanted");
    assert_eq!(sold.count("STOCK_NOT_ENOUGH"), 64);
    // The auditor recounts the orders, so sold and remaining units are 1,000.
    shop.audit().await;
}

/// So many users, with a quarter as many units, one for each.
async fn race(users: usize, shards: u16) -> Rush {
    let units = i64::try_from(users / 4).unwrap();
    let shop = TestShop::through(Limits::for_warm_table(32), 50);
    sharded(&shop, units, shards).await;
    customers(&shop, users).await;
    let orders = shop.clone();
    let order = move |client: usize, round: usize, _: Option<&Answer>| -> Option<Call> {
        (round == 0).then(|| orders.order(&format!("u{client}"), "tea", 1))
    };
    let raced = rush(&shop, users, order).await;
    assert_eq!(raced.sold(), u64::try_from(units).unwrap());
    assert_eq!(raced.count("STOCK_NOT_ENOUGH"), u64::try_from(users).unwrap() - raced.sold(), "{:?}", raced.codes);
    assert_eq!(shop.stock("tea").await, 0);
    shop.audit().await;
    raced
}

#[tokio::test(start_paused = true)]
async fn shards_reduce_conflicts() {
    let (one, sixteen) = (race(100, 1).await, race(100, 16).await);
    let (of_one, of_sixteen) = (one.seen.conflicts, sixteen.seen.conflicts);
    assert!(of_sixteen * 2 < of_one, "{of_one} conflicts on one shard, {of_sixteen} on sixteen");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_race() {
    let first = race(40, 4).await;
    assert_eq!(race(40, 4).await, first);
}

/// 64 shards of the stream, first each with orders of a product of its own, then all with orders of the same one. They
/// contend only for the counts of products that they share.
#[tokio::test(start_paused = true)]
async fn shards_of_the_stream_contend_for_shared_products_only() {
    const SHARDS: usize = 64;
    let mut took = Vec::new();
    for same in [false, true] {
        let shop = TestShop::through(Limits::for_warm_table(256), SHARDS);
        for shard in 0..SHARDS {
            shop.without_limits().product(&format!("p{shard:02}"), 1_000, 1_000).await;
        }
        let product = |shard: usize| format!("p{:02}", if same { 0 } else { shard });
        let orders: Vec<Vec<_>> = (0..SHARDS)
            .map(|shard| (0..10).map(|number| paid_order(&shop, shard * 10 + number, &[(product(shard), 1)])).collect())
            .collect();
        let (before, began) = (shop.limited().seen(), Instant::now());
        let counting = orders.iter().map(|orders| async {
            count(&shop, &orders.iter().map(record_of).collect::<Vec<_>>()).await.unwrap();
        });
        join_all(counting).await;
        let seen = shop.limited().seen() - before;
        println!("{SHARDS} shards of the stream, the same product {same}: {:?}, {seen:?}", began.elapsed());
        took.push((began.elapsed(), seen.conflicts));
        let orders: Vec<_> = orders.into_iter().flatten().collect();
        let sales = tests::sales::Sales::of(&shop).await.with_orders(&orders);
        sales.check(shop.now());
    }
    // Apart from each other: a batch of reads, a transaction, a look at a count that began.
    assert!(took[0].0 < Duration::from_millis(200) && took[0].1 == 0, "{took:?}");
    // Together they queue for one item, which is held for 10 ms by each.
    assert!(took[1].0 < Duration::from_secs(6), "{took:?}");
}
