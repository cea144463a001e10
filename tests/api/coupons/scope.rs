//! Coupons of a scope: the discount, the minimum and the waived fees are of the lines within it.

use serde_json::{Value, json};
use shared::domain::benefits::OnPartialCancel;
use tests::{
    TestShop,
    steps::{cancel_units, look, wait},
};

/// A tea of `dabang` and a cup of `gongbang`, 10,000 won each, and a pot of the shop for 5,000.
async fn shop_of(shop: TestShop) -> TestShop {
    shop.customer("mina", 1_000_000).await;
    for (product, category, seller) in [("tea", "차", "dabang"), ("cup", "그릇", "gongbang")] {
        let body =
            json!({ "productId": product, "name": product, "category": category, "price": 10_000, "stock": 100 });
        shop.post("/products", body).as_seller(seller).await.expect(201);
    }
    shop.product("pot", 5_000, 100).await;
    shop
}

async fn coupon(shop: &TestShop, id: &str, terms: Value) {
    shop.campaign(id, 5, terms).await;
    shop.issue("mina", id).await.expect(201);
}

fn of_all(coupon: &str) -> Value {
    let items = ["tea", "cup", "pot"].map(|product| json!({ "productId": product, "quantity": 2 }));
    json!({ "userId": "mina", "couponId": coupon, "items": items })
}

fn shares(order: &Value) -> [i64; 3] {
    [0, 1, 2].map(|line| order["items"][line]["couponShare"].as_i64().unwrap_or_default())
}

#[tokio::test]
async fn the_discount_is_on_the_lines_within_the_scope() {
    let shop = shop_of(TestShop::new()).await;
    for (name, scope, expected) in [
        ("products", json!({ "productIds": ["pot", "tea"] }), [2_000, 0, 1_000]),
        ("categories", json!({ "categories": ["그릇"] }), [0, 2_000, 0]),
        ("sellers", json!({ "sellerIds": ["dabang", "gongbang"] }), [2_000, 2_000, 0]),
    ] {
        let terms = json!({ "kind": "RATE", "value": 10, "scope": scope });
        coupon(&shop, name, terms).await;
        let issued = shop.get("/coupons?userId=mina").await.expect(200);
        assert!(issued["items"].as_array().unwrap().iter().any(|coupon| coupon["scope"] == scope), "{issued}");
        assert_eq!(shop.get(&format!("/coupons/{name}")).as_admin().await.expect(200)["scope"], scope);
        let order = shop.post("/orders", of_all(name)).as_user("mina").await.expect(201);
        assert_eq!(shares(&order), expected, "{name}");
        assert_eq!(order["couponDiscount"], expected.iter().sum::<i64>());
        assert_eq!(order["payable"], 50_000 - expected.iter().sum::<i64>());
        // A line outside the scope goes back at its whole price.
        cancel_units(&shop, "mina", &order, "1", 1).await.expect(200);
        assert_eq!(look(&shop, &order).await["refunded"], 10_000 - expected[0] / 2);
    }
    shop.audit().await;
}

#[tokio::test]
async fn an_order_without_goods_in_the_scope_or_below_its_minimum_is_refused() {
    let shop = shop_of(TestShop::new()).await;
    let terms = json!({
        "kind": "FIXED", "value": 50_000, "minOrderAmount": 20_000, "scope": { "productIds": ["tea"] },
    });
    coupon(&shop, "tea-only", terms).await;
    let order = |product: &str, quantity: i64| {
        let items = json!([{ "productId": product, "quantity": quantity }, { "productId": "pot", "quantity": 9 }]);
        shop.post("/orders", json!({ "userId": "mina", "couponId": "tea-only", "items": items })).as_user("mina")
    };
    let refused = order("cup", 3).await.refused(409, "COUPON_NOT_USABLE");
    assert_eq!(refused, json!({ "couponId": "tea-only", "reason": "NOT_IN_SCOPE" }));
    let refused = order("tea", 1).await.refused(409, "COUPON_NOT_USABLE");
    assert_eq!(refused["reason"], "MIN_ORDER_AMOUNT");
    // Not more than the goods within the scope.
    let placed = order("tea", 2).await.expect(201);
    assert_eq!((&placed["couponDiscount"], &placed["payable"]), (&json!(20_000), &json!(45_000)));
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn free_shipping_waives_the_fees_of_shipments_within_the_scope() {
    let shop = shop_of(TestShop::new()).await;
    for seller in ["dabang", "gongbang"] {
        let terms = json!({ "fee": 2_500, "freeFrom": 100_000, "returnFee": 2_500 });
        let path = format!("/sellers/{seller}/shipping");
        shop.call("PUT", &path).json(&terms).as_seller(seller).await.expect(200);
    }
    // The terms of the shop hold until they are known everywhere.
    wait(&shop, 1_500);
    coupon(&shop, "dabang-ships", json!({ "kind": "FREE_SHIPPING", "scope": { "sellerIds": ["dabang"] } })).await;
    let body = of_all("dabang-ships");
    let order = shop.post("/orders", body.clone()).as_user("mina").await.expect(201);
    let fees: Vec<&Value> = order["shipments"].as_array().unwrap().iter().map(|it| &it["fee"]).collect();
    // The shop ships for 3,000 below 30,000 won.
    assert_eq!(json!(fees), json!([0, 2_500, 3_000]));
    assert_eq!((&order["shippingFee"], &order["payable"]), (&json!(5_500), &json!(55_500)));
    let items = json!([{ "productId": "cup", "quantity": 1 }]);
    coupon(&shop, "again", json!({ "kind": "FREE_SHIPPING", "scope": { "sellerIds": ["dabang"] } })).await;
    let elsewhere = json!({ "userId": "mina", "couponId": "again", "items": items });
    let refused = shop.post("/orders", elsewhere).as_user("mina").await.refused(409, "COUPON_NOT_USABLE");
    assert_eq!(refused["reason"], "NOT_IN_SCOPE");
    shop.audit().await;
}

/// The scope of a sheet's lines is that of its creation: a category may change until it is ordered.
#[tokio::test]
async fn a_sheet_keeps_the_scope_of_its_lines() {
    let shop = shop_of(TestShop::new()).await;
    coupon(&shop, "cups", json!({ "kind": "RATE", "value": 10, "scope": { "categories": ["그릇"] } })).await;
    let sheet = shop.post("/order-sheets", of_all("cups")).as_user("mina").await.expect(201);
    shop.patch("/products/cup", json!({ "category": "잔" })).as_seller("gongbang").await.expect(200);
    let body = json!({ "userId": "mina", "orderSheetId": sheet["orderSheetId"] });
    let order = shop.post("/orders", body).as_user("mina").await.expect(201);
    assert_eq!((shares(&order), &order["payable"]), ([0, 2_000, 0], &sheet["payable"]));
    shop.audit().await;
}

/// What is left of the goods within the scope earns the coupon, or loses it.
#[tokio::test]
async fn a_minimum_is_recalculated_by_the_goods_within_the_scope() {
    let shop = TestShop::new().with_policy(|policy| policy.on_partial_cancel = OnPartialCancel::Recalculate);
    let shop = shop_of(shop).await;
    let terms = json!({
        "kind": "FIXED", "value": 3_000, "minOrderAmount": 20_000, "scope": { "productIds": ["tea"] },
    });
    coupon(&shop, "two-teas", terms).await;
    let order = shop.post("/orders", of_all("two-teas")).as_user("mina").await.expect(201);
    assert_eq!(order["payable"], 47_000);
    // The shipment stays at 30,000 won of goods, and the teas at their minimum.
    cancel_units(&shop, "mina", &order, "2", 2).await.expect(200);
    assert_eq!(look(&shop, &order).await["refunded"], 20_000);
    cancel_units(&shop, "mina", &order, "1", 1).await.expect(200);
    let rest = look(&shop, &order).await;
    // One tea and two pots cost 20,000 and 3,000 for shipping.
    assert_eq!(rest["refunded"], 47_000 - 23_000);
    shop.audit().await;
}

#[tokio::test]
async fn a_scope_is_one_list_of_up_to_twenty_different_entries() {
    let shop = TestShop::new();
    let good = json!({
        "name": "X", "kind": "FIXED", "value": 100, "totalQuantity": 1,
        "issueFrom": "2026-11-01T00:00:00Z", "issueUntil": "2026-12-01T00:00:00Z", "validDays": 1,
    });
    let many: Vec<String> = (0..21).map(|number| format!("p{number}")).collect();
    for (scope, fields) in [
        (json!({}), vec!["scope"]),
        (json!({ "productIds": [] }), vec!["scope.productIds"]),
        (json!({ "productIds": many }), vec!["scope.productIds"]),
        (json!({ "productIds": ["tea", "cup", "tea"] }), vec!["scope.productIds[2]"]),
        (json!({ "productIds": ["a/b"] }), vec!["scope.productIds[0]"]),
        (json!({ "productIds": ["tea"], "categories": ["차"] }), vec!["scope.categories"]),
        (json!({ "productIds": ["tea"], "sellerIds": ["dabang"] }), vec!["scope.sellerIds"]),
        (json!({ "categories": ["차"], "sellerIds": ["dabang"] }), vec!["scope.sellerIds"]),
        (json!({ "brands": ["x"] }), vec!["scope.brands"]),
    ] {
        let mut body = good.clone();
        body["scope"] = scope.clone();
        assert_eq!(shop.post("/coupons", body).as_admin().await.bad_fields(), fields, "{scope}");
    }
}
