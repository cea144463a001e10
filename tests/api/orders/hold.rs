//! `POST /orders` with `"payment": "LATER"`, and the end of holds.

use serde_json::json;
use shared::app::orders;
use tests::{
    TestShop,
    steps::{
        END, JUST_BEFORE, cancel, coupon_status, end_hold, expired_orders, history, hold,
        holds::{hold_with_coupon, shop_with_tea},
        id, order_id, pay, status,
    },
};

/// A hold of a tea with a coupon that expires before the hold does.
async fn hold_with_short_coupon(shop: &TestShop) -> serde_json::Value {
    let end = "2026-11-20T03:05:00Z";
    let ends = json!({ "kind": "FIXED", "value": 1_000, "validDays": null, "validUntil": end, "issueUntil": end });
    shop.campaign("short", 1, ends).await;
    shop.issue("mina", "short").await.expect(201);
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let body = json!({ "userId": "mina", "items": items, "couponId": "short", "payment": "LATER" });
    shop.post("/orders", body).await.expect(201)
}

#[tokio::test]
async fn a_hold_takes_units_and_coupon_but_no_money() {
    let shop = shop_with_tea(100_000, 10).await;
    let held = hold_with_coupon(&shop).await;
    insta::assert_json_snapshot!(held, @r#"
    {
      "allowedActions": [
        "PAY",
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
      "payment": "BALANCE",
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
          "to": "BALANCE"
        }
      ],
      "updatedAt": "2026-11-20T03:00:00Z",
      "userId": "mina"
    }
    "#);
    assert_eq!(shop.get(&format!("/orders/{}", id(&held))).as_user("mina").await.expect(200), held);
    assert_eq!(coupon_status(&shop, "mina").await, "USED");
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (100_000, 8));
    insta::assert_snapshot!(history(&shop, &held).await, @r#"
    PLACED by CUSTOMER: order - > PENDING_PAYMENT
    PLACED by CUSTOMER: line 1 - > PENDING_PAYMENT
    "#);
    let payments = shop.get(&format!("/orders/{}/payments", id(&held))).as_user("mina").await.expect(200);
    assert_eq!(payments["items"], json!([]));
    shop.audit().await;
}

#[tokio::test]
async fn an_unknown_hold_cannot_end() {
    let shop = TestShop::new();
    let nothing = json!({ "orderId": "nothing" });
    assert!(orders::end_hold(shop.instance(), &order_id(&nothing)).await.is_err());
    pay(&shop, "mina", &nothing).await.refused(404, "ENTITY_NOT_FOUND");
}

#[tokio::test]
async fn a_coupon_that_expired_during_the_hold_is_returned_as_expired() {
    let shop = shop_with_tea(100_000, 10).await;
    let held = hold_with_short_coupon(&shop).await;
    shop.set_clock(END);
    assert_eq!(coupon_status(&shop, "mina").await, "USED");
    end_hold(&shop, &held).await;
    assert_eq!(coupon_status(&shop, "mina").await, "EXPIRED");
    shop.audit().await;
}

/// Held in time is used in time.
#[tokio::test]
async fn a_coupon_that_expired_during_the_hold_still_discounts() {
    let shop = shop_with_tea(100_000, 10).await;
    let held = hold_with_short_coupon(&shop).await;
    shop.set_clock(JUST_BEFORE);
    assert_eq!(pay(&shop, "mina", &held).await.expect(200)["paid"], 14_000);
    shop.audit().await;
}

/// A held order is paid for at its own price, after any change of the product.
#[tokio::test]
async fn a_held_order_keeps_its_amounts() {
    for change in [
        json!({ "price": 99_000 }),
        json!({ "discount": 500 }),
        json!({ "status": "DISCONTINUED" }),
        json!({ "status": "HIDDEN" }),
        json!({ "stockShards": 4 }),
        json!({ "name": "Other" }),
    ] {
        let shop = shop_with_tea(100_000, 10).await;
        let paid_later = hold(&shop, "mina", "tea", 1).await.expect(201);
        let never_paid = hold(&shop, "mina", "tea", 2).await.expect(201);
        shop.another_instance().patch("/products/tea", change.clone()).as_admin().await.expect(200);
        let paid = pay(&shop, "mina", &paid_later).await.expect(200);
        assert_eq!((&paid["paid"], &paid["items"][0]["unitPrice"]), (&json!(15_000), &json!(12_000)), "{change}");
        assert_eq!(paid["items"][0]["name"], "tea 상품");
        shop.set_clock(END);
        end_hold(&shop, &never_paid).await;
        assert_eq!(status(&shop, &never_paid).await, "CANCELLED");
        shop.another_instance().patch("/products/tea", json!({ "status": "ON_SALE" })).as_admin().await.expect(200);
        assert_eq!(shop.stock("tea").await, 9, "{change}");
        shop.audit().await;
    }
}

#[tokio::test]
async fn expired_holds_are_found_in_order() {
    let shop = shop_with_tea(1_000_000, 100).await;
    let mut held = Vec::new();
    for second in 0..6 {
        shop.set_clock(&format!("2026-11-20T03:00:0{second}Z"));
        held.push(hold(&shop, "mina", "tea", 1).await.expect(201));
    }
    shop.order("mina", "tea", 1).await.expect(201);
    pay(&shop, "mina", &held[1]).await.expect(200);
    cancel(&shop, "mina", &held[2], json!({})).await.expect(200);
    assert_eq!(expired_orders(&shop).await, []);
    shop.set_clock("2026-11-20T03:10:04.500Z");
    let expired = expired_orders(&shop).await;
    let expired: Vec<_> = expired.into_iter().map(|(at, order)| (at.to_string(), order.to_string())).collect();
    let expected = [0, 3, 4].map(|index| (format!("2026-11-20T03:10:0{index}Z"), id(&held[index])));
    assert_eq!(expired, expected);
    for index in [0, 3, 4] {
        end_hold(&shop, &held[index]).await;
    }
    assert_eq!(expired_orders(&shop).await, []);
    assert_eq!(status(&shop, &held[5]).await, "PENDING_PAYMENT");
    assert_eq!(shop.stock("tea").await, 97);
    shop.audit().await;
}

#[tokio::test]
async fn a_pending_order_is_cancelled_whole() {
    let shop = shop_with_tea(100_000, 10).await;
    let held = hold_with_coupon(&shop).await;
    let cancelled = cancel(&shop, "mina", &held, json!({ "reason": "변심" })).await.expect(200);
    assert_eq!((&cancelled["status"], &cancelled["refunded"]), (&json!("CANCELLED"), &json!(0)));
    assert_eq!(cancelled["items"][0]["cancelledQuantity"], 2);
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (100_000, 10));
    assert_eq!(coupon_status(&shop, "mina").await, "USABLE");
    insta::assert_snapshot!(history(&shop, &held).await, @r#"
    PLACED by CUSTOMER: order - > PENDING_PAYMENT
    PLACED by CUSTOMER: line 1 - > PENDING_PAYMENT
    CANCELLED by CUSTOMER: order PENDING_PAYMENT > CANCELLED (변심)
    CANCELLED by CUSTOMER: line 1 PENDING_PAYMENT > CANCELLED (변심)
    "#);
    cancel(&shop, "mina", &held, json!({})).await.refused(409, "ORDER_STATE_CONFLICT");
    shop.set_clock(END);
    end_hold(&shop, &held).await;
    assert_eq!(shop.stock("tea").await, 10);
    shop.audit().await;
}
