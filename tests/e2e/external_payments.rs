//! Orders that are paid later, or by the external payment system, or not at all.

use std::collections::BTreeSet;

use aws_sdk_sqs::types::QueueAttributeName;
use reqwest::Method;
use serde_json::{Value, json};

use crate::stack::{Api, Shop, eventually};

/// Long enough to pay on a machine that does much else, short enough to wait for its end.
const HOLD_SECONDS: &str = "20";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_wait_for_their_money() {
    let mut shop = Shop::start_with("e2e-payments", &[("HoldSeconds", HOLD_SECONDS)]).await;
    let payments = Api::new(shop.stack().payment_system_url());
    shop.api.customers(8, 50_000).await;
    shop.api.product("tea", 10_000, 100).await;

    // The message that would end this hold is lost.
    let forgotten = place(&shop, "u7", "LATER").await;
    lose_what_is_due(&shop).await;

    // By the payment system: at once; declined, sent twice; silent.
    behave(&payments, "*", json!([{ "result": "SUCCEEDED" }])).await;
    behave(&payments, "u3", json!([{ "result": "FAILED", "times": 2 }])).await;
    behave(&payments, "u4", json!([])).await;
    behave(&payments, "u5", json!([])).await;
    let paid = place(&shop, "u2", "EXTERNAL").await;
    let declined = place(&shop, "u3", "EXTERNAL").await;
    let silent = place(&shop, "u4", "EXTERNAL").await;
    let contradicted = place(&shop, "u5", "EXTERNAL").await;
    contradict(&shop, &payments, "u5", &contradicted).await;
    // From the balance: one is paid in time, one never.
    let (in_time, never) = (place(&shop, "u0", "LATER").await, place(&shop, "u1", "LATER").await);
    let pay = json!({});
    assert_eq!(shop.api.as_user("u0").post(&format!("/orders/{in_time}/payment"), pay).await.data()["status"], "PAID");
    ends_as(&shop, "u2", &paid, "PAID").await;
    ends_as(&shop, "u3", &declined, "CANCELLED").await;
    ends_as(&shop, "u4", &silent, "CANCELLED").await;
    ends_as(&shop, "u1", &never, "CANCELLED").await;
    let late = shop.api.as_user("u1").post(&format!("/orders/{never}/payment"), json!({})).await;
    assert_eq!((late.status.as_u16(), late.code()), (409, "ORDER_STATE_CONFLICT"));
    // The late payment is refunded, and so is the second of two.
    report(&payments, &silent, "SUCCEEDED", None).await;
    refunded(&payments, &[(&contradicted, 13_000), (&silent, 13_000)]).await;

    // An answer during an outage of AWS arrives nevertheless.
    behave(&payments, "u6", json!([{ "result": "SUCCEEDED", "afterMs": 500 }])).await;
    let interrupted = place(&shop, "u6", "EXTERNAL").await;
    eventually("it is asked", || async {
        let asked = payments.get("/requests").await.body.to_string();
        if asked.contains(&interrupted) { Ok(()) } else { Err(asked) }
    })
    .await;
    shop.restart_emulator().await;
    eventually("the order is settled, or its money goes back", || async {
        let order = shop.api.as_user("u6").get(&format!("/orders/{interrupted}")).await;
        let back = payments.get("/refunds").await.body.to_string().contains(&interrupted);
        if order.data()["status"] == "PAID" || back { Ok(()) } else { Err(order.body.to_string()) }
    })
    .await;

    // An external payment is refunded externally, and a cancelled order is not shipped.
    let cancelled = shop.api.as_user("u2").post(&format!("/orders/{paid}/cancel"), json!({})).await;
    assert_eq!(cancelled.data()["status"], "FULLY_REFUNDED");
    assert_eq!(shop.api.balance("u2").await, 50_000);
    eventually("the refund of a cancellation is asked for", || async {
        let refunds = payments.get("/refunds").await.body;
        let of_it =
            |refund: &Value| refund["data"]["orderId"] == paid.as_str() && refund["data"]["reason"] == "CANCELLED";
        if refunds.as_array().unwrap().iter().any(of_it) { Ok(()) } else { Err(refunds.to_string()) }
    })
    .await;
    expect_delivery_events(
        &shop,
        &[("ShippingRequested", &in_time), ("ShippingRequested", &paid), ("ShippingCancelled", &paid)],
    )
    .await;

    refund_has_status(&shop, "u2", &paid, "SUCCEEDED").await;
    a_failed_refund_goes_to_the_balance(&shop, &payments).await;

    ends_as(&shop, "u7", &forgotten, "CANCELLED").await;
    shop.audit().await;
    shop.no_function_panicked();
    shop.stop().await;
}

/// Orders a tea with this kind of payment.
async fn place(shop: &Shop, user: &str, payment: &str) -> String {
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let order = shop.api.post("/orders", json!({ "userId": user, "items": items, "payment": payment })).await;
    assert_eq!(order.data()["status"], "PENDING_PAYMENT");
    order.data()["orderId"].as_str().unwrap().to_owned()
}

async fn ends_as(shop: &Shop, user: &str, order: &str, status: &str) {
    eventually("an order is settled", || async {
        let order = shop.api.as_user(user).get(&format!("/orders/{order}")).await;
        let found = order.data()["status"].as_str().unwrap_or_default().to_owned();
        if found == status { Ok(()) } else { Err(format!("{user}: {found} instead of {status}")) }
    })
    .await;
}

/// Cancels a paid order whose refund fails, and sends its money to the balance instead.
async fn a_failed_refund_goes_to_the_balance(shop: &Shop, payments: &Api) {
    let failure = json!({ "result": "FAILED", "reason": "ACCOUNT_CLOSED" });
    let set = payments.try_call(Method::PUT, "/refunds/behaviour", Some(&failure)).await;
    assert_eq!(set.unwrap().status, 204);
    let order = place(shop, "u2", "EXTERNAL").await;
    ends_as(shop, "u2", &order, "PAID").await;
    let cancelled = shop.api.as_user("u2").post(&format!("/orders/{order}/cancel"), json!({})).await;
    let refund = cancelled.data()["refunds"][0]["refundId"].as_str().unwrap().to_owned();
    refund_has_status(shop, "u2", &order, "FAILED").await;

    let retry = format!("/orders/{order}/refunds/{refund}/retry");
    let retried = shop.api.as_admin().post(&retry, json!({ "to": "BALANCE" })).await;
    let refund = &retried.data()["refunds"][0];
    assert_eq!((&refund["to"], &refund["status"]), (&json!("BALANCE"), &json!("SUCCEEDED")));
    assert_eq!(shop.api.balance("u2").await, 63_000);
}

/// Waits until the only refund of an order has this status.
async fn refund_has_status(shop: &Shop, user: &str, order: &str, status: &str) {
    eventually("a refund has a result", || async {
        let refunds = shop.api.as_user(user).get(&format!("/orders/{order}")).await.data()["refunds"].clone();
        let is_expected = refunds.as_array().unwrap().iter().map(|refund| &refund["status"]).eq([status]);
        if is_expected { Ok(()) } else { Err(format!("{refunds} instead of {status}")) }
    })
    .await;
}

/// Configures the outcome of the payments of a user, or of all with `*`.
async fn behave(payments: &Api, user: &str, results: Value) {
    let set = payments.try_call(Method::PUT, &format!("/users/{user}/behaviour"), Some(&results)).await;
    assert_eq!(set.unwrap().status, 204);
}

/// Pays an order, twice by the same payment; then tells that this payment failed, and that another one succeeded.
async fn contradict(shop: &Shop, payments: &Api, user: &str, order: &str) {
    let payment = report(payments, order, "SUCCEEDED", None).await;
    report(payments, order, "SUCCEEDED", Some(&payment)).await;
    // Messages of a queue overtake each other: a failure that comes first is true.
    ends_as(shop, user, order, "PAID").await;
    report(payments, order, "FAILED", Some(&payment)).await;
    report(payments, order, "SUCCEEDED", None).await;
}

/// Sends a result, of a new payment or of this one, and returns the payment's id.
async fn report(payments: &Api, order: &str, result: &str, payment: Option<&str>) -> String {
    let mut reported = json!({ "orderId": order, "result": result, "amount": 13_000 });
    if let Some(payment) = payment {
        reported["paymentId"] = json!(payment);
    }
    let answer = payments.try_call(Method::POST, "/results", Some(&reported)).await.unwrap();
    assert!(answer.status.is_success(), "{} {}", answer.status, answer.body);
    answer.body["paymentId"].as_str().unwrap().to_owned()
}

/// Waits until exactly these refunds of unneeded payments have been requested.
async fn refunded(payments: &Api, expected: &[(&str, i64)]) {
    eventually("what was not needed goes back", || async {
        let answer = payments.get("/refunds").await.body;
        let refunds = answer.as_array().unwrap().iter().filter(|refund| refund["data"]["reason"] == "NOT_NEEDED");
        let found: BTreeSet<(&str, i64)> = refunds
            .map(|refund| {
                let data = &refund["data"];
                (data["orderId"].as_str().unwrap(), data["amount"].as_i64().unwrap())
            })
            .collect();
        if found == expected.iter().copied().collect() { Ok(()) } else { Err(answer.to_string()) }
    })
    .await;
}

/// Waits for a message in the queue `Expiry`, and deletes all of its messages.
async fn lose_what_is_due(shop: &Shop) {
    let queues = aws_sdk_sqs::Client::new(&shop.aws());
    let urls = queues.list_queues().send().await.unwrap();
    let is_due = |url: &&String| url.contains("-Expiry-") && !url.contains("DeadLetters");
    let url = urls.queue_urls().iter().find(is_due).unwrap();
    eventually("something is due", || async {
        let delayed = QueueAttributeName::ApproximateNumberOfMessagesDelayed;
        let answer =
            queues.get_queue_attributes().queue_url(url).attribute_names(delayed.clone()).send().await.unwrap();
        let count = answer.attributes().and_then(|attributes| attributes.get(&delayed)).cloned().unwrap_or_default();
        if count == "1" { Ok(()) } else { Err(format!("{count} messages")) }
    })
    .await;
    queues.purge_queue().queue_url(url).send().await.unwrap();
}

/// Waits until the delivery system has received at least these events.
async fn expect_delivery_events(shop: &Shop, expected: &[(&str, &str)]) {
    let queues = aws_sdk_sqs::Client::new(&shop.aws());
    let url = shop.stack().output("ShippingInstructionsUrl").unwrap();
    let received = tokio::sync::Mutex::new(BTreeSet::new());
    eventually("the delivery system gets its events", || async {
        let answer = queues.receive_message().queue_url(url).max_number_of_messages(10).send().await.unwrap();
        let mut received = received.lock().await;
        for message in answer.messages() {
            let event: Value = serde_json::from_str(message.body().unwrap()).unwrap();
            let order = event["detail"]["data"]["orderId"].as_str().unwrap().to_owned();
            received.insert((event["detail-type"].as_str().unwrap().to_owned(), order));
        }
        let missing: Vec<_> = expected
            .iter()
            .filter(|(kind, order)| !received.contains(&((*kind).to_owned(), (*order).to_owned())))
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("missing {missing:?}")) }
    })
    .await;
}
