//! The provider of `payment-system` behind HTTP, and its notices to the shop.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use payment_system::{Delivery, Notice, Provider, Request};
use reqwest::Client;
use tokio::sync::{Notify, Semaphore};

use super::{checkout, journal::Journal, now};
use crate::error::{Context as _, Result};

/// The delay of an answer that never comes. Clients give up earlier.
const SILENCE: Duration = Duration::from_secs(600);

/// The time that the shop has to answer a notice.
const NOTICE_LIMIT: Duration = Duration::from_secs(10);

/// The most notices underway.
const NOTICES_AT_ONCE: usize = 8;

/// The wait for the next notice if nothing is due.
const IDLE: Duration = Duration::from_secs(60);

/// The provider behind HTTP.
#[derive(Clone, Debug)]
pub(crate) struct ProviderServer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    kept: Mutex<Kept>,
    /// Tells that a request may have made a notice.
    changed: Notify,
    client: Client,
    notices_url: String,
    underway: Semaphore,
}

#[derive(Debug)]
struct Kept {
    provider: Provider,
    journal: Journal,
}

impl ProviderServer {
    /// A provider with the books of this journal, which posts its notices to this address.
    pub(crate) fn new(journal: &Path, notices_url: String) -> Result<Self> {
        let mut provider = Provider::new();
        let journal = Journal::open(journal, &mut provider)?;
        let client = Client::builder().timeout(NOTICE_LIMIT).build().context("prepare the notices of payments")?;
        Ok(Self(Arc::new(Shared {
            kept: Mutex::new(Kept { provider, journal }),
            changed: Notify::new(),
            client,
            notices_url,
            underway: Semaphore::new(NOTICES_AT_ONCE),
        })))
    }

    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/checkout", get(checkout::show).post(answer))
            .route("/checkout/pay", post(checkout::pay))
            .route("/checkout/style.css", get(checkout::style))
            .route("/deposits", get(checkout::show_deposit).post(answer))
            .route("/deposits/transfer", post(checkout::transfer))
            .fallback(answer)
            .with_state(self.clone())
    }

    /// Posts notices when they are due, for as long as it is polled.
    pub(crate) async fn work(self) {
        loop {
            let (notices, next) = {
                let provider = &mut self.kept().provider;
                (provider.take_notices(now()), provider.next_due())
            };
            for notice in notices {
                tokio::spawn(self.clone().post(notice));
            }
            let wait = next.map_or(IDLE, |at| Duration::try_from(at.duration_since(now())).unwrap_or_default());
            // Times are compared to the millisecond at least.
            let wait = wait.clamp(Duration::from_millis(1), IDLE);
            tokio::select! {
                () = self.0.changed.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn post(self, notice: Notice) {
        let Ok(_permit) = self.0.underway.acquire().await else { return };
        let request = self.0.client.post(&self.0.notices_url).header(header::CONTENT_TYPE, "application/json");
        let request = request
            .header("tosspayments-webhook-transmission-id", &notice.id)
            .header("tosspayments-webhook-transmission-retried-count", notice.retried)
            .body(notice.body.clone());
        let is_taken = request.send().await.is_ok_and(|response| response.status() == StatusCode::OK);
        if !is_taken {
            self.kept().provider.repeat_notice(notice, now());
            self.0.changed.notify_one();
        }
    }

    /// Answers a request, and sends the notices that it makes.
    pub(super) fn answer(&self, request: &Request) -> Result<payment_system::Response> {
        let response = {
            let (kept, now) = (&mut *self.kept(), now());
            kept.journal.note(request, now).context("keep a payment")?;
            kept.provider.answer(request, now)
        };
        self.0.changed.notify_one();
        Ok(response)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // No holder of the lock can leave a change half-made.
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(
    State(server): State<ProviderServer>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let headers = headers.iter().filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    let request = Request {
        method: method.to_string(),
        path: uri.path().to_owned(),
        headers: headers.collect(),
        body: body.to_vec(),
    };
    let response = match server.answer(&request) {
        Ok(response) => response,
        Err(error) => return (StatusCode::INSUFFICIENT_STORAGE, error.to_string()).into_response(),
    };
    let delay = match response.delivery {
        Delivery::AtOnce => Duration::ZERO,
        Delivery::After(time) => time,
        Delivery::Never => SILENCE,
    };
    tokio::time::sleep(delay).await;
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, response.content_type)], response.body).into_response()
}

#[cfg(test)]
mod tests;
