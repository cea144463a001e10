use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use reqwest::{Client, redirect::Policy};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::error::{Context as _, Result};

/// How many requests `cargo lambda watch` gets to see at once. With more than a hundred waiting for one function it
/// comes to a standstill for good: it waits for room in that function's queue and holds the lock that the function
/// needs to take from it.
const AT_ONCE: usize = 64;

/// API Gateway's own limits: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>.
const BODY_LIMIT: usize = 10 * 1024 * 1024;
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// What concerns one connection only and is not passed on to the next.
const CONNECTION_HEADERS: [HeaderName; 5] =
    [header::CONNECTION, header::CONTENT_LENGTH, header::EXPECT, header::TRANSFER_ENCODING, header::UPGRADE];

/// Stands before `cargo lambda watch` and does what the HTTP API does for the deployed functions and it does not: let
/// requests wait their turn, leave what no route serves to the `$default` route's function, and give up on a function
/// after 30 seconds.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    client: Client,
    upstream: String,
    default_function: Option<String>,
    turns: Arc<Semaphore>,
}

impl Gateway {
    /// A gateway to `cargo lambda watch` at `upstream`.
    pub(crate) fn new(upstream: String, default_function: Option<String>) -> Result<Self> {
        // Neither proxies from the environment nor redirects: what a function answers is passed on as it is.
        let client = Client::builder().no_proxy().redirect(Policy::none()).timeout(TIME_LIMIT).build();
        let client = client.context("make an HTTP client")?;
        Ok(Self { client, upstream, default_function, turns: Arc::new(Semaphore::new(AT_ONCE)) })
    }

    pub(crate) fn router(self) -> Router {
        Router::new().fallback(serve).with_state(self)
    }

    async fn answer(self, head: Parts, body: Bytes) -> Response {
        let _turn = self.turns.acquire().await;
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut answer = self.call(&head, path, &body).await;
        if let (Ok(Answer { unrouted: true, .. }), Some(function)) = (&answer, &self.default_function) {
            answer = self.call(&head, &format!("/lambda-url/{function}{path}"), &body).await;
        }
        match answer {
            Ok(answer) => (answer.status, answer.headers, Body::from(answer.body)).into_response(),
            Err(error) if error.is_timeout() => refusal(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
            Err(_) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        }
    }

    async fn call(&self, head: &Parts, path: &str, body: &Bytes) -> reqwest::Result<Answer> {
        let request = self.client.request(head.method.clone(), format!("{}{path}", self.upstream));
        let answer = request.headers(passed_on(&head.headers)).body(body.clone()).send().await?;
        let (status, headers) = (answer.status(), passed_on(answer.headers()));
        let body = answer.bytes().await?;
        let unrouted = status == StatusCode::NOT_FOUND && is_unrouted(&head.method, &body);
        Ok(Answer { status, headers, body, unrouted })
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    unrouted: bool,
}

async fn serve(State(gateway): State<Gateway>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    // A task of its own sees the request through even if the client leaves, as a function does.
    tokio::spawn(gateway.answer(head, body))
        .await
        .unwrap_or_else(|_| refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"))
}

fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in CONNECTION_HEADERS {
        headers.remove(name);
    }
    headers
}

/// Whether a 404 is how `cargo lambda watch` says that its router knows no function for a path and method.
fn is_unrouted(method: &Method, body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Problem {
        title: String,
    }
    // The answer to HEAD has no body to tell by. No route serves HEAD, so all of them are meant here.
    method == Method::HEAD
        || serde_json::from_slice::<Problem>(body).is_ok_and(|problem| problem.title == "Default function disabled")
}

/// An answer in the words of API Gateway, which has its own and not the shop's.
fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        time::Duration,
    };

    use axum::{
        Json, Router,
        http::{HeaderMap, StatusCode, Uri},
        response::IntoResponse as _,
        routing::{any, get},
    };
    use reqwest::Client;
    use serde_json::{Value, json};
    use tokio::task::JoinSet;

    use super::{AT_ONCE, Gateway};
    use crate::server::Servers;

    /// A gateway before `upstream`, and its address.
    async fn gateway(upstream: Router) -> (Servers, String) {
        let servers = Servers::new().unwrap();
        let upstream = format!("http://127.0.0.1:{}", servers.serve(0, upstream).await.unwrap());
        let gateway = Gateway::new(upstream, Some("lost".to_owned())).unwrap();
        let port = servers.serve(0, gateway.router()).await.unwrap();
        (servers, format!("http://127.0.0.1:{port}"))
    }

    /// Answers as `cargo lambda watch` does where its router knows no function.
    async fn unrouted() -> axum::response::Response {
        let problem =
            json!({ "title": "Default function disabled", "detail": "the default function route is disabled" });
        (StatusCode::NOT_FOUND, problem.to_string()).into_response()
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
            }
        });
        let (_servers, url) = gateway(upstream).await;

        let client = Client::new();
        let calls: JoinSet<_> = (0..4 * AT_ONCE)
            .map(|_| client.get(&url).send())
            .map(|call| async { call.await.unwrap().status() })
            .collect();
        assert!(calls.join_all().await.iter().all(StatusCode::is_success));
        assert!((2..=AT_ONCE).contains(&most.load(Ordering::SeqCst)));
    }

    #[tokio::test]
    async fn leaves_what_no_route_serves_to_the_default_function() {
        let lost = any(async |uri: Uri| (StatusCode::METHOD_NOT_ALLOWED, format!("lost: {uri}")));
        let (_servers, url) = gateway(Router::new().route("/lambda-url/lost/{*path}", lost).fallback(unrouted)).await;

        let client = Client::new();
        let answer = client.delete(format!("{url}/orders/a%2Fb?x=1")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.text().await.unwrap(), "lost: /lambda-url/lost/orders/a%2Fb?x=1");
        let answer = client.head(format!("{url}/orders")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    }

    #[tokio::test]
    async fn passes_on_requests_and_answers_as_they_are() {
        let echo = any(async |headers: HeaderMap, body: String| {
            let told = json!({ "user": headers["x-user-id"].to_str().unwrap(), "host": headers["host"].to_str().unwrap(),
                "length": headers["content-length"].to_str().unwrap(), "body": body });
            (
                StatusCode::NOT_FOUND,
                [("retry-after", "1"), ("content-type", "application/json; charset=utf-8")],
                told.to_string(),
            )
        });
        let (_servers, url) = gateway(Router::new().route("/orders", echo)).await;

        let request = Client::new().post(format!("{url}/orders")).header("x-user-id", "kim").body("한글");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        assert_eq!(answer.headers()["retry-after"], "1");
        assert_eq!(answer.headers()["content-type"], "application/json; charset=utf-8");
        let host = url.trim_start_matches("http://");
        let told: Value = answer.json().await.unwrap();
        assert_eq!(told, json!({ "user": "kim", "host": host, "length": "6", "body": "한글" }));
    }

    #[tokio::test]
    async fn refuses_a_body_that_api_gateway_would_refuse() {
        let (_servers, url) = gateway(Router::new().fallback(get(async || Json(json!({}))))).await;

        let answer = Client::new().post(url).body(vec![b' '; super::BODY_LIMIT + 1]).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(answer.json::<Value>().await.unwrap(), json!({ "message": "Request Entity Too Large" }));
    }
}
