//! The external payment system: a provider that speaks a published protocol, and the shop's own path over the bus.

mod adapter;
mod behaviour;
mod books;
mod checkout;
mod journal;
mod page;
mod provider;
mod refunds;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use adapter::Adapter;
use behaviour::{Behaviour, Outcome, PaymentResult, Planned, payment_id};
use books::{Answer, Books, Heard, Whose};
pub(crate) use provider::ProviderServer;
use refunds::RefundBehaviour;

use crate::queue::Message;

/// The wait before a repetition of a call that failed: the emulator is down, or restarts.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The payment system as the bus sees it. Events, sometimes repeated, ask this external system for payments and refunds.
/// Its own events tell how payments ended. It answers a request for a payment only where a behaviour was set over HTTP.
/// Otherwise the customer pays at the provider's checkout. A request for a refund succeeds at once unless a behaviour was
/// set: the shop waits for each result.
///
/// - `PUT /users/{userId}/behaviour` (`*` for all users) or `/orders/{orderId}/behaviour` sets the outcome of later
///   payments; the closest applies. The body is a list of results, each `{"result": "SUCCEEDED" | "FAILED"}`. Optional
///   are `afterMs` (since the one before it, or the request), `times` (the number of sendings), `amount` (if not the one
///   asked for) and `payment` (`"SAME"` as the one before it, or a `"NEW"` one). An empty list is silence.
/// - `PUT /refunds/behaviour {"result": "SUCCEEDED" | "FAILED" | "NONE", "reason"?}` sets the result of later refunds.
///   `NONE` is silence; only `FAILED` has a reason. A 400 names the wrong field.
/// - `POST /results {"orderId", "result", "amount", "paymentId"?}` sends a result without a request, and answers with
///   the event that it sent.
/// - `GET /requests` and `GET /refunds` list the requests received, each event once, in the order of first arrival.
#[derive(Clone)]
pub(crate) struct PaymentSystem {
    adapter: Adapter,
    books: Arc<Mutex<Books>>,
}

impl PaymentSystem {
    /// A payment system without any request yet.
    pub(crate) fn new(adapter: Adapter) -> Self {
        Self { adapter, books: Arc::default() }
    }

    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/users/{userId}/behaviour", put(set_behaviour_for_user))
            .route("/orders/{orderId}/behaviour", put(set_behaviour_for_order))
            .route("/results", post(report_by_hand))
            .route("/requests", get(list_requests))
            .route("/refunds", get(list_refunds))
            .route("/refunds/behaviour", put(set_refund_behaviour))
            .with_state(self.clone())
    }

    /// Takes requests from the queue and answers them, for as long as it is polled.
    pub(crate) async fn work(self) {
        loop {
            let Ok(messages) = self.adapter.receive().await else {
                tokio::time::sleep(RETRY_AFTER).await;
                continue;
            };
            for message in messages {
                // A message that is not understood stays in the queue, so that it ends among the dead letters. Those of
                // a batch are heard in their order: of two about one thing the first is answered.
                let Some(heard) = message.event().and_then(|event| self.books().hear(event)) else { continue };
                tokio::spawn(self.clone().handle(message, heard));
            }
        }
    }

    /// Answers a message, and only then deletes it from the queue: a stop in between loses no answer.
    async fn handle(self, message: Message, heard: Heard) {
        match heard {
            Heard::Asked { event_id, answer } => {
                self.report(&answer).await;
                self.books().answered(event_id);
            }
            Heard::Settled => {}
            Heard::Underway => return,
        }
        // If this fails the message comes again, and is settled then.
        let _ = self.adapter.delete(&message).await;
    }

    async fn report(&self, answer: &Answer) {
        match answer {
            Answer::Payments(results) => {
                for planned in results {
                    self.report_payment(planned).await;
                }
            }
            Answer::Refund(result) => self.put(result.detail_type(), &result.detail(now())).await,
        }
    }

    /// Sends a result after its delay.
    async fn report_payment(&self, planned: &Planned) {
        tokio::time::sleep(planned.after).await;
        let (result, at) = (&planned.result, now());
        for _ in 0..planned.times {
            self.put(result.outcome.detail_type(), &result.detail(at)).await;
        }
    }

    /// Puts an event on the bus, and retries as long as the bus is down.
    async fn put(&self, detail_type: &str, detail: &(impl Serialize + Sync)) {
        while self.adapter.put(detail_type, detail).await.is_err() {
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // No holder of the lock can leave a change half-made.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn set_behaviour_for_user(
    State(system): State<PaymentSystem>,
    Path(user): Path<String>,
    Json(behaviour): Json<Behaviour>,
) -> StatusCode {
    let whose = if user == "*" { Whose::Anybodys } else { Whose::Users(user) };
    system.books().set_behaviour(whose, behaviour);
    StatusCode::NO_CONTENT
}

async fn set_behaviour_for_order(
    State(system): State<PaymentSystem>,
    Path(order): Path<String>,
    Json(behaviour): Json<Behaviour>,
) -> StatusCode {
    system.books().set_behaviour(Whose::Orders(order), behaviour);
    StatusCode::NO_CONTENT
}

async fn set_refund_behaviour(State(system): State<PaymentSystem>, body: Bytes) -> Response {
    match RefundBehaviour::from_body(&body) {
        Ok(behaviour) => {
            system.books().set_refund_behaviour(behaviour);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(message) => {
            let body = json!({ "code": "INVALID_REQUEST", "message": message });
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    }
}

/// A result without a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ByHand {
    order_id: String,
    result: Outcome,
    amount: i64,
    /// A new payment's id if left out.
    payment_id: Option<String>,
}

async fn report_by_hand(State(system): State<PaymentSystem>, Json(reported): Json<ByHand>) -> Response {
    let at = now();
    let result = PaymentResult {
        outcome: reported.result,
        payment_id: reported.payment_id.unwrap_or_else(|| payment_id(&format!("{}/{at}", reported.order_id))),
        order_id: reported.order_id,
        amount: reported.amount,
    };
    match system.adapter.put(result.outcome.detail_type(), &result.detail(at)).await {
        Ok(()) => Json(result.detail(at)).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, Json(json!({ "message": error.to_string() }))).into_response(),
    }
}

async fn list_requests(State(system): State<PaymentSystem>) -> Json<Vec<Value>> {
    Json(system.books().requests.clone())
}

async fn list_refunds(State(system): State<PaymentSystem>) -> Json<Vec<Value>> {
    Json(system.books().refunds.clone())
}

#[expect(clippy::disallowed_methods, reason = "what is outside the shop has a clock of its own")]
fn now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests;
