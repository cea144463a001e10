//! `GET /orders/cart`

use serde_json::json;

use super::{add, cart, open, quantities};

#[tokio::test]
async fn a_cart_shows_current_prices_and_names() {
    let shop = open().await;
    add(&shop, "tea", 3).await.expect(200);
    let change = json!({ "price": 12_000, "discount": 2_500, "name": "새 녹차" });
    shop.patch("/products/tea", change).as_admin().await.expect(200);
    insta::assert_json_snapshot!(cart(&shop).await, @r#"
    {
      "items": [
        {
          "amount": 28500,
          "discount": 2500,
          "itemId": "tea",
          "name": "새 녹차",
          "price": 12000,
          "productId": "tea",
          "quantity": 3,
          "status": "ON_SALE",
          "stock": 5
        }
      ],
      "total": 28500
    }
    "#);
    // Seen by another instance that has cached the old price.
    let other = shop.another_instance();
    cart(&other).await;
    shop.patch("/products/tea", json!({ "price": 20_000, "discount": 0 })).as_admin().await.expect(200);
    assert_eq!(cart(&other).await["total"], 60_000);
}

#[tokio::test]
async fn unavailable_products_cost_nothing_and_hidden_ones_show_nothing() {
    let shop = open().await;
    for product in ["cup", "tea"] {
        add(&shop, product, 2).await.expect(200);
    }
    for (product, status) in [("cup", "HIDDEN"), ("tea", "DISCONTINUED")] {
        shop.patch(&format!("/products/{product}"), json!({ "status": status })).as_admin().await.expect(200);
    }
    insta::assert_json_snapshot!(cart(&shop).await, @r#"
    {
      "items": [
        {
          "amount": 0,
          "discount": 0,
          "itemId": "cup",
          "name": "cup",
          "price": 0,
          "productId": "cup",
          "quantity": 2,
          "status": "DISCONTINUED",
          "stock": 0
        },
        {
          "amount": 0,
          "discount": 0,
          "itemId": "tea",
          "name": "tea 상품",
          "price": 10000,
          "productId": "tea",
          "quantity": 2,
          "status": "DISCONTINUED",
          "stock": 5
        }
      ],
      "total": 0
    }
    "#);
    assert_eq!(cart(&shop.another_instance()).await, cart(&shop).await);
    // On sale again, it counts again at once.
    shop.patch("/products/tea", json!({ "status": "ON_SALE" })).as_admin().await.expect(200);
    assert_eq!(cart(&shop).await["total"], 20_000);
}

#[tokio::test]
async fn a_cart_shows_products_that_went_off_sale() {
    let shop = open().await;
    let other = shop.another_instance();
    add(&other, "tea", 1).await.expect(200);
    // The other instance has cached tea as on sale. Its answer shows the new status, and its next call is refused.
    shop.patch("/products/tea", json!({ "status": "DISCONTINUED" })).as_admin().await.expect(200);
    assert_eq!(add(&other, "tea", 1).await.expect(200)["items"][0]["status"], "DISCONTINUED");
    add(&other, "tea", 1).await.refused(409, "PRODUCT_NOT_ON_SALE");
}

#[tokio::test]
async fn a_cart_is_accessible_to_its_user_only() {
    let shop = open().await;
    shop.customer("jun", 0).await;
    let of_mina = |user_id: Option<&str>| {
        [
            shop.post("/orders/cart", json!({ "productId": "tea", "quantity": 1, "userId": user_id })),
            shop.get(&user_id.map_or("/orders/cart".to_owned(), |id| format!("/orders/cart?userId={id}"))),
            shop.call(
                "DELETE",
                &user_id.map_or("/orders/cart/tea".to_owned(), |id| format!("/orders/cart/tea?userId={id}")),
            ),
        ]
    };
    // A caller without identity is taken for the user that the request names, and must name one.
    for call in of_mina(Some("mina")) {
        assert!(call.await.status < 300);
    }
    for call in of_mina(None) {
        call.await.refused(401, "UNAUTHENTICATED");
    }
    let newcomer = shop.post("/orders/cart?userId=mina", json!({ "productId": "tea", "quantity": 1 }));
    assert_eq!(quantities(&newcomer.await.expect(200)), [("tea", 1)]);

    for call in of_mina(Some("mina")) {
        call.as_user("jun").await.refused(403, "FORBIDDEN");
    }
    assert_eq!(quantities(&cart(&shop).await), [("tea", 1)]);
    for call in of_mina(Some("mina")) {
        assert!(call.as_admin().await.status < 300);
    }
    assert_eq!(shop.get("/orders/cart").as_user("jun").await.expect(200)["items"], json!([]));

    for call in of_mina(Some("nobody")) {
        assert_eq!(call.await.refused(404, "ENTITY_NOT_FOUND"), json!({ "userId": "nobody" }));
    }
    // The user is checked before the product.
    let nothing = json!({ "productId": "nothing", "quantity": 1, "userId": "nobody" });
    let details = shop.post("/orders/cart", nothing).await.refused(404, "ENTITY_NOT_FOUND");
    assert_eq!(details, json!({ "userId": "nobody" }));
}
