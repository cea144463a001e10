//! `/products`

use serde_json::{Value, json};
use tests::TestShop;

#[tokio::test]
async fn a_product_is_created_and_shown() {
    let shop = TestShop::new();
    let tea = json!({
        "productId": "tea", "name": "보성 녹차", "description": "첫물차", "category": "차", "price": 12_000,
        "discount": 2_000, "stock": 10,
    });
    let created = shop.post("/products", tea).as_admin().await.expect(201);
    insta::assert_json_snapshot!(created, @r#"
    {
      "category": "차",
      "description": "첫물차",
      "discount": 2000,
      "name": "보성 녹차",
      "price": 12000,
      "productId": "tea",
      "status": "ON_SALE",
      "stock": 10,
      "updatedAt": "2026-11-20T03:00:00Z"
    }
    "#);
    assert_eq!(shop.get("/products/tea").await.expect(200), created);
    shop.get("/products/coffee").await.refused(404, "ENTITY_NOT_FOUND");
}

#[tokio::test]
async fn a_taken_or_reserved_id_is_refused() {
    let shop = TestShop::new();
    shop.product("tea", 1_000, 7).await;
    let product = |id: &str| json!({ "productId": id, "name": "X", "price": 1, "stock": 1 });
    shop.post("/products", product("tea")).as_admin().await.refused(409, "ALREADY_EXISTS");
    assert_eq!(shop.stock("tea").await, 7);
    for id in ["top", "best-seller", "cart"] {
        assert_eq!(shop.post("/products", product(id)).as_admin().await.bad_fields(), ["productId"]);
    }
}

#[tokio::test]
async fn the_catalogue_has_what_is_on_sale_also_when_sold_out() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    for id in ["tea", "cup", "pot", "tray"] {
        shop.product(id, 1_000, 2).await;
    }
    shop.order("mina", "cup", 2).await.expect(201);
    shop.patch("/products/pot", json!({ "status": "DISCONTINUED" })).as_admin().await.expect(200);
    shop.patch("/products/tray", json!({ "status": "HIDDEN" })).as_admin().await.expect(200);

    let list = shop.get("/products").await.expect(200);
    let shown: Vec<_> = list["items"].as_array().unwrap().iter().map(shown).collect();
    assert_eq!(shown, [("cup", "SOLD_OUT", 0), ("tea", "ON_SALE", 2)]);
    assert_eq!(shop.get("/products/pot").await.expect(200)["status"], "DISCONTINUED");
    shop.get("/products/tray").await.refused(404, "ENTITY_NOT_FOUND");
}

fn shown(product: &Value) -> (&str, &str, i64) {
    let text = |field: &str| product[field].as_str().unwrap();
    (text("productId"), text("status"), product["stock"].as_i64().unwrap())
}

fn ids(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|product| product["productId"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_catalogue_comes_by_page_and_by_cursor() {
    let shop = TestShop::new();
    for number in 0..5 {
        shop.set_clock(&format!("2026-11-20T03:00:0{number}Z"));
        shop.product(&format!("p{number}"), 1_000, 1).await;
    }
    assert_eq!(ids(&shop.get("/products?page=1&limit=2").await.expect(200)), ["p0", "p1"]);
    assert_eq!(ids(&shop.get("/products?page=2&limit=2").await.expect(200)), ["p2", "p3"]);
    assert_eq!(ids(&shop.get("/products?page=3&limit=2").await.expect(200)), ["p4"]);
    assert_eq!(ids(&shop.get("/products?page=4&limit=2").await.expect(200)), [] as [&str; 0]);

    let first = shop.get("/products?limit=3").await.expect(200);
    assert_eq!(ids(&first), ["p0", "p1", "p2"]);
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = shop.get(&format!("/products?limit=3&cursor={cursor}")).await.expect(200);
    assert_eq!((ids(&second), &second["nextCursor"]), (vec!["p3", "p4"], &Value::Null));
    assert_eq!(shop.get(&format!("/products?page=1&cursor={cursor}")).await.bad_fields(), ["page"]);
}

#[tokio::test]
async fn a_page_is_a_number_in_bounds() {
    let shop = TestShop::new();
    for (query, fields) in [
        ("page=0", vec!["page"]),
        ("page=x&limit=0", vec!["limit", "page"]),
        ("limit=101", vec!["limit"]),
        ("page=1&cursor=YQ", vec!["cursor"]),
        ("page=52&limit=20", vec!["page"]),
        ("page=99999999999999999999", vec!["page"]),
    ] {
        assert_eq!(shop.get(&format!("/products?{query}")).await.bad_fields(), fields, "{query}");
    }
    assert_eq!(ids(&shop.get("/products?page=51&limit=20").await.expect(200)), [] as [&str; 0]);
}

#[tokio::test]
async fn a_changed_price_is_charged_from_then_on() {
    let shop = TestShop::with_instances(2);
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 10).await;
    // Each instance has cached the product now.
    shop.order("mina", "tea", 1).await.expect(201);
    shop.order("mina", "tea", 1).await.expect(201);

    shop.patch("/products/tea", json!({ "price": 12_000, "discount": 1_000 })).as_admin().await.expect(200);
    for _ in 0..2 {
        let order = shop.order("mina", "tea", 1).await.expect(201);
        let line = &order["items"][0];
        assert_eq!(
            (&line["unitPrice"], &line["unitDiscount"], &line["amount"]),
            (&json!(12_000), &json!(1_000), &json!(11_000))
        );
        assert_eq!(order["payable"], 14_000);
    }
}

#[tokio::test]
async fn a_discount_is_at_most_the_price() {
    let shop = TestShop::new();
    let dear = json!({ "name": "X", "price": 1_000, "discount": 1_001, "stock": 1 });
    assert_eq!(shop.post("/products", dear).as_admin().await.bad_fields(), ["discount"]);
    shop.product("tea", 1_000, 1).await;
    assert_eq!(shop.patch("/products/tea", json!({ "discount": 1_001 })).as_admin().await.bad_fields(), ["discount"]);
    shop.patch("/products/tea", json!({ "discount": 1_000 })).as_admin().await.expect(200);
    assert_eq!(shop.patch("/products/tea", json!({ "price": 999 })).as_admin().await.bad_fields(), ["discount"]);
}

#[tokio::test]
async fn sellers_change_their_own_products_only() {
    let shop = TestShop::new();
    let product = json!({ "productId": "tea", "name": "녹차", "price": 1_000, "stock": 3 });
    let created = shop.post("/products", product.clone()).as_seller("dabang").await.expect(201);
    assert_eq!(created["sellerId"], "dabang");

    shop.patch("/products/tea", json!({ "price": 1_100 })).as_seller("dabang").await.expect(200);
    shop.patch("/products/tea", json!({ "price": 1 })).as_seller("other").await.refused(404, "ENTITY_NOT_FOUND");
    shop.patch("/products/tea", json!({ "price": 1 })).as_user("mina").await.refused(403, "FORBIDDEN");
    shop.post("/products/tea/restock", json!({ "quantity": 1 }))
        .as_seller("other")
        .await
        .refused(404, "ENTITY_NOT_FOUND");
    shop.post("/products", product.clone()).as_user("mina").await.refused(403, "FORBIDDEN");
    shop.post("/products", product).await.refused(401, "UNAUTHENTICATED");
    let foreign = json!({ "name": "녹차", "price": 1_000, "stock": 3, "sellerId": "dabang" });
    shop.post("/products", foreign).as_seller("other").await.refused(403, "FORBIDDEN");
    assert_eq!(shop.get("/products/tea").await.expect(200)["price"], 1_100);
}

#[tokio::test]
async fn restocking_adds_and_takes_off_never_below_zero() {
    let shop = TestShop::new();
    shop.product("tea", 1_000, 3).await;
    let restock = |quantity: i64| shop.post("/products/tea/restock", json!({ "quantity": quantity })).as_admin();
    assert_eq!(restock(4).await.expect(200)["stock"], 7);
    assert_eq!(restock(-7).await.expect(200)["stock"], 0);
    let details = restock(-1).await.refused(409, "STOCK_NOT_ENOUGH");
    assert_eq!(details, json!({ "productId": "tea", "requested": 1, "available": 0 }));
    assert_eq!(restock(0).await.bad_fields(), ["quantity"]);
    assert_eq!(restock(1_000_000_000).await.expect(200)["stock"], 1_000_000_000);
    restock(1).await.refused(409, "LIMIT_EXCEEDED");
    let nowhere = shop.post("/products/coffee/restock", json!({ "quantity": 1 })).as_admin();
    nowhere.await.refused(404, "ENTITY_NOT_FOUND");
}

#[tokio::test]
async fn a_sharded_shelf_sells_to_the_last_unit() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    let tea = json!({ "productId": "tea", "name": "녹차", "price": 1_000, "stock": 10, "stockShards": 4 });
    shop.post("/products", tea).as_admin().await.expect(201);
    assert_eq!(shop.stock("tea").await, 10);
    // No shard has five alone.
    shop.order("mina", "tea", 5).await.expect(201);
    shop.order("mina", "tea", 4).await.expect(201);
    let details = shop.order("mina", "tea", 2).await.refused(409, "STOCK_NOT_ENOUGH");
    assert_eq!(details, json!({ "productId": "tea", "requested": 2, "available": 1 }));
    shop.order("mina", "tea", 1).await.expect(201);
    assert_eq!(shop.stock("tea").await, 0);

    let restock = |quantity: i64| shop.post("/products/tea/restock", json!({ "quantity": quantity })).as_admin();
    assert_eq!(restock(7).await.expect(200)["stock"], 7);
    assert_eq!(restock(-6).await.expect(200)["stock"], 1);
}

#[tokio::test]
async fn a_shelf_can_get_more_shards_while_it_sells() {
    let shop = TestShop::with_instances(2);
    shop.customer("mina", 1_000_000).await;
    shop.product("tea", 1_000, 4).await;
    shop.order("mina", "tea", 1).await.expect(201);
    shop.patch("/products/tea", json!({ "stockShards": 3 })).as_admin().await.expect(200);
    assert_eq!(shop.stock("tea").await, 3);
    shop.post("/products/tea/restock", json!({ "quantity": 3 })).as_admin().await.expect(200);
    for _ in 0..6 {
        shop.order("mina", "tea", 1).await.expect(201);
    }
    shop.order("mina", "tea", 1).await.refused(409, "STOCK_NOT_ENOUGH");
}
