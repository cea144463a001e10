//! The first steps of a newcomer.

use serde_json::{Value, json};

use crate::stack::{Shop, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn charge_browse_order_and_see_what_follows() {
    let shop = Shop::start("e2e-tour").await;
    let api = &shop.api;
    api.customers(1, 100_000).await;
    api.product("tea", 12_000, 10).await;
    api.product("cup", 8_000, 5).await;
    api.coupon("welcome", 100).await;

    let list = api.get("/products").await;
    assert_eq!(list.data()["items"].as_array().unwrap().len(), 2);
    api.post("/coupons/issue", json!({ "userId": "u0", "couponId": "welcome" })).await.data();
    // The cart collects the products for an order, and one is removed again.
    for product in ["tea", "cup", "cup"] {
        api.post("/orders/cart", json!({ "userId": "u0", "productId": product, "quantity": 1 })).await.data();
    }
    assert_eq!(api.get("/orders/cart?userId=u0").await.data()["total"], 28_000);
    let removed = api.delete("/orders/cart/tea?userId=u0").await;
    assert_eq!((removed.status.as_u16(), removed.body), (204, json!("")));
    assert_eq!(api.as_user("u0").get("/orders/cart").await.data()["total"], 16_000);

    let items = json!([{ "productId": "tea", "quantity": 1 }, { "productId": "cup", "quantity": 2 }]);
    let order = api.post("/orders", json!({ "userId": "u0", "items": items, "couponId": "welcome" })).await;
    assert_eq!((&order.data()["status"], &order.data()["payable"]), (&json!("PAID"), &json!(30_000)));
    let id = order.data()["orderId"].as_str().unwrap();

    assert_eq!(api.balance("u0").await, 70_000);
    assert_eq!((api.stock("tea").await, api.stock("cup").await), (9, 3));
    assert_eq!(api.as_user("u0").get(&format!("/orders/{id}")).await.data(), order.data());
    let history = api.as_user("u0").get(&format!("/orders/{id}/history")).await;
    assert_eq!(history.data()["items"].as_array().unwrap().len(), 5);
    assert_eq!(api.get("/coupons?userId=u0&status=USED").await.data()["items"][0]["orderId"], id);

    // The stock is too low for another order. The refused order is kept, and published too.
    let items = json!([{ "productId": "tea", "quantity": 9 }]);
    let failed = api.post("/orders", json!({ "userId": "u0", "items": items })).await;
    assert_eq!((failed.status.as_u16(), failed.code()), (402, "BALANCE_NOT_ENOUGH"));
    let failed_id = failed.body["details"]["orderId"].as_str().unwrap();

    eventually("the bestsellers follow", || async {
        let top = api.get("/products/top").await;
        let sold: Vec<_> =
            top.data()["items"].as_array().unwrap().iter().map(|row| row["soldQuantity"].clone()).collect();
        if sold == [json!(2), json!(1)] { Ok(()) } else { Err(top.body.to_string()) }
    })
    .await;
    shop.data_platform_holds(&[id.to_owned(), failed_id.to_owned()]).await;
    let received = shop.received().await;
    let paid = received.iter().find(|event| event["aggregateId"] == id).unwrap();
    assert_eq!((&paid["type"], &paid["data"]["paid"]), (&json!("OrderPaid"), &json!(30_000)));
    one_trace_leads_from_each_request_to_the_platform(&shop, &received);
    shop.audit().await;
    shop.no_function_panicked();
    shop.stop().await;
}

/// Each request has a trace with one line in the log, and the event of the data platform has the same trace. (`cargo
/// lambda` starts a trace itself for each request, and ignores the caller's.)
fn one_trace_leads_from_each_request_to_the_platform(shop: &Shop, received: &[Value]) {
    let log = std::fs::read_to_string(shop.stack().functions_log()).unwrap();
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for event in received {
        let of_trace = lines.iter().filter(|line| line["span"]["trace.id"] == event["traceId"]);
        let messages: Vec<&str> = of_trace.filter_map(|line| line["fields"]["message"].as_str()).collect();
        assert!(
            matches!(messages.as_slice(), ["POST /orders 201" | "POST /orders 402"]),
            "{}: {messages:?}",
            event["traceId"]
        );
    }
    let requests = lines.iter().filter(|line| line["fields"]["http.path"].is_string());
    let without: Vec<&Value> = requests.filter(|line| !line["span"]["trace.id"].is_string()).collect();
    assert!(without.is_empty(), "{without:?}");
}
