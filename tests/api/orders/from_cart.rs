//! `POST /orders` with `"fromCart": true`, and order sheets created from the cart

use serde_json::json;
use tests::{
    TestShop,
    steps::cart::{add, filled, in_cart, of, order, quantities},
};

#[tokio::test]
async fn all_items_of_a_cart_are_ordered_and_removed() {
    let shop = filled().await;
    let first = order(&shop).key("k1").await.expect(201);
    assert_eq!((quantities(&first), &first["payable"]), (of(&[("cup", 1), ("tea", 2)]), &json!(26_000)));
    assert_eq!(in_cart(&shop).await, of(&[]));
    assert_eq!((shop.stock("tea").await, shop.balance("mina").await), (3, 74_000));

    // With the key it is the same order again; without, there is nothing to order.
    add(&shop, "cup", 1).await;
    assert_eq!(order(&shop).key("k1").await.expect(201)["orderId"], first["orderId"]);
    assert_eq!(in_cart(&shop).await, of(&[("cup", 1)]));
    order(&shop).await.expect(201);
    assert_eq!(order(&shop).await.bad_fields(), ["fromCart"]);
    shop.audit().await;
}

#[tokio::test]
async fn a_refused_order_leaves_the_cart_unchanged() {
    let shop = filled().await;
    add(&shop, "tea", 9).await;
    let details = order(&shop).await.refused(409, "STOCK_NOT_ENOUGH");
    assert_eq!(details, json!({ "productId": "tea", "requested": 11, "available": 5 }));
    let late = json!({ "userId": "mina", "fromCart": true, "couponId": "none" });
    shop.post("/products/tea/restock", json!({ "quantity": 20 })).as_admin().await.expect(200);
    shop.post("/orders", late).await.refused(409, "COUPON_NOT_USABLE");
    order(&shop).await.refused(402, "BALANCE_NOT_ENOUGH");
    shop.patch("/products/cup", json!({ "status": "DISCONTINUED" })).as_admin().await.expect(200);
    order(&shop).await.refused(409, "PRODUCT_NOT_ON_SALE");
    assert_eq!(in_cart(&shop).await, of(&[("cup", 1), ("tea", 11)]));
    shop.audit().await;
}

#[tokio::test]
async fn an_empty_cart_cannot_be_ordered() {
    let shop = filled().await;
    shop.customer("jun", 0).await;
    let call = |user: &str| shop.post("/orders", json!({ "userId": user, "fromCart": true }));
    assert_eq!(call("jun").await.bad_fields(), ["fromCart"]);
    call("nobody").await.refused(404, "ENTITY_NOT_FOUND");
    let both = json!({ "userId": "mina", "fromCart": true, "items": [{ "productId": "tea", "quantity": 1 }] });
    assert_eq!(shop.post("/orders", both).await.bad_fields(), ["fromCart"]);
    assert_eq!(shop.post("/orders", json!({ "userId": "mina" })).await.bad_fields(), ["items"]);
}

#[tokio::test]
async fn an_oversized_cart_of_the_first_stage_is_ordered_once_it_fits() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    for number in 0..51 {
        let id = format!("p{number:02}");
        shop.product(&id, 100, 5).await;
        if number < 50 {
            add(&shop, &id, 1).await;
        }
    }
    // A cart could have 100 products then.
    let one_more = json!({
        "TableName": tests::TABLE, "Key": { "pk": { "S": "USER#mina" }, "sk": { "S": "CART" } },
        "UpdateExpression": "SET #items.p50 = :one", "ExpressionAttributeNames": { "#items": "items" },
        "ExpressionAttributeValues": { ":one": { "N": "1" } },
    });
    shop.dynamo().execute("UpdateItem", one_more).unwrap();
    assert_eq!(in_cart(&shop).await.len(), 51);
    let details = order(&shop).await.refused(409, "LIMIT_EXCEEDED");
    assert_eq!(details, json!({ "limit": "orderLines", "max": 50 }));
    shop.call("DELETE", "/orders/cart/p00").as_user("mina").await;
    assert_eq!(quantities(&order(&shop).await.expect(201)).len(), 50);
    shop.audit().await;
}

/// An order to be paid later takes its units out of the cart, too.
#[tokio::test]
async fn an_ordered_sheet_of_the_cart_removes_its_units_from_the_cart() {
    let shop = filled().await;
    let sheet = shop.post("/order-sheets", json!({ "userId": "mina", "fromCart": true })).await.expect(201);
    assert_eq!(quantities(&sheet), of(&[("cup", 1), ("tea", 2)]));
    assert_eq!(in_cart(&shop).await, of(&[("cup", 1), ("tea", 2)]));
    // Later changes of the cart are not on the sheet.
    add(&shop, "tea", 1).await;
    shop.call("DELETE", "/orders/cart/cup").as_user("mina").await;
    let body = json!({ "userId": "mina", "orderSheetId": sheet["orderSheetId"], "payment": "LATER" });
    let order = shop.post("/orders", body).await.expect(201);
    assert_eq!(quantities(&order), of(&[("cup", 1), ("tea", 2)]));
    assert_eq!(in_cart(&shop).await, of(&[("tea", 1)]));
    shop.audit().await;
}
