//! `POST /orders/cart`

use serde_json::json;

use super::{add, cart, open, quantities};

#[tokio::test]
async fn added_units_sum_up_and_the_answer_is_the_cart() {
    let shop = open().await;
    assert_eq!(cart(&shop).await, json!({ "items": [], "total": 0 }));
    add(&shop, "tea", 2).await.expect(200);
    add(&shop, "cup", 1).await.expect(200);
    let now = add(&shop, "tea", 1).await.expect(200);
    insta::assert_json_snapshot!(now, @r#"
    {
      "items": [
        {
          "amount": 3000,
          "discount": 0,
          "itemId": "cup",
          "name": "cup 상품",
          "price": 3000,
          "productId": "cup",
          "quantity": 1,
          "status": "SOLD_OUT",
          "stock": 0
        },
        {
          "amount": 30000,
          "discount": 0,
          "itemId": "tea",
          "name": "tea 상품",
          "price": 10000,
          "productId": "tea",
          "quantity": 3,
          "status": "ON_SALE",
          "stock": 5
        }
      ],
      "total": 33000
    }
    "#);
    assert_eq!(cart(&shop).await, now);
    assert_eq!(cart(&shop.another_instance()).await, now);
    // The cart reserves nothing.
    assert_eq!(shop.stock("tea").await, 5);
    shop.audit().await;
}

#[tokio::test]
async fn only_products_on_sale_can_be_added() {
    let shop = open().await;
    add(&shop, "nothing", 1).await.refused(404, "ENTITY_NOT_FOUND");
    shop.patch("/products/tea", json!({ "status": "DISCONTINUED" })).as_admin().await.expect(200);
    assert_eq!(add(&shop, "tea", 1).await.refused(409, "PRODUCT_NOT_ON_SALE"), json!({ "productId": "tea" }));
    shop.patch("/products/tea", json!({ "status": "HIDDEN" })).as_admin().await.expect(200);
    assert_eq!(add(&shop, "tea", 1).await.refused(404, "ENTITY_NOT_FOUND"), json!({ "productId": "tea" }));
    assert_eq!(cart(&shop).await["items"], json!([]));
}

#[tokio::test]
async fn a_cart_holds_at_most_999_units_of_a_product() {
    let shop = open().await;
    add(&shop, "tea", 990).await.expect(200);
    let details = add(&shop, "tea", 10).await.refused(409, "LIMIT_EXCEEDED");
    assert_eq!(details, json!({ "limit": "cartQuantity", "max": 999 }));
    assert_eq!(add(&shop, "tea", 10).key("k").await.refused(409, "LIMIT_EXCEEDED"), details);
    assert_eq!(quantities(&add(&shop, "tea", 9).await.expect(200)), [("tea", 999)]);
    // The most that goes into an empty cart at once.
    add(&shop, "cup", 999).await.expect(200);
    assert_eq!(cart(&shop).await["total"], 999 * 13_000);
}

#[tokio::test]
async fn a_cart_holds_at_most_50_products() {
    let shop = open().await;
    for product in 0..50 {
        shop.product(&format!("p{product}"), 100, 1).await;
        add(&shop, &format!("p{product}"), 1).await.expect(200);
    }
    let details = add(&shop, "tea", 1).await.refused(409, "LIMIT_EXCEEDED");
    assert_eq!(details, json!({ "limit": "cartItems", "max": 50 }));
    assert_eq!(add(&shop, "tea", 1).key("k").await.refused(409, "LIMIT_EXCEEDED"), details);
    let full = add(&shop, "p7", 1).await.expect(200);
    assert_eq!((full["items"].as_array().unwrap().len(), &full["total"]), (50, &json!(5_100)));
    shop.call("DELETE", "/orders/cart/p0").as_user("mina").await.expect(204);
    // A refused request is tried anew with its key.
    add(&shop, "tea", 1).key("k").await.expect(200);
}

#[tokio::test]
async fn every_bad_field_is_named() {
    let shop = open().await;
    for (body, fields) in [
        (json!({}), vec!["productId", "quantity"]),
        (json!({ "productId": "a b", "quantity": 0, "price": 1 }), vec!["price", "productId", "quantity"]),
        (json!({ "productId": "tea", "quantity": 1_000 }), vec!["quantity"]),
        (json!({ "productId": "tea", "quantity": -1 }), vec!["quantity"]),
        (json!({ "productId": "tea", "quantity": 1.5 }), vec!["quantity"]),
        (json!({ "productId": 7, "quantity": "1", "userId": "" }), vec!["productId", "quantity", "userId"]),
    ] {
        assert_eq!(shop.post("/orders/cart", body.clone()).as_user("mina").await.bad_fields(), fields, "{body}");
    }
    assert_eq!(shop.get("/orders/cart?userId=a%20b").as_user("mina").await.bad_fields(), ["userId"]);
    let remove = shop.call("DELETE", "/orders/cart/a.b?userId=a.b").as_user("mina");
    assert_eq!(remove.await.bad_fields(), ["itemId", "userId"]);
    assert_eq!(add(&shop, "tea", 0).key("a b").await.bad_fields(), ["Idempotency-Key", "quantity"]);
}

#[tokio::test]
async fn a_suspended_user_can_fill_a_cart() {
    let shop = open().await;
    shop.patch("/users/mina", json!({ "status": "SUSPENDED" })).as_admin().await.expect(200);
    add(&shop, "tea", 1).await.expect(200);
    assert_eq!(quantities(&cart(&shop).await), [("tea", 1)]);
}

#[tokio::test]
async fn an_addition_with_a_key_counts_once() {
    let shop = open().await;
    for key in ["first", "second"] {
        let added = add(&shop, "tea", 2).key(key).await.expect(200);
        assert_eq!(add(&shop, "tea", 2).key(key).await.expect(200), added);
        assert_eq!(add(&shop.another_instance(), "tea", 2).key(key).await.expect(200), added);
        add(&shop, "tea", 3).key(key).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    }
    assert_eq!(quantities(&cart(&shop).await), [("tea", 4)]);
    add(&shop, "cup", 1).await.expect(200);
    // A repetition shows the cart as it is now, even if the product could not be added any more.
    shop.patch("/products/tea", json!({ "status": "HIDDEN" })).as_admin().await.expect(200);
    let again = add(&shop, "tea", 2).key("first").await.expect(200);
    assert_eq!(quantities(&again), [("cup", 1), ("tea", 4)]);
    shop.audit().await;
}

#[tokio::test]
async fn each_addition_without_a_key_counts() {
    let shop = open().await;
    for _ in 0..2 {
        add(&shop, "tea", 2).await.expect(200);
    }
    assert_eq!(quantities(&cart(&shop).await), [("tea", 4)]);
}
