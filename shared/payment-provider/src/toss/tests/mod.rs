//! The adapter over a transport with canned answers.

mod answers;
mod requests;

use std::{collections::VecDeque, sync::Mutex};

use futures::future::ready;
use serde_json::Value;
use shared::domain::Won;

use super::*;

/// Gives these answers, one after the other, and keeps the requests.
#[derive(Debug, Default)]
struct Canned {
    answers: Mutex<VecDeque<Result<Answer, NoAnswer>>>,
    requests: Mutex<Vec<Request>>,
}

impl Transport for Canned {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Answer, NoAnswer>> {
        self.requests.lock().unwrap().push(request);
        let answer = self.answers.lock().unwrap().pop_front();
        ready(answer.unwrap_or_else(|| Err(NoAnswer("silence".to_owned())))).boxed()
    }
}

/// An adapter whose provider gives these answers, each a status and a body, and then none.
fn toss<'a>(answers: impl IntoIterator<Item = (u16, &'a [u8])>) -> Toss<Canned> {
    let canned = Canned::default();
    let answers = answers.into_iter().map(|(status, body)| Ok(Answer { status, body: body.to_vec() }));
    canned.answers.lock().unwrap().extend(answers);
    Toss::new(canned, "test_ck".to_owned(), SecretKey::new("test_sk".to_owned()))
}

/// The same with bodies of JSON.
fn answering(answers: &[(u16, Value)]) -> Toss<Canned> {
    let answers: Vec<_> = answers.iter().map(|(status, body)| (*status, body.to_string())).collect();
    toss(answers.iter().map(|(status, body)| (*status, body.as_bytes())))
}

fn key(text: &str) -> PaymentKey {
    PaymentKey::try_from(text.to_owned()).unwrap()
}

fn id(text: &str) -> PaymentId {
    PaymentId::try_from(text.to_owned()).unwrap()
}

fn confirmation() -> Confirmation {
    Confirmation { payment_id: id("p1"), payment_key: key("k1"), amount: Won::new(13_000) }
}

fn cancellation() -> Cancellation {
    Cancellation { payment_key: key("k1"), refund_id: "o1-4-refund".to_owned(), amount: Won::new(3_000) }
}

fn refused<T>(code: &str) -> Result<T, ProviderError> {
    Err(ProviderError::Refused { code: code.to_owned() })
}

fn is_unknown<T>(result: &Result<T, ProviderError>) -> bool {
    matches!(result, Err(ProviderError::Unknown(_)))
}

/// A payment of 13,000 won as the provider shows it, with these changes.
fn payment(changes: Value) -> Value {
    let mut payment = serde_json::json!({
        "mId": "tosspayments", "version": "2022-11-16", "paymentKey": "k1", "orderId": "p1", "orderName": "차 1개",
        "status": "DONE", "requestedAt": "2026-11-26T17:20:00+09:00", "approvedAt": "2026-11-26T17:21:00+09:00",
        "method": "카드", "currency": "KRW", "totalAmount": 13_000, "balanceAmount": 13_000, "cancels": null,
        "virtualAccount": null, "secret": null, "failure": null, "card": { "number": "1234****", "amount": 13_000 },
    });
    for (name, value) in changes.as_object().unwrap() {
        payment[name] = value.clone();
    }
    payment
}

fn cancel(reason: &str, amount: i64) -> Value {
    serde_json::json!({
        "cancelReason": reason, "cancelAmount": amount, "canceledAt": "2026-11-26T17:30:00+09:00",
        "transactionKey": "t2", "cancelStatus": "DONE", "refundableAmount": 0,
    })
}
