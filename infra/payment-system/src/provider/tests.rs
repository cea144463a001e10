//! The rules of the protocol and of the control routes.

mod control;
mod protocol;
mod random;

use data_encoding::BASE64;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::*;
use crate::http::Delivery;

/// A provider with a clock of its own, and requests with the secret key.
struct Shop {
    provider: Provider,
    now: Timestamp,
}

impl Shop {
    fn new() -> Self {
        Self { provider: Provider::new(), now: "2026-11-26T12:00:00Z".parse().unwrap() }
    }

    fn wait(&mut self, time: SignedDuration) {
        self.now += time;
    }

    fn send(&mut self, method: &str, path: &str, key: Option<&str>, body: &Value) -> Response {
        let secret = format!("Basic {}", BASE64.encode(format!("{SECRET_KEY}:").as_bytes()));
        let mut headers = vec![("Authorization".to_owned(), secret)];
        headers.extend(key.map(|key| ("Idempotency-Key".to_owned(), key.to_owned())));
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.provider.answer(&Request { method: method.to_owned(), path: path.to_owned(), headers, body }, self.now)
    }

    fn call(&mut self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let response = self.send(method, path, None, &body);
        (response.status, serde_json::from_str(&response.body).unwrap_or_default())
    }

    /// Begins a payment of 10,000 won, and returns its key.
    fn begin(&mut self, order_id: &str, more: Value) -> String {
        let mut body = json!({ "clientKey": CLIENT_KEY, "merchantOrderId": order_id, "amount": 10_000 });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, answer) = self.call("POST", "/checkout", body);
        assert_eq!(status, 200, "{answer}");
        answer["paymentKey"].as_str().unwrap().to_owned()
    }

    fn confirm(&mut self, order_id: &str, key: &str) -> (u16, Value) {
        self.call("POST", "/v1/payments/confirm", json!({ "paymentKey": key, "orderId": order_id, "amount": 10_000 }))
    }

    fn cancel(&mut self, key: &str, amount: Option<i64>) -> (u16, Value) {
        let body = json!({ "cancelReason": "refund r1", "cancelAmount": amount });
        self.call("POST", &format!("/v1/payments/{key}/cancel"), body)
    }

    fn look_up(&mut self, order_id: &str) -> (u16, Value) {
        self.call("GET", &format!("/v1/payments/orders/{order_id}"), json!(null))
    }

    fn paid(&mut self, order_id: &str) -> String {
        let key = self.begin(order_id, json!({}));
        assert_eq!(self.confirm(order_id, &key).0, 200);
        key
    }

    /// The notices that are due: the event, or `DEPOSIT`, and the status.
    fn notices(&mut self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let notices = self.provider.take_notices(self.now).into_iter().map(|notice| {
            let body: Value = serde_json::from_str(&notice.body).unwrap();
            match &body["eventType"] {
                Value::Null => ("DEPOSIT".to_owned(), text(&body["status"])),
                event => (text(event), text(&body["data"]["status"])),
            }
        });
        notices.collect()
    }

    fn set_faults(&mut self, path: &str, faults: Value) {
        assert_eq!(self.call("PUT", path, faults).0, 204);
    }

    fn sums(&self) -> (i64, i64, i64) {
        let Sums { paid, cancelled, held } = self.provider.sums();
        (paid, cancelled, held)
    }
}

fn changed(status: &str) -> (String, String) {
    ("PAYMENT_STATUS_CHANGED".to_owned(), status.to_owned())
}

fn deposited(status: &str) -> (String, String) {
    ("DEPOSIT".to_owned(), status.to_owned())
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["code"].as_str().unwrap_or_default())
}
