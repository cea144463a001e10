//! Hot products and campaigns that scale by themselves.

use std::time::Duration;

use functions::schedule::sweep;
use serde_json::{Value, json};
use shared::events::EventKind;
use tests::{
    Answer, Call, Fault, TestShop,
    limits::{Limits, Rush, rush},
    steps::{
        dying_at, published,
        tickets::{orphan_tickets, users_of},
        wait,
    },
};

/// A shop with a product of one shard, customers, and the limits of a warm table.
async fn shop(clients: usize, product: Value, auto_flash: bool) -> TestShop {
    let limits = Limits { burst_seconds: 0.1, ..Limits::for_warm_table(256) };
    let shop = TestShop::through(limits, clients).with_policy(|policy| policy.scaling.auto_flash = auto_flash);
    let prepare = shop.without_limits();
    for user in 0..clients {
        prepare.customer(&format!("u{user}"), 10_000_000).await;
    }
    let mut tea = json!({ "productId": "tea", "name": "녹차", "price": 100, "stock": 100_000 });
    tea.as_object_mut().unwrap().extend(product.as_object().unwrap().clone());
    prepare.post("/products", tea).as_admin().await.expect(201);
    shop
}

/// Lets all customers order for so long.
async fn sell(shop: &TestShop, clients: usize, time: Duration) -> Rush {
    let (orders, begun) = (shop.clone(), tokio::time::Instant::now());
    let order = move |client: usize, _: usize, _: Option<&Answer>| {
        (begun.elapsed() < time).then(|| orders.order(&format!("u{client}"), "tea", 1))
    };
    rush(shop, clients, order).await
}

/// Lets a minute pass, at whose end the inventory is swept.
async fn a_minute_passes(shop: &TestShop) {
    tokio::time::sleep(Duration::from_secs(60)).await;
    sweep::run(shop.without_limits().instance(), &[sweep::Task::Inventory]).await.unwrap();
}

async fn product(shop: &TestShop) -> Value {
    shop.without_limits().get("/desk/products/tea").as_admin().await.expect(200)
}

/// The data of the published events of a kind.
async fn data_of(shop: &TestShop, kind: EventKind) -> Vec<Value> {
    let events = published(&shop.without_limits()).await.into_iter();
    events.filter(|event| event.kind == kind).map(|event| serde_json::to_value(&event.data).unwrap()).collect()
}

/// The steps that the events tell of: cause, shards, flash mode.
async fn steps(shop: &TestShop) -> Vec<(String, u64, bool)> {
    let step = |it: Value| {
        let cause = it["cause"].as_str().unwrap().to_owned();
        (cause, it["stockShards"].as_u64().unwrap(), it["flash"].as_bool().unwrap())
    };
    data_of(shop, EventKind::ProductScaled).await.into_iter().map(step).collect()
}

#[tokio::test(start_paused = true)]
async fn a_hot_product_gets_shards_within_two_seconds_and_sells_exactly_meanwhile() {
    const TIME: Duration = Duration::from_millis(1_300);
    let shop = shop(24, json!({}), true).await;
    let sold = sell(&shop, 24, TIME).await;
    let tea = product(&shop).await;
    assert!(tea["stockShards"].as_u64() > Some(4), "{tea}");
    let steps = steps(&shop).await;
    let last = ("HOT".to_owned(), tea["stockShards"].as_u64().unwrap(), tea["flash"].as_bool().unwrap());
    assert_eq!(steps.last(), Some(&last), "{steps:?}");
    assert_eq!(tea["stock"].as_u64(), Some(100_000 - sold.sold()));
    let late = sold.successes.iter().filter(|at| **at >= TIME / 2).count();
    assert!(late > 3 * (sold.successes.len() - late) / 2, "{late} of {} in the second half", sold.successes.len());
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn flash_mode_follows_where_it_may_and_shards_are_pinned() {
    for (auto_flash, pin, flash) in
        [(true, json!({}), true), (false, json!({}), false), (true, json!({ "flash": false }), false)]
    {
        let mut scale = pin.clone();
        scale["stockShards"] = json!(1);
        let shop = shop(8, scale, auto_flash).await;
        sell(&shop, 8, Duration::from_millis(700)).await;
        let tea = product(&shop).await;
        assert_eq!((&tea["stockShards"], &tea["flash"]), (&json!(1), &json!(flash)), "{auto_flash} {pin}");
        shop.audit().await;
    }
}

/// The sale goes on where contention is rare, and the product loses its shards step by step.
#[tokio::test(start_paused = true)]
async fn a_product_that_has_cooled_returns_to_one_shard_without_flash_mode() {
    let shop = shop(12, json!({}), true).await;
    let sold = sell(&shop, 12, Duration::from_millis(1_000)).await;
    let hot = product(&shop).await;
    assert!(hot["stockShards"].as_u64() > Some(4), "{hot}");
    let mut seen = Vec::new();
    for _ in 0..20 {
        a_minute_passes(&shop).await;
        let tea = product(&shop).await;
        seen.push((tea["stockShards"].as_u64().unwrap(), tea["flash"].as_bool().unwrap()));
    }
    assert_eq!(seen[2].0, hot["stockShards"].as_u64().unwrap(), "it stays for minutes: {seen:?}");
    assert_eq!(seen.last(), Some(&(1, false)), "{seen:?}");
    // Each step back has one event, however many shards it retires.
    let cooled = steps(&shop).await.into_iter().filter(|(cause, ..)| cause == "COOLED");
    let mut changes = vec![(hot["stockShards"].as_u64().unwrap(), hot["flash"].as_bool().unwrap())];
    changes.extend(seen.iter().copied());
    changes.dedup();
    let told: Vec<(u64, bool)> = cooled.map(|(_, shards, flash)| (shards, flash)).collect();
    assert_eq!(told, changes[1..], "{seen:?}");
    assert!(seen.windows(2).all(|pair| pair[1].0 * 2 >= pair[0].0 && pair[1].0 <= pair[0].0), "{seen:?}");
    assert_eq!(product(&shop).await["stock"].as_u64(), Some(100_000 - sold.sold()));
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn flash_mode_stays_while_a_rush_goes_on_in_it() {
    const BUSY_MINUTES: usize = 8;
    let shop = shop(8, json!({ "stockShards": 1 }), true).await;
    let mut sold = sell(&shop, 8, Duration::from_millis(1_500)).await.sold();
    assert_eq!(product(&shop).await["flash"], true);
    let mut seen = Vec::new();
    for minute in 0..16 {
        // Six units a second, of which no sale meets another.
        for _ in 0..if minute < BUSY_MINUTES { 6 } else { 0 } {
            shop.without_limits().order("u0", "tea", 60).await.expect(201);
            sold += 60;
        }
        a_minute_passes(&shop).await;
        seen.push(product(&shop).await["flash"] == true);
    }
    assert!(seen[..BUSY_MINUTES + 3].iter().all(|flash| *flash), "{seen:?}");
    assert_eq!(seen.last(), Some(&false), "{seen:?}");
    assert_eq!(product(&shop).await["stock"].as_u64(), Some(100_000 - sold));
    shop.audit().await;
}

#[tokio::test]
async fn a_value_pins_and_null_lets_a_product_follow_the_demand() {
    let shop = TestShop::new();
    shop.product("tea", 100, 10).await;
    let shown = async || {
        let tea = shop.get("/desk/products/tea").as_admin().await.expect(200);
        ["stockShards", "stockShardsPinned", "flash", "flashPinned"].map(|field| tea[field].clone())
    };
    let patch = async |change: Value| shop.patch("/products/tea", change).as_admin().await.expect(200);
    assert_eq!(json!(shown().await), json!([1, false, false, false]));
    patch(json!({ "stockShards": 4, "flash": true })).await;
    assert_eq!(json!(shown().await), json!([4, true, true, true]));
    patch(json!({ "stockShards": null })).await;
    assert_eq!(json!(shown().await), json!([4, false, true, true]));
    patch(json!({ "flash": null })).await;
    assert_eq!(json!(shown().await), json!([4, false, true, false]));
    assert_eq!(shop.patch("/products/tea", json!({ "stockShards": 65 })).as_admin().await.status, 400);
    shop.audit().await;
}

/// Functions that find the product hot at the same instant: one of them takes the step, and no unit is lost.
#[tokio::test(start_paused = true)]
async fn many_functions_take_one_step_at_a_time() {
    let shop = shop(8, json!({ "stock": 31 }), true).await;
    let sold = sell(&shop, 8, Duration::from_millis(1_500)).await;
    assert_eq!(sold.sold(), 31);
    let tea = product(&shop).await;
    assert!(tea["stockShards"].as_u64() <= Some(16), "each shard has two units: {tea}");
    shop.audit().await;
}

async fn campaign(shop: &TestShop, id: &str) -> Value {
    shop.without_limits().get(&format!("/coupons/{id}")).as_admin().await.expect(200)
}

fn issue(shop: &TestShop, user: &str, campaign: &str) -> Call {
    shop.post("/coupons/issue", json!({ "userId": user, "couponId": campaign }))
}

/// The numbers of counters that the events tell of.
async fn counters_told(shop: &TestShop) -> Vec<u64> {
    let scaled = data_of(shop, EventKind::CampaignScaled).await.into_iter();
    scaled.map(|data| data["counterShards"].as_u64().unwrap()).collect()
}

const FIXED: fn() -> Value = || json!({ "kind": "FIXED", "value": 1_000 });

/// One counter takes fifty allocations at once and then 1,000 a second, fewer than the crowd asks for.
#[tokio::test(start_paused = true)]
async fn a_hot_campaign_gets_counters_and_issues_exactly_meanwhile() {
    const CLIENTS: usize = 50;
    const ROUNDS: usize = 14;
    let limits = Limits { burst_seconds: 0.05, ..Limits::for_warm_table(256) };
    let shop = TestShop::through(limits, CLIENTS);
    let prepare = shop.without_limits();
    for user in 0..CLIENTS * ROUNDS {
        prepare.customer(&format!("u{user}"), 0).await;
    }
    let mut seconds = Vec::new();
    for (id, pinned) in [("pinned", true), ("free", false)] {
        let mut terms = FIXED();
        if pinned {
            terms["counterShards"] = json!(1);
        }
        prepare.campaign(id, 600, terms).await;
        let requests = shop.clone();
        let sold = rush(&shop, CLIENTS, move |client: usize, round: usize, _: Option<&Answer>| {
            (round < ROUNDS).then(|| issue(&requests, &format!("u{}", client * ROUNDS + round), id))
        })
        .await;
        let campaign = campaign(&shop, id).await;
        assert_eq!((sold.successes.len(), &campaign["remainingQuantity"]), (600, &json!(0)), "{:?}", sold.codes);
        let counters = campaign["counterShards"].as_u64().unwrap();
        assert_eq!(counters > 1, !pinned, "{campaign}");
        assert_eq!(counters_told(&shop).await.last().copied(), (!pinned).then_some(counters));
        seconds.push(sold.successes.iter().max().unwrap().as_secs_f64());
        assert_eq!(shop.audit().await.tickets_orphaned, 0);
    }
    assert!(seconds[1] < 0.8 * seconds[0], "{seconds:?}");
}

/// A campaign of two counters of which the user's own is empty.
async fn uneven() -> (TestShop, String) {
    let shop = TestShop::new();
    shop.campaign("welcome", 1_100, FIXED()).await;
    let user = users_of(0, 2).next().unwrap();
    shop.customer(&user, 0).await;
    orphan_tickets(&shop, "welcome", 0, 550).await;
    (shop, user)
}

#[tokio::test]
async fn a_campaign_with_an_empty_counter_while_another_is_full_gets_a_counter() {
    let (shop, user) = uneven().await;
    issue(&shop, &user, "welcome").await.expect(201);
    let welcome = campaign(&shop, "welcome").await;
    assert_eq!((&welcome["counterShards"], &welcome["remainingQuantity"]), (&json!(3), &json!(549)));
    assert_eq!(counters_told(&shop).await, [3]);
    shop.audit().await;
}

/// The function dies at each of its calls: the sweep brings the new version to all counters, and no ticket is lost.
#[tokio::test]
async fn a_campaign_grows_whole_or_not_at_all() {
    let mut seen = std::collections::BTreeSet::new();
    for number in 1.. {
        let (shop, user) = uneven().await;
        let answered = dying_at(&shop, number, issue(&shop, &user, "welcome")).await;
        for _ in 0..3 {
            wait(&shop, 60_000);
            sweep::tickets::run(shop.instance()).await.unwrap();
        }
        assert_eq!(shop.audit().await.tickets_orphaned, 0, "call {number}");
        let welcome = campaign(&shop, "welcome").await;
        seen.insert(welcome["counterShards"].as_u64().unwrap());
        let issued = i64::from(answered.is_some());
        let left = welcome["remainingQuantity"].as_i64().unwrap();
        assert!(left == 1_100 - issued || left == 1_099, "call {number}: {welcome}");
        if answered.is_some() {
            break;
        }
    }
    assert_eq!(seen, [2, 3].into());
}

/// Conflicts are rare here, and three within a moment are a sign of heat.
#[tokio::test]
async fn counters_that_an_admin_set_stay() {
    for (pinned, counters) in [(true, 1), (false, 4)] {
        let shop = TestShop::with_instances(1);
        let mut terms = FIXED();
        if pinned {
            terms["counterShards"] = json!(1);
        }
        shop.campaign("welcome", 1_000, terms).await;
        shop.customer("mina", 0).await;
        shop.dynamo().fail_first("UpdateItem", 3, Fault::Conflict);
        issue(&shop, "mina", "welcome").await.expect(201);
        assert_eq!(campaign(&shop, "welcome").await["counterShards"], counters);
        shop.audit().await;
    }
}

/// The function at the door sells nothing, so that no ticket tells it of new counters.
#[tokio::test]
async fn a_line_counts_the_tickets_of_counters_that_another_function_added() {
    let (shop, user) = uneven().await;
    shop.customer("jun", 0).await;
    let door = shop.another_instance();
    let line = json!({ "couponId": "welcome", "opensAt": shop.now(), "enabled": true });
    door.call("PUT", "/drops/friday").json(&line).as_admin().await.expect(200);
    let enter = |user: &str| door.post("/drops/friday/entries", json!({})).as_user(user);
    let look = async |user: &str, ticket: &str| {
        wait(&shop, 2_000);
        door.get(&format!("/drops/friday/entries?ticket={ticket}")).as_user(user).await.expect(200)
    };
    let entry = enter(&user).await.expect(201);
    let ticket = entry["ticket"].as_str().unwrap();
    assert_eq!(look(&user, ticket).await["status"], "ADMITTED");
    issue(&shop, &user, "welcome").header("x-drop-ticket", ticket).await.expect(201);
    assert_eq!(campaign(&shop, "welcome").await["counterShards"], 3);
    orphan_tickets(&shop, "welcome", 1, 275).await;
    let entry = enter("jun").await.expect(201);
    let seen = look("jun", entry["ticket"].as_str().unwrap()).await;
    assert_eq!((&seen["soldOut"], &seen["status"]), (&json!(false), &json!("ADMITTED")), "{seen}");
}
