//! `POST /order-sheets`, `GET /order-sheets/{orderSheetId}`

use serde_json::json;
use tests::{
    TestShop,
    steps::{
        coupon_status,
        order_sheets::{
            EXPIRY, IN_TIME, assert_untouched, create_sheet, order, order_by, path, sheet_in, sheet_status,
            shop_with_sheet,
        },
    },
};

#[tokio::test]
async fn a_sheet_shows_the_amounts_of_its_order() {
    let (shop, sheet) = shop_with_sheet().await;
    insta::assert_json_snapshot!(sheet, @r#"
    {
      "couponDiscount": 1000,
      "couponId": "welcome",
      "createdAt": "2026-11-20T03:00:00Z",
      "expiresAt": "2026-11-20T03:30:00Z",
      "goodsDiscount": 1000,
      "goodsTotal": 26000,
      "items": [
        {
          "amount": 23000,
          "couponShare": 920,
          "itemId": "1",
          "name": "tea 상품",
          "productId": "tea",
          "quantity": 2,
          "sequence": 1,
          "shippingShare": 2760,
          "unitDiscount": 500,
          "unitPrice": 12000
        },
        {
          "amount": 2000,
          "couponShare": 80,
          "itemId": "2",
          "name": "cup 상품",
          "productId": "cup",
          "quantity": 1,
          "sequence": 2,
          "shippingShare": 240,
          "unitDiscount": 0,
          "unitPrice": 2000
        }
      ],
      "orderSheetId": "ddukwqctqve5hge5lo3chwttp4",
      "payable": 27000,
      "shipments": [
        {
          "fee": 3000,
          "sellerId": null
        }
      ],
      "shippingFee": 3000,
      "status": "OPEN",
      "userId": "mina"
    }
    "#);
    assert_eq!(shop.get(&path(&sheet)).as_user("mina").await.expect(200), sheet);
    assert_eq!(shop.get(&path(&sheet)).as_admin().await.expect(200), sheet);
    shop.get(&path(&sheet)).await.refused(401, "UNAUTHENTICATED");
    shop.get(&path(&sheet)).as_user("jun").await.refused(404, "ENTITY_NOT_FOUND");
    shop.get(&path(&sheet)).as_seller("dabang").await.refused(404, "ENTITY_NOT_FOUND");
    let details = shop.get("/order-sheets/none").as_user("mina").await.refused(404, "ENTITY_NOT_FOUND");
    assert_eq!(details, json!({ "orderSheetId": "none" }));
    assert_eq!(shop.get("/order-sheets/a b").as_user("mina").await.bad_fields(), ["orderSheetId"]);

    // A sheet reserves nothing.
    assert_eq!((shop.stock("tea").await, shop.stock("cup").await), (10, 10));
    assert_eq!(coupon_status(&shop, "mina").await, "USABLE");
    assert_untouched(&shop, &sheet, 100_000).await;
    shop.audit().await;
}

#[tokio::test]
async fn a_sheet_expires_to_the_millisecond() {
    for payment in ["BALANCE", "LATER", "EXTERNAL"] {
        let (shop, sheet) = shop_with_sheet().await;
        shop.set_clock(EXPIRY);
        let details = order_by(&shop, &sheet, payment).await.refused(409, "ORDER_SHEET_EXPIRED");
        assert_eq!(details, json!({ "orderSheetId": sheet["orderSheetId"] }));
        assert_eq!(sheet_status(&shop, &sheet).await, "EXPIRED");
        assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (100_000, 10));
        shop.set_clock(IN_TIME);
        order_by(&shop, &sheet, payment).await.expect(201);
        shop.audit().await;
    }
}

#[tokio::test]
async fn a_sheet_with_a_key_is_created_once() {
    let (shop, sheet) = shop_with_sheet().await;
    let other = shop.another_instance();
    other.patch("/products/tea", json!({ "price": 15_000 })).as_admin().await.expect(200);
    // The same sheet, not a new one.
    assert_eq!(create_sheet(&shop).key("snapshot").await.expect(201), sheet);
    let fewer = json!([{ "productId": "tea", "quantity": 1 }]);
    let body = json!({ "userId": "mina", "items": fewer });
    shop.post("/order-sheets", body).key("snapshot").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    other.patch("/products/tea", json!({ "status": "HIDDEN" })).as_admin().await.expect(200);
    assert_eq!(create_sheet(&shop).key("snapshot").await.expect(201), sheet);
    create_sheet(&shop).key("new").await.refused(404, "ENTITY_NOT_FOUND");
    other.patch("/products/tea", json!({ "status": "ON_SALE", "price": 12_000 })).as_admin().await.expect(200);
    assert_ne!(create_sheet(&shop).await.expect(201)["orderSheetId"], sheet["orderSheetId"]);

    let placed = order(&shop, &sheet).await.expect(201);
    shop.set_clock(EXPIRY);
    let again = create_sheet(&shop).key("snapshot").await.expect(201);
    assert_eq!((&again["status"], &again["orderId"]), (&json!("ORDERED"), &placed["orderId"]));
}

/// A sheet is refused for the same reasons as its order, but for a low balance.
#[tokio::test]
async fn a_sheet_is_refused_for_the_reasons_of_its_order() {
    let shop = TestShop::new();
    sheet_in(&shop, 0).await;
    shop.product("old", 1_000, 1).await;
    shop.patch("/products/old", json!({ "status": "DISCONTINUED" })).as_admin().await.expect(200);
    let create = |user: &str, lines: &[(&str, i64)], coupon: Option<&str>| {
        let items: Vec<_> = lines.iter().map(|(id, units)| json!({ "productId": id, "quantity": units })).collect();
        shop.post("/order-sheets", json!({ "userId": user, "items": items, "couponId": coupon }))
    };
    let everything = [("nothing", 1), ("old", 1), ("tea", 11)];
    create("nobody", &everything, Some("none")).await.refused(404, "ENTITY_NOT_FOUND");
    assert_eq!(
        create("mina", &everything, None).await.refused(404, "ENTITY_NOT_FOUND"),
        json!({ "productId": "nothing" })
    );
    create("mina", &everything[1..], Some("none")).await.refused(409, "PRODUCT_NOT_ON_SALE");
    let details = create("mina", &everything[2..], Some("none")).await.refused(409, "STOCK_NOT_ENOUGH");
    assert_eq!(details, json!({ "productId": "tea", "requested": 11, "available": 10 }));
    create("mina", &[("tea", 1)], Some("none")).await.refused(409, "COUPON_NOT_USABLE");
    create("mina", &[("tea", 1)], None).as_user("jun").await.refused(403, "FORBIDDEN");
    assert_eq!(create("mina", &[], None).await.bad_fields(), ["items"]);
    assert_eq!(shop.post("/order-sheets", json!({ "userId": "mina" })).await.bad_fields(), ["items"]);
    let unknown = json!({ "userId": "mina", "items": [{ "productId": "tea", "quantity": 0 }], "orderSheetId": "x" });
    assert_eq!(shop.post("/order-sheets", unknown).await.bad_fields(), ["items[0].quantity", "orderSheetId"]);
    // The stock of all shards counts.
    let pot = json!({ "productId": "pot", "name": "Pot", "price": 1_000, "stock": 16, "stockShards": 8 });
    shop.post("/products", pot).as_admin().await.expect(201);
    let sheet = create("mina", &[("pot", 16)], None).await.expect(201);
    assert_eq!(order_by(&shop, &sheet, "LATER").await.expect(201)["items"][0]["quantity"], 16);
    shop.audit().await;
}
