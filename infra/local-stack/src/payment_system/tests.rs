//! The payment system between a queue and a bus in this process.

use std::{
    collections::VecDeque,
    fs,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::post,
};
use build_functions::repository;
use jsonschema::{Draft, Validator};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::{Adapter, PaymentSystem};
use crate::{aws, server::Servers};

/// The queue and the bus, with the calls that the adapter makes.
#[derive(Clone, Default)]
struct Aws(Arc<Mutex<Services>>);

#[derive(Default)]
struct Services {
    /// Messages that were not received yet.
    queued: VecDeque<Value>,
    /// The receipts of deleted messages.
    deleted: Vec<String>,
    /// The events that were put on the bus.
    reported: Vec<Value>,
    bus_is_down: bool,
}

async fn serve(State(aws): State<Aws>, headers: HeaderMap, body: Bytes) -> Response {
    let request: Value = serde_json::from_slice(&body).unwrap();
    // A short pause in place of the wait for messages.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let mut services = aws.0.lock().unwrap();
    let answer = match headers["x-amz-target"].to_str().unwrap() {
        "AmazonSQS.ReceiveMessage" => json!({ "Messages": services.queued.drain(..).collect::<Vec<_>>() }),
        "AmazonSQS.DeleteMessage" => {
            services.deleted.push(request["ReceiptHandle"].as_str().unwrap().to_owned());
            json!({})
        }
        "AWSEvents.PutEvents" if services.bus_is_down => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "AWSEvents.PutEvents" => {
            services.reported.extend(request["Entries"].as_array().unwrap().iter().cloned());
            json!({ "FailedEntryCount": 0 })
        }
        other => panic!("{other}"),
    };
    Json(answer).into_response()
}

struct Running {
    _servers: Servers,
    aws: Aws,
    url: String,
    client: Client,
}

impl Running {
    async fn start() -> Self {
        let (servers, aws) = (Servers::new().unwrap(), Aws::default());
        let services = Router::new().route("/", post(serve)).with_state(aws.clone());
        let port = servers.serve(0, services).await.unwrap();
        let emulator = aws::Aws::new(format!("http://127.0.0.1:{port}")).unwrap();
        let adapter = Adapter::new(emulator, "queue".to_owned(), "bus".to_owned());
        let system = PaymentSystem::new(adapter);
        let port = servers.serve(0, system.router()).await.unwrap();
        servers.spawn(system.work());
        Self { _servers: servers, aws, url: format!("http://127.0.0.1:{port}"), client: Client::new() }
    }

    fn services(&self) -> MutexGuard<'_, Services> {
        self.aws.0.lock().unwrap()
    }

    /// Puts a message into the queue, as the bus does.
    fn send(&self, receipt: &str, event: &Value) {
        let body = json!({ "source": "jangteo.orders", "detail": event }).to_string();
        self.services().queued.push_back(json!({ "Body": body, "ReceiptHandle": receipt }));
    }

    /// Waits until these messages have been deleted from the queue.
    async fn has_deleted(&self, receipts: &[&str]) {
        let deleted = async {
            while self.services().deleted != receipts {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), deleted).await.unwrap();
    }

    /// The results sent so far: the name of the event and its detail, which holds to the contract of the shop.
    fn reported(&self) -> Vec<(String, Value)> {
        let reported = |entry: &Value| {
            let text = |part: &str| entry[part].as_str().unwrap().to_owned();
            assert_eq!((text("Source"), text("EventBusName")), ("jangteo.payments".to_owned(), "bus".to_owned()));
            let (name, detail) = (text("DetailType"), serde_json::from_str(&text("Detail")).unwrap());
            contract(&name).validate(&detail).unwrap();
            (name, detail)
        };
        self.services().reported.iter().map(reported).collect()
    }

    /// Lets all payments succeed.
    async fn succeed(&self) {
        let success = json!([{ "result": "SUCCEEDED" }]);
        assert_eq!(self.call(Method::PUT, "/users/*/behaviour", success).await.0, StatusCode::NO_CONTENT);
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request = self.client.request(method, format!("{}{path}", self.url)).json(&body);
        let answer = request.send().await.unwrap();
        (answer.status(), serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
    }
}

/// What the shop takes of an event with this name.
fn contract(name: &str) -> Validator {
    let folder = repository().join("shared/contracts/events/schemas");
    let text = fs::read_to_string(folder.join(format!("{name}.v1.json"))).unwrap();
    let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
    options.build(&serde_json::from_str(&text).unwrap()).unwrap()
}

fn payment(order: &str, user: &str) -> Value {
    json!({
        "eventId": format!("{order}-1-payment"), "type": "PaymentRequested", "version": 1,
        "data": { "orderId": order, "userId": user, "amount": 13_000, "expiresAt": "2026-11-21T09:10:00Z" },
    })
}

fn refund(order: &str) -> Value {
    json!({
        "eventId": format!("{order}-3-refund"), "type": "RefundRequested", "version": 1,
        "data": {
            "orderId": order, "userId": "kim", "paymentId": "p-1", "amount": 13_000, "reason": "CANCELLED",
            "refundId": format!("{order}-3-refund"),
        },
    })
}

#[tokio::test]
async fn a_refund_has_the_result_that_was_set() {
    let system = Running::start().await;
    let behaviours = [
        None,
        Some(json!({ "result": "FAILED", "reason": "ACCOUNT_FROZEN" })),
        Some(json!({ "result": "NONE" })),
        Some(json!({ "result": "SUCCEEDED" })),
    ];
    let receipts = ["o1", "o2", "o3", "o4"];
    for (place, (order, behaviour)) in receipts.iter().zip(behaviours).enumerate() {
        if let Some(behaviour) = behaviour {
            let set = system.call(Method::PUT, "/refunds/behaviour", behaviour).await;
            assert_eq!(set.0, StatusCode::NO_CONTENT);
        }
        system.send(order, &refund(order));
        system.has_deleted(&receipts[..=place]).await;
    }
    let reported = system.reported();
    let reported: Vec<_> = reported
        .iter()
        .map(|(name, detail)| {
            let text = |field: &str| detail[field].as_str();
            (name.as_str(), text("refundId").unwrap(), text("orderId").unwrap(), text("reason"))
        })
        .collect();
    assert_eq!(
        reported,
        [
            ("RefundSucceeded", "o1-3-refund", "o1", None),
            ("RefundFailed", "o2-3-refund", "o2", Some("ACCOUNT_FROZEN")),
            ("RefundSucceeded", "o4-3-refund", "o4", None),
        ]
    );
    let listed = system.call(Method::GET, "/refunds", json!(null)).await.1;
    assert_eq!(listed, json!(receipts.map(refund)));
}

#[tokio::test]
async fn a_wrong_behaviour_of_refunds_is_refused_and_changes_nothing() {
    let system = Running::start().await;
    let (status, answer) = system.call(Method::PUT, "/refunds/behaviour", json!({ "result": "SUCCESS" })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(answer["message"], "result: must be SUCCEEDED, FAILED or NONE");
    system.send("1", &refund("o1"));
    system.has_deleted(&["1"]).await;
    assert_eq!(system.reported()[0].0, "RefundSucceeded");
}

#[tokio::test]
async fn a_refund_is_answered_once_after_an_outage_of_the_bus() {
    let system = Running::start().await;
    system.services().bus_is_down = true;
    // The second message is left in the queue while the first is being answered.
    system.send("1", &refund("o1"));
    system.send("1 again", &refund("o1"));
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(system.services().deleted, Vec::<String>::new());

    system.services().bus_is_down = false;
    system.has_deleted(&["1"]).await;
    system.send("1 again", &refund("o1"));
    system.has_deleted(&["1", "1 again"]).await;
    assert_eq!(system.reported().len(), 1);
}

#[tokio::test]
async fn a_request_that_comes_twice_is_answered_and_listed_once() {
    let system = Running::start().await;
    system.succeed().await;
    for receipt in ["1", "2"] {
        system.send(receipt, &payment("o1", "kim"));
        // The second message comes when the first is settled; while the first is being answered it would be left in the
        // queue.
        system.has_deleted(&["1", "2"][..receipt.parse().unwrap()]).await;
    }

    let reported = system.reported();
    let [(name, detail)] = reported.as_slice() else { panic!("{reported:?}") };
    assert_eq!(
        (name.as_str(), &detail["orderId"], &detail["amount"]),
        ("PaymentSucceeded", &json!("o1"), &json!(13_000))
    );
    assert!(
        detail["paymentId"].is_string()
            && detail["at"].as_str().unwrap().ends_with('Z')
            && detail.get("reason").is_none()
    );
    assert_eq!(system.call(Method::GET, "/requests", json!(null)).await.1, json!([payment("o1", "kim")]));
    assert_eq!(system.call(Method::GET, "/refunds", json!(null)).await.1, json!([]));
}

#[tokio::test]
async fn what_was_said_over_http_is_done() {
    let system = Running::start().await;
    let failure_then_two_successes =
        json!([{ "result": "FAILED" }, { "result": "SUCCEEDED", "afterMs": 20, "times": 2, "payment": "NEW" }]);
    for (path, behaviour) in [
        ("/users/*/behaviour", json!([])),
        ("/users/kim/behaviour", failure_then_two_successes),
        ("/orders/o3/behaviour", json!([{ "result": "SUCCEEDED", "amount": 1 }])),
    ] {
        assert_eq!(system.call(Method::PUT, path, behaviour).await.0, StatusCode::NO_CONTENT);
    }
    let misspelt = system.call(Method::PUT, "/users/*/behaviour", json!([{ "result": "SUCCESS" }])).await;
    assert!(misspelt.0.is_client_error());

    for (receipt, order, user) in [("1", "o1", "lee"), ("2", "o2", "kim"), ("3", "o3", "kim")] {
        system.send(receipt, &payment(order, user));
        system.has_deleted(&["1", "2", "3"][..receipt.parse().unwrap()]).await;
    }
    let reported = system.reported();
    let reported: Vec<_> = reported
        .iter()
        .map(|(name, detail)| (name.as_str(), detail["orderId"].as_str().unwrap(), detail["amount"].as_i64().unwrap()))
        .collect();
    assert_eq!(
        reported,
        [
            ("PaymentFailed", "o2", 13_000),
            ("PaymentSucceeded", "o2", 13_000),
            ("PaymentSucceeded", "o2", 13_000),
            ("PaymentSucceeded", "o3", 1)
        ]
    );
    assert_eq!(system.reported()[0].1["reason"], "CARD_DECLINED");
}

#[tokio::test]
async fn a_result_that_nobody_asked_for_is_told() {
    let system = Running::start().await;
    let named = json!({ "orderId": "o1", "result": "FAILED", "amount": 5, "paymentId": "p-1" });
    let unnamed = json!({ "orderId": "o1", "result": "SUCCEEDED", "amount": 5 });
    let mut answers = Vec::new();
    for result in [named, unnamed.clone(), unnamed] {
        answers.push(system.call(Method::POST, "/results", result).await.1);
    }
    let reported: Vec<_> = system.reported().into_iter().map(|(_, detail)| detail).collect();
    assert_eq!(reported, answers);
    assert_eq!(reported[0]["paymentId"], "p-1");
    assert_ne!(reported[1]["paymentId"], reported[2]["paymentId"]);

    system.services().bus_is_down = true;
    let (status, _) =
        system.call(Method::POST, "/results", json!({ "orderId": "o1", "result": "FAILED", "amount": 5 })).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn a_message_stays_until_it_is_answered() {
    let system = Running::start().await;
    system.succeed().await;
    system.services().bus_is_down = true;
    system.send("1", &payment("o1", "kim"));
    // Neither message is deleted: the first is being answered, and the second is not one of its events.
    system.send("1 again", &payment("o1", "kim"));
    system.send("unknown", &json!({ "eventId": "o1-2", "type": "OrderPaid" }));
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(system.services().deleted, Vec::<String>::new());

    system.services().bus_is_down = false;
    system.has_deleted(&["1"]).await;
    assert_eq!(system.reported().len(), 1);
}
