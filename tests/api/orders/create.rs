//! `POST /orders`

use serde_json::{Value, json};
use tests::TestShop;

#[tokio::test]
async fn an_order_takes_the_money_and_the_units() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 12_000, 10).await;
    shop.product("cup", 8_000, 5).await;
    shop.coupon("welcome", 1).await;
    shop.issue("mina", "welcome").await.expect(201);

    let items = json!([{ "productId": "tea", "quantity": 1 }, { "productId": "cup", "quantity": 2 }]);
    let order = shop.post("/orders", json!({ "userId": "mina", "items": items, "couponId": "welcome" }));
    let order = order.key("snapshot").await.expect(201);

    insta::assert_json_snapshot!(order, @r#"
    {
      "allowedActions": [
        "CANCEL"
      ],
      "couponDiscount": 1000,
      "couponId": "welcome",
      "createdAt": "2026-11-20T03:00:00Z",
      "goodsDiscount": 0,
      "goodsTotal": 28000,
      "items": [
        {
          "allowedActions": [
            "CANCELLED"
          ],
          "amount": 12000,
          "cancelledQuantity": 0,
          "couponShare": 429,
          "deliveredQuantity": 0,
          "itemId": "1",
          "name": "tea 상품",
          "nextStatuses": [
            "CANCELLED"
          ],
          "productId": "tea",
          "quantity": 1,
          "returnedQuantity": 0,
          "sequence": 1,
          "shippedQuantity": 0,
          "shippingShare": 1286,
          "status": "PREPARING",
          "unitDiscount": 0,
          "unitPrice": 12000
        },
        {
          "allowedActions": [
            "CANCELLED"
          ],
          "amount": 16000,
          "cancelledQuantity": 0,
          "couponShare": 571,
          "deliveredQuantity": 0,
          "itemId": "2",
          "name": "cup 상품",
          "nextStatuses": [
            "CANCELLED"
          ],
          "productId": "cup",
          "quantity": 2,
          "returnedQuantity": 0,
          "sequence": 2,
          "shippedQuantity": 0,
          "shippingShare": 1714,
          "status": "PREPARING",
          "unitDiscount": 0,
          "unitPrice": 8000
        }
      ],
      "orderId": "pm2jpz7ndg6vokzh7voa7ml2nq",
      "paid": 30000,
      "paidAt": "2026-11-20T03:00:00Z",
      "parcels": [],
      "payable": 30000,
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
          "amount": 30000,
          "refunded": 0,
          "to": "BALANCE"
        }
      ],
      "updatedAt": "2026-11-20T03:00:00Z",
      "userId": "mina"
    }
    "#);
    assert_eq!(shop.balance("mina").await, 70_000);
    assert_eq!((shop.stock("tea").await, shop.stock("cup").await), (9, 3));
    let id = order["orderId"].as_str().unwrap();
    assert_eq!(shop.get(&format!("/orders/{id}")).as_user("mina").await.expect(200), order);
}

#[tokio::test]
async fn a_low_balance_leaves_only_a_failed_order() {
    let shop = TestShop::new();
    shop.customer("mina", 10_000).await;
    shop.product("tea", 12_000, 10).await;
    shop.coupon("welcome", 1).await;
    shop.issue("mina", "welcome").await.expect(201);

    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let body = json!({ "userId": "mina", "items": items, "couponId": "welcome" });
    let details = shop.post("/orders", body.clone()).key("k").await.refused(402, "BALANCE_NOT_ENOUGH");
    assert_eq!((&details["payable"], &details["balance"]), (&json!(14_000), &json!(10_000)));

    let path = format!("/orders/{}", details["orderId"].as_str().unwrap());
    let kept = shop.get(&path).as_user("mina").await.expect(200);
    assert_eq!((&kept["status"], &kept["paid"]), (&json!("PAYMENT_FAILED"), &json!(0)));
    assert_eq!(shop.balance("mina").await, 10_000);
    assert_eq!(shop.stock("tea").await, 10);
    assert_eq!(shop.get("/coupons?userId=mina").await.expect(200)["items"][0]["status"], "USABLE");

    // The same key again is a new attempt, and pays once there is enough.
    shop.post("/balance/charge", json!({ "userId": "mina", "amount": 10_000 })).await.expect(200);
    let paid = shop.post("/orders", body.clone()).key("k").await.expect(201);
    assert_eq!(paid["status"], "PAID");
    assert_eq!(shop.post("/orders", body).key("k").await.expect(201), paid);
    assert_eq!(shop.balance("mina").await, 6_000);
    let orders = shop.get("/orders?userId=mina").await.expect(200);
    let statuses: Vec<_> = orders["items"].as_array().unwrap().iter().map(|o| o["status"].as_str().unwrap()).collect();
    assert_eq!(statuses.len(), 2);
    assert!(statuses.contains(&"PAID") && statuses.contains(&"PAYMENT_FAILED"), "{statuses:?}");
}

/// The first fault in this order answers: user, product, sale status, stock, coupon, balance.
#[tokio::test]
async fn the_first_of_several_faults_is_reported() {
    let shop = TestShop::new();
    shop.customer("poor", 0).await;
    shop.product("tea", 10_000, 1).await;
    shop.product("old", 10_000, 1).await;
    shop.product("secret", 10_000, 1).await;
    shop.patch("/products/old", json!({ "status": "DISCONTINUED" })).as_admin().await.expect(200);
    shop.patch("/products/secret", json!({ "status": "HIDDEN" })).as_admin().await.expect(200);

    let order = |user: &str, lines: &[(&str, i64)], coupon: Option<&str>| {
        let items: Vec<Value> =
            lines.iter().map(|(id, quantity)| json!({ "productId": id, "quantity": quantity })).collect();
        shop.post("/orders", json!({ "userId": user, "items": items, "couponId": coupon }))
    };
    let everything = [("nothing", 1), ("old", 1), ("tea", 2)];
    let details = order("nobody", &everything, Some("none")).await.refused(404, "ENTITY_NOT_FOUND");
    assert_eq!(details, json!({ "userId": "nobody" }));
    let details = order("poor", &everything, Some("none")).await.refused(404, "ENTITY_NOT_FOUND");
    assert_eq!(details, json!({ "productId": "nothing" }));
    let details = order("poor", &[("secret", 1), ("old", 1)], Some("none")).await.refused(404, "ENTITY_NOT_FOUND");
    assert_eq!(details, json!({ "productId": "secret" }));
    let details = order("poor", &[("tea", 2), ("old", 1)], Some("none")).await.refused(409, "PRODUCT_NOT_ON_SALE");
    assert_eq!(details, json!({ "productId": "old" }));
    let details = order("poor", &[("tea", 2)], Some("none")).await.refused(409, "STOCK_NOT_ENOUGH");
    assert_eq!(details, json!({ "productId": "tea", "requested": 2, "available": 1 }));
    let details = order("poor", &[("tea", 1)], Some("none")).await.refused(409, "COUPON_NOT_USABLE");
    assert_eq!(details, json!({ "couponId": "none", "reason": "NOT_OWNED" }));
    order("poor", &[("tea", 2)], None).await.refused(409, "STOCK_NOT_ENOUGH");
    order("poor", &[("tea", 1)], None).await.refused(402, "BALANCE_NOT_ENOUGH");
}

/// A cached product never decides; the shard does.
#[tokio::test]
async fn a_cached_product_never_decides() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 5).await;
    shop.order("mina", "tea", 1).await.expect(201);
    let other = shop.another_instance();
    other.patch("/products/tea", json!({ "status": "DISCONTINUED" })).as_admin().await.expect(200);
    shop.order("mina", "tea", 1).await.refused(409, "PRODUCT_NOT_ON_SALE");
    other.patch("/products/tea", json!({ "status": "HIDDEN" })).as_admin().await.expect(200);
    shop.order("mina", "tea", 1).await.refused(404, "ENTITY_NOT_FOUND");
    other.patch("/products/tea", json!({ "status": "ON_SALE" })).as_admin().await.expect(200);
    shop.order("mina", "tea", 1).await.expect(201);

    // The cached balance is too low; the real one is not.
    other.post("/balance/charge", json!({ "userId": "mina", "amount": 90_000 })).await.expect(200);
    shop.order("mina", "tea", 3).await.expect(201);
    // The other way round: a balance that was spent elsewhere cannot be spent again.
    shop.product("cup", 50_000, 5).await;
    other.order("mina", "cup", 2).await.expect(201);
    shop.order("mina", "cup", 2).await.refused(402, "BALANCE_NOT_ENOUGH");
    other.patch("/users/mina", json!({ "status": "SUSPENDED" })).as_admin().await.expect(200);
    shop.order("mina", "cup", 1).await.refused(409, "USER_NOT_ACTIVE");
}

#[tokio::test]
async fn coupons_discount_by_their_terms() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    shop.product("tea", 9_999, 100).await;
    let campaigns = [
        ("rate", json!({ "kind": "RATE", "value": 15 }), 1_499, 3_000),
        ("capped", json!({ "kind": "RATE", "value": 50, "maxDiscount": 1_000 }), 1_000, 3_000),
        ("huge", json!({ "kind": "FIXED", "value": 1_000_000 }), 9_999, 3_000),
        ("shipping", json!({ "kind": "FREE_SHIPPING" }), 0, 0),
    ];
    for (id, terms, discount, fee) in campaigns {
        shop.campaign(id, 1, terms).await;
        shop.issue("mina", id).await.expect(201);
        let items = json!([{ "productId": "tea", "quantity": 1 }]);
        let order = shop.post("/orders", json!({ "userId": "mina", "items": items, "couponId": id })).await.expect(201);
        assert_eq!((&order["couponDiscount"], &order["shippingFee"]), (&json!(discount), &json!(fee)), "{id}");
        assert_eq!(order["payable"], json!(9_999 - discount + fee), "{id}");
        assert_eq!(order["items"][0]["couponShare"], json!(discount), "{id}");
    }
}

#[tokio::test]
async fn an_unusable_coupon_is_refused_with_the_reason() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    shop.product("tea", 10_000, 100).await;
    let order = |coupon: &str, quantity: i64| {
        let items = json!([{ "productId": "tea", "quantity": quantity }]);
        shop.post("/orders", json!({ "userId": "mina", "items": items, "couponId": coupon }))
    };
    for (id, terms) in [
        ("large", json!({ "kind": "FIXED", "value": 100, "minOrderAmount": 20_000 })),
        ("shipping", json!({ "kind": "FREE_SHIPPING" })),
        ("once", json!({ "kind": "FIXED", "value": 100 })),
        ("gone", json!({ "kind": "FIXED", "value": 100 })),
        ("late", json!({ "kind": "FIXED", "value": 100 })),
    ] {
        shop.campaign(id, 5, terms).await;
        shop.issue("mina", id).await.expect(201);
    }
    assert_eq!(order("large", 1).await.refused(409, "COUPON_NOT_USABLE")["reason"], "MIN_ORDER_AMOUNT");
    assert_eq!(order("shipping", 3).await.refused(409, "COUPON_NOT_USABLE")["reason"], "SHIPPING_ALREADY_FREE");
    order("once", 1).await.expect(201);
    assert_eq!(order("once", 1).await.refused(409, "COUPON_NOT_USABLE")["reason"], "USED");
    shop.post("/coupons/revoke", json!({ "userId": "mina", "couponId": "gone" })).as_admin().await.expect(200);
    assert_eq!(order("gone", 1).await.refused(409, "COUPON_NOT_USABLE")["reason"], "REVOKED");
    shop.set_clock("2026-11-26T14:59:59.999Z");
    order("large", 2).await.expect(201);
    shop.set_clock("2026-11-26T15:00:00Z");
    assert_eq!(order("late", 1).await.refused(409, "COUPON_NOT_USABLE")["reason"], "EXPIRED");
    assert_eq!(shop.stock("tea").await, 97);
}

#[tokio::test]
async fn lines_of_one_product_are_merged() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 5).await;
    let items = json!([{ "productId": "tea", "quantity": 1 }, { "productId": "tea", "quantity": 2 }]);
    let order = shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201);
    assert_eq!(order["items"].as_array().unwrap().len(), 1);
    assert_eq!(order["items"][0]["quantity"], 3);
    assert_eq!(shop.stock("tea").await, 2);
}

#[tokio::test]
async fn fifty_lines_fit_one_transaction() {
    let shop = TestShop::new();
    shop.customer("mina", 10_000_000).await;
    let mut items = Vec::new();
    for number in 0..50 {
        shop.product(&format!("p{number}"), 1_000, 1).await;
        items.push(json!({ "productId": format!("p{number}"), "quantity": 1 }));
    }
    let order = shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201);
    assert_eq!(order["goodsTotal"], 50_000);
    items.push(json!({ "productId": "p50", "quantity": 1 }));
    assert_eq!(shop.post("/orders", json!({ "userId": "mina", "items": items })).await.bad_fields(), ["items"]);
}
