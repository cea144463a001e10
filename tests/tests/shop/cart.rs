//! `/orders/cart`

use serde_json::{Value, json};
use shared::{
    domain::{OrderId, ProductId, Quantity, UserId, cart::Cart},
    store::{Consistency, Outcome, Transaction, carts, keys},
};
use tests::{Call, TestShop};

/// A shop for Mina with tea (10,000 won, 5 in stock) and cups (3,000 won, none left).
async fn open() -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.product("tea", 10_000, 5).await;
    shop.product("cup", 3_000, 0).await;
    shop
}

fn add(shop: &TestShop, product: &str, quantity: i64) -> Call {
    shop.post("/orders/cart", json!({ "productId": product, "quantity": quantity })).as_user("mina")
}

async fn cart(shop: &TestShop) -> Value {
    shop.get("/orders/cart").as_user("mina").await.expect(200)
}

/// The ids in a cart with their quantities.
fn quantities(cart: &Value) -> Vec<(&str, i64)> {
    let items = cart["items"].as_array().unwrap().iter();
    items.map(|item| (item["itemId"].as_str().unwrap(), item["quantity"].as_i64().unwrap())).collect()
}

#[tokio::test]
async fn adding_sums_and_shows_the_cart() {
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
async fn prices_and_names_are_those_of_today() {
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
async fn what_cannot_be_bought_costs_nothing_and_what_is_hidden_shows_nothing() {
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
async fn taking_out_is_done_once_and_for_all() {
    let shop = open().await;
    let remove = |item: &str| shop.call("DELETE", &format!("/orders/cart/{item}")).as_user("mina");
    // The same without a cart.
    assert_eq!(remove("tea").await.expect(204), Value::Null);
    add(&shop, "tea", 2).await.expect(200);
    add(&shop, "cup", 1).await.expect(200);
    let answer = remove("tea").await;
    assert_eq!(answer.headers.get("content-type"), None);
    assert_eq!(answer.expect(204), Value::Null);
    assert_eq!(quantities(&cart(&shop).await), [("cup", 1)]);
    remove("tea").await.expect(204);
    remove("nothing").await.expect(204);
    remove("cup").await.expect(204);
    assert_eq!(cart(&shop).await, json!({ "items": [], "total": 0 }));
    assert_eq!(quantities(&add(&shop, "tea", 1).await.expect(200)), [("tea", 1)]);
    assert_eq!(remove("a%20b").await.bad_fields(), ["itemId"]);
    shop.audit().await;
}

#[tokio::test]
async fn only_what_is_on_sale_is_put_in() {
    let shop = open().await;
    add(&shop, "nothing", 1).await.refused(404, "ENTITY_NOT_FOUND");
    shop.patch("/products/tea", json!({ "status": "DISCONTINUED" })).as_admin().await.expect(200);
    assert_eq!(add(&shop, "tea", 1).await.refused(409, "PRODUCT_NOT_ON_SALE"), json!({ "productId": "tea" }));
    shop.patch("/products/tea", json!({ "status": "HIDDEN" })).as_admin().await.expect(200);
    assert_eq!(add(&shop, "tea", 1).await.refused(404, "ENTITY_NOT_FOUND"), json!({ "productId": "tea" }));
    assert_eq!(cart(&shop).await["items"], json!([]));
}

#[tokio::test]
async fn what_goes_off_sale_is_noticed_once_it_is_in() {
    let shop = open().await;
    let other = shop.another_instance();
    add(&other, "tea", 1).await.expect(200);
    // The other instance has cached tea as on sale. Its answer shows the new status, and its next call is refused.
    shop.patch("/products/tea", json!({ "status": "DISCONTINUED" })).as_admin().await.expect(200);
    assert_eq!(add(&other, "tea", 1).await.expect(200)["items"][0]["status"], "DISCONTINUED");
    add(&other, "tea", 1).await.refused(409, "PRODUCT_NOT_ON_SALE");
}

#[tokio::test]
async fn at_most_999_units_of_a_product() {
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
async fn at_most_50_products() {
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
async fn a_cart_is_its_users_own() {
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

#[tokio::test]
async fn a_suspended_user_can_fill_a_cart() {
    let shop = open().await;
    shop.patch("/users/mina", json!({ "status": "SUSPENDED" })).as_admin().await.expect(200);
    add(&shop, "tea", 1).await.expect(200);
    assert_eq!(quantities(&cart(&shop).await), [("tea", 1)]);
}

#[tokio::test]
async fn with_a_key_it_is_added_once() {
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
async fn without_a_key_each_addition_is_new() {
    let shop = open().await;
    for _ in 0..2 {
        add(&shop, "tea", 2).await.expect(200);
    }
    assert_eq!(quantities(&cart(&shop).await), [("tea", 4)]);
}

/// The write of an order's own transaction: it removes exactly the ordered units from the cart that it has read.
#[tokio::test]
async fn contents_are_replaced_only_where_nothing_has_changed() {
    let shop = open().await;
    let mina = UserId::try_from("mina".to_owned()).unwrap();
    let order = OrderId::try_from("order".to_owned()).unwrap();
    let ordered = [(ProductId::try_from("tea".to_owned()).unwrap(), Quantity::try_from(2).unwrap())];
    let table = &shop.instance().table;
    let mut backoff = table.backoff();

    add(&shop, "tea", 3).await.expect(200);
    let mut seen: Cart = table.get(keys::cart(&mina), Consistency::Strong).await.unwrap().unwrap();
    add(&shop, "cup", 1).await.expect(200);
    for unchanged in [false, true] {
        let mut transaction = Transaction::new();
        let replaced = transaction.add(carts::replace(&mina, &seen, &seen.ordered(&order, &ordered)));
        match table.commit(transaction, &mut backoff).await.unwrap() {
            Outcome::Committed => assert!(unchanged),
            Outcome::Refused(evidence) => {
                assert!(!unchanged);
                // The refusal returns the cart as it is, for another try.
                seen = evidence.of(replaced).unwrap().flatten().unwrap();
            }
        }
    }
    assert_eq!(quantities(&cart(&shop).await), [("cup", 1), ("tea", 1)]);
    shop.audit().await;
}
