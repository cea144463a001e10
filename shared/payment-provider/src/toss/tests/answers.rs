//! The meaning of the provider's answers.

use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use serde_json::json;
use shared::domain::provider::{Deposit, ProviderCancel};

use super::*;

fn error(code: &str) -> Value {
    json!({ "code": code, "message": "…" })
}

async fn looked_up(changes: Value) -> Result<Option<ProviderPayment>, ProviderError> {
    answering(&[(200, payment(changes))]).look_up(&id("p1")).await
}

async fn state(changes: Value) -> ProviderState {
    looked_up(changes).await.unwrap().unwrap().state
}

fn ended(code: &str) -> ProviderState {
    ProviderState::Ended { code: code.to_owned() }
}

#[tokio::test]
async fn each_status_has_its_meaning() {
    assert_eq!(state(json!({})).await, ProviderState::Done);
    for open in ["READY", "IN_PROGRESS"] {
        assert_eq!(state(json!({ "status": open, "approvedAt": null })).await, ProviderState::Open);
    }
    for over in ["EXPIRED", "ABORTED", "CANCELED"] {
        assert_eq!(state(json!({ "status": over, "approvedAt": null })).await, ended(over));
    }
    let declined = json!({ "status": "ABORTED", "approvedAt": null, "failure": error("REJECT_CARD_PAYMENT") });
    assert_eq!(state(declined).await, ended("REJECT_CARD_PAYMENT"));
    let sentence = json!({ "status": "ABORTED", "approvedAt": null, "failure": error("no code") });
    assert_eq!(state(sentence).await, ended("ABORTED"));
    // A deposit that never came: the cancellation of its account moved no money.
    let closed = json!({ "status": "CANCELED", "approvedAt": null, "cancels": [cancel("refund r", 13_000)] });
    let closed = looked_up(closed).await.unwrap().unwrap();
    assert_eq!((closed.state, closed.cancels), (ended("CANCELED"), vec![]));
}

#[tokio::test]
async fn a_deposit_is_due_at_an_instant() {
    for due in ["2026-12-03T23:59:59+09:00", "2026-12-03T23:59:59", "2026-12-03T14:59:59Z"] {
        let account = json!({ "accountNumber": "X1", "bankCode": "20", "dueDate": due, "customerName": "김" });
        let waiting =
            json!({ "status": "WAITING_FOR_DEPOSIT", "approvedAt": null, "virtualAccount": account, "secret": "ps" });
        let due_at = "2026-12-03T14:59:59Z".parse().unwrap();
        let deposit = Deposit { bank: "20".to_owned(), account: "X1".to_owned(), due_at };
        let expected = ProviderState::WaitingForDeposit { deposit, secret: Some("ps".to_owned()) };
        assert_eq!(state(waiting).await, expected, "{due}");
    }
}

#[tokio::test]
async fn cancellations_name_their_refunds() {
    let mut aborted = cancel("refund r3", 1);
    aborted["cancelStatus"] = json!("ABORTED");
    let cancels = json!([cancel("refund r1", 1_000), cancel("by hand", 2_000), aborted]);
    let payment = looked_up(json!({ "status": "PARTIAL_CANCELED", "cancels": cancels })).await.unwrap().unwrap();
    let expected = [(Some("r1"), 1_000), (None, 2_000)].map(|(refund_id, amount)| ProviderCancel {
        refund_id: refund_id.map(str::to_owned),
        amount: Won::new(amount),
    });
    assert_eq!((payment.state, payment.cancels), (ProviderState::Done, expected.to_vec()));
}

#[tokio::test]
async fn a_look_up_believes_nothing_else() {
    let mut underway = cancel("refund r1", 1);
    underway["cancelStatus"] = json!("IN_PROGRESS");
    for changes in [
        json!({ "orderId": "p2" }),
        json!({ "orderId": "p 1" }),
        json!({ "paymentKey": "" }),
        json!({ "currency": "USD" }),
        json!({ "currency": null }),
        json!({ "status": "PAID" }),
        json!({ "totalAmount": 13_000.5 }),
        json!({ "totalAmount": "13000" }),
        json!({ "totalAmount": 0 }),
        json!({ "totalAmount": -13_000 }),
        json!({ "totalAmount": u64::MAX }),
        json!({ "approvedAt": "yesterday" }),
        json!({ "approvedAt": null }),
        json!({ "status": "ABORTED" }),
        json!({ "status": "IN_PROGRESS" }),
        json!({ "status": "WAITING_FOR_DEPOSIT", "approvedAt": null }),
        json!({ "status": "PARTIAL_CANCELED" }),
        json!({ "cancels": [cancel("refund r1", 1)] }),
        json!({ "status": "PARTIAL_CANCELED", "cancels": [underway] }),
        json!({ "status": "CANCELED", "cancels": [cancel("a", 13_000), cancel("b", 1)] }),
    ] {
        assert!(is_unknown(&looked_up(changes.clone()).await), "{changes}");
    }
    let mut without_approval = payment(json!({ "status": "CANCELED" }));
    without_approval.as_object_mut().unwrap().remove("approvedAt");
    assert!(is_unknown(&answering(&[(200, without_approval)]).look_up(&id("p1")).await));
}

#[tokio::test]
async fn only_the_provider_says_that_there_is_no_payment() {
    for code in ["NOT_FOUND_PAYMENT", "NOT_FOUND"] {
        assert_eq!(answering(&[(404, error(code))]).look_up(&id("p1")).await, Ok(None));
    }
    for (status, body) in [
        (404, json!({ "message": "no route" })),
        (400, error("NOT_FOUND_PAYMENT")),
        (200, error("NOT_FOUND_PAYMENT")),
        (401, error("UNAUTHORIZED_KEY")),
        (500, error("FAILED_INTERNAL_SYSTEM_PROCESSING")),
    ] {
        assert!(is_unknown(&answering(&[(status, body.clone())]).look_up(&id("p1")).await), "{status} {body}");
    }
}

#[tokio::test]
async fn a_confirmation_is_refused_by_listed_codes_alone() {
    for (status, code) in [
        (403, "REJECT_CARD_PAYMENT"),
        (400, "INVALID_REQUEST"),
        (404, "NOT_FOUND_PAYMENT"),
        (404, "NOT_FOUND_PAYMENT_SESSION"),
    ] {
        assert_eq!(answering(&[(status, error(code))]).confirm(&confirmation()).await, refused(code));
    }
    for (status, body) in [
        (401, error("UNAUTHORIZED_KEY")),
        (400, error("INVALID_API_KEY")),
        (403, error("INCORRECT_BASIC_AUTH_FORMAT")),
        (403, error("FORBIDDEN_REQUEST")),
        (403, error("FORBIDDEN_CONSECUTIVE_REQUEST")),
        (400, error("PROVIDER_ERROR")),
        (400, error("DUPLICATED_ORDER_ID")),
        (400, error("INVALID_IDEMPOTENCY_KEY")),
        (400, error("A_NEW_CODE")),
        (400, error("reject_card_payment")),
        (409, error("IDEMPOTENT_REQUEST_PROCESSING")),
        (429, error("REJECT_CARD_PAYMENT")),
        (500, error("REJECT_CARD_PAYMENT")),
        (302, error("REJECT_CARD_PAYMENT")),
        (201, payment(json!({}))),
        (403, json!("REJECT_CARD_PAYMENT")),
    ] {
        let answer = answering(&[(status, body.clone())]).confirm(&confirmation()).await;
        assert!(is_unknown(&answer), "{status} {body}: {answer:?}");
    }
    assert!(is_unknown(&answering(&[]).confirm(&confirmation()).await));
}

#[tokio::test]
async fn a_confirmation_believes_only_an_answer_about_itself() {
    let confirmed = |changes| async move { answering(&[(200, payment(changes))]).confirm(&confirmation()).await };
    assert_eq!(confirmed(json!({})).await.unwrap().state, ProviderState::Done);
    for changes in [
        json!({ "orderId": "p2" }),
        json!({ "paymentKey": "k2" }),
        json!({ "totalAmount": 12_999 }),
        json!({ "currency": "USD" }),
        json!({ "status": "IN_PROGRESS", "approvedAt": null }),
    ] {
        assert!(is_unknown(&confirmed(changes.clone()).await), "{changes}");
    }
}

#[tokio::test]
async fn a_look_up_decides_what_was_processed_before() {
    let processed = (400, error("ALREADY_PROCESSED_PAYMENT"));
    let decided = |then: (u16, Value)| {
        let toss = answering(&[processed.clone(), then]);
        async move { toss.confirm(&confirmation()).await }
    };
    assert_eq!(decided((200, payment(json!({})))).await.unwrap().state, ProviderState::Done);
    let over = payment(json!({ "status": "ABORTED", "approvedAt": null, "failure": error("FDS_ERROR") }));
    assert_eq!(decided((200, over)).await.unwrap().state, ended("FDS_ERROR"));
    for then in [
        (200, payment(json!({ "paymentKey": "k2" }))),
        (200, payment(json!({ "orderId": "p2" }))),
        (200, payment(json!({ "status": "IN_PROGRESS", "approvedAt": null }))),
        (404, error("NOT_FOUND_PAYMENT")),
        (500, error("COMMON_ERROR")),
    ] {
        assert!(is_unknown(&decided(then.clone()).await), "{then:?}");
    }
}

#[tokio::test]
async fn a_cancellation_is_done_if_the_answer_shows_its_refund() {
    let cancelled = |cancels| async move {
        let body = payment(json!({ "status": "PARTIAL_CANCELED", "cancels": cancels }));
        answering(&[(200, body)]).cancel(&cancellation()).await
    };
    assert!(cancelled(json!([cancel("refund o1-4-refund", 3_000)])).await.unwrap().has_refund("o1-4-refund"));
    assert!(is_unknown(&cancelled(json!([cancel("refund o1-4-refund", 2_999)])).await));
    assert!(is_unknown(&cancelled(json!([cancel("refund another", 3_000)])).await));
    let closed = payment(json!({ "status": "CANCELED", "approvedAt": null }));
    assert_eq!(answering(&[(200, closed)]).cancel(&cancellation()).await.unwrap().state, ended("CANCELED"));
    let foreign = payment(json!({ "paymentKey": "k2", "status": "CANCELED", "approvedAt": null }));
    assert!(is_unknown(&answering(&[(200, foreign)]).cancel(&cancellation()).await));
}

#[tokio::test]
async fn a_look_up_decides_whether_a_refused_refund_happened_before() {
    for code in ["ALREADY_CANCELED_PAYMENT", "NOT_CANCELABLE_AMOUNT", "NOT_CANCELABLE_PAYMENT"] {
        let decided = |then: (u16, Value)| {
            let toss = answering(&[(403, error(code)), then]);
            async move { toss.cancel(&cancellation()).await }
        };
        let cancelled = |reason, amount| payment(json!({ "status": "CANCELED", "cancels": [cancel(reason, amount)] }));
        assert!(decided((200, cancelled("refund o1-4-refund", 3_000))).await.is_ok());
        assert_eq!(decided((200, cancelled("by hand", 13_000))).await, refused(code));
        assert!(is_unknown(&decided((500, error("COMMON_ERROR"))).await));
    }
    assert_eq!(
        answering(&[(403, error("EXCEED_MAX_REFUND_DUE"))]).cancel(&cancellation()).await,
        refused("EXCEED_MAX_REFUND_DUE")
    );
    for (status, code) in [(401, "UNAUTHORIZED_KEY"), (400, "PROVIDER_ERROR"), (500, "FAILED_REFUND_PROCESS")] {
        assert!(is_unknown(&answering(&[(status, error(code))]).cancel(&cancellation()).await), "{code}");
    }
}

/// Bodies from noise to nearly right.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        Just(json!(null)),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        any::<String>().prop_map(|text| json!(text)),
        Just(json!([cancel("refund o1-4-refund", i64::MAX), cancel("", i64::MIN)])),
        Just(json!({ "accountNumber": "", "bankCode": "\u{0}", "dueDate": "9999-12-31T23:59:59" })),
    ];
    let field = prop_oneof![
        Just("paymentKey"),
        Just("orderId"),
        Just("status"),
        Just("currency"),
        Just("totalAmount"),
        Just("approvedAt"),
        Just("virtualAccount"),
        Just("secret"),
        Just("cancels"),
        Just("failure"),
        Just("code"),
    ];
    let status = prop_oneof![
        Just("DONE"),
        Just("CANCELED"),
        Just("PARTIAL_CANCELED"),
        Just("WAITING_FOR_DEPOSIT"),
        Just("ABORTED"),
    ];
    let nearly = (field, value, status).prop_map(|(field, value, status)| {
        let mut payment = payment(json!({ "status": status }));
        payment[field] = value;
        payment.to_string().into_bytes()
    });
    prop_oneof![proptest::collection::vec(any::<u8>(), 0..200), nearly]
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic_or_pay(
        status in prop_oneof![Just(200_u16), Just(400), Just(404), any::<u16>()], first in body(), then in body(),
    ) {
        let answers = [(status, first.as_slice()), (200, then.as_slice())];
        let (confirmation, cancellation) = (confirmation(), cancellation());
        let confirmed = toss(answers).confirm(&confirmation).now_or_never().unwrap();
        if let Ok(payment) = confirmed {
            assert_eq!((payment.payment_id, payment.amount), (confirmation.payment_id, confirmation.amount));
        }
        let cancelled = toss(answers).cancel(&cancellation).now_or_never().unwrap();
        if let Ok(payment) = cancelled {
            assert_eq!(payment.payment_key, cancellation.payment_key);
        }
        let _ = toss(answers).look_up(&id("p1")).now_or_never().unwrap();
        let _ = notice::read(&first);
    }
}
