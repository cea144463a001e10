//! Benefits of an order of which a part is gone: kept, or recalculated by `OnPartialCancel`.

use serde_json::{Value, json};
use shared::domain::benefits::OnPartialCancel;
use tests::{
    TestShop,
    steps::{cancel_units, id, look},
};

use super::{accept, claim, deliver, returned, ship, shop_of_sellers, shop_with};

/// The same shop, which recalculates benefits.
async fn recalculating_shop() -> TestShop {
    shop_with(TestShop::new().with_policy(|policy| policy.on_partial_cancel = OnPartialCancel::Recalculate)).await
}

async fn refunded(shop: &TestShop, order: &Value) -> i64 {
    look(shop, order).await["refunded"].as_i64().unwrap()
}

/// Three teas at 10,000 won ship free; one returned leaves less than the threshold.
#[tokio::test]
async fn free_shipping_is_kept_or_charged_with_what_is_left() {
    for (shop, on_partial_cancel, lost) in
        [(shop_of_sellers().await, "KEEP", 0), (recalculating_shop().await, "RECALCULATE", 3_000)]
    {
        let order = shop.order("mina", "tea", 3).await.expect(201);
        assert_eq!(order["shippingFee"], 0);
        deliver(&shop, &order, "1", 3).await;
        let path = format!("/orders/{}/claims?preview=true", id(&order));
        let body = json!({ "type": "RETURN", "items": [{ "itemId": "1", "quantity": 1 }], "reason": "DEFECT" });
        let preview = shop.post(&path, body).as_user("mina").await.expect(200);
        assert_eq!(preview["onPartialCancel"], on_partial_cancel);
        assert_eq!(preview["refund"]["benefits"].as_i64().unwrap_or_default(), lost);
        assert_eq!(preview["refund"]["total"], 10_000 - lost);
        let done = returned(&shop, &order, 1, "DEFECT", "SELLABLE").await;
        assert_eq!((&done["refund"], &done["onPartialCancel"]), (&preview["refund"], &json!(on_partial_cancel)));
        // The second unit changes nothing more; with the last one the fee goes back.
        let second = returned(&shop, &order, 1, "DEFECT", "SELLABLE").await;
        assert_eq!(second["refund"]["total"], 10_000);
        let last = returned(&shop, &order, 1, "DEFECT", "SELLABLE").await;
        assert_eq!(last["refund"]["total"], 10_000 + lost);
        assert_eq!(last["refund"]["benefits"].as_i64().unwrap_or_default(), -lost);
        assert_eq!(refunded(&shop, &order).await, 30_000);
        shop.audit().await;
    }
}

/// A coupon with a minimum of 25,000 won takes 5,000 off three teas, and the shop charges 3,000 below 30,000.
#[tokio::test]
async fn a_coupon_is_lost_with_its_minimum_and_no_refund_is_below_zero() {
    let shop = recalculating_shop().await;
    shop.campaign("big", 5, json!({ "kind": "FIXED", "value": 5_000, "minOrderAmount": 25_000 })).await;
    shop.issue("mina", "big").await.expect(201);
    let items = json!([{ "productId": "tea", "quantity": 3 }]);
    let body = json!({ "userId": "mina", "couponId": "big", "items": items });
    let order = shop.post("/orders", body).as_user("mina").await.expect(201);
    assert_eq!(order["payable"], 25_000);
    // The rest of two teas costs 20,000 and 3,000 for shipping.
    cancel_units(&shop, "mina", &order, "1", 1).await.expect(200);
    assert_eq!(refunded(&shop, &order).await, 2_000);
    cancel_units(&shop, "mina", &order, "1", 1).await.expect(200);
    assert_eq!(refunded(&shop, &order).await, 12_000);
    cancel_units(&shop, "mina", &order, "1", 1).await.expect(200);
    assert_eq!(refunded(&shop, &order).await, 25_000);

    // A pin of 1,000 won brings three teas above a minimum of 31,000: without it the rest costs more than was paid.
    shop.product("pin", 1_000, 10).await;
    shop.campaign("edge", 5, json!({ "kind": "FIXED", "value": 5_000, "minOrderAmount": 31_000 })).await;
    shop.issue("mina", "edge").await.expect(201);
    let items = json!([{ "productId": "tea", "quantity": 3 }, { "productId": "pin", "quantity": 1 }]);
    let body = json!({ "userId": "mina", "couponId": "edge", "items": items });
    let order = shop.post("/orders", body).as_user("mina").await.expect(201);
    assert_eq!(order["payable"], 26_000);
    cancel_units(&shop, "mina", &order, "2", 1).await.expect(200);
    assert_eq!(refunded(&shop, &order).await, 0);
    cancel_units(&shop, "mina", &order, "1", 3).await.expect(200);
    assert_eq!(refunded(&shop, &order).await, 26_000);
    shop.audit().await;
}

/// An order keeps the setting of its creation, also through an order sheet.
#[tokio::test]
async fn a_later_setting_changes_no_earlier_order() {
    let shop = recalculating_shop().await;
    let items = json!([{ "productId": "tea", "quantity": 3 }]);
    let sheet = shop.post("/order-sheets", json!({ "userId": "mina", "items": items })).as_user("mina").await;
    let sheet = sheet.expect(201);
    let shop = shop.with_policy(|policy| policy.on_partial_cancel = OnPartialCancel::Keep);
    let body = json!({ "userId": "mina", "orderSheetId": sheet["orderSheetId"] });
    let order = shop.post("/orders", body).as_user("mina").await.expect(201);
    deliver(&shop, &order, "1", 3).await;
    let asked = claim(&shop, &order, "RETURN", 1, "DEFECT").await.expect(201);
    assert_eq!((&asked["onPartialCancel"], &asked["refund"]["total"]), (&json!("RECALCULATE"), &json!(7_000)));
    shop.audit().await;
}

/// What comes back, and what never came, gives up its part of the discount.
#[tokio::test]
async fn returned_units_return_their_discount_to_its_budget() {
    let shop = shop_of_sellers().await;
    shop.campaign("budget", 5, json!({ "kind": "FIXED", "value": 3_000, "maxTotalDiscount": 3_000 })).await;
    let left = async || {
        let campaign = shop.get("/coupons/budget").as_admin().await.expect(200);
        campaign["budgetLeft"].as_i64().unwrap()
    };
    shop.issue("mina", "budget").await.expect(201);
    let items = json!([{ "productId": "tea", "quantity": 3 }]);
    let body = json!({ "userId": "mina", "couponId": "budget", "items": items });
    let order = shop.post("/orders", body).as_user("mina").await.expect(201);
    assert_eq!(left().await, 0);
    deliver(&shop, &order, "1", 1).await;
    returned(&shop, &order, 1, "DEFECT", "UNSELLABLE").await;
    assert_eq!(left().await, 1_000);
    ship(&shop, &order, "1", 2).await;
    let lost = claim(&shop, &order, "RETURN", 2, "NOT_DELIVERED").await.expect(201);
    accept(&shop, &lost).await.expect(200);
    assert_eq!(left().await, 3_000);
    shop.audit().await;
}
