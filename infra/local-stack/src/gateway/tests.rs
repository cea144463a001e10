use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::Path,
    http::StatusCode,
    routing::{any, post},
};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{AT_ONCE, BODY_LIMIT, DoorKey, EVENT_LIMIT, Gateway, WatchDoor, access_line};
use crate::{console::Requests, server::Servers};

/// A gateway before `upstream`, and its address.
async fn gateway(upstream: Router) -> (Servers, String) {
    let servers = Servers::new().unwrap();
    let upstream = format!("http://127.0.0.1:{}", servers.serve(0, upstream).await.unwrap());
    let routes = [("GET /orders/{orderId}", "get-order"), ("POST /orders", "create-order"), ("$default", "lost")];
    let routes: BTreeMap<_, _> = routes.map(|(route, function)| (route.to_owned(), function.to_owned())).into();
    let gateway = Gateway::new(upstream, &routes, DoorKey::new().unwrap(), Requests::default(), false).unwrap();
    let port = servers.serve(0, gateway.router()).await.unwrap();
    (servers, format!("http://127.0.0.1:{port}"))
}

/// A function that answers with its name and the event that it got.
fn echo() -> Router {
    let invoke = async |Path(function): Path<String>, event: String| {
        let event: Value = serde_json::from_str(&event).unwrap();
        Json(json!({
            "statusCode": 404,
            "headers": { "retry-after": "1", "content-type": "application/json; charset=utf-8" },
            "body": json!({ "function": function, "event": event }).to_string(),
        }))
    };
    Router::new().route("/2015-03-31/functions/{function}/invocations", post(invoke))
}

async fn answered_with(answer: Response) -> Value {
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    answer.json().await.unwrap()
}

#[tokio::test]
async fn lets_no_more_through_than_there_are_turns() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let upstream = Router::new().fallback({
        let most = most.clone();
        async move || {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            Json(json!({ "statusCode": 200 }))
        }
    });
    let (_servers, url) = gateway(upstream).await;

    let (client, url) = (Client::new(), format!("{url}/nowhere"));
    let calls: JoinSet<_> =
        (0..4 * AT_ONCE).map(|_| client.get(&url).send()).map(|call| async { call.await.unwrap().status() }).collect();
    assert!(calls.join_all().await.iter().all(StatusCode::is_success));
    assert!((2..=AT_ONCE).contains(&most.load(Ordering::SeqCst)));
}

#[tokio::test]
async fn makes_an_event_of_a_request() {
    let (_servers, url) = gateway(echo()).await;
    let client = Client::new();

    let request = client.post(format!("{url}/orders?a=1&a=%20")).header("X-User-Id", "kim").body("한글");
    let answer = request.header("content-type", "application/json").send().await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_eq!(answer.headers()["content-type"], "application/json; charset=utf-8");
    let answered_with = answered_with(answer).await;
    assert_eq!(answered_with["function"], "create-order");
    let event = &answered_with["event"];
    assert_eq!((&event["routeKey"], &event["rawPath"]), (&json!("POST /orders"), &json!("/orders")));
    assert_eq!((&event["rawQueryString"], &event["body"]), (&json!("a=1&a=%20"), &json!("한글")));
    assert_eq!((&event["isBase64Encoded"], &event["headers"]["x-user-id"]), (&json!(false), &json!("kim")));
    assert_eq!(event["headers"]["host"], url.trim_start_matches("http://"));
    assert_eq!(event["requestContext"]["http"]["method"], "POST");
    assert_eq!(event["headers"]["x-jangteo-door-key"].as_str().unwrap().len(), 32);

    // A body is binary unless its type says text.
    let answered_with =
        self::answered_with(client.post(format!("{url}/orders")).body(vec![0xff, 0]).send().await.unwrap()).await;
    assert_eq!(
        (&answered_with["event"]["body"], &answered_with["event"]["isBase64Encoded"]),
        (&json!("/wA="), &json!(true))
    );
}

#[tokio::test]
async fn unescapes_paths_and_leaves_what_no_route_serves_to_the_default_function() {
    let (_servers, url) = gateway(echo()).await;
    let client = Client::new();
    for (method, path, function, id) in [
        (Method::GET, "/orders/a%62c", "get-order", json!("abc")),
        (Method::GET, "//orders/a%252Fb", "get-order", json!("a%252Fb")),
        (Method::GET, "/orders/%ff", "get-order", json!("\u{fffd}")),
        (Method::GET, "/orders/a%2Fb", "lost", json!(null)),
        (Method::GET, "/orders/a/", "lost", json!(null)),
        (Method::DELETE, "/orders/a", "lost", json!(null)),
        (Method::OPTIONS, "/orders", "lost", json!(null)),
    ] {
        let answered_with = answered_with(client.request(method, format!("{url}{path}")).send().await.unwrap()).await;
        assert_eq!(
            (&answered_with["function"], &answered_with["event"]["pathParameters"]["orderId"]),
            (&json!(function), &id),
            "{path}"
        );
    }
    let answer = client.head(format!("{url}/orders")).send().await.unwrap();
    assert_ne!(answer.headers()["content-length"], "0");
    assert_eq!(answer.bytes().await.unwrap().len(), 0);
}

#[tokio::test]
async fn refuses_a_body_that_api_gateway_would_refuse() {
    let (_servers, url) = gateway(echo()).await;
    for size in [BODY_LIMIT + 1, EVENT_LIMIT] {
        let answer = Client::new().post(&url).body(vec![b' '; size]).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(answer.json::<Value>().await.unwrap(), json!({ "message": "Request Entity Too Large" }));
    }
}

#[tokio::test]
async fn a_function_that_fails_is_an_internal_error() {
    for result in [json!({ "errorType": "panic", "errorMessage": "secret" }), json!("text"), json!({ "statusCode": 7 })]
    {
        let upstream = Router::new().fallback(any(async move || Json(result)));
        let (_servers, url) = gateway(upstream).await;
        let answer = Client::new().get(format!("{url}/nowhere")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.json::<Value>().await.unwrap(), json!({ "message": "Internal Server Error" }));
    }
}

#[tokio::test]
async fn the_watch_door_vouches_for_requests_and_events() {
    let servers = Servers::new().unwrap();
    let upstream = format!("http://127.0.0.1:{}", servers.serve(0, echo()).await.unwrap());
    let door = WatchDoor::new(upstream, DoorKey::new().unwrap()).unwrap();
    let url = format!("http://127.0.0.1:{}", servers.serve(0, door.router()).await.unwrap());

    let invoke = Client::new().post(format!("{url}/2015-03-31/functions/get-order/invocations"));
    let answer: Value = invoke.body(r#"{"rawPath":"/orders/1"}"#).send().await.unwrap().json().await.unwrap();
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["event"]["headers"]["x-jangteo-door-key"].as_str().unwrap().len(), 32);
    assert_eq!(body["event"]["rawPath"], "/orders/1");
}

#[test]
fn a_request_is_one_line_of_the_log() {
    let line = access_line("GET /products?limit=2", StatusCode::OK, Duration::from_millis(34));
    assert!(line.ends_with("  GET /products?limit=2  200  34 ms") && !line.contains('\n'), "{line}");
}
