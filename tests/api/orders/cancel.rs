//! `POST /orders/{orderId}/cancel`

use serde_json::{Value, json};
use tests::{
    TestShop,
    steps::{
        cancel, cancel_units,
        cancellation::{shop_of_mina, teas_and_cups},
        charge, coupon_status, history, hold, id, ledger, look, move_along, published_of, set_user,
    },
};

#[tokio::test]
async fn a_whole_cancellation_returns_money_units_and_coupon() {
    let shop = shop_of_mina().await;
    let order = teas_and_cups(&shop).await;
    assert_eq!((&order["payable"], &order["goodsDiscount"]), (&json!(9_300), &json!(400)));
    assert_eq!((&order["items"][0]["couponShare"], &order["items"][1]["couponShare"]), (&json!(452), &json!(548)));
    shop.set_clock("2026-11-20T04:00:00Z");
    let cancelled = cancel(&shop, "mina", &order, json!({ "reason": "다른 색을 살게요" })).await.expect(200);
    insta::assert_json_snapshot!(cancelled, @r#"
    {
      "allowedActions": [],
      "couponDiscount": 1000,
      "couponId": "welcome",
      "createdAt": "2026-11-20T03:00:00Z",
      "goodsDiscount": 400,
      "goodsTotal": 7700,
      "items": [
        {
          "allowedActions": [],
          "amount": 3300,
          "cancelledQuantity": 3,
          "couponShare": 452,
          "deliveredQuantity": 0,
          "itemId": "1",
          "name": "tea 상품",
          "nextStatuses": [],
          "productId": "tea",
          "quantity": 3,
          "returnedQuantity": 0,
          "sequence": 1,
          "shippedQuantity": 0,
          "shippingShare": 1356,
          "status": "CANCELLED",
          "unitDiscount": 0,
          "unitPrice": 1100
        },
        {
          "allowedActions": [],
          "amount": 4000,
          "cancelledQuantity": 2,
          "couponShare": 548,
          "deliveredQuantity": 0,
          "itemId": "2",
          "name": "cup 상품",
          "nextStatuses": [],
          "productId": "cup",
          "quantity": 2,
          "returnedQuantity": 0,
          "sequence": 2,
          "shippedQuantity": 0,
          "shippingShare": 1644,
          "status": "CANCELLED",
          "unitDiscount": 200,
          "unitPrice": 2200
        }
      ],
      "orderId": "pm2jpz7ndg6vokzh7voa7ml2nq",
      "paid": 9300,
      "paidAt": "2026-11-20T03:00:00Z",
      "parcels": [],
      "payable": 9300,
      "payment": "BALANCE",
      "refunded": 9300,
      "refunds": [
        {
          "amount": 9300,
          "at": "2026-11-20T04:00:00Z",
          "refundId": "pm2jpz7ndg6vokzh7voa7ml2nq-2",
          "status": "SUCCEEDED",
          "to": "BALANCE"
        }
      ],
      "shipments": [
        {
          "fee": 3000,
          "sellerId": null
        }
      ],
      "shippingFee": 3000,
      "status": "FULLY_REFUNDED",
      "tenders": [
        {
          "amount": 9300,
          "refunded": 9300,
          "to": "BALANCE"
        }
      ],
      "updatedAt": "2026-11-20T04:00:00Z",
      "userId": "mina"
    }
    "#);
    insta::assert_snapshot!(history(&shop, &order).await, @r#"
    PAID by CUSTOMER: order - > PAID
    PAID by CUSTOMER: line 1 - > PAID
    PAID by CUSTOMER: line 2 - > PAID
    PAID by SYSTEM: line 1 PAID > PREPARING
    PAID by SYSTEM: line 2 PAID > PREPARING
    CANCELLED by CUSTOMER: order PAID > FULLY_REFUNDED (다른 색을 살게요)
    CANCELLED by CUSTOMER: line 1 PREPARING > CANCELLED x3 (다른 색을 살게요)
    CANCELLED by CUSTOMER: line 2 PREPARING > CANCELLED x2 (다른 색을 살게요)
    "#);
    assert_eq!(shop.balance("mina").await, 100_000);
    assert_eq!(ledger(&shop, "mina").await[0], ("REFUND".to_owned(), 9_300, 100_000));
    assert_eq!((shop.stock("tea").await, shop.stock("cup").await), (10, 10));
    assert_eq!(coupon_status(&shop, "mina").await, "USABLE");
    let payments = shop.get(&format!("/orders/{}/payments", id(&order))).as_user("mina").await.expect(200);
    assert_eq!(payments["items"][0]["status"], "REFUNDED");
    let kinds: Vec<_> = published_of(&shop, &order).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["OrderPaid", "ShippingRequested", "OrderRefunded", "ShippingCancelled"]);
    shop.audit().await;

    // The coupon that came back pays again, and its order can be cancelled, too.
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let body = json!({ "userId": "mina", "items": items, "couponId": "welcome" });
    let second = shop.post("/orders", body).await.expect(201);
    cancel(&shop, "mina", &order, json!({})).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(coupon_status(&shop, "mina").await, "USED");
    assert_eq!(cancel(&shop, "mina", &second, json!({})).await.expect(200)["refunded"], 3_100);
    assert_eq!(coupon_status(&shop, "mina").await, "USABLE");
    shop.audit().await;
}

/// The refunds of a line add up to the price of its cancelled units, rounded down. The fee goes with the last unit.
#[tokio::test]
async fn partial_refunds_add_up_to_the_won() {
    let shop = shop_of_mina().await;
    let order = teas_and_cups(&shop).await;
    // 2,848 ÷ 3 = 949.33; 2 of 3: 1,898.67; 3,452 ÷ 2 = 1,726.
    let mut balance = 90_700;
    let parts = [
        ("1", 1, 949, "PARTIALLY_CANCELLED", (8, 8)),
        ("2", 1, 1_726, "PARTIALLY_CANCELLED", (8, 9)),
        ("1", 1, 949, "PARTIALLY_CANCELLED", (9, 9)),
        ("1", 1, 950, "PARTIALLY_CANCELLED", (10, 9)),
        ("2", 1, 1_726 + 3_000, "FULLY_REFUNDED", (10, 10)),
    ];
    for (number, (item, units, refund, state, stock)) in parts.into_iter().enumerate() {
        let now = cancel_units(&shop, "mina", &order, item, units).await.expect(200);
        balance += refund;
        assert_eq!((&now["status"], &now["refunded"]), (&json!(state), &json!(balance - 90_700)), "part {number}");
        assert_eq!(ledger(&shop, "mina").await[0], ("REFUND".to_owned(), refund, balance), "part {number}");
        assert_eq!((shop.stock("tea").await, shop.stock("cup").await), stock, "part {number}");
        // The coupon comes back only with the last unit.
        let coupon = if state == "FULLY_REFUNDED" { "USABLE" } else { "USED" };
        assert_eq!(coupon_status(&shop, "mina").await, coupon, "part {number}");
        let actions = if state == "FULLY_REFUNDED" { json!([]) } else { json!(["CANCEL"]) };
        assert_eq!(now["allowedActions"], actions, "part {number}");
    }
    assert_eq!(balance, 100_000);
    insta::assert_snapshot!(history(&shop, &order).await, @r#"
    PAID by CUSTOMER: order - > PAID
    PAID by CUSTOMER: line 1 - > PAID
    PAID by CUSTOMER: line 2 - > PAID
    PAID by SYSTEM: line 1 PAID > PREPARING
    PAID by SYSTEM: line 2 PAID > PREPARING
    CANCELLED by CUSTOMER: order PAID > PARTIALLY_CANCELLED
    CANCELLED by CUSTOMER: line 1 PREPARING > PREPARING x1
    CANCELLED by CUSTOMER: line 2 PREPARING > PREPARING x1
    CANCELLED by CUSTOMER: line 1 PREPARING > PREPARING x1
    CANCELLED by CUSTOMER: line 1 PREPARING > CANCELLED x1
    CANCELLED by CUSTOMER: order PARTIALLY_CANCELLED > FULLY_REFUNDED
    CANCELLED by CUSTOMER: line 2 PREPARING > CANCELLED x1
    "#);
    shop.audit().await;
}

#[tokio::test]
async fn remaining_units_are_restocked_once_after_a_partial_cancellation() {
    let shop = shop_of_mina().await;
    let order = teas_and_cups(&shop).await;
    let body = json!({ "items": [{ "itemId": "1", "quantity": 2 }, { "itemId": "2", "quantity": 2 }] });
    let part = cancel(&shop, "mina", &order, body).await.expect(200);
    assert_eq!(part["refunded"], 1_898 + 3_452);
    let lines: Vec<_> =
        part["items"].as_array().unwrap().iter().map(|line| (&line["status"], &line["cancelledQuantity"])).collect();
    assert_eq!(lines, [(&json!("PREPARING"), &json!(2)), (&json!("CANCELLED"), &json!(2))]);
    let rest = cancel(&shop, "mina", &order, json!({})).await.expect(200);
    assert_eq!((&rest["refunded"], &rest["status"]), (&json!(9_300), &json!("FULLY_REFUNDED")));
    assert_eq!(ledger(&shop, "mina").await[0], ("REFUND".to_owned(), 950 + 3_000, 100_000));
    assert_eq!((shop.stock("tea").await, shop.stock("cup").await), (10, 10));
    shop.audit().await;
}

#[tokio::test]
async fn an_order_with_free_shipping_refunds_no_fee() {
    let shop = shop_of_mina().await;
    shop.product("tea", 10_000, 10).await;
    shop.campaign("ship", 1, json!({ "kind": "FREE_SHIPPING" })).await;
    shop.issue("mina", "ship").await.expect(201);
    let items = json!([{ "productId": "tea", "quantity": 2 }]);
    let body = json!({ "userId": "mina", "items": items, "couponId": "ship" });
    let order = shop.post("/orders", body).await.expect(201);
    assert_eq!(cancel_units(&shop, "mina", &order, "1", 1).await.expect(200)["refunded"], 10_000);
    assert_eq!(coupon_status(&shop, "mina").await, "USED");
    assert_eq!(cancel_units(&shop, "mina", &order, "1", 1).await.expect(200)["refunded"], 20_000);
    assert_eq!(coupon_status(&shop, "mina").await, "USABLE");
    assert_eq!(shop.balance("mina").await, 100_000);
    shop.audit().await;
}

/// Shipping was free at the time of the order, and stays so for the rest of it.
#[tokio::test]
async fn the_shipping_fee_is_not_recomputed_after_a_cancellation() {
    let shop = shop_of_mina().await;
    shop.product("tea", 10_000, 10).await;
    let order = shop.order("mina", "tea", 3).await.expect(201);
    assert_eq!(order["shippingFee"], 0);
    assert_eq!(cancel_units(&shop, "mina", &order, "1", 2).await.expect(200)["refunded"], 20_000);
    assert_eq!(cancel(&shop, "mina", &order, json!({})).await.expect(200)["refunded"], 30_000);
    shop.audit().await;
}

/// A coupon that expired meanwhile comes back as expired.
#[tokio::test]
async fn an_expired_coupon_is_returned_as_expired() {
    let shop = shop_of_mina().await;
    let order = teas_and_cups(&shop).await;
    shop.set_clock("2026-11-26T15:00:00Z");
    cancel(&shop, "mina", &order, json!({})).await.expect(200);
    assert_eq!(coupon_status(&shop, "mina").await, "EXPIRED");
    shop.audit().await;
}

/// A unit that is cancelled on another day is subtracted on the day of its payment.
#[tokio::test]
async fn cancelled_units_are_subtracted_on_the_day_of_payment() {
    let shop = shop_of_mina().await;
    shop.product("tea", 1_000, 100).await;
    let sold = async || {
        shop.settle().await;
        shop.get("/products/top").await.expect(200)["items"][0]["soldQuantity"].clone()
    };
    let first = shop.order("mina", "tea", 5).await.expect(201);
    shop.set_clock("2026-11-21T03:00:00Z");
    shop.order("mina", "tea", 2).await.expect(201);
    cancel_units(&shop, "mina", &first, "1", 3).await.expect(200);
    assert_eq!(sold().await, 4);
    shop.audit().await;
    // The first day has left the window of three days: all sales of the second still count.
    shop.set_clock("2026-11-22T15:00:00Z");
    assert_eq!(sold().await, 2);
    cancel(&shop, "mina", &first, json!({})).await.expect(200);
    assert_eq!(sold().await, 2);
    shop.audit().await;
}

#[tokio::test]
async fn a_refused_cancellation_changes_nothing() {
    let shop = shop_of_mina().await;
    let order = teas_and_cups(&shop).await;
    let details = cancel_units(&shop, "mina", &order, "1", 4).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(details, json!({ "orderId": id(&order), "itemId": "1", "requested": 4, "available": 3 }));
    // One line with too many units refuses the whole request.
    let body = json!({ "items": [{ "itemId": "2", "quantity": 1 }, { "itemId": "1", "quantity": 4 }] });
    cancel(&shop, "mina", &order, body).await.refused(409, "ORDER_STATE_CONFLICT");
    for item in ["3", "0", "01", "first", "99999999999999999999"] {
        let details = cancel_units(&shop, "mina", &order, item, 1).await.refused(404, "ENTITY_NOT_FOUND");
        assert_eq!(details, json!({ "itemId": item }));
    }
    assert_eq!(shop.balance("mina").await, 90_700);

    move_along(&shop, &order, "2", &["SHIPPED"]).await;
    let details = cancel_units(&shop, "mina", &order, "2", 1).await.refused(409, "ORDER_STATE_CONFLICT");
    let expected =
        json!({ "orderId": id(&order), "itemId": "2", "status": "SHIPPED", "allowed": ["CANCEL_REQUESTED"] });
    assert_eq!(details, expected);
    assert_eq!(cancel(&shop, "mina", &order, json!({})).await.refused(409, "ORDER_STATE_CONFLICT"), expected);
    let seen = shop.get(&format!("/orders/{}", id(&order))).as_user("mina").await.expect(200);
    assert_eq!((&seen["allowedActions"], &seen["refunded"]), (&json!([]), &json!(0)));

    // The other line can still be cancelled, and then not again.
    cancel_units(&shop, "mina", &order, "1", 3).await.expect(200);
    let details = cancel_units(&shop, "mina", &order, "1", 1).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(details, json!({ "orderId": id(&order), "itemId": "1", "status": "CANCELLED", "allowed": [] }));
    cancel(&shop, "mina", &order, json!({})).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(shop.balance("mina").await, 90_700 + 2_848);
    assert_eq!(coupon_status(&shop, "mina").await, "USED");
    shop.audit().await;
}

#[tokio::test]
async fn an_ended_order_cannot_be_cancelled() {
    let shop = shop_of_mina().await;
    let order = teas_and_cups(&shop).await;
    cancel(&shop, "mina", &order, json!({})).await.expect(200);
    let details = cancel(&shop, "mina", &order, json!({})).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(details, json!({ "orderId": id(&order), "status": "FULLY_REFUNDED", "allowed": [] }));
    cancel_units(&shop, "mina", &order, "1", 1).await.refused(409, "ORDER_STATE_CONFLICT");

    shop.product("house", 99_000_000, 1).await;
    let failed = shop.order("mina", "house", 1).await.refused(402, "BALANCE_NOT_ENOUGH");
    let details = cancel(&shop, "mina", &failed, json!({})).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!((&details["status"], &details["allowed"]), (&json!("PAYMENT_FAILED"), &json!([])));
    assert_eq!((shop.balance("mina").await, shop.stock("house").await), (100_000, 1));
    shop.audit().await;
}

#[tokio::test]
async fn a_pending_order_is_cancelled_whole_or_not_at_all() {
    let shop = shop_of_mina().await;
    shop.product("tea", 1_000, 10).await;
    let held = hold(&shop, "mina", "tea", 3).await.expect(201);
    let details = cancel_units(&shop, "mina", &held, "1", 1).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(details, json!({ "orderId": id(&held), "status": "PENDING_PAYMENT", "allowed": ["PAY", "CANCEL"] }));
    cancel_units(&shop, "mina", &held, "1", 4).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(shop.stock("tea").await, 7);
    // All of its units are the whole order.
    let ended = cancel_units(&shop, "mina", &held, "1", 3).await.expect(200);
    assert_eq!((&ended["status"], shop.stock("tea").await), (&json!("CANCELLED"), 10));
    shop.audit().await;
}

#[tokio::test]
async fn only_the_customer_and_admins_cancel() {
    let shop = shop_of_mina().await;
    let tea = json!({ "productId": "tea", "name": "Tea", "price": 10_000, "stock": 5 });
    shop.post("/products", tea).as_seller("dabang").await.expect(201);
    let order = shop.order("mina", "tea", 2).await.expect(201);
    cancel(&shop, "jun", &order, json!({})).await.refused(404, "ENTITY_NOT_FOUND");
    cancel(&shop, "mina", &order, json!({})).as_seller("other").await.refused(404, "ENTITY_NOT_FOUND");
    cancel(&shop, "mina", &order, json!({})).as_seller("dabang").await.refused(403, "FORBIDDEN");
    shop.post(&format!("/orders/{}/cancel", id(&order)), json!({})).await.refused(401, "UNAUTHENTICATED");
    shop.post("/orders/none/cancel", json!({})).as_user("mina").await.refused(404, "ENTITY_NOT_FOUND");
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (77_000, 3));

    let part = cancel_units(&shop, "mina", &order, "1", 1).as_admin().await.expect(200);
    assert_eq!(part["refunded"], 10_000);
    // A request without a body cancels the whole order.
    let whole = shop.call("POST", &format!("/orders/{}/cancel", id(&order))).as_user("mina").await.expect(200);
    assert_eq!((&whole["refunded"], shop.balance("mina").await), (&json!(23_000), 100_000));
    insta::assert_snapshot!(history(&shop, &order).await, @r#"
    PAID by CUSTOMER: order - > PAID
    PAID by CUSTOMER: line 1 - > PAID
    PAID by SYSTEM: line 1 PAID > PREPARING
    CANCELLED by ADMIN: order PAID > PARTIALLY_CANCELLED
    CANCELLED by ADMIN: line 1 PREPARING > PREPARING x1
    CANCELLED by CUSTOMER: order PARTIALLY_CANCELLED > FULLY_REFUNDED
    CANCELLED by CUSTOMER: line 1 PREPARING > CANCELLED x1
    "#);
    // The seller sees only their own goods.
    let seen = shop.get(&format!("/orders/{}", id(&order))).as_seller("dabang").await.expect(200);
    assert_eq!((&seen["refunded"], &seen["status"]), (&json!(20_000), &json!("FULLY_REFUNDED")));
    shop.audit().await;
}

#[tokio::test]
async fn every_bad_field_is_named() {
    let shop = shop_of_mina().await;
    shop.product("tea", 1_000, 10).await;
    let order = shop.order("mina", "tea", 3).await.expect(201);
    let bad = async |body: Value| {
        let answer = cancel(&shop, "mina", &order, body).await;
        answer.bad_fields().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(bad(json!({ "items": [] })).await, ["items"]);
    let twice = json!({ "items": [{ "itemId": "1", "quantity": 1 }, { "itemId": "1", "quantity": 1 }] });
    assert_eq!(bad(twice).await, ["items[1].itemId"]);
    let many: Vec<_> = (1..=51).map(|item| json!({ "itemId": item.to_string(), "quantity": 1 })).collect();
    assert_eq!(bad(json!({ "items": many })).await, ["items"]);
    for quantity in [json!(0), json!(-1), json!(1_000), json!(1.5), json!("1")] {
        assert_eq!(bad(json!({ "items": [{ "itemId": "1", "quantity": quantity }] })).await, ["items[0].quantity"]);
    }
    assert_eq!(bad(json!({ "items": [{ "itemId": "1" }] })).await, ["items[0].quantity"]);
    assert_eq!(bad(json!({ "items": [{ "itemId": "a b", "quantity": 1 }] })).await, ["items[0].itemId"]);
    assert_eq!(
        bad(json!({ "items": [{ "itemId": 1, "quantity": 0 }], "why": "", "reason": "" })).await,
        ["items[0].itemId", "items[0].quantity", "reason", "why"]
    );
    assert_eq!(bad(json!({ "reason": "x".repeat(5_000) })).await, ["reason"]);
    let answer = shop.post("/orders/a b/cancel", json!({ "items": [] , "reason": 1 })).as_user("mina").await;
    assert_eq!(answer.bad_fields(), ["orderId", "reason"]);
    assert_eq!(look(&shop, &order).await["refunded"], 0);
}

#[tokio::test]
async fn a_partial_cancellation_with_a_key_counts_once() {
    let shop = TestShop::with_instances(2);
    shop.customer("mina", 100_000).await;
    let order = teas_and_cups(&shop).await;
    let part = |units: i64| cancel_units(&shop, "mina", &order, "1", units);
    let first = part(1).key("k1").await.expect(200);
    assert_eq!(part(1).key("k1").await.expect(200), first);
    part(2).key("k1").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    cancel(&shop, "mina", &order, json!({})).key("k1").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(shop.stock("tea").await, 8);
    // Without one, each call is a new request.
    part(1).await.expect(200);
    let last = part(1).key("k2").await.expect(200);
    // The repetition would be refused for the units left; its answer is the order as it is now.
    assert_eq!(part(1).key("k2").await.expect(200), last);
    assert_eq!(part(1).key("k1").await.expect(200), last);
    part(1).key("k3").await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!((shop.stock("tea").await, shop.balance("mina").await), (10, 90_700 + 2_848));

    let whole = cancel(&shop, "mina", &order, json!({})).key("k4").await.expect(200);
    assert_eq!(cancel(&shop, "mina", &order, json!({})).key("k4").await.expect(200), whole);
    assert_eq!(shop.balance("mina").await, 100_000);
    shop.audit().await;
}

#[tokio::test]
async fn a_suspended_user_is_refunded() {
    let shop = shop_of_mina().await;
    let order = teas_and_cups(&shop).await;
    set_user(&shop.another_instance(), "mina", "SUSPENDED").await;
    cancel_units(&shop, "mina", &order, "1", 1).await.expect(200);
    cancel(&shop.another_instance(), "mina", &order, json!({})).as_admin().await.expect(200);
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (100_000, 10));
    shop.order("mina", "tea", 1).await.refused(409, "USER_NOT_ACTIVE");
    shop.audit().await;
}

/// A cached balance never decides the balance after a refund.
#[tokio::test]
async fn a_refund_is_added_to_the_current_balance() {
    let shop = shop_of_mina().await;
    let order = teas_and_cups(&shop).await;
    charge(&shop.another_instance(), "mina", 50_000).await;
    cancel(&shop, "mina", &order, json!({})).await.expect(200);
    assert_eq!(ledger(&shop, "mina").await[0], ("REFUND".to_owned(), 9_300, 150_000));
    shop.audit().await;
}

#[tokio::test]
async fn units_of_many_shards_are_all_returned() {
    let shop = shop_of_mina().await;
    let tea = json!({ "productId": "tea", "name": "Tea", "price": 1_000, "stock": 80, "stockShards": 8 });
    shop.post("/products", tea).as_admin().await.expect(201);
    let order = shop.order("mina", "tea", 50).await.expect(201);
    assert_eq!(shop.stock("tea").await, 30);
    cancel_units(&shop, "mina", &order, "1", 45).await.expect(200);
    assert_eq!(shop.stock("tea").await, 75);
    // More shards meanwhile, unknown to this instance, and the product is not on sale.
    let other = shop.another_instance();
    other.patch("/products/tea", json!({ "stockShards": 16, "status": "HIDDEN" })).as_admin().await.expect(200);
    cancel(&shop, "mina", &order, json!({})).await.expect(200);
    other.patch("/products/tea", json!({ "status": "ON_SALE" })).as_admin().await.expect(200);
    assert_eq!(shop.stock("tea").await, 80);
    // The units can be sold again, to the last.
    shop.order("mina", "tea", 80).await.expect(201);
    shop.audit().await;
}

#[tokio::test]
async fn fifty_lines_are_cancelled_in_one_transaction() {
    let shop = TestShop::new();
    shop.customer("mina", 10_000_000).await;
    let mut items = Vec::new();
    for number in 0..50 {
        shop.product(&format!("p{number}"), 1_000 + number, 10).await;
        items.push(json!({ "productId": format!("p{number}"), "quantity": 3 }));
    }
    shop.coupon("welcome", 1).await;
    shop.issue("mina", "welcome").await.expect(201);
    let body = json!({ "userId": "mina", "items": items, "couponId": "welcome" });
    let order = shop.post("/orders", body).await.expect(201);
    let part: Vec<_> = (1..=50).map(|item| json!({ "itemId": item.to_string(), "quantity": 1 })).collect();
    cancel(&shop.another_instance(), "mina", &order, json!({ "items": part })).key("k").await.expect(200);
    assert_eq!(shop.stock("p49").await, 8);
    cancel(&shop.another_instance(), "mina", &order, json!({})).key("w").await.expect(200);
    assert_eq!((shop.balance("mina").await, shop.stock("p49").await), (10_000_000, 10));
    shop.audit().await;
}
