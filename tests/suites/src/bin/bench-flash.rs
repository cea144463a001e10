//! Sells out through DynamoDB's limits, in virtual time: `cargo xtask bench flash`.
#![allow(clippy::disallowed_methods, reason = "the machine's own time is what is asked for")]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a benchmark that cannot go on should say where")]

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use functions::{
    schedule::sweep::{self, Task},
    stream::count_sales,
};
use serde_json::{Value, json};
use shared::{
    app::Shop,
    domain::{
        OrderId, ProductId, Won,
        inventory::Take,
        order::Order,
        pricing::ShippingPolicy,
        product::{Offer, SaleStatus},
    },
    store::{RetryBounds, shards},
};
use tests::{
    Answer, TestShop,
    drafts::{draft, id},
    fakes::{
        queue::DeadLetterQueue,
        stream::{Backlog, record_of},
    },
    limits::{Limits, Rush, Sale, rush, simulate},
};

const SHARDS: [u16; 4] = [1, 4, 16, 64];
const HEADING: &str = "                            sold     sold/s  conflicts  throttled  retries  p50 ms  p99 ms  write units  exact   wall s  calls/s";

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    println!(
        "Through the model, with the shipped handlers and the real SDK; seconds are virtual but for the last columns."
    );
    println!(
        "256 partitions of 1,000 write and 3,000 read units/s, no burst saved up. Retries and units are for each success.\n"
    );
    println!("{HEADING}");
    if asked("lasting") {
        lasting().await;
        return;
    }
    if asked("line") {
        lined().await;
        return;
    }
    if !asked("policy") && !asked("counting") && !asked("siege") {
        for (counters, users) in [(1, 500), (4, 1_000), (16, 2_000)] {
            coupon(counters, users).await;
        }
        for shards in SHARDS {
            product(shards, 256, Mode::Transaction).await;
        }
        product(16, 4, Mode::Transaction).await;
        for shards in SHARDS {
            product(shards, 256, Mode::Flash).await;
        }
    }
    if !asked("policy") && !asked("counting") {
        for mode in [Mode::Transaction, Mode::Flash] {
            besieged(mode, Siege::NoMoney).await;
            besieged(mode, Siege::RepeatedKeys).await;
        }
        swept(64, 64_000).await;
    }
    if !asked("policy") && !asked("siege") {
        println!(
            "\nCounting what was sold, by as many functions as the stream of such a table has shards: a batch each.\n"
        );
        println!(
            "                                        orders  seconds   orders/s  conflicts  refused  throttled  write units  read units   wall s"
        );
        let is_wanted = |case: &&Counting| {
            let mut words = std::env::args().skip(1).filter(|word| word != "counting").peekable();
            words.peek().is_none() || words.any(|word| case.name.contains(&word))
        };
        for case in COUNTING.iter().filter(is_wanted) {
            counting(*case).await;
        }
    }
    if asked("counting") || asked("siege") {
        return;
    }

    println!(
        "\nThe policy of coupons alone: 1,000,000 customers at once for 100,000 coupons, 4,000 function instances,"
    );
    println!("1,024 partitions, {} s of patience.\n", RetryBounds::PRODUCTION.budget.as_secs());
    println!(
        "                          issued   issued/s  sold out s  answered s  busy  throttled  p50 ms  p99 ms  write units   wall s   events/s"
    );
    for counters in SHARDS {
        policy(counters);
    }
    println!(
        "\nFor comparison, what others report: 2,185 coupons/s behind a queue, 351/s synchronously; 98.9 charges/s on one"
    );
    println!("user with 2.3 % errors. Those are of other machines and real time; these are of a model.");
    println!(
        "What limits here is the model, never the machine: virtual time waits for it. How fast it is the last columns say."
    );
}

/// Whether the command has this word.
fn asked(what: &str) -> bool {
    std::env::args().any(|argument| argument == what)
}

/// The limits without any burst: the rate that a partition sustains.
fn limits(partitions: u16) -> Limits {
    Limits { burst_seconds: 0.1, ..Limits::for_warm_table(partitions) }
}

/// The number of function instances that issue coupons.
const INSTANCES: usize = 50;

/// Coupons for four of five users. All users come at once, to functions that have issued one coupon each.
async fn coupon(counters: u16, users: usize) {
    let total = i64::try_from(users / 5 * 4).unwrap();
    let shop = TestShop::through(limits(256), INSTANCES);
    let prepare = shop.without_limits();
    for user in 0..users {
        prepare.customer(&format!("u{user}"), 0).await;
    }
    let terms = json!({ "kind": "FIXED", "value": 1_000, "counterShards": counters });
    prepare.campaign("welcome", total + i64::try_from(INSTANCES).unwrap(), terms).await;
    for user in 0..INSTANCES {
        prepare.customer(&format!("early{user}"), 0).await;
        let body = json!({ "userId": format!("early{user}"), "couponId": "welcome" });
        shop.post("/coupons/issue", body).await.expect(201);
    }
    let asked = shop.clone();
    let begun = Instant::now();
    let ask = move |client: usize, round: usize, _: Option<&Answer>| {
        let body = json!({ "userId": format!("u{client}"), "couponId": "welcome" });
        (round == 0).then(|| asked.post("/coupons/issue", body))
    };
    let issued = rush(&shop, users, ask).await;
    let campaign = prepare.get("/coupons/welcome").as_admin().await.expect(200);
    let is_exact = issued.sold() == u64::try_from(total).unwrap() && campaign["remainingQuantity"] == 0;
    shop.audit().await;
    print(&format!("coupon, {counters} counters"), &issued, is_exact, begun.elapsed());
}

/// The way in which orders take their units.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Transaction,
    /// Reserved ahead of the transaction.
    Flash,
}

/// One unit an order, paid from the balance, by twelve customers a shard, until all is sold.
async fn product(shards: u16, partitions: u16, mode: Mode) {
    let clients = 12 * usize::from(shards);
    let stock = 80 + 20 * i64::from(shards);
    let flash = mode == Mode::Flash;
    let shop = TestShop::through(limits(partitions), 8 * usize::from(shards));
    let prepare = shop.without_limits();
    for user in 0..clients {
        prepare.customer(&format!("u{user}"), 10_000_000).await;
    }
    let tea: Value = json!({
        "productId": "tea", "name": "녹차", "price": 100, "stock": stock, "stockShards": shards, "flash": flash,
    });
    prepare.post("/products", tea).as_admin().await.expect(201);
    let (orders, left) = (shop.clone(), Arc::new(AtomicI64::new(stock)));
    let begun = Instant::now();
    let order = move |client: usize, _: usize, last: Option<&Answer>| {
        let sold = i64::from(last.is_some_and(|answer| answer.status == 201));
        let open = left.fetch_sub(sold, Ordering::SeqCst) - sold;
        let refused = last.is_some_and(|answer| answer.status == 409);
        (open > 0 && !refused).then(|| orders.order(&format!("u{client}"), "tea", 1))
    };
    let sold = rush(&shop, clients, order).await;
    let is_exact = sold.sold() == u64::try_from(stock).unwrap() && prepare.stock("tea").await == 0;
    let wall = begun.elapsed();
    shop.audit().await;
    let name = if flash { "flash product" } else { "product" };
    let cold = if partitions < 256 { ", cold" } else { "" };
    print(&format!("{name}, {shards} shards{cold}"), &sold, is_exact, wall);
}

/// The rates of sales that last, by second, from shards set by hand and from one shard untouched: `lasting 16 256` for at
/// most 16 shards on 256 partitions.
async fn lasting() {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse::<u16>().ok());
    let mut number = |or: u16| numbers.next().unwrap_or(or);
    let table = Lasting { shards: number(64), partitions: number(256), customers: number(16) };
    let Lasting { shards, customers, .. } = table;
    println!(
        "\nA sale that lasts, {customers} customers a shard, without an end of the stock: orders in each second.\n"
    );
    let by_hand = |flash: bool| json!({ "stockShards": shards, "flash": flash });
    if asked("untouched") {
        last("untouched", json!({}), false, table, 5).await;
        return;
    }
    if asked("auto-flash") {
        last("untouched, AutoFlash", json!({}), true, table, 5).await;
        return;
    }
    if asked("by-hand") {
        last("by hand", by_hand(false), false, table, 2).await;
        return;
    }
    let transactions = last("by hand", by_hand(false), false, table, 2).await;
    let alone = last("untouched", json!({}), false, table, 5).await;
    println!("  in the fifth second {:.0} % of the rate by hand\n", 100.0 * alone / transactions);
    let flash = last("by hand, flash", by_hand(true), false, table, 2).await;
    let with_flash = last("untouched, AutoFlash", json!({}), true, table, 5).await;
    println!("  in the fifth second {:.0} % of the rate by hand\n", 100.0 * with_flash / flash);
}

/// A sale that lasts.
#[derive(Clone, Copy)]
struct Lasting {
    /// The most shards of the product.
    shards: u16,
    partitions: u16,
    /// The customers a shard.
    customers: u16,
}

/// Sells for so many seconds; prints the orders in each, and returns those in the last.
async fn last(name: &str, scale: Value, auto_flash: bool, sale: Lasting, seconds: u64) -> f64 {
    let Lasting { shards, partitions, customers } = sale;
    let clients = usize::from(customers) * usize::from(shards);
    let stock = 1_000_000_i64;
    let shop = TestShop::through_without_stream(limits(partitions), 8 * usize::from(shards))
        .with_policy(|policy| (policy.scaling.auto_flash, policy.scaling.most_shards) = (auto_flash, shards));
    let prepare = shop.without_limits();
    for user in 0..clients {
        prepare.customer(&format!("u{user}"), 10_000_000).await;
    }
    let mut tea = json!({ "productId": "tea", "name": "녹차", "price": 100, "stock": stock });
    tea.as_object_mut().unwrap().extend(scale.as_object().unwrap().clone());
    prepare.post("/products", tea).as_admin().await.expect(201);
    let orders = shop.clone();
    let (begun, wall) = (tokio::time::Instant::now(), Instant::now());
    let order = move |client: usize, _: usize, _: Option<&Answer>| {
        (begun.elapsed() < Duration::from_secs(seconds)).then(|| orders.order(&format!("u{client}"), "tea", 1))
    };
    let sold = rush(&shop, clients, order).await;
    let is_exact = stock - prepare.stock("tea").await == i64::try_from(sold.sold()).unwrap();
    let product = prepare.get("/desk/products/tea").as_admin().await.expect(200);
    let in_second = |second: u64| {
        let of = |at: &&Duration| at.as_secs() == second;
        as_f64(u64::try_from(sold.successes.iter().filter(of).count()).unwrap())
    };
    let rates: Vec<String> = (0..seconds).map(|second| format!("{:>7.0}", in_second(second))).collect();
    let (count, seen) = (as_f64(sold.sold()), sold.seen);
    println!(
        "{name:<28}{partitions:>6} partitions {} | {} shards{}, conflicts {:.1}, throttled {:.1}, units {:.1} an order, p50 {} p99 {} ms, exact {is_exact}, {:.0} s",
        rates.concat(),
        product["stockShards"],
        if product["flash"] == true { " flash" } else { "" },
        as_f64(seen.conflicts) / count,
        as_f64(seen.throttled) / count,
        seen.write_units / count,
        sold.percentile(50).as_millis(),
        sold.percentile(99).as_millis(),
        wall.elapsed().as_secs_f64(),
    );
    in_second(seconds - 1)
}

/// The customers of the comparison, and the units that they want.
const CROWD: usize = 600;
const WANTED: i64 = 300;

/// The same crowd at the same product, without a drop and with one: the time until each customer knows the outcome.
async fn lined() {
    println!(
        "\n{CROWD} customers at once for {WANTED} units in one shard; each goes on until the unit is bought or all are sold.\n"
    );
    println!(
        "                      sold   first answer p50, p99 ms   outcome p50, p99, last s   orders sent   busy  conflicts  throttled  write units  read units  exact   wall s"
    );
    for flash in [false, true] {
        for has_drop in [false, true] {
            crowd(flash, has_drop).await;
        }
    }
}

/// The times of a crowd.
#[derive(Default)]
struct Times {
    /// From the arrival to the first answer other than 503.
    first: Vec<Duration>,
    /// From the arrival to the outcome.
    outcome: Vec<Duration>,
    bought: u64,
    orders: u64,
    busy: u64,
}

async fn crowd(flash: bool, has_drop: bool) {
    let shop = TestShop::through(limits(256), 64);
    let prepare = shop.without_limits();
    for user in 0..CROWD {
        prepare.customer(&format!("u{user}"), 10_000).await;
    }
    let tea = json!({
        "productId": "tea", "name": "녹차", "price": 100, "stock": WANTED, "stockShards": 1, "flash": flash,
    });
    prepare.post("/products", tea).as_admin().await.expect(201);
    if has_drop {
        let drop = json!({ "productId": "tea", "opensAt": shop.now(), "enabled": true });
        prepare.call("PUT", "/drops/friday").json(&drop).as_admin().await.expect(200);
    }
    let (before, wall) = (shop.limited().seen(), Instant::now());
    let mut crowd = tokio::task::JoinSet::new();
    for user in 0..CROWD {
        let shop = shop.clone();
        crowd.spawn(async move { customer(&shop, &format!("u{user}"), has_drop).await });
    }
    let mut all = Times::default();
    while let Some(one) = crowd.join_next().await {
        let one = one.unwrap();
        all.first.extend(one.first);
        all.outcome.extend(one.outcome);
        (all.bought, all.orders, all.busy) = (all.bought + one.bought, all.orders + one.orders, all.busy + one.busy);
    }
    let seen = shop.limited().seen() - before;
    all.first.sort_unstable();
    all.outcome.sort_unstable();
    let at = |times: &[Duration], percent: usize| times[(times.len() - 1) * percent / 100];
    let is_exact = all.bought == u64::try_from(WANTED).unwrap() && prepare.stock("tea").await == 0;
    shop.audit().await;
    let sold = as_f64(all.bought);
    println!(
        "{:<7}{:<13}{:>6}{:>18}, {:>5}{:>18.1}, {:>4.1}, {:>4.1}{:>14}{:>7}{:>11.1}{:>11.1}{:>13.1}{:>12.1}{:>7}{:>9.0}",
        if flash { "flash" } else { "" },
        if has_drop { "with a line" } else { "without" },
        all.bought,
        at(&all.first, 50).as_millis(),
        at(&all.first, 99).as_millis(),
        at(&all.outcome, 50).as_secs_f64(),
        at(&all.outcome, 99).as_secs_f64(),
        at(&all.outcome, 100).as_secs_f64(),
        all.orders,
        all.busy,
        as_f64(seen.conflicts) / sold,
        as_f64(seen.throttled) / sold,
        seen.write_units / sold,
        seen.read_units / sold,
        if is_exact { "yes" } else { "NO" },
        wall.elapsed().as_secs_f64(),
    );
}

/// A customer who waits a second after each look and each 503.
async fn customer(shop: &TestShop, user: &str, has_drop: bool) -> Times {
    let (arrived, mut times) = (tokio::time::Instant::now(), Times::default());
    let mut ticket: Option<String> = None;
    let mut is_admitted = !has_drop;
    loop {
        let call = match &ticket {
            None if has_drop => shop.post("/drops/friday/entries", json!({})).as_user(user),
            Some(ticket) if !is_admitted => shop.get(&format!("/drops/friday/entries?ticket={ticket}")).as_user(user),
            _ => {
                times.orders += 1;
                let order = shop.order(user, "tea", 1);
                ticket.iter().fold(order, |order, ticket| order.header("x-drop-ticket", ticket))
            }
        };
        let was_order = is_admitted;
        let answer = call.await;
        if answer.status == 503 {
            times.busy += 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        }
        if times.first.is_empty() {
            times.first.push(arrived.elapsed());
        }
        if was_order {
            times.bought = u64::from(answer.status == 201);
            assert!(answer.status == 201 || answer.code() == "STOCK_NOT_ENOUGH", "{}", answer.body);
            break;
        }
        let entry = &answer.body["data"];
        ticket = ticket.or_else(|| entry["ticket"].as_str().map(str::to_owned));
        is_admitted = entry["status"] == "ADMITTED";
        if !is_admitted && entry["soldOut"] == true {
            break;
        }
        if !is_admitted {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    times.outcome.push(arrived.elapsed());
    times
}

/// Requests that take nothing, beside those that buy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Siege {
    /// As many customers without money as with it.
    NoMoney,
    /// As many repetitions of orders that were placed before.
    RepeatedKeys,
}

/// The same sale on four shards, while as many customers again make requests that take nothing.
async fn besieged(mode: Mode, siege: Siege) {
    let (shards, buyers, stock) = (4_u16, 48_usize, 240_i64);
    let flash = mode == Mode::Flash;
    let shop = TestShop::through(limits(256), 64).without_caps();
    let prepare = shop.without_limits();
    for user in 0..buyers {
        prepare.customer(&format!("u{user}"), 10_000_000).await;
        let money = if siege == Siege::NoMoney { 0 } else { 10_000_000 };
        prepare.customer(&format!("idle{user}"), money).await;
    }
    let tea = json!({
        "productId": "tea", "name": "녹차", "price": 100, "stock": stock + 48, "stockShards": shards, "flash": flash,
    });
    prepare.post("/products", tea).as_admin().await.expect(201);
    let idle = |shop: &TestShop, user: usize| shop.order(&format!("idle{user}"), "tea", 1).key("again");
    if siege == Siege::RepeatedKeys {
        for user in 0..buyers {
            idle(&prepare, user).await.expect(201);
        }
    } else {
        prepare.post("/products/tea/restock", json!({ "quantity": -48 })).as_admin().await.expect(200);
    }
    let (orders, left) = (shop.clone(), Arc::new(AtomicI64::new(stock)));
    let begun = Instant::now();
    let call = move |client: usize, _: usize, last: Option<&Answer>| {
        let is_buyer = client < buyers;
        let sold = i64::from(is_buyer && last.is_some_and(|answer| answer.status == 201));
        let open = left.fetch_sub(sold, Ordering::SeqCst) - sold;
        let refused = is_buyer && last.is_some_and(|answer| answer.status == 409);
        let call =
            || if is_buyer { orders.order(&format!("u{client}"), "tea", 1) } else { idle(&orders, client - buyers) };
        (open > 0 && !refused).then(call)
    };
    let mut sold = rush(&shop, 2 * buyers, call).await;
    let is_exact = prepare.stock("tea").await == 0;
    if siege == Siege::RepeatedKeys {
        // Their answers are successes, too, but sell nothing.
        let repetitions = sold.successes.len().saturating_sub(usize::try_from(stock).unwrap());
        sold.successes.drain(..repetitions.min(sold.successes.len()));
    }
    let wall = begun.elapsed();
    shop.audit().await;
    let name = if flash { "flash" } else { "product" };
    let what = if siege == Siege::NoMoney { "no money" } else { "repeated" };
    print(&format!("{name}, half {what}"), &sold, is_exact, wall);
}

/// Reservations on so many shards that nobody claimed: how long the sweep takes to return them.
async fn swept(shards: u16, units: i64) {
    let shop = TestShop::through(limits(256), 1);
    let prepare = shop.without_limits();
    let tea = json!({
        "productId": "tea", "name": "녹차", "price": 100, "stock": units, "stockShards": shards, "flash": true,
    });
    prepare.post("/products", tea).as_admin().await.expect(201);
    let offer = Offer { price: Won::new(100), discount: Won::ZERO, status: SaleStatus::OnSale, terms: None };
    let (id, each) = (id::<ProductId>("tea"), units / i64::from(shards));
    for shard in 0..shards {
        let reserve = shards::reserve(&id, Take { shard, units: each }, &offer);
        let _ = prepare.instance().table.apply::<Value>(&reserve, &mut prepare.instance().backoff()).await.unwrap();
    }
    let (begun, wall) = (tokio::time::Instant::now(), Instant::now());
    let mut runs = 0;
    while prepare.stock("tea").await < units {
        tokio::time::sleep_until(begun + Duration::from_secs(60 * (runs + 1))).await;
        sweep::run(shop.instance(), &[Task::Inventory]).await.unwrap();
        runs += 1;
    }
    println!(
        "sweep of {units} orphaned units on {shards} shards: back {:.0} s after their reservation, by {runs} runs a minute apart ({:.0} s on this machine)",
        begun.elapsed().as_secs_f64(),
        wall.elapsed().as_secs_f64(),
    );
}

/// The number of stream shards of a table with 256 partitions.
const STREAM_SHARDS: usize = 256;

/// Sales for the batches of each shard.
#[derive(Clone, Copy)]
struct Counting {
    name: &'static str,
    orders: usize,
    lines: usize,
    products: usize,
}

/// `counting WORD` runs only those with the word in their name.
const COUNTING: [Counting; 4] = [
    Counting { name: "each a product of its own", orders: 20, lines: 1, products: STREAM_SHARDS },
    Counting { name: "2,000 products, some popular", orders: 20, lines: 1, products: 2_000 },
    Counting { name: "the same, up to three lines", orders: 20, lines: 3, products: 2_000 },
    Counting { name: "one product", orders: 98, lines: 1, products: 1 },
];

/// Lets an instance count the sales of a batch, again and again until it succeeds.
async fn count(instance: &Shop, batch: &[Value]) {
    let dead_letters = DeadLetterQueue::default().of_stream();
    let mut backlog = Backlog::of("CountSales");
    backlog.add(batch.iter().cloned());
    assert_eq!(backlog.len(), batch.len(), "each record passes the filters");
    backlog.drain(|batch| count_sales::handle(instance, &dead_letters, batch)).await;
}

/// Orders, counted by one function for each shard of the stream, all at once. A failed batch comes again.
async fn counting(Counting { name, orders, lines, products }: Counting) {
    let shop = TestShop::through(limits(256), STREAM_SHARDS);
    let random = tests::random(5);
    let below = |bound: usize| usize::try_from(random.below(u64::try_from(bound).unwrap())).unwrap();
    let product = |shard: usize| match products {
        STREAM_SHARDS => shard,
        // The most popular one has a twenty-fifth of the lines.
        _ => below(below(below(below(products) + 1) + 1) + 1),
    };
    let policy = ShippingPolicy { fee: Won::ZERO, free_from: Won::ZERO };
    let record = |order: &str, products: BTreeSet<usize>| {
        let lines: Vec<String> = products.into_iter().map(|product| format!("p{product:04}")).collect();
        let lines: Vec<(&str, i64)> = lines.iter().map(|product| (product.as_str(), 1)).collect();
        record_of(&Order::paid(id::<OrderId>(order), draft("mina", &lines, policy, shop.now())))
    };
    let batch = |shard: usize| -> Vec<Value> {
        let products = || (0..1 + below(lines)).map(|_| product(shard)).collect();
        (0..orders).map(|number| record(&format!("o{shard}-{number}"), products())).collect()
    };
    let batches: Vec<Vec<Value>> = (0..STREAM_SHARDS).map(batch).collect();
    let prepare = shop.without_limits();
    for product in 0..products {
        prepare.product(&format!("p{product:04}"), 1_000, 1).await;
    }
    // None of these sales is the first of its product.
    let first: Vec<Value> =
        (0..products).map(|product| record(&format!("first-{product}"), [product].into())).collect();
    for batch in first.chunks(100) {
        count(prepare.instance(), batch).await;
    }
    let (before, begun, wall) = (shop.limited().seen(), tokio::time::Instant::now(), Instant::now());
    let work = batches.iter().map(|batch| count(shop.instance(), batch));
    futures::future::join_all(work).await;
    let (seen, took) = (shop.limited().seen() - before, begun.elapsed());
    let orders = as_f64(u64::try_from(STREAM_SHARDS * orders).unwrap());
    println!(
        "{name:<34}{orders:>12.0}{:>9.1}{:>11.0}{:>11}{:>9}{:>11}{:>13.1}{:>12.1}{:>9.1}",
        took.as_secs_f64(),
        orders / took.as_secs_f64(),
        seen.conflicts,
        seen.refused,
        seen.throttled,
        seen.write_units / orders,
        seen.read_units / orders,
        wall.elapsed().as_secs_f64(),
    );
}

fn print(name: &str, rush: &Rush, is_exact: bool, wall: Duration) {
    let (sold, seen) = (as_f64(rush.sold()), rush.seen);
    let retries = as_f64(seen.conflicts + seen.throttled) / sold;
    println!(
        "{name:<24}{:>8}{:>11.0}{:>11}{:>11}{retries:>9.1}{:>8}{:>8}{:>13.1}{:>7}{:>9.1}{:>9.0}",
        rush.sold(),
        rush.per_second(),
        seen.conflicts,
        seen.throttled,
        rush.percentile(50).as_millis(),
        rush.percentile(99).as_millis(),
        seen.write_units / sold,
        if is_exact { "yes" } else { "NO" },
        wall.as_secs_f64(),
        as_f64(seen.calls) / wall.as_secs_f64(),
    );
}

fn policy(counters: u16) {
    let sale = Sale { customers: 1_000_000, coupons: 100_000, counters, instances: 4_000 };
    let begun = Instant::now();
    let issued = simulate(sale, limits(1_024));
    let wall = begun.elapsed().as_secs_f64();
    assert_eq!((issued.issued, issued.too_late), (sale.coupons, sale.customers - sale.coupons), "an exact sale");
    println!(
        "coupon, {counters:>2} counters    {:>8}{:>11.0}{:>12.1}{:>12.1}{:>6}{:>11}{:>8}{:>8}{:>13.1}{wall:>9.1}{:>11.0}",
        issued.issued,
        issued.per_second(),
        issued.sold_out.as_secs_f64(),
        issued.over.as_secs_f64(),
        issued.busy,
        issued.throttled,
        issued.percentile(50).as_millis(),
        issued.percentile(99).as_millis(),
        issued.write_units / f64::from(issued.issued),
        as_f64(issued.events) / wall,
    );
}

fn as_f64(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}
