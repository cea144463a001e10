//! Under load: one retry loop, and nothing that a busy neighbour keeps waiting.

use std::{collections::BTreeSet, time::Duration};

use functions::schedule::sweep;
use serde_json::{Value, json};
use shared::{
    app::Bounds,
    domain::{Won, account::Account, money::MAX_BALANCE},
    store::{Outcome, RetryBounds, TableBounds, Transaction, users},
};
use tests::{
    Fault, TestShop,
    steps::{order_by, tickets::orphan_tickets, wait},
};
use tokio::time::Instant;

/// An instance whose requests wait so many times before they give up.
fn waiting(shop: &TestShop, waits: u32) -> TestShop {
    let retry = RetryBounds { waits, ..RetryBounds::PRODUCTION };
    shop.another_instance_within(Bounds {
        table: TableBounds { retry, ..TableBounds::PRODUCTION },
        ..Bounds::PRODUCTION
    })
}

/// Only the shop retries a call. Retries of the SDK would multiply with its own, and their waits too.
#[tokio::test(start_paused = true)]
async fn one_loop_retries_a_call() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000).await;
    let impatient = waiting(&shop, 2);
    for fault in [Fault::Throttled, Fault::LostReply] {
        // The first call, and one after each wait.
        shop.dynamo().fail_first("GetItem", 3, fault);
        impatient.get("/balance/mina").await.refused(503, "TRY_AGAIN");
        impatient.get("/balance/mina").await.expect(200);
    }
}

/// A call that hangs ends a request before its function ends, so that the caller hears to try again.
#[tokio::test(start_paused = true)]
async fn a_request_is_given_up_before_its_function_ends() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000).await;
    shop.dynamo().slow_down(Duration::from_secs(60));
    let begun = Instant::now();
    shop.get("/balance/mina").await.refused(503, "TRY_AGAIN");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// Clients that found the shop busy together do not come back together.
#[tokio::test(start_paused = true)]
async fn retries_of_a_busy_shop_are_spread() {
    let shop = TestShop::new();
    let impatient = waiting(&shop, 0);
    let mut waits = BTreeSet::new();
    for _ in 0..30 {
        shop.dynamo().fail_first("GetItem", 1, Fault::Throttled);
        let answer = impatient.get("/balance/mina").await;
        waits.insert(answer.headers["retry-after"].to_str().unwrap().to_owned());
    }
    assert_eq!(waits, ["1", "2", "3"].map(str::to_owned).into());
}

/// The balance was nearly full when this instance cached it. Another instance has spent some of it since.
#[tokio::test]
async fn a_cached_account_refuses_no_charge() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.product("tea", 10_000, 10).await;
    let full = Account { balance: MAX_BALANCE.checked_sub(Won::new(100)).unwrap(), sequence: 1, ..Account::NEW };
    let mut transaction = Transaction::new();
    transaction.add(users::move_balance(&"mina".to_owned().try_into().unwrap(), &Account::NEW, &full));
    let table = &shop.instance().table;
    assert!(matches!(table.commit(transaction, &mut table.backoff()).await.unwrap(), Outcome::Committed));
    let charge = || shop.post("/balance/charge", json!({ "userId": "mina", "amount": 100 }));
    charge().await.expect(200);
    order_by(&shop.another_instance(), "mina", "tea", 1, "BALANCE").await.expect(201);
    charge().await.expect(200);
}

/// Units are sold between any two reads of a request for more than there are.
#[tokio::test(start_paused = true)]
async fn a_refusal_does_not_wait_for_a_product_to_stand_still() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    let tea = json!({ "productId": "tea", "name": "tea", "price": 100, "stock": 900, "stockShards": 2 });
    shop.post("/products", tea).as_admin().await.expect(201);
    let dynamo = shop.dynamo().clone();
    let key = json!({ "pk": { "S": "STOCK#tea#0" }, "sk": { "S": "STOCK" } });
    let sell = json!({
        "TableName": tests::TABLE, "Key": key, "UpdateExpression": "ADD remaining :sold",
        "ExpressionAttributeValues": { ":sold": { "N": "-1" } },
    });
    shop.dynamo().fail(move |operation| {
        if operation == "BatchGetItem" {
            dynamo.execute("UpdateItem", sell.clone()).unwrap();
        }
        Fault::None
    });
    waiting(&shop, 10).order("mina", "tea", 999).await.refused(409, "STOCK_NOT_ENOUGH");
}

/// The look at many shards takes longer than a request's retry budget, and the levelling then meets others.
#[tokio::test(start_paused = true)]
async fn a_long_look_at_shards_levels_them_all_the_same() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    let tea =
        json!({ "productId": "tea", "name": "tea", "price": 100, "stock": 640, "stockShards": 64, "flash": true });
    shop.post("/products", tea).as_admin().await.expect(201);
    let key = json!({ "pk": { "S": "STOCK#tea#7" }, "sk": { "S": "STOCK" } });
    let uneven = json!({
        "TableName": tests::TABLE, "Key": key, "UpdateExpression": "SET remaining = :none, received = :none",
        "ExpressionAttributeValues": { ":none": { "N": "0" } },
    });
    shop.dynamo().execute("UpdateItem", uneven).unwrap();
    // Each shard has a number to note.
    for shard in 0..64 {
        let key = json!({ "pk": { "S": format!("STOCK#tea#{shard}") }, "sk": { "S": "STOCK" } });
        let reserved = json!({
            "TableName": tests::TABLE, "Key": key, "UpdateExpression": "ADD drawn :one",
            "ExpressionAttributeValues": { ":one": { "N": "1" } },
        });
        shop.dynamo().execute("UpdateItem", reserved).unwrap();
    }
    wait(&shop, 60_000);
    shop.dynamo().slow_down(Duration::from_secs(1));
    // Nine or ten shards give it a unit each, side by side: none comes through at once.
    shop.dynamo().fail_first("TransactWriteItems", 10, Fault::Conflict);
    sweep::inventory::run(shop.instance()).await.unwrap();
    let left: Value = shop.dynamo().execute("GetItem", json!({ "TableName": tests::TABLE, "Key": key })).unwrap();
    assert_ne!(left["Item"]["remaining"]["N"], "0", "the shard stays empty");
}

/// A thousand orphaned tickets go back in a few commits: one each would take the sweep minutes of SOLD_OUT.
#[tokio::test]
async fn orphaned_tickets_are_voided_many_at_a_time() {
    let shop = TestShop::new();
    shop.campaign("welcome", 2_000, json!({ "kind": "FIXED", "value": 1_000, "counterShards": 1 })).await;
    orphan_tickets(&shop, "welcome", 0, 990).await;
    for _ in 0..2 {
        wait(&shop, 60_000);
        shop.meter().take();
        sweep::tickets::run(shop.instance()).await.unwrap();
    }
    // Ten reads of 99 claim records and ten commits, beside list, campaign, counter, note and plan.
    let calls = shop.meter().take().round_trips;
    assert!(calls <= 30, "{calls} calls");
    let campaign = shop.get("/coupons/welcome").as_admin().await.expect(200);
    assert_eq!(campaign["remainingQuantity"], 2_000);
}
