//! `GET /orders`, and the access to an order

use serde_json::{Value, json};
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

/// Two paid orders of Mina and one of Jun, and one that waits; the oldest first.
async fn orders_of_two_customers(shop: &TestShop) -> Vec<String> {
    shop.product("tea", 1_000, 100).await;
    shop.customer("mina", 100_000).await;
    shop.customer("jun", 100_000).await;
    let mut placed = Vec::new();
    for (second, user, payment) in
        [(0, "mina", "BALANCE"), (1, "jun", "BALANCE"), (2, "mina", "LATER"), (3, "mina", "BALANCE")]
    {
        shop.set_clock(&format!("2026-11-20T03:01:0{second}Z"));
        let items = json!([{ "productId": "tea", "quantity": 1 }]);
        let order = json!({ "userId": user, "items": items, "payment": payment });
        placed.push(shop.post("/orders", order).await.expect(201)["orderId"].as_str().unwrap().to_owned());
    }
    placed
}

#[tokio::test]
async fn admins_list_the_orders_of_all_users() {
    let shop = TestShop::new();
    let placed = orders_of_two_customers(&shop).await;
    let list = async |query: &str| {
        let page = shop.get(&format!("/orders{query}")).as_admin().await.expect(200);
        page["items"].as_array().unwrap().iter().map(|order| position(&placed, order)).collect::<Vec<_>>()
    };
    assert_eq!(list("").await, [] as [usize; 0], "the stream has not fed the list yet");
    shop.settle().await;
    for (query, expected) in [
        ("", vec![3, 2, 1, 0]),
        ("?status=PAID", vec![3, 1, 0]),
        ("?status=PENDING_PAYMENT", vec![2]),
        ("?status=CANCELLED", vec![]),
        ("?from=2026-11-20T03:01:01Z&to=2026-11-20T03:01:03Z", vec![2, 1]),
        ("?from=2026-11-20T03:01:01Z&to=2026-11-20T03:01:03Z&status=PAID", vec![1]),
        ("?userId=mina", vec![3, 2, 0]),
        ("?userId=mina&status=PAID", vec![3, 0]),
        ("?userId=mina&to=2026-11-20T03:01:02Z", vec![0]),
    ] {
        assert_eq!(list(query).await, expected, "{query}");
    }
    // The end of a hold moves the order.
    shop.post(&format!("/orders/{}/cancel", placed[2]), json!({})).as_user("mina").await.expect(200);
    assert_eq!(list("?status=PENDING_PAYMENT").await, [] as [usize; 0], "an outdated row shows nothing");
    shop.settle().await;
    assert_eq!((list("?status=PENDING_PAYMENT").await, list("?status=CANCELLED").await), (vec![], vec![2]));
}

#[tokio::test]
async fn lists_of_all_orders_continue_by_cursor() {
    let shop = TestShop::new();
    let placed = orders_of_two_customers(&shop).await;
    shop.settle().await;
    for query in ["limit=1", "limit=3", "limit=4", "limit=1&userId=mina&status=PAID", "limit=2&status=PAID"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        for _ in 0..20 {
            let page = shop.get(&format!("/orders?{query}{cursor}")).as_admin().await.expect(200);
            seen.extend(page["items"].as_array().unwrap().iter().map(|order| position(&placed, order)));
            let Some(next) = page["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        let whole = shop.get(&format!("/orders?{}", query.replace("limit=", "limit=9"))).as_admin().await.expect(200);
        let whole: Vec<usize> = whole["items"].as_array().unwrap().iter().map(|it| position(&placed, it)).collect();
        assert_eq!(seen, whole, "{query}");
    }
    let all = shop.get("/orders?limit=1").as_admin().await.expect(200);
    let cursor = all["nextCursor"].as_str().unwrap();
    assert_eq!(shop.get(&format!("/orders?userId=mina&cursor={cursor}")).as_admin().await.bad_fields(), ["cursor"]);
}

#[tokio::test]
async fn customers_filter_their_own_orders() {
    let shop = TestShop::new();
    let placed = orders_of_two_customers(&shop).await;
    let page = shop.get("/orders?status=PENDING_PAYMENT").as_user("mina").await.expect(200);
    let found: Vec<usize> = page["items"].as_array().unwrap().iter().map(|order| position(&placed, order)).collect();
    assert_eq!((found, &page["asOf"]), (vec![2], &json!(null)), "their own list needs no stream");
    shop.get("/orders?userId=mina&status=PAID").as_user("jun").await.refused(403, "FORBIDDEN");
    for (query, field) in [
        ("status=SHIPPED", "status"),
        ("from=now", "from"),
        ("to=2026-11-20T03:00:00", "to"),
        ("from=2026-11-20T03:00:01Z&to=2026-11-20T03:00:00Z", "to"),
        ("since=2026-11-20T03:00:00Z", "since"),
    ] {
        assert_eq!(shop.get(&format!("/orders?{query}")).as_user("mina").await.bad_fields(), [field], "{query}");
    }
}

fn position(placed: &[String], order: &Value) -> usize {
    placed.iter().position(|id| order["orderId"] == id.as_str()).expect("one of the orders")
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
