//! `GET /orders`, and the access to an order

use serde_json::json;
use tests::TestShop;

#[tokio::test]
async fn orders_are_listed_newest_first_in_pages() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    shop.customer("jun", 0).await;
    shop.product("tea", 1_000, 100).await;
    let mut placed = Vec::new();
    for second in 0..5 {
        shop.set_clock(&format!("2026-11-20T03:00:0{second}Z"));
        placed.insert(0, shop.order("mina", "tea", 1).await.expect(201)["orderId"].clone());
    }
    let mut path = "/orders?limit=2".to_owned();
    let mut listed = Vec::new();
    for _ in 0..5 {
        let page = shop.get(&path).as_user("mina").await.expect(200);
        listed.extend(page["items"].as_array().unwrap().iter().map(|order| order["orderId"].clone()));
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        path = format!("/orders?limit=2&cursor={cursor}");
    }
    assert_eq!(listed, placed);
    assert_eq!(shop.get("/orders?userId=jun").await.expect(200)["items"], json!([]));
    shop.get("/orders?userId=nobody").await.refused(404, "ENTITY_NOT_FOUND");
    shop.get("/orders").await.refused(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn an_order_is_visible_to_its_customer_and_each_line_to_its_seller() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    for (id, seller) in [("tea", "dabang"), ("cup", "dogi")] {
        let product = json!({ "productId": id, "name": id, "price": 10_000, "stock": 5 });
        shop.post("/products", product).as_seller(seller).await.expect(201);
    }
    let items = json!([{ "productId": "tea", "quantity": 1 }, { "productId": "cup", "quantity": 1 }]);
    let order = shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201);
    let path = format!("/orders/{}", order["orderId"].as_str().unwrap());

    shop.get(&path).as_user("jun").await.refused(404, "ENTITY_NOT_FOUND");
    shop.get(&path).await.refused(401, "UNAUTHENTICATED");
    shop.get(&path).as_seller("other").await.refused(404, "ENTITY_NOT_FOUND");
    let all = shop.get(&path).as_admin().await.expect(200);
    assert_eq!((&all["paid"], &all["userId"]), (&order["paid"], &order["userId"]));
    assert_eq!(all["items"][0]["allowedActions"], json!(["CANCELLED", "SHIPPED"]));
    let seen = shop.get(&path).as_seller("dogi").await.expect(200);
    let lines: Vec<_> =
        seen["items"].as_array().unwrap().iter().map(|line| line["productId"].as_str().unwrap()).collect();
    assert_eq!(lines, ["cup"]);
    // 20,000 won of goods and 3,000 for shipping were paid; half of the goods are theirs.
    assert_eq!((&order["paid"], &seen["paid"]), (&json!(23_000), &json!(10_000)));
    assert_eq!((&seen["goodsTotal"], &seen["shippingFee"]), (&json!(10_000), &json!(0)));
    let history = shop.get(&format!("{path}/history")).as_seller("dogi").await.expect(200);
    assert!(history["items"].as_array().unwrap().iter().all(|step| step["itemId"] != "1"));
    shop.get("/orders/none").as_user("mina").await.refused(404, "ENTITY_NOT_FOUND");
    shop.get("/orders/none/history").as_user("mina").await.refused(404, "ENTITY_NOT_FOUND");
    shop.order("mina", "tea", 1).as_user("jun").await.refused(403, "FORBIDDEN");
}
