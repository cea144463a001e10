use super::*;

#[test]
fn a_confirmed_card_is_paid_and_found_by_key_and_order_id() {
    let mut shop = Shop::new();
    let key = shop.begin("p1", json!({ "orderName": "차 1개" }));
    assert_eq!(shop.look_up("p1").1["status"], "IN_PROGRESS");
    let (status, payment) = shop.confirm("p1", &key);
    assert_eq!((status, &payment["status"], &payment["totalAmount"]), (200, &json!("DONE"), &json!(10_000)));
    assert_eq!(payment["approvedAt"], "2026-11-26T21:00:00+09:00");
    assert_eq!((payment["orderName"].as_str(), payment["virtualAccount"].is_null()), (Some("차 1개"), true));
    assert_eq!(shop.look_up("p1"), (200, payment.clone()));
    assert_eq!(shop.call("GET", &format!("/v1/payments/{key}"), json!(null)), (200, payment));
    assert_eq!(shop.sums(), (10_000, 0, 10_000));
    assert_eq!(shop.notices(), [changed("DONE")]);
}

#[test]
fn requests_need_the_secret_key() {
    let mut shop = Shop::new();
    let answer = |authorization: Option<&str>, shop: &mut Shop| {
        let headers = authorization.map(|value| ("authorization".to_owned(), value.to_owned())).into_iter().collect();
        let path = "/v1/payments/orders/p1".to_owned();
        let request = Request { method: "GET".to_owned(), path, headers, body: Vec::new() };
        shop.provider.answer(&request, shop.now).status
    };
    let basic = |text: &str| format!("Basic {}", BASE64.encode(text.as_bytes()));
    assert_eq!(answer(Some(&basic("test_sk_local:")), &mut shop), 404);
    for wrong in [basic("test_ck_local:"), basic("test_sk_local:x"), "Bearer test_sk_local".to_owned()] {
        assert_eq!(answer(Some(&wrong), &mut shop), 401, "{wrong}");
    }
    assert_eq!(answer(Some(&basic("test_sk_local")), &mut shop), 403);
    assert_eq!(answer(None, &mut shop), 401);
}

#[test]
fn a_confirmation_of_another_order_or_amount_takes_nothing() {
    let mut shop = Shop::new();
    let key = shop.begin("p1", json!({}));
    for (order_id, amount) in [("p2", 10_000), ("p1", 9_999)] {
        let body = json!({ "paymentKey": key, "orderId": order_id, "amount": amount });
        assert_eq!(code(&shop.call("POST", "/v1/payments/confirm", body)), (400, "INVALID_REQUEST"));
    }
    assert_eq!(code(&shop.confirm("p1", "unknown")), (404, "NOT_FOUND_PAYMENT_SESSION"));
    assert_eq!(shop.sums(), (0, 0, 0));
    assert_eq!(shop.confirm("p1", &key).0, 200);
}

#[test]
fn one_attempt_of_an_order_id_is_paid() {
    let mut shop = Shop::new();
    let (first, second) = (shop.begin("p1", json!({})), shop.begin("p1", json!({})));
    assert_eq!(shop.confirm("p1", &first).0, 200);
    assert_eq!(code(&shop.confirm("p1", &first)), (400, "ALREADY_PROCESSED_PAYMENT"));
    assert_eq!(code(&shop.confirm("p1", &second)), (400, "DUPLICATED_ORDER_ID"));
    assert_eq!(shop.look_up("p1").1["paymentKey"], json!(first));
    assert_eq!(shop.sums(), (10_000, 0, 10_000));
}

#[test]
fn a_declined_attempt_is_followed_by_another() {
    let mut shop = Shop::new();
    let key = shop.begin("p1", json!({ "outcome": "DECLINE" }));
    assert_eq!(code(&shop.confirm("p1", &key)), (403, "REJECT_CARD_PAYMENT"));
    assert_eq!(shop.look_up("p1").1["failure"]["code"], "REJECT_CARD_PAYMENT");
    assert_eq!(code(&shop.confirm("p1", &key)), (400, "ALREADY_PROCESSED_PAYMENT"));
    shop.paid("p1");
    assert_eq!(shop.notices(), [changed("ABORTED"), changed("DONE")]);
}

#[test]
fn a_payment_expires_unless_it_is_confirmed_in_ten_minutes() {
    let mut shop = Shop::new();
    let (early, late) = (shop.begin("p1", json!({})), shop.begin("p2", json!({})));
    shop.wait(SignedDuration::from_millis(10 * 60_000 - 1));
    assert_eq!(shop.confirm("p1", &early).0, 200);
    shop.wait(SignedDuration::from_millis(1));
    assert_eq!(code(&shop.confirm("p2", &late)), (404, "NOT_FOUND_PAYMENT_SESSION"));
    assert_eq!(shop.look_up("p2").1["status"], "EXPIRED");
    assert_eq!(shop.notices(), [changed("DONE"), changed("EXPIRED")]);
}

#[test]
fn a_payment_is_cancelled_in_parts_up_to_its_amount() {
    let mut shop = Shop::new();
    let key = shop.paid("p1");
    let (_, payment) = shop.cancel(&key, Some(3_000));
    assert_eq!((&payment["status"], &payment["balanceAmount"]), (&json!("PARTIAL_CANCELED"), &json!(7_000)));
    assert_eq!(payment["cancels"][0]["cancelReason"], "refund r1");
    assert_eq!(code(&shop.cancel(&key, Some(7_001))), (403, "NOT_CANCELABLE_AMOUNT"));
    assert_eq!(code(&shop.cancel(&key, Some(0))), (400, "INVALID_REQUEST"));
    let (_, payment) = shop.cancel(&key, None);
    assert_eq!((&payment["status"], &payment["cancels"][1]["cancelAmount"]), (&json!("CANCELED"), &json!(7_000)));
    assert_eq!(code(&shop.cancel(&key, None)), (400, "ALREADY_CANCELED_PAYMENT"));
    assert_eq!(code(&shop.cancel("unknown", None)), (404, "NOT_FOUND_PAYMENT"));
    assert_eq!(shop.sums(), (10_000, 10_000, 0));
    let unpaid = shop.begin("p2", json!({}));
    assert_eq!(code(&shop.cancel(&unpaid, None)), (403, "NOT_CANCELABLE_PAYMENT"));
}

#[test]
fn cancellations_are_bounded() {
    let mut shop = Shop::new();
    let key = shop.paid("p1");
    for _ in 0..100 {
        assert_eq!(shop.cancel(&key, Some(1)).0, 200);
    }
    assert_eq!(code(&shop.cancel(&key, Some(1))), (403, "EXCEED_CANCEL_LIMIT"));
    let largest = shop.send("GET", &format!("/v1/payments/{key}"), None, &json!(null)).body.len();
    assert!(largest < 60 * 1024, "{largest} bytes are too many for the shop");
}

#[test]
fn an_idempotency_key_repeats_the_first_answer() {
    let mut shop = Shop::new();
    let key = shop.paid("p1");
    let path = format!("/v1/payments/{key}/cancel");
    let cancel = json!({ "cancelReason": "refund r1", "cancelAmount": 3_000 });
    let first = shop.send("POST", &path, Some("r1"), &cancel);
    let other = json!({ "cancelReason": "refund r1", "cancelAmount": 4_000 });
    assert_eq!(shop.send("POST", &path, Some("r1"), &other), first);
    assert_eq!(shop.sums(), (10_000, 3_000, 7_000));
    shop.wait(SignedDuration::from_hours(15 * 24));
    assert_eq!(shop.send("POST", &path, Some("r1"), &other).status, 200);
    assert_eq!(shop.sums(), (10_000, 7_000, 3_000));
}

#[test]
fn a_virtual_account_waits_for_its_deposit() {
    let mut shop = Shop::new();
    let key = shop.begin("p1", json!({ "method": "VIRTUAL_ACCOUNT" }));
    let (_, payment) = shop.confirm("p1", &key);
    assert_eq!((&payment["status"], &payment["approvedAt"]), (&json!("WAITING_FOR_DEPOSIT"), &json!(null)));
    assert_eq!(payment["virtualAccount"]["dueDate"], "2026-12-03T21:00:00+09:00");
    let secret = payment["secret"].clone();
    assert!(secret.as_str().unwrap().starts_with("ps_"));
    assert_eq!(code(&shop.cancel(&key, Some(1))), (403, "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT"));
    assert_eq!(shop.notices(), [changed("WAITING_FOR_DEPOSIT")]);
    // The ten minutes of the confirmation are past.
    shop.wait(SignedDuration::from_hours(168) - SignedDuration::from_millis(1));
    assert_eq!(shop.call("POST", "/deposits", json!({ "merchantOrderId": "p1" })).0, 204);
    let notices = shop.provider.take_notices(shop.now);
    let callback: Value = serde_json::from_str(&notices[1].body).unwrap();
    assert_eq!(
        (&callback["secret"], &callback["status"], &callback["orderId"]),
        (&secret, &json!("DONE"), &json!("p1"))
    );
    assert_eq!(shop.sums(), (10_000, 0, 10_000));
    shop.cancel(&key, None);
    assert_eq!(shop.notices(), [changed("CANCELED"), deposited("CANCELED")]);
}

#[test]
fn an_account_takes_no_deposit_after_its_end() {
    let mut shop = Shop::new();
    for (order_id, hours) in [("p1", 1), ("p2", 2)] {
        let key = shop.begin(order_id, json!({ "method": "VIRTUAL_ACCOUNT", "validHours": hours }));
        shop.confirm(order_id, &key);
        if order_id == "p2" {
            assert_eq!(shop.cancel(&key, None).1["status"], "CANCELED");
        }
    }
    shop.wait(SignedDuration::from_hours(1));
    for order_id in ["p1", "p2"] {
        let refused = shop.call("POST", "/deposits", json!({ "merchantOrderId": order_id }));
        assert_eq!(code(&refused), (409, "NOT_WAITING_FOR_DEPOSIT"));
    }
    assert_eq!(shop.look_up("p1").1["status"], "EXPIRED");
    assert_eq!(shop.sums(), (0, 0, 0));
}
