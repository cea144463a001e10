//! `/orders` with `"payment": "LATER"`, `/orders/{orderId}/payment`, and the end of holds.

use std::{collections::BTreeMap, future::IntoFuture};

use futures::future::join_all;
use serde_json::json;
use shared::app::orders;
use tests::{Fault, TestShop};

use crate::steps::{
    END, JUST_BEFORE, charge, coupon_status, dying_at, end_hold, expired_orders, history, hold, id, ledger, look,
    order_by, order_id, order_with_coupon, pay, set_user, status,
};

async fn shop_with_tea(balance: i64, stock: i64) -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", balance).await;
    shop.product("tea", 12_000, stock).await;
    shop
}

/// A hold of two teas with a coupon: 26,000 won.
async fn hold_with_coupon(shop: &TestShop) -> serde_json::Value {
    order_with_coupon(shop, "mina", "LATER").await
}

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
          "itemId": "1",
          "name": "tea 상품",
          "productId": "tea",
          "quantity": 2,
          "sequence": 1,
          "status": "PENDING_PAYMENT",
          "unitDiscount": 0,
          "unitPrice": 12000
        }
      ],
      "orderId": "pm2jpz7ndg6vokzh7voa7ml2nq",
      "paid": 0,
      "payable": 26000,
      "payment": "BALANCE",
      "refunded": 0,
      "shippingFee": 3000,
      "status": "PENDING_PAYMENT",
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
async fn a_held_order_is_paid_once() {
    let shop = shop_with_tea(100_000, 10).await;
    let held = hold_with_coupon(&shop).await;
    shop.set_clock(JUST_BEFORE);
    let paid = pay(&shop, "mina", &held).await.expect(200);
    insta::assert_json_snapshot!(paid, @r#"
    {
      "allowedActions": [
        "CANCEL"
      ],
      "couponDiscount": 1000,
      "couponId": "welcome",
      "createdAt": "2026-11-20T03:00:00Z",
      "goodsDiscount": 0,
      "goodsTotal": 24000,
      "items": [
        {
          "allowedActions": [
            "CANCELLED"
          ],
          "amount": 24000,
          "cancelledQuantity": 0,
          "couponShare": 1000,
          "itemId": "1",
          "name": "tea 상품",
          "productId": "tea",
          "quantity": 2,
          "sequence": 1,
          "status": "PREPARING",
          "unitDiscount": 0,
          "unitPrice": 12000
        }
      ],
      "orderId": "pm2jpz7ndg6vokzh7voa7ml2nq",
      "paid": 26000,
      "paidAt": "2026-11-20T03:09:59.999Z",
      "payable": 26000,
      "payment": "BALANCE",
      "refunded": 0,
      "shippingFee": 3000,
      "status": "PAID",
      "updatedAt": "2026-11-20T03:09:59.999Z",
      "userId": "mina"
    }
    "#);
    insta::assert_snapshot!(history(&shop, &held).await, @r#"
    PLACED by CUSTOMER: order - > PENDING_PAYMENT
    PLACED by CUSTOMER: line 1 - > PENDING_PAYMENT
    PAID by CUSTOMER: order PENDING_PAYMENT > PAID
    PAID by CUSTOMER: line 1 PENDING_PAYMENT > PAID
    PAID by SYSTEM: line 1 PAID > PREPARING
    "#);
    assert_eq!(ledger(&shop, "mina").await[0], ("PAYMENT".to_owned(), -26_000, 74_000));
    let payments = shop.get(&format!("/orders/{}/payments", id(&held))).as_user("mina").await.expect(200);
    let payment = &payments["items"][0];
    assert_eq!(
        (&payment["status"], &payment["amount"], &payment["method"]),
        (&json!("PAID"), &json!(26_000), &json!("BALANCE"))
    );

    let details = pay(&shop, "mina", &held).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(details, json!({ "orderId": id(&held), "status": "PAID", "allowed": ["CANCEL"] }));
    // Its hold has been ended.
    shop.set_clock("2026-11-20T04:00:00Z");
    assert_eq!(expired_orders(&shop).await, []);
    end_hold(&shop, &held).await;
    assert_eq!(shop.get(&format!("/orders/{}", id(&held))).as_user("mina").await.expect(200), paid);
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (74_000, 8));
    assert_eq!(coupon_status(&shop, "mina").await, "USED");
    shop.audit().await;
}

#[tokio::test]
async fn too_little_balance_leaves_it_pending() {
    let shop = shop_with_tea(10_000, 10).await;
    let held = hold(&shop, "mina", "tea", 1).await.expect(201);
    let details = pay(&shop, "mina", &held).await.refused(402, "BALANCE_NOT_ENOUGH");
    assert_eq!(details, json!({ "orderId": id(&held), "payable": 15_000, "balance": 10_000 }));
    assert_eq!(status(&shop, &held).await, "PENDING_PAYMENT");
    assert_eq!(shop.get("/orders?userId=mina").await.expect(200)["items"].as_array().unwrap().len(), 1);
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (10_000, 9));

    // Charged through another instance: a cached balance refuses no payment.
    charge(&shop.another_instance(), "mina", 5_000).await;
    pay(&shop, "mina", &held).await.expect(200);
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (0, 9));
    shop.audit().await;
}

/// A hold ends at its expiry, whether or not a sweep has run.
#[tokio::test]
async fn at_the_very_end_it_cannot_be_paid() {
    let shop = shop_with_tea(100_000, 10).await;
    let held = hold_with_coupon(&shop).await;
    assert_eq!(orders::end_hold(shop.instance(), &order_id(&held)).await.unwrap().unwrap().as_secs(), 600);
    assert_eq!(look(&shop, &held).await["allowedActions"], json!(["PAY", "CANCEL"]));

    shop.set_clock(END);
    let details = pay(&shop, "mina", &held).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(details, json!({ "orderId": id(&held), "status": "PENDING_PAYMENT", "allowed": ["CANCEL"] }));
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (100_000, 8));

    end_hold(&shop, &held).await;
    let ended = look(&shop, &held).await;
    assert_eq!(
        (&ended["status"], &ended["paid"], &ended["allowedActions"]),
        (&json!("CANCELLED"), &json!(0), &json!([]))
    );
    assert_eq!(ended["holdExpiresAt"], json!(null));
    insta::assert_snapshot!(history(&shop, &held).await, @r#"
    PLACED by CUSTOMER: order - > PENDING_PAYMENT
    PLACED by CUSTOMER: line 1 - > PENDING_PAYMENT
    HOLD_EXPIRED by SYSTEM: order PENDING_PAYMENT > CANCELLED
    HOLD_EXPIRED by SYSTEM: line 1 PENDING_PAYMENT > CANCELLED
    "#);
    for _ in 0..2 {
        end_hold(&shop, &held).await;
        assert_eq!(look(&shop, &held).await, ended);
        assert_eq!(shop.stock("tea").await, 10);
        assert_eq!(coupon_status(&shop, "mina").await, "USABLE");
    }
    pay(&shop, "mina", &held).await.refused(409, "ORDER_STATE_CONFLICT");
    shop.audit().await;
}

#[tokio::test]
async fn a_hold_that_never_was_cannot_end() {
    let shop = TestShop::new();
    let nothing = json!({ "orderId": "nothing" });
    assert!(orders::end_hold(shop.instance(), &order_id(&nothing)).await.is_err());
    pay(&shop, "mina", &nothing).await.refused(404, "ENTITY_NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hold_that_is_ended_many_times_at_once_ends_once() {
    let shop = TestShop::with_instances(8);
    shop.customer("mina", 100_000).await;
    shop.product("tea", 12_000, 10).await;
    let held = hold_with_coupon(&shop).await;
    shop.set_clock(END);
    let end = |_| {
        let (shop, held) = (shop.clone(), held.clone());
        tokio::spawn(async move { end_hold(&shop, &held).await })
    };
    for done in join_all((0..20).map(end)).await {
        done.unwrap();
    }
    assert_eq!(shop.stock("tea").await, 10);
    assert_eq!(coupon_status(&shop, "mina").await, "USABLE");
    assert_eq!(history(&shop, &held).await.matches("HOLD_EXPIRED").count(), 2);
    shop.audit().await;
}

#[tokio::test]
async fn a_coupon_that_ran_out_meanwhile_comes_back_expired() {
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
async fn a_coupon_that_ran_out_meanwhile_still_pays() {
    let shop = shop_with_tea(100_000, 10).await;
    let held = hold_with_short_coupon(&shop).await;
    shop.set_clock(JUST_BEFORE);
    assert_eq!(pay(&shop, "mina", &held).await.expect(200)["paid"], 14_000);
    shop.audit().await;
}

#[tokio::test]
async fn who_is_suspended_can_neither_hold_nor_pay() {
    let shop = shop_with_tea(100_000, 10).await;
    let held = hold(&shop, "mina", "tea", 1).await.expect(201);
    let other = shop.another_instance();
    set_user(&other, "mina", "SUSPENDED").await;
    hold(&shop, "mina", "tea", 1).await.refused(409, "USER_NOT_ACTIVE");
    order_by(&shop, "mina", "tea", 1, "EXTERNAL").await.refused(409, "USER_NOT_ACTIVE");
    pay(&shop, "mina", &held).await.refused(409, "USER_NOT_ACTIVE");
    pay(&shop, "mina", &held).as_admin().await.refused(409, "USER_NOT_ACTIVE");
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (100_000, 9));
    set_user(&other, "mina", "ACTIVE").await;
    pay(&shop, "mina", &held).await.expect(200);
    shop.audit().await;
}

/// A cached suspension of a user refuses no later payment.
#[tokio::test]
async fn who_is_active_again_can_pay() {
    let shop = shop_with_tea(100_000, 10).await;
    let paid = shop.order("mina", "tea", 1).await.expect(201);
    let held = hold(&shop, "mina", "tea", 1).await.expect(201);
    let other = shop.another_instance();
    set_user(&other, "mina", "SUSPENDED").await;
    // This instance reads the suspended account, and caches the balance after the refund.
    let fresh = shop.another_instance();
    crate::steps::cancel(&fresh, "mina", &paid, json!({})).await.expect(200);
    set_user(&other, "mina", "ACTIVE").await;
    pay(&fresh, "mina", &held).await.expect(200);
    shop.audit().await;
}

#[tokio::test]
async fn only_who_ordered_and_admins_pay() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.customer("jun", 100_000).await;
    let tea = json!({ "productId": "tea", "name": "Tea", "price": 10_000, "stock": 5 });
    shop.post("/products", tea).as_seller("dabang").await.expect(201);
    let held = hold(&shop, "mina", "tea", 1).await.expect(201);

    pay(&shop, "jun", &held).await.refused(404, "ENTITY_NOT_FOUND");
    pay(&shop, "mina", &held).as_seller("other").await.refused(404, "ENTITY_NOT_FOUND");
    // An order that is not paid concerns no seller.
    pay(&shop, "mina", &held).as_seller("dabang").await.refused(404, "ENTITY_NOT_FOUND");
    shop.call("POST", &format!("/orders/{}/payment", id(&held))).await.refused(401, "UNAUTHENTICATED");
    assert_eq!((shop.balance("mina").await, shop.balance("jun").await), (100_000, 100_000));

    assert_eq!(pay(&shop, "mina", &held).as_admin().await.expect(200)["paid"], 13_000);
    pay(&shop, "mina", &held).as_seller("dabang").await.refused(403, "FORBIDDEN");
    let seen = shop.get(&format!("/orders/{}", id(&held))).as_seller("dabang").await.expect(200);
    assert_eq!(seen["allowedActions"], json!([]));
    assert_eq!((shop.balance("mina").await, shop.balance("jun").await), (87_000, 100_000));
    insta::assert_snapshot!(history(&shop, &held).await, @r#"
    PLACED by CUSTOMER: order - > PENDING_PAYMENT
    PLACED by CUSTOMER: line 1 - > PENDING_PAYMENT
    PAID by ADMIN: order PENDING_PAYMENT > PAID
    PAID by ADMIN: line 1 PENDING_PAYMENT > PAID
    PAID by SYSTEM: line 1 PAID > PREPARING
    "#);
    shop.audit().await;
}

#[tokio::test]
async fn holding_and_paying_with_keys() {
    let shop = TestShop::with_instances(2);
    // Stock and balance suffice for one order exactly: a repeat would be refused for either.
    shop.customer("mina", 15_000).await;
    shop.product("tea", 12_000, 1).await;
    let first = hold(&shop, "mina", "tea", 1).key("k").await.expect(201);
    assert_eq!(hold(&shop, "mina", "tea", 1).key("k").await.expect(201), first);
    hold(&shop, "mina", "tea", 2).key("k").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    order_by(&shop, "mina", "tea", 1, "EXTERNAL").key("k").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    hold(&shop, "mina", "tea", 1).key("other").await.refused(409, "STOCK_NOT_ENOUGH");

    let paid = pay(&shop, "mina", &first).key("k").await.expect(200);
    assert_eq!(pay(&shop, "mina", &first).key("k").await.expect(200), paid);
    // No body and an empty one say the same.
    assert_eq!(pay(&shop, "mina", &first).json(&json!({})).key("k").await.expect(200), paid);
    pay(&shop, "mina", &first).key("other").await.refused(409, "ORDER_STATE_CONFLICT");
    // The answer is about the order as it is now.
    assert_eq!(hold(&shop, "mina", "tea", 1).key("k").await.expect(201), paid);
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (0, 0));
    shop.audit().await;
}

/// A refusal commits nothing: its key can pay later on.
#[tokio::test]
async fn a_payment_that_was_refused_is_tried_anew_with_its_key() {
    let shop = shop_with_tea(0, 10).await;
    let held = hold(&shop, "mina", "tea", 1).await.expect(201);
    pay(&shop, "mina", &held).key("k").await.refused(402, "BALANCE_NOT_ENOUGH");
    charge(&shop, "mina", 15_000).await;
    pay(&shop, "mina", &held).key("k").await.expect(200);
    shop.audit().await;
}

#[tokio::test]
async fn a_payment_takes_no_fields() {
    let shop = shop_with_tea(100_000, 10).await;
    let held = hold(&shop, "mina", "tea", 1).await.expect(201);
    assert_eq!(pay(&shop, "mina", &held).json(&json!({ "amount": 1 })).await.bad_fields(), ["amount"]);
    let both = shop.post("/orders/a b/payment", json!({ "amount": 1 })).as_user("mina").await;
    assert_eq!(both.bad_fields(), ["amount", "orderId"]);
    assert_eq!(order_by(&shop, "mina", "tea", 1, "SOMETIME").await.bad_fields(), ["payment"]);
}

/// User, product, sale status, stock, coupon; a balance that is too low refuses no hold.
#[tokio::test]
async fn the_first_of_many_wrongs_answers() {
    let shop = shop_with_tea(0, 1).await;
    for (product, status) in [("old", "DISCONTINUED"), ("secret", "HIDDEN")] {
        shop.product(product, 10_000, 1).await;
        shop.patch(&format!("/products/{product}"), json!({ "status": status })).as_admin().await.expect(200);
    }
    for payment in ["LATER", "EXTERNAL"] {
        let order = |user: &str, lines: &[(&str, i64)], coupon: Option<&str>| {
            let items = lines.iter().map(|(id, quantity)| json!({ "productId": id, "quantity": quantity }));
            let items: Vec<_> = items.collect();
            shop.post("/orders", json!({ "userId": user, "items": items, "couponId": coupon, "payment": payment }))
        };
        let everything = [("nothing", 1), ("old", 1), ("tea", 2)];
        order("nobody", &everything, Some("none")).await.refused(404, "ENTITY_NOT_FOUND");
        let details = order("mina", &everything, Some("none")).await.refused(404, "ENTITY_NOT_FOUND");
        assert_eq!(details, json!({ "productId": "nothing" }));
        let details = order("mina", &[("secret", 1), ("old", 1)], Some("none")).await.refused(404, "ENTITY_NOT_FOUND");
        assert_eq!(details, json!({ "productId": "secret" }));
        order("mina", &[("tea", 2), ("old", 1)], Some("none")).await.refused(409, "PRODUCT_NOT_ON_SALE");
        let details = order("mina", &[("tea", 2)], Some("none")).await.refused(409, "STOCK_NOT_ENOUGH");
        assert_eq!(details, json!({ "productId": "tea", "requested": 2, "available": 1 }));
        order("mina", &[("tea", 2)], None).await.refused(409, "STOCK_NOT_ENOUGH");
        let details = order("mina", &[("tea", 1)], Some("none")).await.refused(409, "COUPON_NOT_USABLE");
        assert_eq!(details, json!({ "couponId": "none", "reason": "NOT_OWNED" }));
    }
    assert_eq!(shop.get("/orders?userId=mina").await.expect(200)["items"], json!([]));
    hold(&shop, "mina", "tea", 1).await.expect(201);
    shop.audit().await;
}

/// The same for an instance that has cached users and products in a valid state.
#[tokio::test]
async fn the_first_of_many_wrongs_answers_whatever_is_remembered() {
    let shop = shop_with_tea(100_000, 10).await;
    let other = shop.another_instance();
    for payment in ["BALANCE", "LATER"] {
        let order = || {
            let items = json!([{ "productId": "tea", "quantity": 1 }]);
            shop.post("/orders", json!({ "userId": "mina", "items": items, "couponId": "none", "payment": payment }))
        };
        // Now the instance has cached them.
        order_by(&shop, "mina", "tea", 1, payment).await.expect(201);
        order().await.refused(409, "COUPON_NOT_USABLE");
        for (status, code) in [("DISCONTINUED", (409, "PRODUCT_NOT_ON_SALE")), ("HIDDEN", (404, "ENTITY_NOT_FOUND"))] {
            other.patch("/products/tea", json!({ "status": "ON_SALE" })).as_admin().await.expect(200);
            order_by(&shop, "mina", "tea", 1, payment).await.expect(201);
            other.patch("/products/tea", json!({ "status": status })).as_admin().await.expect(200);
            order().await.refused(code.0, code.1);
        }
        other.patch("/products/tea", json!({ "status": "ON_SALE" })).as_admin().await.expect(200);
        order_by(&shop, "mina", "tea", 1, payment).await.expect(201);
        set_user(&other, "mina", "SUSPENDED").await;
        order().await.refused(409, "USER_NOT_ACTIVE");
        other.patch("/products/tea", json!({ "status": "DISCONTINUED" })).as_admin().await.expect(200);
        order().await.refused(409, "USER_NOT_ACTIVE");
        other.patch("/products/tea", json!({ "status": "ON_SALE" })).as_admin().await.expect(200);
        set_user(&other, "mina", "ACTIVE").await;
    }
    shop.audit().await;
}

/// A held order is paid for at its own price, after any change of the product.
#[tokio::test]
async fn what_is_held_stays_as_it_was_ordered() {
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
async fn what_is_overdue_is_found() {
    let shop = shop_with_tea(1_000_000, 100).await;
    let mut held = Vec::new();
    for second in 0..6 {
        shop.set_clock(&format!("2026-11-20T03:00:0{second}Z"));
        held.push(hold(&shop, "mina", "tea", 1).await.expect(201));
    }
    shop.order("mina", "tea", 1).await.expect(201);
    pay(&shop, "mina", &held[1]).await.expect(200);
    crate::steps::cancel(&shop, "mina", &held[2], json!({})).await.expect(200);
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
    let cancelled = crate::steps::cancel(&shop, "mina", &held, json!({ "reason": "변심" })).await.expect(200);
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
    crate::steps::cancel(&shop, "mina", &held, json!({})).await.refused(409, "ORDER_STATE_CONFLICT");
    shop.set_clock(END);
    end_hold(&shop, &held).await;
    assert_eq!(shop.stock("tea").await, 10);
    shop.audit().await;
}

/// Both are requested around the expiry: one of them decides.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn paying_and_ending_at_once_have_one_winner() {
    let shop = TestShop::with_instances(4);
    shop.customer("mina", 10_000_000).await;
    shop.product("tea", 12_000, 1_000).await;
    let mut outcomes: BTreeMap<String, i64> = BTreeMap::new();
    for round in 0..120 {
        shop.set_clock("2026-11-20T03:00:00Z");
        let held = hold(&shop, "mina", "tea", 1).await.expect(201);
        // A payment that begins a moment before the expiry may commit after the hold's end is visible to others.
        shop.set_clock(if round % 8 == 0 { END } else { JUST_BEFORE });
        let paying = tokio::spawn(pay(&shop, "mina", &held).into_future());
        let ending = tokio::spawn({
            let (shop, held) = (shop.clone(), held.clone());
            async move {
                for _ in 0..round % 16 {
                    tokio::task::yield_now().await;
                }
                shop.set_clock(END);
                end_hold(&shop, &held).await;
            }
        });
        let (answer, ended) = tokio::join!(paying, ending);
        ended.unwrap();
        let answer = answer.unwrap();
        let status = status(&shop, &held).await;
        match answer.status {
            200 => assert_eq!(status, "PAID"),
            _ => {
                answer.refused(409, "ORDER_STATE_CONFLICT");
                assert_eq!(status, "CANCELLED");
            }
        }
        *outcomes.entry(status).or_default() += 1;
    }
    let paid = outcomes.get("PAID").copied().unwrap_or_default();
    assert_eq!(shop.stock("tea").await, 1_000 - paid);
    assert_eq!(shop.balance("mina").await, 10_000_000 - 15_000 * paid);
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_holds_race_for_a_hundred_units() {
    let shop = TestShop::with_instances(8);
    shop.product("tea", 10_000, 100).await;
    for user in 0..200 {
        shop.customer(&format!("u{user}"), 20_000).await;
    }
    let holds = (0..200).map(|user| tokio::spawn(hold(&shop, &format!("u{user}"), "tea", 1).into_future()));
    let mut held = Vec::new();
    for (user, answer) in join_all(holds).await.into_iter().enumerate() {
        let answer = answer.unwrap();
        if answer.status == 201 {
            held.push((format!("u{user}"), answer.expect(201)));
        } else {
            answer.refused(409, "STOCK_NOT_ENOUGH");
        }
    }
    assert_eq!((held.len(), shop.stock("tea").await), (100, 0));

    shop.set_clock(JUST_BEFORE);
    let payments = held.iter().step_by(2).map(|(user, order)| tokio::spawn(pay(&shop, user, order).into_future()));
    for answer in join_all(payments).await {
        answer.unwrap().expect(200);
    }
    shop.set_clock("2026-11-20T03:10:00.001Z");
    let expired = expired_orders(&shop).await;
    assert_eq!(expired.len(), 50);
    // Each by two calls, like a queue and a sweep.
    let ends = expired.iter().chain(&expired).map(|(_, order)| {
        let (shop, order) = (shop.clone(), order.clone());
        tokio::spawn(async move { orders::end_hold(shop.instance(), &order).await.expect("a hold can be ended") })
    });
    for ended in join_all(ends).await {
        assert_eq!(ended.unwrap(), None);
    }
    let mut left = 0;
    for user in 0..200 {
        left += shop.balance(&format!("u{user}")).await;
    }
    assert_eq!((shop.stock("tea").await, left), (50, 200 * 20_000 - 50 * 13_000));
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn conflicts_throttling_and_lost_answers_change_nothing() {
    for fault in [Fault::Conflict, Fault::Throttled, Fault::LostReply] {
        for operation in ["TransactWriteItems", "GetItem", "BatchGetItem"] {
            // The SDK itself survives two throttlings of a read; the shop's own retries survive more.
            let times = if operation == "TransactWriteItems" && fault != Fault::LostReply { 4 } else { 2 };
            if operation != "TransactWriteItems" && fault == Fault::Conflict {
                continue;
            }
            let shop = shop_with_tea(100_000, 10).await;
            shop.dynamo().fail_first(operation, times, fault);
            let held = hold_with_coupon_now(&shop).await;
            assert_eq!(shop.stock("tea").await, 8);
            shop.dynamo().fail_first(operation, times, fault);
            pay(&shop.another_instance(), "mina", &held).await.expect(200);
            shop.dynamo().fail(|_| Fault::None);
            assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (73_000, 8), "{fault:?} {operation}");

            let left = hold(&shop, "mina", "tea", 3).await.expect(201);
            shop.set_clock(END);
            shop.dynamo().fail_first(operation, times, fault);
            end_hold(&shop.another_instance(), &left).await;
            shop.dynamo().fail(|_| Fault::None);
            assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (73_000, 8), "{fault:?} {operation}");
            assert_eq!(status(&shop, &left).await, "CANCELLED");
            shop.audit().await;
        }
    }
}

async fn hold_with_coupon_now(shop: &TestShop) -> serde_json::Value {
    hold(shop, "mina", "tea", 2).await.expect(201)
}

/// Every try loses its answer: the payer gets a 503, and finds the payment by repeating the request, with a key or
/// without.
#[tokio::test(start_paused = true)]
async fn what_was_paid_unheard_is_found() {
    let shop = shop_with_tea(100_000, 10).await;
    let held = hold(&shop, "mina", "tea", 1).await.expect(201);
    let lose = |operation: &str| if operation == "TransactWriteItems" { Fault::LostReply } else { Fault::None };
    shop.dynamo().fail(lose);
    pay(&shop, "mina", &held).key("k").await.refused(503, "TRY_AGAIN");
    shop.dynamo().fail(|_| Fault::None);
    pay(&shop, "mina", &held).key("k").await.expect(200);
    pay(&shop, "mina", &held).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (85_000, 9));

    let left = hold(&shop, "mina", "tea", 1).await.expect(201);
    shop.set_clock(END);
    shop.dynamo().fail(lose);
    assert!(orders::end_hold(shop.instance(), &order_id(&left)).await.is_err());
    shop.dynamo().fail(|_| Fault::None);
    end_hold(&shop, &left).await;
    assert_eq!(shop.stock("tea").await, 9);
    shop.audit().await;
}

/// The function dies after any of its calls to DynamoDB; the client asks again with the same key.
#[tokio::test]
async fn holding_and_paying_survive_dying_anywhere() {
    for cold in [true, false] {
        for number in 1.. {
            let shop = shop_with_tea(100_000, 10).await;
            let instance = if cold { shop.another_instance() } else { shop.clone() };
            let held_at_once = dying_at(&shop, number, hold(&instance, "mina", "tea", 1).key("k")).await;
            let held = hold(&shop, "mina", "tea", 1).key("k").await.expect(201);
            assert_eq!(shop.stock("tea").await, 9);
            let instance = if cold { shop.another_instance() } else { shop.clone() };
            let paid_at_once = dying_at(&shop, number, pay(&instance, "mina", &held).key("p")).await;
            let paid = pay(&shop, "mina", &held).key("p").await.expect(200);
            assert_eq!(paid["status"], "PAID");
            assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (85_000, 9), "died at call {number}");
            shop.audit().await;
            if held_at_once.is_some() && paid_at_once.is_some() {
                assert!(number > 2, "both read and write");
                break;
            }
        }
    }
}

/// So does the end of a hold: its message comes again.
#[tokio::test]
async fn ending_survives_dying_anywhere() {
    for number in 1..=4 {
        let shop = shop_with_tea(100_000, 10).await;
        let held = hold_with_coupon(&shop).await;
        shop.set_clock(END);
        let fresh = shop.another_instance();
        let _ = dying_at(&shop, number, end_hold(&fresh, &held)).await;
        end_hold(&shop, &held).await;
        assert_eq!(shop.stock("tea").await, 10);
        assert_eq!(coupon_status(&shop, "mina").await, "USABLE");
        shop.audit().await;
    }
}
