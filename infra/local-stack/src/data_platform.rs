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

/// The data platform as the shop sees it: an endpoint outside that takes events, now and then the same one again.
///
/// - `POST` to any path but those below delivers an event: a JSON body, its id in the header `Idempotency-Key`. An event
///   that is there already is acknowledged and held once.
/// - `GET /received` lists the events held, as they came, in the order of their first arrival.
/// - `PUT /mode {"status": 503}` has it answer deliveries so, and hold none of them, until `{"status": 200}`.
/// - `DELETE /received` forgets all events.
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
        // Nobody who holds the lock can leave things half-changed.
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
