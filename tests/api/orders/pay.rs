//! `POST /orders/{orderId}/payment`

use serde_json::json;
use shared::app::orders;
use tests::{
    TestShop,
    steps::{
        END, JUST_BEFORE, cancel, charge, coupon_status, end_hold, expired_orders, history, hold,
        holds::{hold_with_coupon, shop_with_tea},
        id, ledger, look, order_by, order_id, pay, set_user, status,
    },
};

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
          "deliveredQuantity": 0,
          "itemId": "1",
          "name": "tea 상품",
          "nextStatuses": [
            "CANCELLED"
          ],
          "productId": "tea",
          "quantity": 2,
          "returnedQuantity": 0,
          "sequence": 1,
          "shippedQuantity": 0,
          "shippingShare": 3000,
          "status": "PREPARING",
          "unitDiscount": 0,
          "unitPrice": 12000
        }
      ],
      "orderId": "pm2jpz7ndg6vokzh7voa7ml2nq",
      "paid": 26000,
      "paidAt": "2026-11-20T03:09:59.999Z",
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
      "status": "PAID",
      "tenders": [
        {
          "amount": 26000,
          "refunded": 0,
          "to": "BALANCE"
        }
      ],
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
async fn a_low_balance_leaves_the_order_pending() {
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
async fn a_hold_cannot_be_paid_at_its_expiry() {
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
async fn a_suspended_user_can_neither_hold_nor_pay() {
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
async fn a_reactivated_user_can_pay() {
    let shop = shop_with_tea(100_000, 10).await;
    let paid = shop.order("mina", "tea", 1).await.expect(201);
    let held = hold(&shop, "mina", "tea", 1).await.expect(201);
    let other = shop.another_instance();
    set_user(&other, "mina", "SUSPENDED").await;
    // This instance reads the suspended account, and caches the balance after the refund.
    let fresh = shop.another_instance();
    cancel(&fresh, "mina", &paid, json!({})).await.expect(200);
    set_user(&other, "mina", "ACTIVE").await;
    pay(&fresh, "mina", &held).await.expect(200);
    shop.audit().await;
}

#[tokio::test]
async fn only_the_customer_and_admins_pay() {
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
async fn repeated_keys_hold_and_pay_once() {
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
async fn a_refused_payment_can_succeed_with_its_key_later() {
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
async fn the_first_of_several_faults_is_reported() {
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
async fn the_first_of_several_faults_is_reported_with_warm_caches() {
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
