//! What is down comes back, and nothing is lost.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::stack::{Answer, Api, Shop};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_platform_that_was_down_gets_every_order_once() {
    let shop = Shop::start("e2e-data-platform").await;
    let api = &shop.api;
    api.customers(1, 1_000_000).await;
    api.product("tea", 1_000, 1_000).await;
    shop.data_platform_answers(503).await;
    let mut orders = Vec::new();
    for _ in 0..30 {
        orders.push(id(&api.order("u0", "tea").await));
    }
    // Time enough for deliveries to fail.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(shop.received().await, Vec::<serde_json::Value>::new());
    shop.data_platform_answers(200).await;
    shop.data_platform_holds(&orders).await;
    shop.audit().await;
    shop.stack.stop().await;
}

fn id(order: &Answer) -> String {
    order.data()["orderId"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_in_the_middle_of_load_loses_no_acknowledged_order() {
    const CUSTOMERS: usize = 8;
    const ORDERS: usize = 25;
    let mut shop = Shop::start("e2e-restart").await;
    let api = shop.api.clone();
    api.customers(CUSTOMERS, 1_000_000).await;
    api.product("tea", 1_000, 1_000).await;

    let load: Vec<_> =
        (0..CUSTOMERS).map(|user| tokio::spawn(persistent_customer(api.clone(), user, ORDERS))).collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    shop.stack.restart_emulator().await.unwrap();
    let mut acknowledged = Vec::new();
    let mut repeated = 0;
    for customer in load {
        let (orders, tries) = customer.await.unwrap();
        acknowledged.extend(orders);
        repeated += tries;
    }

    assert!(repeated > 0, "the load did not notice the stop");
    assert_eq!(acknowledged.len(), CUSTOMERS * ORDERS);
    for (user, order) in &acknowledged {
        let found = api.as_user(user).get(&format!("/orders/{order}")).await;
        assert_eq!(found.data()["status"], "PAID");
    }
    // Each was carried out once, however often it was sent.
    assert_eq!(api.stock("tea").await, 1_000 - i64::try_from(acknowledged.len()).unwrap());
    let orders: Vec<String> = acknowledged.into_iter().map(|(_, order)| order).collect();
    shop.data_platform_holds(&orders).await;
    shop.audit().await;
    shop.no_function_panicked();
    shop.stack.stop().await;
}

/// Places orders one after the other, each under a key of its own until it is acknowledged. Gives them, by user, and
/// how often one had to be sent again.
async fn persistent_customer(api: Api, user: usize, orders: usize) -> (Vec<(String, String)>, usize) {
    let user = format!("u{user}");
    let mut acknowledged = Vec::new();
    let mut repeated = 0;
    for number in 0..orders {
        let api = api.with("idempotency-key", format!("order-{number}"));
        let body = json!({ "userId": user, "items": [{ "productId": "tea", "quantity": 1 }] });
        let mut tries = 0;
        let order = loop {
            let answer = api.try_call(Method::POST, "/orders", Some(&body)).await;
            if let Some(answer) = answer.filter(|answer| answer.status == 201) {
                break id(&answer);
            }
            tries += 1;
            repeated += 1;
            assert!(tries < 300, "an order is acknowledged in the end");
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        acknowledged.push((user.clone(), order));
    }
    (acknowledged, repeated)
}
