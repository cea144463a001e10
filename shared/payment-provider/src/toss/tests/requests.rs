//! The requests that the adapter sends, and its notices.

use serde_json::json;

use super::*;

impl Toss<Canned> {
    fn requests(&self) -> Vec<Request> {
        self.transport.requests.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn a_confirmation_is_known_by_payment_and_key() {
    let toss = answering(&[(200, payment(json!({})))]);
    toss.confirm(&confirmation()).await.unwrap();
    let [request] = toss.requests().try_into().unwrap();
    assert_eq!((request.method, request.path.as_str()), (Method::Post, "/v1/payments/confirm"));
    assert_eq!(request.idempotency_key.unwrap(), "confirm:p1:k1");
    let body: Value = serde_json::from_str(&request.body.unwrap()).unwrap();
    assert_eq!(body, json!({ "paymentKey": "k1", "orderId": "p1", "amount": 13_000 }));
    assert_eq!(request.secret.authorization(), "Basic dGVzdF9zazo=");
}

#[tokio::test]
async fn a_cancellation_is_known_by_its_refund_and_names_it() {
    let toss = answering(&[]);
    let mut cancellation = cancellation();
    cancellation.payment_key = key("a/b?c%");
    toss.cancel(&cancellation).await.unwrap_err();
    let [request] = toss.requests().try_into().unwrap();
    assert_eq!((request.method, request.path.as_str()), (Method::Post, "/v1/payments/a%2Fb%3Fc%25/cancel"));
    assert_eq!(request.idempotency_key.unwrap(), "o1-4-refund");
    let body: Value = serde_json::from_str(&request.body.unwrap()).unwrap();
    assert_eq!(body, json!({ "cancelReason": "refund o1-4-refund", "cancelAmount": 3_000 }));
}

#[tokio::test]
async fn a_look_up_is_by_the_shops_id() {
    let toss = answering(&[]);
    toss.look_up(&id("p1")).await.unwrap_err();
    let [request] = toss.requests().try_into().unwrap();
    assert_eq!((request.method, request.path.as_str()), (Method::Get, "/v1/payments/orders/p1"));
    assert_eq!((request.idempotency_key, request.body), (None, None));
}

#[tokio::test]
async fn a_key_of_dots_is_in_no_path() {
    for dots in [".", ".."] {
        let toss = answering(&[]);
        let cancellation = Cancellation { payment_key: key(dots), ..cancellation() };
        assert!(is_unknown(&toss.cancel(&cancellation).await));
        assert_eq!(toss.requests(), []);
    }
}

#[test]
fn idempotency_keys_are_bounded_and_distinct() {
    assert_eq!(idempotency_key("r1".to_owned()), "r1");
    assert_eq!(idempotency_key("r".repeat(300)), "r".repeat(300));
    let digests = ["r".repeat(301), "r".repeat(302), String::new(), "환불".to_owned(), "a b".to_owned()];
    let digests: Vec<String> = digests.map(idempotency_key).into();
    for (place, digest) in digests.iter().enumerate() {
        assert!(digest.starts_with("sha256:") && digest.len() <= 300, "{digest}");
        assert!(!digests[..place].contains(digest));
    }
    // The longest id and key need no digest.
    let longest = format!("confirm:{}:{}", "p".repeat(64), "k".repeat(PaymentKey::MAX_LENGTH));
    assert_eq!(idempotency_key(longest.clone()), longest);
}

#[test]
fn both_forms_of_notices_are_read() {
    let read = |body: Value| notice::read(body.to_string().as_bytes());
    let notice = |secret: Option<&str>| Some(Notice { payment_id: id("p1"), secret: secret.map(str::to_owned) });
    let changed = json!({
        "eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-11-26T17:20:00.000", "data": payment(json!({})),
    });
    assert_eq!(read(changed), notice(None));
    let with_secret =
        json!({ "eventType": "PAYMENT_STATUS_CHANGED", "data": payment(json!({ "secret": "ps_1" })), "more": [] });
    assert_eq!(read(with_secret), notice(Some("ps_1")));
    let deposit = json!({
        "createdAt": "2026-11-26T17:20:00.000", "secret": "ps_1", "orderId": "p1", "status": "DONE",
        "transactionKey": "t1",
    });
    assert_eq!(read(deposit), notice(Some("ps_1")));
    assert_eq!(read(json!({ "orderId": "p1", "secret": "s".repeat(101) })), notice(None));
}

#[test]
fn other_notices_are_about_no_payment() {
    for body in [
        json!({ "eventType": "PAYOUT_STATUS_CHANGED", "data": { "orderId": "p1" } }),
        json!({ "eventType": "PAYMENT_STATUS_CHANGED", "orderId": "p1" }),
        json!({ "eventType": "PAYMENT_STATUS_CHANGED", "data": {} }),
        json!({ "orderId": "p 1" }),
        json!({ "orderId": 1 }),
        json!({ "orderId": "p1", "padding": "x".repeat(64 * 1024) }),
        json!([]),
        json!(null),
    ] {
        assert_eq!(notice::read(body.to_string().as_bytes()), None, "{body:.80}");
    }
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    for bytes in [&b""[..], b"{", b"\xff", b"orderId=p1", deep.as_bytes()] {
        assert_eq!(notice::read(bytes), None);
    }
}
