//! Counting sales: exactly once, in any delivery of the stream.

use std::collections::VecDeque;

use futures::future::join_all;
use serde_json::{Value, json};
use shared::platform::Random;
use tests::{
    Fault, TestShop, random,
    sales::{Sales, count, dying_after, paid_order, put_orders, record_of, records},
    steps::{cancel, cancel_units, dying_at, move_along, order_by, pay},
};

/// The end of an order's life, if it has one.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Stays,
    PartCancelled,
    Cancelled,
    SentBack,
}

/// Four Seoul days of orders that are paid at once or later, cancelled, returned.
pub async fn days_of_orders(shop: &TestShop, random: &Random) {
    const ENDINGS: [Ending; 5] =
        [Ending::Stays, Ending::Stays, Ending::PartCancelled, Ending::Cancelled, Ending::SentBack];
    let mut open: VecDeque<(Ending, Value)> = VecDeque::new();
    for hour in (0..72).step_by(3) {
        shop.set_clock(&format!("2026-11-{:02}T{:02}:59:59.999Z", 18 + hour / 24, hour % 24));
        order_something(shop, random, &mut open, ENDINGS[choose(random, ENDINGS.len())]).await;
        if open.len() > 5
            && let Some((ending, order)) = open.pop_front()
        {
            end_order(shop, ending, &order).await;
        }
    }
}

fn choose(random: &Random, choices: usize) -> usize {
    usize::try_from(random.below(u64::try_from(choices).unwrap())).unwrap()
}

async fn order_something(shop: &TestShop, random: &Random, open: &mut VecDeque<(Ending, Value)>, ending: Ending) {
    let items: Vec<Value> = (0..PRODUCTS)
        .filter(|_| choose(random, 4) == 0)
        .map(|product| json!({ "productId": format!("p{product}"), "quantity": 2 + choose(random, 4) }))
        .collect();
    let order = if items.is_empty() {
        let held = order_by(shop, "mina", "p0", 3, "LATER").await.expect(201);
        pay(shop, "mina", &held).await.expect(200)
    } else {
        shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201)
    };
    open.push_back((ending, order));
}

async fn end_order(shop: &TestShop, ending: Ending, order: &Value) {
    match ending {
        Ending::Stays => {}
        Ending::PartCancelled => drop(cancel_units(shop, "mina", order, "1", 1).await.expect(200)),
        Ending::Cancelled => drop(cancel(shop, "mina", order, json!({})).await.expect(200)),
        Ending::SentBack => {
            let path = ["SHIPPED", "IN_DELIVERY", "DELIVERED", "RETURN_REQUESTED", "RETURN_IN_PROGRESS", "RETURNED"];
            move_along(shop, order, "1", &path).await;
        }
    }
}

const PRODUCTS: usize = 9;

/// A shop with products for [`days_of_orders`].
pub async fn stocked_shop(instances: usize) -> TestShop {
    let shop = TestShop::with_instances(instances);
    shop.set_clock("2026-11-17T20:00:00Z");
    shop.customer("mina", 90_000_000).await;
    for product in 0..PRODUCTS {
        shop.product(&format!("p{product}"), 1_000, 10_000).await;
    }
    shop
}

/// The stream's batches: each record is in one to five of them, which overlap and come in any order.
fn batches(records: &[Value], random: &Random) -> VecDeque<Vec<Value>> {
    let mut times = vec![0; records.len()];
    let mut batches = Vec::new();
    while let Some(first) = times.iter().position(|times| *times == 0) {
        // From the first that is missing, or from anywhere.
        let start = if choose(random, 3) == 0 { first } else { choose(random, records.len()) };
        let slice = (start..records.len()).take(1 + choose(random, 30)).filter(|record| times[*record] < 5);
        let slice: Vec<usize> = slice.collect();
        slice.iter().for_each(|record| times[*record] += 1);
        batches.push(slice.into_iter().map(|record| records[record].clone()).collect::<Vec<_>>());
    }
    for from in (1..batches.len()).rev() {
        batches.swap(from, choose(random, from + 1));
    }
    batches.retain(|batch| !batch.is_empty());
    batches.into()
}

/// Delivers batches as Lambda does: a batch that fails or dies comes again, whole or in halves.
pub async fn deliver(shop: &TestShop, mut batches: VecDeque<Vec<Value>>, random: &Random) {
    while let Some(mut batch) = batches.pop_front() {
        let turns = if choose(random, 3) == 0 { random.below(60) } else { 10_000 };
        if matches!(dying_after(turns, count(shop, &batch)).await, Some(Ok(()))) {
            continue;
        }
        let rest = batch.split_off(if choose(random, 2) == 0 { batch.len() / 2 } else { 0 });
        batches.extend([batch, rest].into_iter().filter(|batch| !batch.is_empty()));
    }
}

/// Lets calls fail now and then.
pub fn unreliable(random: Random) -> impl FnMut(&str) -> Fault + Send + 'static {
    move |_| match random.below(40) {
        0 => Fault::LostReply,
        1 => Fault::Conflict,
        2 => Fault::Throttled,
        _ => Fault::None,
    }
}

/// Four instances at once, each killed now and then between any two steps, with conflicts, throttling and lost answers.
#[tokio::test(start_paused = true)]
async fn each_sale_counts_once_for_any_delivery_of_the_stream() {
    for seed in 1..=8 {
        let random = random(seed);
        let shop = stocked_shop(4).await;
        days_of_orders(&shop, &random).await;
        let records = records(&shop);
        let mut workers: Vec<VecDeque<Vec<Value>>> = vec![VecDeque::new(); 4];
        for (number, batch) in batches(&records, &random).into_iter().enumerate() {
            workers[number % 4].push_back(batch);
        }
        shop.dynamo().fail(unreliable(random.clone()));
        join_all(workers.into_iter().map(|batches| deliver(&shop, batches, &random))).await;
        shop.dynamo().fail(|_| Fault::None);
        let sales = Sales::assert_right(&shop).await;
        assert!(!sales.counted.is_empty());
        shop.audit_as_is().await;
    }
}

/// It dies after any of its calls; another instance gets the batch again.
#[tokio::test(start_paused = true)]
async fn another_instance_continues_an_interrupted_batch() {
    for number in 1.. {
        let shop = TestShop::with_instances(2);
        shop.customer("mina", 1_000_000).await;
        for product in ["tea", "cup"] {
            shop.product(product, 100, 100).await;
        }
        let order = order_by(&shop, "mina", "tea", 5, "BALANCE").await.expect(201);
        cancel_units(&shop, "mina", &order, "1", 2).await.expect(200);
        shop.order("mina", "cup", 1).await.expect(201);
        let batch = records(&shop);
        let lived = dying_at(&shop, number, count(&shop, &batch)).await;
        count(&shop, &batch).await.unwrap();
        shop.audit_as_is().await;
        if lived.is_some() {
            assert!(number > 3, "{number}");
            break;
        }
    }
}

/// An order in the last millisecond of a day, counted on the next, and the day on which it leaves the window.
#[tokio::test]
async fn a_sale_at_midnight_counts_on_the_day_that_ended() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    for product in ["tea", "cup"] {
        shop.product(product, 100, 100).await;
    }
    let top = async || {
        let top = shop.get("/products/top").await.expect(200);
        let row = |row: &Value| (row["productId"].as_str().unwrap().to_owned(), row["soldQuantity"].as_i64().unwrap());
        top["items"].as_array().unwrap().iter().map(row).collect::<Vec<_>>()
    };
    let (tea, cup) = (|units| ("tea".to_owned(), units), |units| ("cup".to_owned(), units));
    shop.order("mina", "tea", 2).await.expect(201);
    shop.settle().await;
    shop.set_clock("2026-11-20T14:59:59.999Z");
    shop.order("mina", "tea", 1).await.expect(201);
    assert_eq!(top().await, [tea(2)]);
    shop.set_clock("2026-11-20T15:00:00Z");
    shop.order("mina", "cup", 1).await.expect(201);
    // No function has run since midnight, and the list is there.
    assert_eq!(top().await, [tea(2)]);
    shop.settle().await;
    assert_eq!(top().await, [tea(3), cup(1)]);
    shop.audit_as_is().await;
    shop.set_clock("2026-11-22T14:59:59.999Z");
    assert_eq!(top().await, [tea(3), cup(1)]);
    shop.set_clock("2026-11-22T15:00:00Z");
    assert_eq!(top().await, [cup(1)]);
    shop.audit_as_is().await;
}

/// A hundred orders of fifty of 250 products: more than a transaction counts, and more than a batch of reads takes.
#[tokio::test]
async fn a_batch_of_many_products_counts_in_parts() {
    let (shop, random) = (TestShop::new(), random(7));
    for product in 0..250 {
        shop.product(&format!("p{product:03}"), 1_000, 1).await;
    }
    let line = |number: usize| (format!("p{:03}", number % 250), u16::try_from(1 + choose(&random, 9)).unwrap());
    let orders = (0..100).map(|number| {
        let first = choose(&random, 250);
        paid_order(&shop, number, &(first..first + 50).map(line).collect::<Vec<_>>())
    });
    put_orders(&shop, orders.collect::<Vec<_>>()).await;
    let records: Vec<Value> = records(&shop).into_iter().filter(|record| is_of("ORDER", record)).collect();
    assert_eq!(records.len(), 100);
    count(&shop, &records).await.unwrap();
    let sales = Sales::assert_right(&shop).await;
    assert_eq!(sales.counted.len(), 250);
}

fn is_of(sk: &str, record: &Value) -> bool {
    record["dynamodb"]["Keys"]["sk"]["S"] == sk
}

/// In batches as Lambda would cut them. The records have the form of the stream's; the orders themselves are in no
/// table.
#[tokio::test]
async fn ten_thousand_orders_count_exactly_and_within_the_budget() {
    const ORDERS: u32 = 10_000;
    let (shop, random) = (TestShop::without_stream(1), random(10));
    for product in 0..20 {
        shop.product(&format!("p{product:02}"), 1_000, 1).await;
    }
    // Some sell much better than others.
    let product = || format!("p{:02}", choose(&random, 20).min(choose(&random, 20)));
    let quantity = || u16::try_from(1 + choose(&random, 5)).unwrap();
    let orders: Vec<_> =
        (0..ORDERS as usize).map(|number| paid_order(&shop, number, &[(product(), quantity())])).collect();
    shop.meter().take();
    for orders in orders.chunks(100) {
        count(&shop, &orders.iter().map(record_of).collect::<Vec<_>>()).await.unwrap();
    }
    let cost = shop.meter().take();
    let (writes, reads) = (cost.write_units / f64::from(ORDERS), cost.read_units / f64::from(ORDERS));
    println!("counting an order: {writes:.2} write units, {reads:.2} read units");
    let sales = Sales::of(&shop).await.with_orders(&orders);
    sales.check(shop.now());
    assert_eq!(sales.counted.len(), 20);
    assert!(writes <= 4.0 && reads <= 1.0, "{writes} write units, {reads} read units");
}
