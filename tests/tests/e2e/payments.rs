//! What lies between the shop and the payment system.

use std::time::{Duration, Instant};

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use reqwest::Method;
use serde_json::{Value, json};

use crate::stack::{Api, Shop, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_payment_system_is_asked_over_the_bus_and_answers_on_it() {
    let mut shop = Shop::start("e2e-payments").await;
    let payment_system = Api::new(shop.stack().payment_system_url());

    // Asked once or twice, it answers once.
    put(&shop, &payment("o1", "kim")).await;
    put(&shop, &payment("o1", "kim")).await;
    let [(name, detail)] = &results(&shop, 1).await[..] else { panic!("one result") };
    assert_eq!(
        (name.as_str(), &detail["orderId"], &detail["amount"]),
        ("PaymentSucceeded", &json!("o1"), &json!(13_000))
    );

    // It answers as it was told to, in its time, also when AWS is away meanwhile.
    let failure = json!([{ "result": "FAILED", "afterMs": 500, "times": 2 }]);
    let told = payment_system.try_call(Method::PUT, "/users/lee/behaviour", Some(&failure)).await.unwrap();
    assert_eq!(told.status, 204);
    put(&shop, &payment("o2", "lee")).await;
    eventually("it is asked", || listed(&payment_system, "/requests", &["o1", "o2"])).await;
    shop.restart_emulator().await;
    let failed = results(&shop, 2).await;
    let failed: Vec<_> = failed.iter().map(|(name, detail)| (name.as_str(), &detail["orderId"])).collect();
    assert_eq!(failed, [("PaymentFailed", &json!("o2")); 2]);

    // Refunds reach it as well, and only what is for others reaches these.
    put(&shop, &refund("o1", &detail["paymentId"])).await;
    put(&shop, &json!({ "eventId": "o1-2-shipping", "type": "ShippingRequested", "data": { "orderId": "o1" } })).await;
    eventually("the refund is asked for", || listed(&payment_system, "/refunds", &["o1"])).await;
    let instructions = received(&shop, shop.stack().output("ShippingInstructionsUrl").unwrap(), 1).await;
    assert_eq!(instructions[0].0, "ShippingRequested");
    assert_eq!(shop.received().await, Vec::<Value>::new());
    shop.stop().await;
}

fn payment(order: &str, user: &str) -> Value {
    json!({
        "eventId": format!("{order}-1-payment"), "type": "PaymentRequested", "version": 1,
        "occurredAt": "2026-11-21T09:00:00Z", "aggregateId": order, "sequence": 1,
        "data": { "orderId": order, "userId": user, "amount": 13_000, "expiresAt": "2026-11-21T09:10:00Z" },
    })
}

fn refund(order: &str, payment: &Value) -> Value {
    json!({
        "eventId": format!("{order}-3-refund"), "type": "RefundRequested", "version": 1,
        "occurredAt": "2026-11-21T09:05:00Z", "aggregateId": order, "sequence": 3,
        "data": { "orderId": order, "userId": "kim", "paymentId": payment, "amount": 13_000, "reason": "CANCELLED" },
    })
}

/// Puts an event of the shop on its bus.
async fn put(shop: &Shop, event: &Value) {
    let entry = PutEventsRequestEntry::builder()
        .event_bus_name(shop.stack().output("EventBusName").unwrap())
        .source("jangteo.orders")
        .detail_type(event["type"].as_str().unwrap())
        .detail(event.to_string());
    let bus = aws_sdk_eventbridge::Client::new(&shop.aws());
    let put = bus.put_events().entries(entry.build()).send().await.unwrap();
    assert_eq!(put.failed_entry_count(), 0);
}

/// Whether the payment system lists what it was asked for these orders.
async fn listed(payment_system: &Api, path: &str, orders: &[&str]) -> Result<(), String> {
    let answer = payment_system.get(path).await;
    let found: Vec<_> = answer.body.as_array().unwrap().iter().map(|event| &event["data"]["orderId"]).collect();
    if found == orders { Ok(()) } else { Err(answer.body.to_string()) }
}

/// The results of payments that reach the shop: just so many.
async fn results(shop: &Shop, count: usize) -> Vec<(String, Value)> {
    let queues = aws_sdk_sqs::Client::new(&shop.aws()).list_queues().send().await.unwrap();
    let of_results = |url: &&String| url.contains("PaymentResults") && !url.contains("DeadLetters");
    received(shop, queues.queue_urls().iter().find(of_results).unwrap(), count).await
}

/// What comes into a queue from the bus, by the events' names: just so many.
async fn received(shop: &Shop, queue: &str, count: usize) -> Vec<(String, Value)> {
    let queues = aws_sdk_sqs::Client::new(&shop.aws());
    let (started, mut events) = (Instant::now(), Vec::new());
    // With one more look at the end, at what must not come.
    loop {
        let was_complete = events.len() >= count;
        let answer = queues.receive_message().queue_url(queue).max_number_of_messages(10).wait_time_seconds(1);
        for message in answer.send().await.unwrap().messages() {
            queues
                .delete_message()
                .queue_url(queue)
                .receipt_handle(message.receipt_handle().unwrap())
                .send()
                .await
                .unwrap();
            let mut event: Value = serde_json::from_str(message.body().unwrap()).unwrap();
            events.push((event["detail-type"].as_str().unwrap().to_owned(), event["detail"].take()));
        }
        if was_complete {
            assert_eq!(events.len(), count, "{events:#?}");
            return events;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{events:#?}");
    }
}
