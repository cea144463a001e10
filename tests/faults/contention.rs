//! DynamoDB under load, and on bad networks: conflicts, throttling, lost answers.

use serde_json::json;
use tests::{Fault, TestShop};

#[tokio::test(start_paused = true)]
async fn a_conflict_is_retried() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 10).await;
    shop.dynamo().fail_first("TransactWriteItems", 5, Fault::Conflict);
    shop.order("mina", "tea", 1).await.expect(201);
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (87_000, 9));
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_is_retried() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.coupon("welcome", 3).await;
    shop.dynamo().fail_first("UpdateItem", 4, Fault::Throttled);
    shop.issue("mina", "welcome").await.expect(201);
    shop.dynamo().fail_first("TransactWriteItems", 4, Fault::Throttled);
    shop.post("/balance/charge", json!({ "userId": "mina", "amount": 100 })).await.expect(200);
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_out_of_retry_budget_is_503_and_changes_nothing() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 10).await;
    shop.coupon("welcome", 10).await;
    for fault in [Fault::Conflict, Fault::Throttled] {
        shop.dynamo().fail(move |operation| if operation == "TransactWriteItems" { fault } else { Fault::None });
        let started = tokio::time::Instant::now();
        let answer = shop.order("mina", "tea", 1).key("k").await;
        let retry_after = answer.headers["retry-after"].to_str().unwrap().to_owned();
        assert!(["1", "2", "3"].contains(&retry_after.as_str()), "{retry_after}");
        answer.refused(503, "TRY_AGAIN");
        assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", started.elapsed());
        let charge = json!({ "userId": "mina", "amount": 100 });
        shop.post("/balance/charge", charge).await.refused(503, "TRY_AGAIN");
        shop.dynamo().fail(|_| Fault::None);
        assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (100_000, 10));
        assert_eq!(shop.get("/orders?userId=mina").await.expect(200)["items"], json!([]));
        shop.audit().await;
    }
    shop.order("mina", "tea", 1).key("k").await.expect(201);
}

/// A failed condition is an answer, not a reason to try again.
#[tokio::test(start_paused = true)]
async fn a_failed_condition_is_not_retried() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    // There is one unit left, because an empty product would be cached as sold out.
    shop.product("cup", 10_000, 1).await;
    shop.order("mina", "cup", 2).await.refused(409, "STOCK_NOT_ENOUGH");
    shop.meter().take();
    shop.order("mina", "cup", 2).await.refused(409, "STOCK_NOT_ENOUGH");
    // The transaction, a look at all shards, and a second look at all of them at one instant.
    assert_eq!(shop.meter().take().round_trips, 3);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_never_counts_twice() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 10).await;
    shop.coupon("welcome", 3).await;
    let charge = || shop.post("/balance/charge", json!({ "userId": "mina", "amount": 1_000 }));

    for call in
        [charge(), charge().key("charge"), shop.order("mina", "tea", 1), shop.order("mina", "tea", 1).key("order")]
    {
        shop.dynamo().fail_first("TransactWriteItems", 1, Fault::LostReply);
        let answer = call.await;
        assert!(answer.status < 300, "{}", answer.body);
    }
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (100_000 + 2_000 - 26_000, 8));

    shop.dynamo().fail_first("TransactWriteItems", 1, Fault::LostReply);
    shop.post("/products/tea/restock", json!({ "quantity": 2 })).as_admin().await.expect(200);
    assert_eq!(shop.stock("tea").await, 10);

    shop.dynamo().fail_first("TransactWriteItems", 1, Fault::LostReply);
    shop.issue("mina", "welcome").await.expect(201);
    shop.audit().await;
}

/// A failed payment is stored once, for any number of lost answers and conflicts.
#[tokio::test(start_paused = true)]
async fn a_failed_payment_is_stored_once() {
    let shop = TestShop::new();
    shop.customer("mina", 100).await;
    shop.product("tea", 10_000, 1).await;
    let mut calls = 0;
    shop.dynamo().fail(move |operation| {
        calls += u32::from(operation == "TransactWriteItems");
        match calls {
            1 => Fault::LostReply,
            2 => Fault::Conflict,
            _ => Fault::None,
        }
    });
    shop.order("mina", "tea", 1).await.refused(402, "BALANCE_NOT_ENOUGH");
    let orders = shop.get("/orders?userId=mina").await.expect(200);
    assert_eq!(orders["items"].as_array().unwrap().len(), 1);
    shop.audit().await;
}

/// Every try loses its answer: the caller gets a 503, and finds the order by repeating the request.
#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_is_found_by_its_key() {
    let shop = TestShop::new();
    shop.customer("mina", 13_000).await;
    shop.product("tea", 10_000, 1).await;
    shop.dynamo().fail(|operation| if operation == "TransactWriteItems" { Fault::LostReply } else { Fault::None });
    shop.order("mina", "tea", 1).key("order").await.refused(503, "TRY_AGAIN");
    let charge = || shop.post("/balance/charge", json!({ "userId": "mina", "amount": 100 })).key("charge");
    charge().await.refused(503, "TRY_AGAIN");
    shop.dynamo().fail(|_| Fault::None);
    shop.order("mina", "tea", 1).key("order").await.expect(201);
    assert_eq!(charge().await.expect(200)["balance"], 100);
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (100, 0));
    shop.audit().await;
}

fn add_to_cart(shop: &TestShop) -> tests::Call {
    shop.post("/orders/cart", json!({ "userId": "mina", "productId": "tea", "quantity": 1 }))
}

async fn in_cart(shop: &TestShop) -> i64 {
    let cart = shop.get("/orders/cart?userId=mina").await.expect(200);
    cart["items"].as_array().unwrap().iter().map(|item| item["quantity"].as_i64().unwrap()).sum()
}

#[tokio::test(start_paused = true)]
async fn an_addition_to_a_cart_is_retried_if_it_had_no_effect() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.product("tea", 1_000, 1).await;
    let mut expected = 0;
    for fault in [Fault::Conflict, Fault::Throttled] {
        for operation in ["TransactWriteItems", "UpdateItem"] {
            for call in
                [add_to_cart(&shop), add_to_cart(&shop).key(&format!("{fault:?} {operation}").replace(' ', "-"))]
            {
                shop.dynamo().fail_first(operation, 4, fault);
                call.await.expect(200);
                expected += 1;
                shop.dynamo().fail(|_| Fault::None);
                assert_eq!(in_cart(&shop).await, expected);
            }
        }
        shop.dynamo().fail(move |operation| if operation == "UpdateItem" { fault } else { Fault::None });
        add_to_cart(&shop).await.refused(503, "TRY_AGAIN");
        shop.dynamo().fail(|_| Fault::None);
        assert_eq!(in_cart(&shop).await, expected);
    }
}

/// An update that adds must not be repeated after a lost answer. Without a key the caller gets a 503 and has to look;
/// with a key the transaction is safe to repeat.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_never_adds_to_a_cart_twice() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.product("tea", 1_000, 1).await;
    // The cart's first item comes with the cart itself, in a transaction.
    shop.dynamo().fail_first("TransactWriteItems", 1, Fault::LostReply);
    add_to_cart(&shop).await.expect(200);
    assert_eq!(in_cart(&shop).await, 1);

    shop.dynamo().fail_first("UpdateItem", 1, Fault::LostReply);
    add_to_cart(&shop).await.refused(503, "TRY_AGAIN");
    assert_eq!(in_cart(&shop).await, 2);

    shop.dynamo().fail_first("TransactWriteItems", 1, Fault::LostReply);
    add_to_cart(&shop).key("k1").await.expect(200);
    assert_eq!(in_cart(&shop).await, 3);

    // Every try loses its answer: the caller finds the result by repeating the request.
    shop.dynamo().fail(|operation| if operation == "TransactWriteItems" { Fault::LostReply } else { Fault::None });
    add_to_cart(&shop).key("k2").await.refused(503, "TRY_AGAIN");
    shop.dynamo().fail(|_| Fault::None);
    add_to_cart(&shop).key("k2").await.expect(200);
    assert_eq!(in_cart(&shop).await, 4);

    // A removal is safe to repeat.
    shop.dynamo().fail_first("UpdateItem", 1, Fault::LostReply);
    shop.call("DELETE", "/orders/cart/tea?userId=mina").await.expect(204);
    assert_eq!(in_cart(&shop).await, 0);
    shop.audit().await;
}

/// A ticket with a lost answer is orphaned, never given to two users.
#[tokio::test(start_paused = true)]
async fn an_orphaned_ticket_never_issues_two_coupons() {
    let shop = TestShop::new();
    shop.coupon("welcome", 3).await;
    for user in ["mina", "jun", "sora", "hana"] {
        shop.customer(user, 0).await;
    }
    shop.dynamo().fail_first("UpdateItem", 1, Fault::LostReply);
    shop.issue("mina", "welcome").await.expect(201);
    shop.issue("jun", "welcome").await.expect(201);
    shop.issue("sora", "welcome").await.refused(409, "COUPON_SOLD_OUT");
    shop.audit().await;
}
