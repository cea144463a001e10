//! `POST /orders {fromCart: true}`, and order sheets created from the cart

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::{Value, json};
use tests::{Answer, Call, Fault, TestShop};

/// Mina has 100,000 won, and 2 teas and a cup in her cart.
async fn filled() -> TestShop {
    let shop = TestShop::with_instances(4);
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 5).await;
    shop.product("cup", 3_000, 5).await;
    add(&shop, "tea", 2).await;
    add(&shop, "cup", 1).await;
    shop
}

async fn add(shop: &TestShop, product: &str, quantity: i64) {
    let item = json!({ "productId": product, "quantity": quantity });
    shop.post("/orders/cart", item).as_user("mina").await.expect(200);
}

async fn in_cart(shop: &TestShop) -> BTreeMap<String, i64> {
    let cart = shop.get("/orders/cart").as_user("mina").await.expect(200);
    let item = |item: &Value| (item["itemId"].as_str().unwrap().to_owned(), item["quantity"].as_i64().unwrap());
    cart["items"].as_array().unwrap().iter().map(item).collect()
}

fn quantities(order: &Value) -> BTreeMap<String, i64> {
    let line = |line: &Value| (line["productId"].as_str().unwrap().to_owned(), line["quantity"].as_i64().unwrap());
    order["items"].as_array().unwrap().iter().map(line).collect()
}

fn of(items: &[(&str, i64)]) -> BTreeMap<String, i64> {
    items.iter().map(|(id, quantity)| ((*id).to_owned(), *quantity)).collect()
}

fn order(shop: &TestShop) -> Call {
    shop.post("/orders", json!({ "userId": "mina", "fromCart": true }))
}

#[tokio::test]
async fn all_that_is_in_it_is_ordered_and_leaves_it() {
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
async fn a_refusal_leaves_the_cart_as_it_is() {
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
async fn nobody_orders_from_nothing() {
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
async fn a_cart_of_the_first_stage_is_ordered_once_it_fits_an_order() {
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
async fn a_sheet_from_the_cart_takes_out_what_it_says_once_it_is_ordered() {
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

/// In every interleaving an added unit is either still in the cart, or ordered once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn adding_and_ordering_at_once_loses_and_doubles_nothing() {
    let shop = TestShop::with_instances(8);
    shop.customer("mina", 10_000_000).await;
    shop.product("tea", 100, 1_000).await;
    shop.product("cup", 100, 1_000).await;
    let mut running = Vec::new();
    for number in 0..60 {
        let product = if number % 2 == 0 { "tea" } else { "cup" };
        let adding = shop.post("/orders/cart", json!({ "productId": product, "quantity": 3 })).as_user("mina");
        running.push(tokio::spawn(async move { adding.await }));
        if number % 6 == 5 {
            let ordering = order(&shop);
            running.push(tokio::spawn(async move { ordering.await }));
        }
    }
    let answers: Vec<Answer> = join_all(running).await.into_iter().map(Result::unwrap).collect();
    let added = answers.iter().filter(|answer| answer.status == 200).count();
    let mut ordered = 0;
    for answer in answers.iter().filter(|answer| answer.status == 201) {
        ordered += quantities(&answer.body["data"]).values().sum::<i64>();
    }
    let left: i64 = in_cart(&shop).await.values().sum();
    assert_eq!(added, 60);
    assert_eq!(ordered + left, 180);
    shop.audit().await;
}

/// Two concurrent orders of one cart: one gets its content, the other nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cart_is_ordered_once() {
    for _ in 0..10 {
        let shop = filled().await;
        let (one, other) = (order(&shop), order(&shop));
        let (one, other) = (tokio::spawn(async { one.await }), tokio::spawn(async { other.await }));
        let mut statuses = [one.await.unwrap().status, other.await.unwrap().status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 400]);
        assert_eq!(shop.stock("tea").await, 3);
        shop.audit().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_orders_a_cart_once() {
    let shop = filled().await;
    shop.dynamo().fail_first("TransactWriteItems", 1, Fault::LostReply);
    order(&shop).await.expect(201);
    assert_eq!((in_cart(&shop).await, shop.stock("tea").await), (of(&[]), 3));
    shop.audit().await;
}
