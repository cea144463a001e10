//! `POST /orders` with `"payment": "EXTERNAL"`: the effects of results of the external payment system.

use PaymentOutcome::{Failed, Succeeded};
use serde_json::{Value, json};
use shared::{
    app::{
        Failure,
        orders::{self, PaymentOutcome},
    },
    domain::{Refusal, order::PaymentStatus},
};
use tests::{
    TestShop,
    steps::{
        END, JUST_BEFORE, cancel, cancel_units, coupon_status, end_hold, expired_orders,
        external::{payment, payments, refunds_asked, waiting},
        history, hold, id, ledger, look, move_along, order_by, pay, published_of, result, set_user, settle, status,
    },
};

/// Asserts that units and coupon are back, and no money has moved.
async fn assert_given_back(shop: &TestShop, order: &Value) {
    assert_eq!(status(shop, order).await, "CANCELLED");
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (50_000, 10));
    assert_eq!(coupon_status(shop, "mina").await, "USABLE");
}

#[tokio::test]
async fn a_success_pays_the_waiting_order() {
    let (shop, order) = waiting().await;
    insta::assert_json_snapshot!(order, @r#"
    {
      "allowedActions": [
        "CANCEL"
      ],
      "couponDiscount": 1000,
      "couponId": "welcome",
      "createdAt": "2026-11-20T03:00:00Z",
      "goodsDiscount": 0,
      "goodsTotal": 24000,
      "holdExpiresAt": "2026-11-20T03:10:00Z",
      "items": [
        {
          "allowedActions": [],
          "amount": 24000,
          "cancelledQuantity": 0,
          "couponShare": 1000,
          "deliveredQuantity": 0,
          "itemId": "1",
          "name": "tea 상품",
          "nextStatuses": [],
          "productId": "tea",
          "quantity": 2,
          "returnedQuantity": 0,
          "sequence": 1,
          "shippedQuantity": 0,
          "shippingShare": 3000,
          "status": "PENDING_PAYMENT",
          "unitDiscount": 0,
          "unitPrice": 12000
        }
      ],
      "orderId": "pm2jpz7ndg6vokzh7voa7ml2nq",
      "paid": 0,
      "parcels": [],
      "payable": 26000,
      "payment": "EXTERNAL",
      "refunded": 0,
      "shipments": [
        {
          "fee": 3000,
          "sellerId": null
        }
      ],
      "shippingFee": 3000,
      "status": "PENDING_PAYMENT",
      "tenders": [
        {
          "amount": 26000,
          "refunded": 0,
          "to": "EXTERNAL"
        }
      ],
      "updatedAt": "2026-11-20T03:00:00Z",
      "userId": "mina"
    }
    "#);
    assert_eq!(payments(&shop, &order).await, []);
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (50_000, 8));
    assert_eq!(coupon_status(&shop, "mina").await, "USED");

    shop.set_clock(JUST_BEFORE);
    assert_eq!(settle(&shop, &order, Succeeded, "pay-1", 26_000).await, PaymentStatus::Paid);
    let paid = look(&shop, &order).await;
    assert_eq!(
        (&paid["status"], &paid["paid"], &paid["paidAt"]),
        (&json!("PAID"), &json!(26_000), &json!(JUST_BEFORE))
    );
    assert_eq!((&paid["holdExpiresAt"], &paid["items"][0]["status"]), (&json!(null), &json!("PREPARING")));
    insta::assert_snapshot!(history(&shop, &order).await, @r#"
    PLACED by CUSTOMER: order - > PENDING_PAYMENT
    PLACED by CUSTOMER: line 1 - > PENDING_PAYMENT
    PAID by SYSTEM: order PENDING_PAYMENT > PAID
    PAID by SYSTEM: line 1 PENDING_PAYMENT > PAID
    PAID by SYSTEM: line 1 PAID > PREPARING
    "#);
    let page = shop.get(&format!("/orders/{}/payments", id(&order))).as_user("mina").await.expect(200);
    insta::assert_json_snapshot!(page["items"], @r#"
    [
      {
        "amount": 26000,
        "at": "2026-11-20T03:09:59.999Z",
        "method": "EXTERNAL",
        "orderId": "pm2jpz7ndg6vokzh7voa7ml2nq",
        "paymentId": "pay-1",
        "status": "PAID"
      }
    ]
    "#);
    assert_eq!(shop.balance("mina").await, 50_000);
    assert_eq!(ledger(&shop, "mina").await.len(), 1);

    // Its hold is over.
    shop.set_clock(END);
    end_hold(&shop, &order).await;
    assert_eq!((status(&shop, &order).await.as_str(), shop.stock("tea").await), ("PAID", 8));
    let kinds: Vec<_> = published_of(&shop, &order).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["OrderPlaced", "PaymentRequested", "OrderPaid", "ShippingRequested"]);
    shop.audit().await;
}

#[tokio::test]
async fn the_payment_request_names_the_payable_amount() {
    let (shop, order) = waiting().await;
    let events = published_of(&shop, &order).await;
    insta::assert_json_snapshot!(events[1], @r#"
    [
      "PaymentRequested",
      {
        "amount": 26000,
        "expiresAt": "2026-11-20T03:10:00Z",
        "orderId": "pm2jpz7ndg6vokzh7voa7ml2nq",
        "userId": "mina"
      }
    ]
    "#);
    // A later payment from the balance asks for no external payment.
    let later = hold(&shop, "mina", "tea", 1).await.expect(201);
    let kinds: Vec<_> = published_of(&shop, &later).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["OrderPlaced"]);
}

#[tokio::test]
async fn a_failure_releases_units_and_coupon() {
    let (shop, order) = waiting().await;
    for _ in 0..2 {
        assert_eq!(settle(&shop, &order, Failed, "pay-1", 26_000).await, PaymentStatus::Failed);
        assert_given_back(&shop, &order).await;
    }
    insta::assert_snapshot!(history(&shop, &order).await, @r#"
    PLACED by CUSTOMER: order - > PENDING_PAYMENT
    PLACED by CUSTOMER: line 1 - > PENDING_PAYMENT
    PAYMENT_DECLINED by SYSTEM: order PENDING_PAYMENT > CANCELLED
    PAYMENT_DECLINED by SYSTEM: line 1 PENDING_PAYMENT > CANCELLED
    "#);
    assert_eq!(payments(&shop, &order).await, [payment("pay-1", 26_000, "FAILED")]);
    let kinds: Vec<_> = published_of(&shop, &order).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["OrderPlaced", "PaymentRequested", "OrderCancelled"]);
    shop.audit().await;
}

#[tokio::test]
async fn a_repeated_result_has_no_effect() {
    let (shop, order) = waiting().await;
    settle(&shop, &order, Succeeded, "pay-1", 26_000).await;
    let (paid, events) = (look(&shop, &order).await, history(&shop, &order).await);
    shop.set_clock("2026-11-20T05:00:00Z");
    for _ in 0..3 {
        assert_eq!(settle(&shop, &order, Succeeded, "pay-1", 26_000).await, PaymentStatus::Paid);
    }
    assert_eq!((look(&shop, &order).await, history(&shop, &order).await), (paid, events));
    assert_eq!(refunds_asked(&shop, &order).await, []);
    shop.audit().await;
}

/// A payment that comes too late is refunded, before or after the hold is ended, and for any number of repetitions.
#[tokio::test]
async fn a_success_after_the_expiry_is_refunded() {
    for is_ended in [false, true] {
        let (shop, order) = waiting().await;
        shop.set_clock(END);
        if is_ended {
            end_hold(&shop, &order).await;
        }
        for _ in 0..2 {
            assert_eq!(settle(&shop, &order, Succeeded, "pay-1", 26_000).await, PaymentStatus::RefundRequested);
        }
        assert_eq!(look(&shop, &order).await["paid"], 0);
        assert_eq!(payments(&shop, &order).await, [payment("pay-1", 26_000, "REFUND_REQUESTED")]);
        assert_eq!(refunds_asked(&shop, &order).await, [payment("pay-1", 26_000, "NOT_NEEDED")]);
        if !is_ended {
            assert_eq!(status(&shop, &order).await, "PENDING_PAYMENT");
            assert_eq!(expired_orders(&shop).await, [], "not before the instant is over");
            shop.set_clock("2026-11-20T03:10:00.001Z");
            assert_eq!(expired_orders(&shop).await.len(), 1);
            end_hold(&shop, &order).await;
        } else {
            insta::assert_snapshot!(history(&shop, &order).await, @r#"
            PLACED by CUSTOMER: order - > PENDING_PAYMENT
            PLACED by CUSTOMER: line 1 - > PENDING_PAYMENT
            HOLD_EXPIRED by SYSTEM: order PENDING_PAYMENT > CANCELLED
            HOLD_EXPIRED by SYSTEM: line 1 PENDING_PAYMENT > CANCELLED
            PAYMENT_RETURNED by SYSTEM: order CANCELLED > CANCELLED
            "#);
        }
        assert_given_back(&shop, &order).await;
        shop.audit().await;
    }
}

#[tokio::test]
async fn a_second_success_is_refunded() {
    let (shop, order) = waiting().await;
    settle(&shop, &order, Succeeded, "pay-1", 26_000).await;
    assert_eq!(settle(&shop, &order, Succeeded, "pay-2", 26_000).await, PaymentStatus::RefundRequested);
    let paid = look(&shop, &order).await;
    assert_eq!((&paid["status"], &paid["paid"], &paid["refunded"]), (&json!("PAID"), &json!(26_000), &json!(0)));
    let expected = [payment("pay-1", 26_000, "PAID"), payment("pay-2", 26_000, "REFUND_REQUESTED")];
    assert_eq!(payments(&shop, &order).await, expected);
    assert_eq!(refunds_asked(&shop, &order).await, [payment("pay-2", 26_000, "NOT_NEEDED")]);

    // The first payment goes back with the cancellation: each won received goes back once.
    cancel(&shop, "mina", &order, json!({})).await.expect(200);
    let expected = [payment("pay-2", 26_000, "NOT_NEEDED"), payment("pay-1", 26_000, "CANCELLED")];
    assert_eq!(refunds_asked(&shop, &order).await, expected);
    let expected = [payment("pay-1", 26_000, "REFUNDED"), payment("pay-2", 26_000, "REFUND_REQUESTED")];
    assert_eq!(payments(&shop, &order).await, expected);
    assert_eq!(shop.balance("mina").await, 50_000);
    shop.audit().await;
}

#[tokio::test]
async fn a_success_after_a_failure_is_refunded() {
    let (shop, order) = waiting().await;
    settle(&shop, &order, Failed, "pay-1", 26_000).await;
    for _ in 0..2 {
        assert_eq!(settle(&shop, &order, Succeeded, "pay-1", 26_000).await, PaymentStatus::RefundRequested);
    }
    // The failure comes again, late: the payment is known to have arrived.
    assert_eq!(settle(&shop, &order, Failed, "pay-1", 26_000).await, PaymentStatus::RefundRequested);
    assert_given_back(&shop, &order).await;
    assert_eq!(payments(&shop, &order).await, [payment("pay-1", 26_000, "REFUND_REQUESTED")]);
    assert_eq!(refunds_asked(&shop, &order).await, [payment("pay-1", 26_000, "NOT_NEEDED")]);
    shop.audit().await;
}

#[tokio::test]
async fn a_failure_after_a_success_has_no_effect() {
    let (shop, order) = waiting().await;
    settle(&shop, &order, Succeeded, "pay-1", 26_000).await;
    let events = history(&shop, &order).await;
    assert_eq!(settle(&shop, &order, Failed, "pay-1", 26_000).await, PaymentStatus::Paid);
    // The failure of another attempt is noted, and has no other effect.
    assert_eq!(settle(&shop, &order, Failed, "pay-2", 26_000).await, PaymentStatus::Failed);
    assert_eq!((status(&shop, &order).await.as_str(), history(&shop, &order).await), ("PAID", events));
    assert_eq!(shop.stock("tea").await, 8);
    shop.audit().await;
}

#[tokio::test]
async fn a_wrong_amount_is_refunded_and_the_order_stays_pending() {
    let (shop, order) = waiting().await;
    for (number, amount) in [25_999, 26_001, 1].into_iter().enumerate() {
        let name = format!("wrong-{number}");
        assert_eq!(settle(&shop, &order, Succeeded, &name, amount).await, PaymentStatus::RefundRequested);
    }
    let pending = look(&shop, &order).await;
    assert_eq!((&pending["status"], &pending["paid"]), (&json!("PENDING_PAYMENT"), &json!(0)));
    assert_eq!(pending["holdExpiresAt"], END);
    let asked = refunds_asked(&shop, &order).await;
    let expected = [("wrong-0", 25_999), ("wrong-1", 26_001), ("wrong-2", 1)];
    assert_eq!(asked, expected.map(|(id, amount)| payment(id, amount, "NOT_NEEDED")));
    assert_eq!(settle(&shop, &order, Succeeded, "right", 26_000).await, PaymentStatus::Paid);
    assert_eq!(status(&shop, &order).await, "PAID");
    shop.audit().await;
}

/// The same for an order that is still held at its expiry.
#[tokio::test]
async fn a_wrong_amount_does_not_prolong_a_hold() {
    let (shop, order) = waiting().await;
    settle(&shop, &order, Succeeded, "wrong", 1).await;
    shop.set_clock("2026-11-20T03:10:00.001Z");
    assert_eq!(expired_orders(&shop).await.len(), 1);
    end_hold(&shop, &order).await;
    assert_given_back(&shop, &order).await;
    shop.audit().await;
}

#[tokio::test]
async fn a_result_for_an_unknown_order_is_refused() {
    let (shop, _) = waiting().await;
    let nothing = json!({ "orderId": "nothing" });
    for outcome in [Succeeded, Failed] {
        let settled = orders::settle(shop.instance(), outcome, &result(&shop, &nothing, "pay-1", 26_000)).await;
        assert!(matches!(settled, Err(Failure::Refused(Refusal::NotFound { .. }))), "{settled:?}");
    }
}

#[tokio::test]
async fn a_result_for_an_order_of_the_balance_is_refunded() {
    let (shop, _) = waiting().await;
    let paid = shop.order("mina", "tea", 1).await.expect(201);
    let held = hold(&shop, "mina", "tea", 1).await.expect(201);
    let failed = shop.order("mina", "tea", 4).await.refused(402, "BALANCE_NOT_ENOUGH");
    for (order, status_before) in [(&paid, "PAID"), (&held, "PENDING_PAYMENT"), (&failed, "PAYMENT_FAILED")] {
        let (failed, succeeded) = (format!("failed-{status_before}"), format!("succeeded-{status_before}"));
        assert_eq!(settle(&shop, order, Failed, &failed, 15_000).await, PaymentStatus::Failed);
        assert_eq!(settle(&shop, order, Succeeded, &succeeded, 15_000).await, PaymentStatus::RefundRequested);
        assert_eq!(status(&shop, order).await, status_before);
        assert_eq!(refunds_asked(&shop, order).await, [payment(&succeeded, 15_000, "NOT_NEEDED")]);
        assert!(
            history(&shop, order)
                .await
                .ends_with(&format!("PAYMENT_RETURNED by SYSTEM: order {status_before} > {status_before}"))
        );
    }
    // It is still paid from the balance, and refunded to it.
    pay(&shop, "mina", &held).await.expect(200);
    cancel(&shop, "mina", &paid, json!({})).await.expect(200);
    assert_eq!(shop.balance("mina").await, 35_000);
    assert_eq!(refunds_asked(&shop, &paid).await.len(), 1);
    shop.audit().await;
}

/// An order of a tea with a coupon that takes all of its price off.
async fn for_nothing(payment: &str) -> (TestShop, Value) {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.product("tea", 30_000, 10).await;
    shop.campaign("all", 1, json!({ "kind": "RATE", "value": 100 })).await;
    shop.issue("mina", "all").await.expect(201);
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let body = json!({ "userId": "mina", "items": items, "couponId": "all", "payment": payment });
    let order = shop.post("/orders", body).await.expect(201);
    (shop, order)
}

#[tokio::test]
async fn an_order_of_nothing_is_paid_at_once() {
    let (shop, order) = for_nothing("EXTERNAL").await;
    assert_eq!((&order["payable"], &order["status"]), (&json!(0), &json!("PAID")));
    let kinds: Vec<_> = published_of(&shop, &order).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["OrderPaid", "ShippingRequested"]);
    cancel(&shop, "mina", &order, json!({})).await.expect(200);
    assert_eq!((coupon_status(&shop, "mina").await.as_str(), shop.stock("tea").await), ("USABLE", 10));
    shop.audit().await;
}

/// The same held for later costs nothing either, and can be paid and cancelled.
#[tokio::test]
async fn an_order_of_nothing_can_be_held() {
    let (shop, held) = for_nothing("LATER").await;
    assert_eq!((&held["payable"], &held["status"]), (&json!(0), &json!("PENDING_PAYMENT")));
    assert_eq!(pay(&shop, "mina", &held).await.expect(200)["status"], "PAID");
    let gone = cancel(&shop, "mina", &held, json!({})).await.expect(200);
    assert_eq!((&gone["status"], &gone["refunded"]), (&json!("FULLY_REFUNDED"), &json!(0)));
    shop.audit().await;
}

#[tokio::test]
async fn an_external_order_is_not_paid_from_the_balance() {
    let (shop, order) = waiting().await;
    assert_eq!(order["allowedActions"], json!(["CANCEL"]));
    let details = pay(&shop, "mina", &order).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(details, json!({ "orderId": id(&order), "status": "PENDING_PAYMENT", "allowed": ["CANCEL"] }));
    assert_eq!(shop.balance("mina").await, 50_000);
    shop.audit().await;
}

#[tokio::test]
async fn a_success_after_the_cancellation_is_refunded() {
    let (shop, order) = waiting().await;
    let cancelled = cancel(&shop, "mina", &order, json!({})).await.expect(200);
    assert_eq!((&cancelled["status"], &cancelled["refunded"]), (&json!("CANCELLED"), &json!(0)));
    assert_eq!(settle(&shop, &order, Succeeded, "pay-1", 26_000).await, PaymentStatus::RefundRequested);
    assert_given_back(&shop, &order).await;
    assert_eq!(refunds_asked(&shop, &order).await, [payment("pay-1", 26_000, "NOT_NEEDED")]);
    shop.audit().await;
}

/// An external payment is refunded externally: by events, never to the balance.
#[tokio::test]
async fn an_external_payment_is_refunded_externally() {
    let (shop, order) = waiting().await;
    settle(&shop, &order, Succeeded, "pay-1", 26_000).await;
    // 24,000 won of goods less 1,000: 11,500 each, and the fee with the last.
    cancel_units(&shop, "mina", &order, "1", 1).await.expect(200);
    assert_eq!(payments(&shop, &order).await, [payment("pay-1", 26_000, "PARTIALLY_REFUNDED")]);
    move_along(&shop, &order, "1", &["SHIPPED", "DELIVERED", "RETURN_REQUESTED", "RETURN_IN_PROGRESS", "RETURNED"])
        .await;
    let gone = look(&shop, &order).await;
    assert_eq!((&gone["status"], &gone["refunded"]), (&json!("FULLY_REFUNDED"), &json!(26_000)));
    assert_eq!(payments(&shop, &order).await, [payment("pay-1", 26_000, "REFUNDED")]);
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (50_000, 10));
    assert_eq!((ledger(&shop, "mina").await.len(), coupon_status(&shop, "mina").await.as_str()), (1, "USABLE"));
    let expected = [payment("pay-1", 11_500, "CANCELLED"), payment("pay-1", 14_500, "CANCELLED")];
    assert_eq!(refunds_asked(&shop, &order).await, expected);
    shop.audit().await;
}

#[tokio::test]
async fn an_external_payment_of_a_suspended_user_counts() {
    let (shop, order) = waiting().await;
    set_user(&shop, "mina", "SUSPENDED").await;
    assert_eq!(settle(&shop, &order, Succeeded, "pay-1", 26_000).await, PaymentStatus::Paid);
    assert_eq!(status(&shop, &order).await, "PAID");
    shop.audit().await;
}

#[tokio::test]
async fn payments_are_hidden_from_others_and_from_sellers() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    let tea = json!({ "productId": "tea", "name": "Tea", "price": 10_000, "stock": 5 });
    shop.post("/products", tea).as_seller("dabang").await.expect(201);
    let order = order_by(&shop, "mina", "tea", 1, "EXTERNAL").await.expect(201);
    settle(&shop, &order, Succeeded, "pay-1", 13_000).await;
    let path = format!("/orders/{}/payments", id(&order));
    shop.get(&path).await.refused(401, "UNAUTHENTICATED");
    shop.get(&path).as_user("jun").await.refused(404, "ENTITY_NOT_FOUND");
    shop.get(&path).as_seller("other").await.refused(404, "ENTITY_NOT_FOUND");
    shop.get(&path).as_seller("dabang").await.refused(403, "FORBIDDEN");
    shop.get("/orders/none/payments").as_user("mina").await.refused(404, "ENTITY_NOT_FOUND");
    assert_eq!(shop.get(&path).as_user("mina").await.expect(200)["items"].as_array().unwrap().len(), 1);
}
