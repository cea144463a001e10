use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, put},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// The data platform as the shop sees it: an external endpoint that takes events, sometimes the same one again.
///
/// - `POST` to any path but those below delivers an event: a JSON body, its id in the header `Idempotency-Key`. An
///   event that is there already is acknowledged and held once.
/// - `GET /received` lists the events held, in the order of their first arrival.
/// - `PUT /mode {"status": 503}` makes it answer deliveries so, and hold none of them, until `{"status": 200}`.
/// - `DELETE /received` deletes all events.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/received", get(list).delete(forget))
        .route("/mode", put(set_mode))
        .fallback(receive)
        .with_state(Platform::default())
}

#[derive(Clone, Default)]
struct Platform(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    events: Vec<Value>,
    ids: HashSet<String>,
    status: StatusCode,
}

impl Platform {
    fn held(&self) -> MutexGuard<'_, Held> {
        // No holder of the lock can leave a change half-made.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn receive(State(platform): State<Platform>, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    if method != Method::POST {
        return refusal(StatusCode::METHOD_NOT_ALLOWED, "events are delivered by POST");
    }
    let mut held = platform.held();
    if held.status != StatusCode::OK {
        return refusal(held.status, "as PUT /mode asked for");
    }
    let Some(id) = headers.get("idempotency-key").and_then(|id| id.to_str().ok()) else {
        return refusal(StatusCode::BAD_REQUEST, "the header Idempotency-Key is missing");
    };
    let Ok(event) = serde_json::from_slice(&body) else {
        return refusal(StatusCode::BAD_REQUEST, "the body is not JSON");
    };
    if held.ids.insert(id.to_owned()) {
        held.events.push(event);
    }
    StatusCode::OK.into_response()
}

async fn list(State(platform): State<Platform>) -> Json<Vec<Value>> {
    Json(platform.held().events.clone())
}

async fn forget(State(platform): State<Platform>) -> StatusCode {
    let mut held = platform.held();
    held.events.clear();
    held.ids.clear();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mode {
    status: u16,
}

async fn set_mode(State(platform): State<Platform>, Json(mode): Json<Mode>) -> Response {
    let Ok(status) = StatusCode::from_u16(mode.status) else {
        return refusal(StatusCode::BAD_REQUEST, "this is no HTTP status");
    };
    platform.held().status = status;
    StatusCode::NO_CONTENT.into_response()
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}

#[cfg(test)]
mod tests {
    use reqwest::{Client, RequestBuilder, StatusCode};
    use serde_json::{Value, json};

    use crate::server::Servers;

    struct Platform {
        _servers: Servers,
        url: String,
        client: Client,
    }

    impl Platform {
        async fn start() -> Self {
            let servers = Servers::new().unwrap();
            let port = servers.serve(0, super::router()).await.unwrap();
            Self { _servers: servers, url: format!("http://127.0.0.1:{port}"), client: Client::new() }
        }

        fn delivery(&self, id: &str, event: &Value) -> RequestBuilder {
            self.client.post(format!("{}/orders", self.url)).header("idempotency-key", id).json(event)
        }

        async fn deliver(&self, id: &str, event: &Value) -> StatusCode {
            self.delivery(id, event).send().await.unwrap().status()
        }

        async fn set_status(&self, status: u16) -> StatusCode {
            let request = self.client.put(format!("{}/mode", self.url)).json(&json!({ "status": status }));
            request.send().await.unwrap().status()
        }

        async fn received(&self) -> Value {
            self.client.get(format!("{}/received", self.url)).send().await.unwrap().json().await.unwrap()
        }
    }

    #[tokio::test]
    async fn holds_a_repeated_event_once() {
        let platform = Platform::start().await;
        let (first, second) = (json!({ "orderId": "1" }), json!({ "orderId": "2" }));

        assert_eq!(platform.deliver("1", &first).await, StatusCode::OK);
        assert_eq!(platform.deliver("2", &second).await, StatusCode::OK);
        assert_eq!(platform.deliver("1", &first).await, StatusCode::OK);
        assert_eq!(platform.received().await, json!([first, second]));

        platform.client.delete(format!("{}/received", platform.url)).send().await.unwrap();
        assert_eq!(platform.received().await, json!([]));
        assert_eq!(platform.deliver("1", &first).await, StatusCode::OK);
        assert_eq!(platform.received().await, json!([first]));
    }

    #[tokio::test]
    async fn takes_nothing_while_it_is_down() {
        let platform = Platform::start().await;

        assert_eq!(platform.set_status(503).await, StatusCode::NO_CONTENT);
        assert_eq!(platform.deliver("1", &json!({})).await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(platform.received().await, json!([]));

        assert_eq!(platform.set_status(200).await, StatusCode::NO_CONTENT);
        assert_eq!(platform.deliver("1", &json!({})).await, StatusCode::OK);
        assert_eq!(platform.set_status(99).await, StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn refuses_what_is_no_event() {
        let platform = Platform::start().await;

        let nameless = platform.client.post(&platform.url).json(&json!({})).send().await.unwrap();
        assert_eq!(nameless.status(), StatusCode::BAD_REQUEST);
        let no_json = platform.delivery("1", &json!({})).body("{").send().await.unwrap();
        assert_eq!(no_json.status(), StatusCode::BAD_REQUEST);
        let no_delivery = platform.client.get(&platform.url).send().await.unwrap();
        assert_eq!(no_delivery.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(platform.received().await, json!([]));
    }
}
