//! A cart under concurrent requests and lost answers.

use futures::future::join_all;
use serde_json::json;
use tests::{
    Answer, Fault, TestShop,
    steps::cart::{filled, in_cart, of, order, quantities},
};

/// In every interleaving an added unit is either still in the cart, or ordered once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_additions_and_orders_lose_and_double_nothing() {
    let shop = TestShop::with_instances(8);
    shop.customer("mina", 10_000_000).await;
    shop.product("tea", 100, 1_000).await;
    shop.product("cup", 100, 1_000).await;
    let mut running = Vec::new();
    for number in 0..60 {
        let product = if number % 2 == 0 { "tea" } else { "cup" };
        let adding = shop.post("/orders/cart", json!({ "productId": product, "quantity": 3 })).as_user("mina");
        running.push(tokio::spawn(async move { adding.await }));
        if number % 6 == 5 {
            let ordering = order(&shop);
            running.push(tokio::spawn(async move { ordering.await }));
        }
    }
    let answers: Vec<Answer> = join_all(running).await.into_iter().map(Result::unwrap).collect();
    let added = answers.iter().filter(|answer| answer.status == 200).count();
    let mut ordered = 0;
    for answer in answers.iter().filter(|answer| answer.status == 201) {
        ordered += quantities(&answer.body["data"]).values().sum::<i64>();
    }
    let left: i64 = in_cart(&shop).await.values().sum();
    assert_eq!(added, 60);
    assert_eq!(ordered + left, 180);
    shop.audit().await;
}

/// Two concurrent orders of one cart: one gets its content, the other nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_orders_of_a_cart_have_one_winner() {
    for _ in 0..10 {
        let shop = filled().await;
        let (one, other) = (order(&shop), order(&shop));
        let (one, other) = (tokio::spawn(async { one.await }), tokio::spawn(async { other.await }));
        let mut statuses = [one.await.unwrap().status, other.await.unwrap().status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 400]);
        assert_eq!(shop.stock("tea").await, 3);
        shop.audit().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_cart_is_ordered_once_despite_a_lost_answer() {
    let shop = filled().await;
    shop.dynamo().fail_first("TransactWriteItems", 1, Fault::LostReply);
    order(&shop).await.expect(201);
    assert_eq!((in_cart(&shop).await, shop.stock("tea").await), (of(&[]), 3));
    shop.audit().await;
}
