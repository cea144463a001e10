use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    routing::get,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::now;

/// The most requests that are kept.
const KEPT: usize = 500;

/// The last requests to the shop's API.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    last: u64,
    requests: VecDeque<Served>,
}

/// A request that was answered.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Served {
    /// Its number since the start of the stack, from 1.
    number: u64,
    at: Timestamp,
    method: String,
    /// Path and query, as they were sent.
    path: String,
    status: u16,
    milliseconds: u64,
    /// The user in the header of the local runner.
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<String>,
    /// Whether a page sent it.
    of_page: bool,
}

/// A request, until it is answered.
pub(crate) struct Begun {
    method: String,
    path: String,
    caller: Option<String>,
    of_page: bool,
}

impl Begun {
    pub(crate) fn new(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
        let of_page = text("sec-fetch-mode").is_some_and(|mode| mode != "navigate");
        Self { method: method.to_string(), path: uri.to_string(), caller: text("x-user-id"), of_page }
    }
}

impl Requests {
    pub(crate) fn note(&self, begun: Begun, status: StatusCode, duration: Duration) {
        let Begun { method, path, caller, of_page } = begun;
        let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let mut kept = self.kept();
        kept.last += 1;
        let number = kept.last;
        if kept.requests.len() == KEPT {
            kept.requests.pop_front();
        }
        let status = status.as_u16();
        kept.requests.push_back(Served { number, at: now(), method, path, status, milliseconds, caller, of_page });
    }

    /// `GET /_dev/requests?after=NUMBER`: the requests after that one, oldest first.
    pub(super) fn router(&self) -> Router {
        Router::new().route("/_dev/requests", get(list)).with_state(self.clone())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // No holder of the lock can leave a change half-made.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn list(State(requests): State<Requests>, Query(After { after }): Query<After>) -> Json<Value> {
    let kept = requests.kept();
    let later: Vec<_> = kept.requests.iter().filter(|served| served.number > after).collect();
    Json(json!({ "requests": later, "last": kept.last }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_requests_are_kept_and_listed_after_a_number() {
        let requests = Requests::default();
        let note = |path: &'static str| {
            let begun = Begun::new(&Method::GET, &Uri::from_static(path), &HeaderMap::new());
            requests.note(begun, StatusCode::OK, Duration::from_millis(7));
        };
        for _ in 0..KEPT {
            note("/products");
        }
        note("/orders?userId=kim");
        let listed = async |after| list(State(requests.clone()), Query(After { after })).await.0;
        let all = listed(0).await;
        assert_eq!((all["requests"].as_array().unwrap().len(), all["last"].as_u64()), (KEPT, Some(501)));
        let last = listed(500).await;
        let last = last["requests"].as_array().unwrap();
        assert_eq!((last.len(), &last[0]["path"]), (1, &json!("/orders?userId=kim")));
    }
}
