use std::time::Duration;

use super::*;

#[test]
fn a_checkout_names_the_wrong_field() {
    let mut shop = Shop::new();
    let right = json!({ "clientKey": CLIENT_KEY, "merchantOrderId": "p1", "amount": 10_000 });
    for (change, named) in [
        (json!({ "merchantOrderId": "p 1" }), "merchantOrderId"),
        (json!({ "merchantOrderId": "p".repeat(65) }), "merchantOrderId"),
        (json!({ "amount": 0 }), "amount"),
        (json!({ "amount": i64::MAX }), "amount"),
        (json!({ "orderName": "" }), "orderName"),
        (json!({ "method": "CASH" }), "CASH"),
        (json!({ "method": "VIRTUAL_ACCOUNT", "validHours": 169 }), "validHours"),
        (json!({ "validHours": 1 }), "validHours"),
        (json!({ "method": "VIRTUAL_ACCOUNT", "outcome": "DECLINE" }), "outcome"),
        (json!({ "orderId": "p1" }), "orderId"),
    ] {
        let mut body = right.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (status, answer) = shop.call("POST", "/checkout", body);
        assert_eq!((status, &answer["code"]), (400, &json!("INVALID_REQUEST")), "{change}");
        assert!(answer["message"].as_str().unwrap().contains(named), "{change}: {answer}");
    }
    let foreign = json!({ "clientKey": "other", "merchantOrderId": "p1", "amount": 10_000 });
    assert_eq!(shop.call("POST", "/checkout", foreign).0, 401);
    shop.paid("p1");
    assert_eq!(code(&shop.call("POST", "/checkout", right)), (400, "DUPLICATED_ORDER_ID"));
}

#[test]
fn an_unknown_route_is_not_found() {
    let mut shop = Shop::new();
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/v1"),
        ("DELETE", "/v1/payments/k"),
        ("GET", "/v2/payments"),
        ("POST", "/payments"),
        ("GET", "/statements/today.csv"),
        ("GET", "/statements/2026-11-26"),
        ("GET", "/%FF"),
    ] {
        assert_eq!(code(&shop.call(method, path, json!(null))), (404, "NOT_FOUND"), "{method} {path}");
    }
    let long = Value::from("x".repeat(64 * 1024));
    assert_eq!(shop.send("PUT", "/faults", None, &long).status, 400);
}

#[test]
fn silence_after_the_effect_is_settled_by_a_look_up_or_a_repetition() {
    for fault in ["SILENT_AFTER", "FAIL_AFTER"] {
        let mut shop = Shop::new();
        let key = shop.begin("p1", json!({}));
        shop.set_faults("/payments/p1/faults", json!([{ "on": "CONFIRM", "does": fault, "times": 1 }]));
        let body = json!({ "paymentKey": key, "orderId": "p1", "amount": 10_000 });
        let lost = shop.send("POST", "/v1/payments/confirm", Some("c1"), &body);
        assert!(lost.delivery == Delivery::Never || lost.status == 500);
        assert_eq!(shop.look_up("p1").1["status"], "DONE");
        let again = shop.send("POST", "/v1/payments/confirm", Some("c1"), &body);
        assert_eq!((again.status, again.delivery), (200, Delivery::AtOnce));
        assert_eq!(shop.sums(), (10_000, 0, 10_000));
    }
}

#[test]
fn a_failure_before_the_effect_has_none() {
    for fault in ["SILENT_BEFORE", "FAIL_BEFORE"] {
        let mut shop = Shop::new();
        let key = shop.begin("p1", json!({}));
        shop.set_faults("/faults", json!([{ "on": "CONFIRM", "does": fault, "times": 1 }]));
        let body = json!({ "paymentKey": key, "orderId": "p1", "amount": 10_000 });
        shop.send("POST", "/v1/payments/confirm", Some("c1"), &body);
        assert_eq!((shop.look_up("p1").1["status"].as_str(), shop.sums()), (Some("IN_PROGRESS"), (0, 0, 0)));
        assert_eq!(shop.send("POST", "/v1/payments/confirm", Some("c1"), &body).status, 200);
    }
}

#[test]
fn a_confirmation_that_is_taken_later_happens_once() {
    let mut shop = Shop::new();
    let key = shop.begin("p1", json!({}));
    shop.set_faults("/faults", json!([{ "on": "CONFIRM", "does": "TAKEN_LATER", "afterMs": 30_000, "times": 1 }]));
    let body = json!({ "paymentKey": key, "orderId": "p1", "amount": 10_000 });
    let send = |shop: &mut Shop| shop.send("POST", "/v1/payments/confirm", Some("c1"), &body);
    assert_eq!(send(&mut shop).delivery, Delivery::Never);
    assert_eq!(send(&mut shop).status, 409);
    assert_eq!(shop.look_up("p1").1["status"], "IN_PROGRESS");
    shop.wait(SignedDuration::from_secs(30));
    assert_eq!(shop.look_up("p1").1["status"], "DONE");
    assert_eq!(send(&mut shop).status, 200);
    assert_eq!(shop.sums(), (10_000, 0, 10_000));
}

#[test]
fn answers_are_late_refused_or_name_another_amount() {
    let mut shop = Shop::new();
    let key = shop.begin("p1", json!({}));
    shop.set_faults(
        "/faults",
        json!([
            { "on": "LOOK_UP", "does": "SLOW", "afterMs": 7_000, "times": 1 },
            { "on": "CONFIRM", "does": "DECLINE", "code": "INVALID_STOPPED_CARD", "times": 1 },
            { "on": "CANCEL", "does": "DECLINE", "code": "REFUND_REJECTED", "times": 1 },
            { "on": "CONFIRM", "does": "OTHER_AMOUNT", "amount": 1 },
        ]),
    );
    let late = shop.send("GET", "/v1/payments/orders/p1", None, &json!(null));
    assert_eq!((late.status, late.delivery), (200, Delivery::After(Duration::from_secs(7))));
    assert_eq!(code(&shop.confirm("p1", &key)), (403, "INVALID_STOPPED_CARD"));
    let key = shop.begin("p1", json!({}));
    assert_eq!(shop.confirm("p1", &key).1["totalAmount"], 1);
    assert_eq!(shop.look_up("p1").1["totalAmount"], 10_000);
    assert_eq!(code(&shop.cancel(&key, None)), (403, "REFUND_REJECTED"));
    assert_eq!(shop.sums(), (10_000, 0, 10_000));
}

#[test]
fn notices_are_lost_late_or_doubled() {
    let mut shop = Shop::new();
    shop.set_faults("/payments/p1/faults", json!([{ "on": "NOTICE", "does": "LOSE" }]));
    shop.set_faults("/payments/p2/faults", json!([{ "on": "NOTICE", "does": "TWICE" }]));
    shop.set_faults("/payments/p3/faults", json!([{ "on": "NOTICE", "does": "LATE", "afterMs": 1_000 }]));
    for order_id in ["p1", "p2", "p3"] {
        shop.paid(order_id);
    }
    let twice = shop.provider.take_notices(shop.now);
    assert_eq!((twice.len(), twice[0].order_id.as_str()), (2, "p2"));
    assert_eq!(twice[0], twice[1]);
    shop.wait(SignedDuration::from_secs(1));
    assert_eq!(shop.notices(), [changed("DONE")]);
}

#[test]
fn the_next_thing_due_is_known() {
    let mut shop = Shop::new();
    assert_eq!(shop.provider.next_due(), None);
    let key = shop.begin("p1", json!({}));
    assert_eq!(shop.provider.next_due(), Some(shop.now + SignedDuration::from_mins(10)));
    shop.set_faults("/faults", json!([{ "on": "CONFIRM", "does": "TAKEN_LATER", "afterMs": 30_000, "times": 1 }]));
    shop.confirm("p1", &key);
    shop.wait(SignedDuration::from_secs(30));
    assert_eq!(shop.provider.next_due(), Some(shop.now));
    shop.provider.advance(shop.now);
    assert_eq!((shop.provider.next_due(), shop.notices()), (Some(shop.now), vec![changed("DONE")]));
}

#[test]
fn a_statement_lists_the_movements_of_its_day_in_seoul() {
    let mut shop = Shop::new();
    let key = shop.paid("p1");
    shop.wait(SignedDuration::from_hours(3));
    shop.cancel(&key, Some(3_000));
    let rows = |shop: &mut Shop, day: &str| -> Vec<Vec<String>> {
        let csv = shop.send("GET", &format!("/statements/{day}.csv"), None, &json!(null));
        assert_eq!((csv.status, csv.content_type), (200, "text/csv; charset=utf-8"));
        csv.body.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
    };
    let columns = ["paymentKey", "merchantOrderId", "type", "transactionKey", "amount", "at"];
    let first = rows(&mut shop, "2026-11-26");
    assert_eq!((&first[0][..], first.len()), (&columns.map(str::to_owned)[..], 2));
    assert_eq!(
        [&first[1][..3], &first[1][4..]].concat(),
        [&key, "p1", "PAYMENT", "10000", "2026-11-26T21:00:00+09:00"]
    );
    let second = rows(&mut shop, "2026-11-27");
    assert_eq!(
        [&second[1][..3], &second[1][4..]].concat(),
        [&key, "p1", "CANCEL", "3000", "2026-11-27T00:00:00+09:00"]
    );
    assert_eq!(rows(&mut shop, "2026-11-28").len(), 1);
}

#[test]
fn the_books_are_listed_and_full_at_their_bound() {
    let mut shop = Shop::new();
    let key = shop.paid("p1");
    shop.cancel(&key, Some(1));
    let (_, books) = shop.call("GET", "/payments", json!(null));
    let entry = json!({
        "paymentKey": key, "merchantOrderId": "p1", "status": "PARTIAL_CANCELED", "amount": 10_000, "paid": 10_000,
        "cancelled": 1,
    });
    assert_eq!(books, json!({ "payments": [entry], "sums": { "paid": 10_000, "cancelled": 1, "held": 9_999 } }));
    let checkout = Checkout {
        merchant_order_id: "p2".to_owned(),
        amount: 1,
        order_name: "p2".to_owned(),
        method: CheckoutMethod::Card { is_declined: false },
    };
    while !shop.provider.books.is_full() {
        shop.provider.begin(checkout.clone(), shop.now).unwrap();
    }
    assert_eq!(shop.provider.begin(checkout, shop.now), Err("BOOKS_FULL".into()));
}
