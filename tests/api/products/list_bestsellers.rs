//! `/products/best-seller` and `/products/top`

use serde_json::{Value, json};
use tests::TestShop;

fn ranking(list: &Value) -> Vec<(i64, &str, i64)> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (row["rank"].as_i64().unwrap(), row["productId"].as_str().unwrap(), row["soldQuantity"].as_i64().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn the_list_has_the_five_bestsellers_of_three_seoul_days() {
    let shop = TestShop::new();
    shop.customer("mina", 10_000_000).await;
    for number in 1..=6 {
        shop.product(&format!("p{number}"), 1_000, 1_000).await;
    }
    assert_eq!(ranking(&shop.get("/products/top").await.expect(200)), []);
    for number in 1..=6 {
        shop.order("mina", &format!("p{number}"), number * 10).await.expect(201);
    }
    shop.settle().await;
    let top = [(1, "p6", 60), (2, "p5", 50), (3, "p4", 40), (4, "p3", 30), (5, "p2", 20)];
    for path in ["/products/top", "/products/best-seller", "/products/best-seller?range=3days"] {
        assert_eq!(ranking(&shop.get(path).await.expect(200)), top, "{path}");
    }
    assert_eq!(shop.get("/products/top?range=7days").await.bad_fields(), ["range"]);

    // Two days later all of it still counts; at Seoul's midnight after that, none of it.
    shop.set_clock("2026-11-22T14:59:59.999Z");
    assert_eq!(ranking(&shop.get("/products/top").await.expect(200)), top);
    shop.set_clock("2026-11-22T15:00:00Z");
    assert_eq!(ranking(&shop.get("/products/top").await.expect(200)), []);
}

#[tokio::test]
async fn failed_orders_do_not_count() {
    let shop = TestShop::new();
    shop.customer("poor", 0).await;
    shop.product("tea", 1_000, 10).await;
    shop.order("poor", "tea", 1).await.refused(402, "BALANCE_NOT_ENOUGH");
    shop.settle().await;
    assert_eq!(ranking(&shop.get("/products/top").await.expect(200)), []);
}

#[tokio::test]
async fn the_list_follows_the_catalogue() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    for id in ["tea", "cup"] {
        shop.product(id, 1_000, 10).await;
        shop.order("mina", id, 2).await.expect(201);
    }
    shop.order("mina", "cup", 1).await.expect(201);
    shop.settle().await;
    shop.patch("/products/cup", json!({ "status": "DISCONTINUED" })).as_admin().await.expect(200);
    shop.patch("/products/tea", json!({ "name": "새 녹차", "price": 2_000 })).as_admin().await.expect(200);
    shop.settle().await;
    let list = shop.get("/products/top").await.expect(200);
    assert_eq!(ranking(&list), [(1, "tea", 2)]);
    assert_eq!((&list["items"][0]["name"], &list["items"][0]["price"]), (&json!("새 녹차"), &json!(2_000)));
    shop.patch("/products/cup", json!({ "status": "ON_SALE" })).as_admin().await.expect(200);
    shop.settle().await;
    assert_eq!(ranking(&shop.get("/products/top").await.expect(200)), [(1, "cup", 3), (2, "tea", 2)]);
}

#[tokio::test]
async fn equal_bestsellers_are_ordered_by_their_last_sale() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    for (second, id) in ["tea", "cup", "pot"].into_iter().enumerate() {
        shop.product(id, 1_000, 10).await;
        shop.set_clock(&format!("2026-11-20T04:00:0{second}Z"));
        shop.order("mina", id, 1).await.expect(201);
    }
    shop.settle().await;
    let list = shop.get("/products/top").await.expect(200);
    assert_eq!(ranking(&list), [(1, "pot", 1), (2, "cup", 1), (3, "tea", 1)]);
}
