//! Services that were down come back, and nothing is lost. A message that was in flight comes again after a minute, so that
//! these tests begin before the last ones: libtest goes by the alphabet.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt, future, stream};
use reqwest::Method;
use serde_json::json;
use tests::night::times;
use tokio::task::JoinHandle;

use crate::{
    dead_letters::Tool,
    stack::{Answer, Api, Shop},
};

/// Orders during the outage, and no message or dead letter of it left afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_platform_that_was_down_gets_every_order_once() {
    let shop = Shop::start("e2e-data-platform").await;
    let (api, tool) = (&shop.api, Tool::of(&shop).await);
    api.customers(4, 1_000_000).await;
    api.product("tea", 1_000, 1_000).await;
    shop.data_platform_answers(503).await;
    let order = |number: usize| async move { id(&api.order(&format!("u{}", number % 4), "tea").await) };
    let orders: Vec<String> = stream::iter(0..times(100, 200)).map(order).buffer_unordered(4).collect().await;
    // Time enough for deliveries to fail.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(shop.received().await, Vec::<serde_json::Value>::new());
    shop.data_platform_answers(200).await;
    shop.data_platform_holds(&orders).await;
    let queues = tool.run(&["list"]);
    assert!(queues.lines().all(|line| line.ends_with(": none")), "{queues}");
    shop.audit().await;
    shop.stop().await;
}

fn id(order: &Answer) -> String {
    order.data()["orderId"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_in_the_middle_of_load_loses_no_acknowledged_order() {
    let mut shop = Shop::start("e2e-restart").await;
    let api = shop.api.clone();
    api.customers(CUSTOMERS, 1_000_000).await;
    api.product("tea", 1_000, 1_000).await;

    // First only the services behind the functions restart; the functions go on without an answer from them.
    let load = Load::start(&api, "first");
    load.is_under_way().await;
    shop.restart_emulator().await;
    load.is_not_over();
    let mut orders = load.acknowledged(&api).await;
    shop.data_platform_holds(&orders).await;

    // Then everything restarts.
    let load = Load::start(&api, "second");
    load.is_under_way().await;
    shop.restart().await;
    load.is_not_over();
    orders.extend(load.acknowledged(&api).await);

    // Each order was made once, for any number of tries.
    assert_eq!(api.stock("tea").await, 1_000 - orders.len());
    shop.audit().await;
    shop.no_function_panicked();
    shop.stop().await;
}

const CUSTOMERS: usize = 8;

fn orders_each() -> usize {
    times(25, 40)
}

/// The time limit of a load once the shop is back. How long it is down depends on the machine alone.
const LIMIT: Duration = Duration::from_secs(300);

/// Concurrent customers.
struct Load {
    customers: Vec<JoinHandle<Vec<(String, String)>>>,
    progress: Arc<Progress>,
}

#[derive(Default)]
struct Progress {
    acknowledged: AtomicUsize,
    /// The last answer that acknowledged nothing.
    refused: Mutex<Option<Answer>>,
}

impl Load {
    fn start(api: &Api, name: &'static str) -> Self {
        let progress = Arc::new(Progress::default());
        let customer = |user| tokio::spawn(persistent_customer(api.clone(), user, name, Arc::clone(&progress)));
        Self { customers: (0..CUSTOMERS).map(customer).collect(), progress }
    }

    /// Waits until some of the orders are acknowledged, and most are not.
    async fn is_under_way(&self) {
        while self.progress.acknowledged.load(Ordering::SeqCst) < CUSTOMERS {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Asserts that the load is still running, so that the restart happened in its middle.
    fn is_not_over(&self) {
        let acknowledged = self.progress.acknowledged.load(Ordering::SeqCst);
        assert!(acknowledged < CUSTOMERS * orders_each(), "the load was over too soon");
    }

    /// Waits until every order is acknowledged, and reads each of them.
    async fn acknowledged(self, api: &Api) -> Vec<String> {
        let all = tokio::time::timeout(LIMIT, future::try_join_all(self.customers)).await;
        let all = all.unwrap_or_else(|_| panic!("orders are not acknowledged, last: {:?}", self.progress.refused));
        let acknowledged = all.unwrap().concat();
        assert_eq!(acknowledged.len(), CUSTOMERS * orders_each());
        for (user, order) in &acknowledged {
            let found = api.as_user(user).get(&format!("/orders/{order}")).await;
            assert_eq!(found.data()["status"], "PAID");
        }
        acknowledged.into_iter().map(|(_, order)| order).collect()
    }
}

/// Places orders one after the other, each with a key of its own until it is acknowledged. Returns the orders by user.
async fn persistent_customer(api: Api, user: usize, load: &str, progress: Arc<Progress>) -> Vec<(String, String)> {
    let user = format!("u{user}");
    let mut acknowledged = Vec::new();
    for number in 0..orders_each() {
        let api = api.with("idempotency-key", format!("{load}-{number}"));
        let body = json!({ "userId": user, "items": [{ "productId": "tea", "quantity": 1 }] });
        let order = loop {
            match api.try_call(Method::POST, "/orders", Some(&body)).await {
                Some(answer) if answer.status == 201 => break id(&answer),
                refused => *progress.refused.lock().unwrap() = refused,
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        acknowledged.push((user.clone(), order));
        progress.acknowledged.fetch_add(1, Ordering::SeqCst);
    }
    acknowledged
}
