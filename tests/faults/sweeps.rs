//! Sweeps of many things: none keeps the others waiting.

use std::time::Duration;

use functions::schedule::sweep;
use serde_json::json;
use shared::app::Bounds;
use tests::{
    TABLE, TestShop,
    steps::{dying_at, hold, tickets::orphan_tickets, wait},
};

/// A run of this shop reaches a handful of things.
fn slow(shop: &TestShop) -> TestShop {
    let (sweep_budget, sweeps_at_once) = (Duration::from_millis(300), 1);
    shop.another_instance_within(Bounds { sweep_budget, sweeps_at_once, ..Bounds::PRODUCTION })
}

/// Orphaned units of the newest product come back although a run reaches only a few of the many products before it.
#[tokio::test(start_paused = true)]
async fn idle_products_do_not_keep_the_newest_waiting() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    let product = |id: String| json!({ "productId": id, "name": "tea", "price": 100, "stock": 10, "flash": true });
    for number in 0..60 {
        shop.post("/products", product(format!("p{number}"))).as_admin().await.expect(201);
        wait(&shop, 1);
    }
    shop.post("/products", product("newest".to_owned())).as_admin().await.expect(201);
    // Reads, reservation: then it dies.
    assert!(dying_at(&shop, 2, shop.order("mina", "newest", 1)).await.is_none());
    assert_eq!(shop.stock("newest").await, 9);
    let slow = slow(&shop);
    shop.dynamo().slow_down(Duration::from_millis(10));
    let mut minutes = 0;
    while shop.stock("newest").await < 10 {
        minutes += 1;
        assert!(minutes <= 30, "the newest product is never reached");
        wait(&shop, 60_000);
        sweep::inventory::run(slow.instance()).await.unwrap();
    }
    assert!(minutes > 2, "a run reaches all of them: the test shows nothing");
    shop.audit().await;
}

/// The same for campaigns.
#[tokio::test(start_paused = true)]
async fn idle_campaigns_do_not_keep_the_newest_waiting() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    for number in 0..60 {
        shop.coupon(&format!("c{number:02}"), 10).await;
    }
    shop.coupon("newest", 10).await;
    orphan_tickets(&shop, "newest", 0, 1).await;
    let remaining = async || shop.get("/coupons/newest").as_admin().await.expect(200)["remainingQuantity"].clone();
    assert_eq!(remaining().await, 9);
    let slow = slow(&shop);
    shop.dynamo().slow_down(Duration::from_millis(10));
    let mut minutes = 0;
    while remaining().await != 10 {
        minutes += 1;
        assert!(minutes <= 30, "the newest campaign is never reached");
        wait(&shop, 60_000);
        sweep::tickets::run(slow.instance()).await.unwrap();
    }
    assert!(minutes > 2, "a run reaches all of them: the test shows nothing");
}

/// An idle product is looked at ever more rarely. The first reservation brings the next look forward.
#[tokio::test]
async fn a_reservation_hastens_the_look_at_an_idle_product() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    let tea = json!({ "productId": "tea", "name": "tea", "price": 100, "stock": 10, "flash": true });
    shop.post("/products", tea).as_admin().await.expect(201);
    for _ in 0..600 {
        wait(&shop, 60_000);
        sweep::inventory::run(shop.instance()).await.unwrap();
    }
    wait(&shop, 60_000);
    shop.meter().take();
    sweep::inventory::run(shop.instance()).await.unwrap();
    assert_eq!(shop.meter().take().write_units, 0.0, "it is not looked at each minute");

    // Reads, plan, reservation: then it dies.
    assert!(dying_at(&shop, 3, shop.order("mina", "tea", 1)).await.is_none());
    assert_eq!(shop.stock("tea").await, 9);
    for _ in 0..3 {
        wait(&shop, 60_000);
        sweep::inventory::run(shop.instance()).await.unwrap();
    }
    assert_eq!(shop.stock("tea").await, 10);
    shop.audit().await;
}

/// An order whose coupon is not used by it, as no code of the shop leaves it, ends all the same.
#[tokio::test(start_paused = true)]
async fn a_damaged_coupon_does_not_keep_a_hold_from_ending() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.product("tea", 10_000, 10).await;
    shop.coupon("welcome", 10).await;
    shop.issue("mina", "welcome").await.expect(201);
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let body = json!({ "userId": "mina", "items": items, "couponId": "welcome", "payment": "LATER" });
    shop.post("/orders", body).await.expect(201);
    let key = json!({ "pk": { "S": "USER#mina" }, "sk": { "S": "COUPON#welcome" } });
    let damage = json!({
        "TableName": TABLE, "Key": key, "UpdateExpression": "SET #s = :s REMOVE orderId",
        "ExpressionAttributeNames": { "#s": "state" }, "ExpressionAttributeValues": { ":s": { "S": "USABLE" } },
    });
    shop.dynamo().execute("UpdateItem", damage).unwrap();
    wait(&shop, 11 * 60_000);
    let begun = tokio::time::Instant::now();
    sweep::expiry::run(shop.instance()).await.unwrap();
    assert_eq!(shop.stock("tea").await, 10);
    assert!(begun.elapsed() < Duration::from_secs(1), "it waits for what never changes");
}

/// Many holds of one product end in few commits.
#[tokio::test]
async fn holds_of_one_product_end_together() {
    let shop = TestShop::new();
    shop.product("tea", 1_000, 100).await;
    for user in 0..60 {
        let user = format!("u{user}");
        shop.customer(&user, 0).await;
        hold(&shop, &user, "tea", 1).await.expect(201);
    }
    wait(&shop, 11 * 60_000);
    shop.meter().take();
    sweep::expiry::run(shop.instance()).await.unwrap();
    // The order and the account of each, an index entry less; and the shard once a commit, of which there is one a bucket.
    let cost = shop.meter().take();
    assert!(cost.write_units <= 60.0 * 5.0 + 2.0 * 20.0, "{cost}");
    assert_eq!(shop.stock("tea").await, 100);
    shop.audit().await;
}
