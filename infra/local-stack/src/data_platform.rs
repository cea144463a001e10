use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use webhook::Secrets;

/// The data platform as the shop sees it: an external endpoint that takes events, sometimes the same one again.
///
/// - `POST` to any path but those below delivers an event: a JSON body, its id in the header `Idempotency-Key`. An
///   event that is there already is acknowledged and held once. A delivery without a valid signature is answered 401.
/// - `GET /received` lists the events held, in the order of their first arrival.
/// - `PUT /mode {"status": 503}` makes it answer deliveries so, and hold none of them, until `{"status": 200}`. `GET /mode`
///   answers the same.
/// - `DELETE /received` deletes all events.
#[derive(Clone, Default)]
pub(crate) struct DataPlatform(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    events: Vec<Value>,
    /// The ids of these events, each with the instant of its first arrival.
    arrivals: HashMap<String, Timestamp>,
    status: StatusCode,
    /// The secrets of the shop; nothing until they are known.
    secrets: Option<Secrets>,
}

impl DataPlatform {
    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/received", get(list).delete(forget))
            .route("/mode", get(show_mode).put(set_mode))
            .fallback(receive)
            .with_state(self.clone())
    }

    /// Accepts deliveries that these secrets sign. Until the first call every delivery is to come again later.
    pub(crate) fn trust(&self, secrets: Secrets) {
        self.held().secrets = Some(secrets);
    }

    /// The ids of the events held, each with the instant of its first arrival.
    pub(crate) fn arrivals(&self) -> HashMap<String, Timestamp> {
        self.held().arrivals.clone()
    }

    /// The status of the answers to deliveries.
    pub(crate) fn status(&self) -> StatusCode {
        self.held().status
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // No holder of the lock can leave a change half-made.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn receive(State(platform): State<DataPlatform>, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    if method != Method::POST {
        return refusal(StatusCode::METHOD_NOT_ALLOWED, "events are delivered by POST");
    }
    let mut held = platform.held();
    let Some(secrets) = &held.secrets else {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "the secrets of the shop are not known yet");
    };
    if let Err(unverified) = secrets.verify(|name| headers.get(name)?.to_str().ok(), &body, now().as_second()) {
        return refusal(StatusCode::UNAUTHORIZED, &unverified.to_string());
    }
    if held.status != StatusCode::OK {
        return refusal(held.status, "as PUT /mode asked for");
    }
    let Some(id) = headers.get("idempotency-key").and_then(|id| id.to_str().ok()) else {
        return refusal(StatusCode::BAD_REQUEST, "the header Idempotency-Key is missing");
    };
    let Ok(event) = serde_json::from_slice(&body) else {
        return refusal(StatusCode::BAD_REQUEST, "the body is not JSON");
    };
    if !held.arrivals.contains_key(id) {
        held.arrivals.insert(id.to_owned(), now());
        held.events.push(event);
    }
    StatusCode::OK.into_response()
}

async fn list(State(platform): State<DataPlatform>) -> Json<Vec<Value>> {
    Json(platform.held().events.clone())
}

async fn forget(State(platform): State<DataPlatform>) -> StatusCode {
    let mut held = platform.held();
    held.events.clear();
    held.arrivals.clear();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mode {
    status: u16,
}

async fn show_mode(State(platform): State<DataPlatform>) -> Json<Value> {
    Json(json!({ "status": platform.status().as_u16() }))
}

async fn set_mode(State(platform): State<DataPlatform>, Json(mode): Json<Mode>) -> Response {
    let Ok(status) = StatusCode::from_u16(mode.status) else {
        return refusal(StatusCode::BAD_REQUEST, "this is no HTTP status");
    };
    platform.held().status = status;
    StatusCode::NO_CONTENT.into_response()
}

#[expect(clippy::disallowed_methods, reason = "what is outside the shop has a clock of its own")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}

#[cfg(test)]
mod tests {
    use reqwest::{Client, RequestBuilder, StatusCode};
    use serde_json::{Value, json};
    use webhook::{Message, Secrets};

    use super::{DataPlatform, now};
    use crate::{secrets::new_webhook_secret, server::Servers};

    struct Platform {
        _servers: Servers,
        url: String,
        client: Client,
        secrets: Secrets,
    }

    impl Platform {
        async fn start() -> Self {
            let (servers, platform) = (Servers::new().unwrap(), DataPlatform::default());
            let secrets = secrets();
            platform.trust(secrets.clone());
            let port = servers.serve(0, platform.router()).await.unwrap();
            Self { _servers: servers, url: format!("http://127.0.0.1:{port}"), client: Client::new(), secrets }
        }

        /// A delivery with a signature by these secrets, as of so many seconds from now.
        fn signed(&self, secrets: &Secrets, offset: i64, id: &str, body: &str) -> RequestBuilder {
            let timestamp = now().as_second() + offset;
            let signature = secrets.sign(Message { id, timestamp, body: body.as_bytes() });
            let delivery = self.client.post(format!("{}/orders", self.url)).body(body.to_owned());
            let delivery = delivery.header(webhook::ID, id).header(webhook::TIMESTAMP, timestamp);
            delivery.header(webhook::SIGNATURE, signature)
        }

        fn delivery(&self, id: &str, event: &Value) -> RequestBuilder {
            self.signed(&self.secrets, 0, id, &event.to_string()).header("idempotency-key", id)
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

    fn secrets() -> Secrets {
        new_webhook_secret().unwrap().parse().unwrap()
    }

    #[tokio::test]
    async fn refuses_what_is_not_signed_now_by_its_secrets() {
        let platform = Platform::start().await;
        let unsigned = platform.client.post(format!("{}/orders", platform.url)).json(&json!({}));
        for forged in [
            unsigned,
            platform.signed(&secrets(), 0, "1", "{}"),
            platform.signed(&platform.secrets, 0, "1", "{}").body("[]"),
            platform.signed(&platform.secrets, -310, "1", "{}"),
            platform.signed(&platform.secrets, 310, "1", "{}"),
        ] {
            let answer = forged.header("idempotency-key", "1").send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        }
        assert_eq!(platform.received().await, json!([]));
        assert_eq!(platform.deliver("1", &json!({})).await, StatusCode::OK);
    }

    #[tokio::test]
    async fn takes_nothing_before_it_knows_the_secrets() {
        let (servers, platform) = (Servers::new().unwrap(), DataPlatform::default());
        let port = servers.serve(0, platform.router()).await.unwrap();
        let answer = Client::new().post(format!("http://127.0.0.1:{port}/orders")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
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

        let nameless = platform.signed(&platform.secrets, 0, "1", "{}").send().await.unwrap();
        assert_eq!(nameless.status(), StatusCode::BAD_REQUEST);
        let no_json = platform.signed(&platform.secrets, 0, "1", "{").header("idempotency-key", "1");
        assert_eq!(no_json.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
        let no_delivery = platform.client.get(&platform.url).send().await.unwrap();
        assert_eq!(no_delivery.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(platform.received().await, json!([]));
    }
}
