//! Exchanges: the replacement is held from acceptance on, and shipped in a parcel of its own.

use serde_json::{Value, json};
use tests::{
    Call, TestShop,
    steps::{id, look},
};

use super::{accept, claim, claim_id, delivered, receive, shop_of_sellers, withdraw};

fn replace(shop: &TestShop, order: &Value, claim: &Value, units: i64) -> Call {
    let body = json!({
        "items": [{ "itemId": "1", "quantity": units }], "carrier": "CJ", "trackingNumber": "2",
        "claimId": claim_id(claim),
    });
    shop.post(&format!("/orders/{}/parcels", id(order)), body).as_seller("dabang")
}

async fn line_status(shop: &TestShop, order: &Value) -> String {
    look(shop, order).await["items"][0]["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_exchange_holds_its_replacement_until_it_is_shipped() {
    let shop = shop_of_sellers().await;
    let order = delivered(&shop, 3).await;
    let asked = claim(&shop, &order, "EXCHANGE", 3, "DEFECT").await.expect(201);
    assert_eq!(asked["refund"]["total"], 0);
    assert_eq!((line_status(&shop, &order).await.as_str(), shop.stock("tea").await), ("EXCHANGE_REQUESTED", 97));
    replace(&shop, &order, &asked, 1).await.refused(409, "ORDER_STATE_CONFLICT");
    accept(&shop, &asked).await.expect(200);
    assert_eq!((line_status(&shop, &order).await.as_str(), shop.stock("tea").await), ("EXCHANGE_IN_PROGRESS", 94));
    shop.audit().await;
    let received = receive(&shop, &asked, &[("SELLABLE", 1), ("UNSELLABLE", 2)]).await.expect(200);
    assert_eq!((&received["status"], &received["allowedActions"]), (&json!("RECEIVED"), &json!(["SHIP"])));
    assert_eq!(shop.stock("tea").await, 95);
    shop.audit().await;
    withdraw(&shop, &asked).await.refused(409, "ORDER_STATE_CONFLICT");
    let refused = replace(&shop, &order, &asked, 4).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!((&refused["requested"], &refused["available"]), (&json!(4), &json!(3)));
    let parcel = replace(&shop, &order, &asked, 2).await.expect(201);
    assert_eq!(parcel["claimId"], asked["claimId"]);
    assert_eq!(line_status(&shop, &order).await, "EXCHANGE_IN_PROGRESS");
    replace(&shop, &order, &asked, 1).await.expect(201);
    let shown = look(&shop, &order).await;
    let line = &shown["items"][0];
    assert_eq!((&shown["claims"][0]["status"], &line["status"]), (&json!("COMPLETED"), &json!("EXCHANGED")));
    // Replacements count apart from the units of the line.
    assert_eq!((&line["shippedQuantity"], &line["cancelledQuantity"]), (&json!(3), &json!(0)));
    assert_eq!((shop.stock("tea").await, &shown["refunded"]), (95, &json!(0)));
    let path = format!("/orders/{}/parcels/2", id(&order));
    shop.patch(&path, json!({ "status": "DELIVERED" })).as_seller("dabang").await.expect(200);
    shop.audit().await;
}

#[tokio::test]
async fn an_exchange_without_stock_is_refused_with_figures() {
    let shop = shop_of_sellers().await;
    let order = delivered(&shop, 3).await;
    shop.post("/products/tea/restock", json!({ "quantity": -96 })).as_seller("dabang").await.expect(200);
    let asked = claim(&shop, &order, "EXCHANGE", 2, "DEFECT").await.expect(201);
    let refused = accept(&shop, &asked).await.refused(409, "STOCK_NOT_ENOUGH");
    assert_eq!(refused, json!({ "productId": "tea", "requested": 2, "available": 1 }));
    let shown = shop.get(&format!("/claims/{}", claim_id(&asked))).as_admin().await.expect(200);
    assert_eq!(shown["status"], "REQUESTED");
    shop.post("/products/tea/restock", json!({ "quantity": 1 })).as_seller("dabang").await.expect(200);
    accept(&shop, &asked).await.expect(200);
    assert_eq!(shop.stock("tea").await, 0);
    shop.audit().await;
}

#[tokio::test]
async fn a_replacement_comes_from_as_many_shards_as_it_needs() {
    let shop = shop_of_sellers().await;
    let order = delivered(&shop, 3).await;
    shop.patch("/products/tea", json!({ "stockShards": 4 })).as_admin().await.expect(200);
    shop.post("/products/tea/restock", json!({ "quantity": -94 })).as_seller("dabang").await.expect(200);
    let asked = claim(&shop, &order, "EXCHANGE", 3, "DEFECT").await.expect(201);
    accept(&shop, &asked).await.expect(200);
    assert_eq!(shop.stock("tea").await, 0);
    shop.audit().await;
}

#[tokio::test]
async fn an_exchange_that_ends_without_a_receipt_releases_its_replacement() {
    let shop = shop_of_sellers().await;
    let order = delivered(&shop, 2).await;
    let asked = claim(&shop, &order, "EXCHANGE", 1, "WRONG_ITEM").await.expect(201);
    accept(&shop, &asked).await.expect(200);
    assert_eq!(shop.stock("tea").await, 97);
    withdraw(&shop, &asked).await.expect(200);
    assert_eq!((line_status(&shop, &order).await.as_str(), shop.stock("tea").await), ("DELIVERED", 98));
    // The same if none of its units comes.
    let asked = claim(&shop, &order, "EXCHANGE", 2, "WRONG_ITEM").await.expect(201);
    accept(&shop, &asked).await.expect(200);
    let done = receive(&shop, &asked, &[("MISSING", 2)]).await.expect(200);
    assert_eq!(done["status"], "COMPLETED");
    assert_eq!((line_status(&shop, &order).await.as_str(), shop.stock("tea").await), ("DELIVERED", 98));
    shop.audit().await;
}

#[tokio::test]
async fn a_missing_original_releases_its_part_of_the_replacement() {
    let shop = shop_of_sellers().await;
    let order = delivered(&shop, 2).await;
    let asked = claim(&shop, &order, "EXCHANGE", 2, "DAMAGED").await.expect(201);
    accept(&shop, &asked).await.expect(200);
    receive(&shop, &asked, &[("SELLABLE", 1), ("MISSING", 1)]).await.expect(200);
    assert_eq!((line_status(&shop, &order).await.as_str(), shop.stock("tea").await), ("DELIVERED", 98));
    shop.audit().await;
    replace(&shop, &order, &asked, 1).await.expect(201);
    assert_eq!(look(&shop, &order).await["claims"][0]["status"], "COMPLETED");
    shop.audit().await;
}

#[tokio::test]
async fn units_that_never_arrived_cannot_be_exchanged() {
    let shop = shop_of_sellers().await;
    let order = delivered(&shop, 1).await;
    assert_eq!(claim(&shop, &order, "EXCHANGE", 1, "NOT_DELIVERED").await.bad_fields(), ["reason"]);
}
