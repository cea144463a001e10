//! The waiting line of a drop under faults and races.

use std::{pin::pin, sync::Arc};

use serde_json::{Value, json};
use tests::{
    Call, TestShop,
    fakes::Fault,
    steps::{at_once, dying_at, wait},
};
use tokio::sync::Notify;

const INSTANCES: usize = 3;

/// A shop with a guarded product of some units.
async fn shop_with_drop(stock: i64) -> TestShop {
    let shop = TestShop::with_instances(INSTANCES);
    for user in ["mina", "jun"] {
        shop.customer(user, 100_000).await;
    }
    shop.product("tea", 10_000, stock).await;
    let drop = json!({ "productId": "tea", "opensAt": shop.now(), "enabled": true });
    shop.call("PUT", "/drops/friday").json(&drop).as_admin().await.expect(200);
    shop
}

fn enter(shop: &TestShop, user: &str) -> Call {
    shop.post("/drops/friday/entries", json!({})).as_user(user)
}

async fn status(shop: &TestShop, user: &str, entry: &Value) -> Value {
    let path = format!("/drops/friday/entries?ticket={}", entry["ticket"].as_str().unwrap());
    shop.get(&path).as_user(user).await.expect(200)["status"].clone()
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_dies_at_any_call_leaves_one_place_and_holds_nobody_up() {
    for number in 1..20 {
        let shop = shop_with_drop(1).await;
        let died = dying_at(&shop, number, enter(&shop, "mina")).await.is_none();
        let first = enter(&shop, "mina").await.expect(201);
        assert_eq!(enter(&shop, "mina").await.expect(201)["ticket"], first["ticket"]);
        let second = enter(&shop, "jun").await.expect(201);
        // A number that serves nobody has its turn, and so has mina, who leaves. Then it is jun's.
        let mut turns = 0;
        while status(&shop, "jun", &second).await != "ADMITTED" {
            wait(&shop, 60_000);
            turns += 1;
            assert!(turns <= 8, "the line stalls after a death at call {number}");
        }
        shop.audit().await;
        if !died {
            assert!(number > 3, "{number}");
            return;
        }
    }
    panic!("an entry has fewer calls");
}

#[tokio::test(start_paused = true)]
async fn customers_at_once_have_numbers_of_their_own_and_the_shelf_sells_each_unit_once() {
    const CUSTOMERS: usize = 40;
    let shop = shop_with_drop(7).await;
    let users: Vec<String> = (0..CUSTOMERS).map(|number| format!("c{number}")).collect();
    for user in &users {
        shop.customer(user, 50_000).await;
    }
    let entries = at_once(users.iter().map(|user| enter(&shop, user))).await;
    let entries: Vec<Value> = entries.into_iter().map(|answer| answer.expect(201)).collect();
    let mut sold = 0;
    for _ in 0..4 {
        wait(&shop, 1_000);
        let mut admitted = Vec::new();
        for (user, entry) in users.iter().zip(&entries) {
            if status(&shop, user, entry).await == "ADMITTED" {
                admitted.push((user, entry));
            }
        }
        assert!(admitted.len() <= 7 + sold, "{} inside, {sold} sold", admitted.len());
        let order = |(user, entry): &(&String, &Value)| {
            shop.order(user, "tea", 1).header("x-drop-ticket", entry["ticket"].as_str().unwrap())
        };
        // Each sends twice: a ticket serves once.
        let answers = at_once(admitted.iter().chain(&admitted).map(order)).await;
        sold += answers.iter().filter(|answer| answer.status == 201).count();
        assert!(answers.iter().all(|answer| [201, 409, 429].contains(&answer.status)));
    }
    assert_eq!((sold, shop.stock("tea").await), (7, 0));
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn a_step_that_comes_late_takes_no_admission_back() {
    let mut taken = 0;
    for number in 1..20 {
        let shop = shop_with_drop(5).await;
        wait(&shop, 1_000);
        let mina = enter(&shop, "mina").await.expect(201);
        wait(&shop, 500);
        for _ in 1..INSTANCES {
            status(&shop, "mina", &mina).await;
        }
        wait(&shop, 500);
        let (stopped, mut calls) = (Arc::new(Notify::new()), 0);
        let stops = Arc::clone(&stopped);
        shop.dynamo().fail(move |_| {
            calls += 1;
            if calls == number {
                stops.notify_one();
            }
            Fault::None
        });
        let mut late = pin!(status(&shop, "mina", &mina));
        tokio::select! {
            biased;
            () = stopped.notified() => {}
            _ = &mut late => {
                assert!(taken > 0 && number > 3, "{number}");
                return;
            }
        }
        // Jun enters through an instance that has no step to take, and is admitted by the next step of another.
        let jun = enter(&shop, "jun").await.expect(201);
        wait(&shop, 500);
        let is_taken = status(&shop, "jun", &jun).await == "ADMITTED";
        assert_eq!(late.await, "ADMITTED");
        for _ in 0..INSTANCES {
            let seen = status(&shop, "jun", &jun).await;
            assert!(!is_taken || seen == "ADMITTED", "taken back after a stop at call {number}");
        }
        taken += u32::from(is_taken);
        if !is_taken {
            wait(&shop, 1_000);
            assert_eq!(status(&shop, "jun", &jun).await, "ADMITTED");
        }
        let order = shop.order("jun", "tea", 1).header("x-drop-ticket", jun["ticket"].as_str().unwrap());
        order.await.expect(201);
        shop.audit().await;
    }
    panic!("a look has fewer calls");
}

#[tokio::test(start_paused = true)]
async fn a_drop_finishes_the_pause_of_its_campaign_that_died_half_way() {
    for number in 1..20 {
        let shop = TestShop::new();
        shop.customer("mina", 0).await;
        shop.coupon("welcome", 5).await;
        // A ticket that was allocated, and then not claimed.
        let issue = shop.post("/coupons/issue", json!({ "userId": "mina", "couponId": "welcome" })).as_user("mina");
        assert!(dying_at(&shop, 2, issue).await.is_none());
        let pause = shop.patch("/coupons/welcome", json!({ "status": "PAUSED" })).as_admin();
        let died = dying_at(&shop, number, pause).await.is_none();
        let drop = json!({ "couponId": "welcome", "opensAt": shop.now(), "enabled": true });
        for _ in 0..2 {
            shop.call("PUT", "/drops/monday").json(&drop).as_admin().await.expect(200);
        }
        let campaign = shop.get("/coupons/welcome").as_admin().await.expect(200);
        let left = if campaign["status"] == "PAUSED" { 5 } else { 4 };
        assert_eq!(campaign["remainingQuantity"], left, "the allocated ticket is settled with the pause: {campaign}");
        shop.audit().await;
        if !died {
            assert!(number > 3, "{number}");
            return;
        }
    }
    panic!("a pause has fewer calls");
}
