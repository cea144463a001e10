//! `GET /products`

use serde_json::{Value, json};
use tests::TestShop;

#[tokio::test]
async fn the_catalogue_has_products_on_sale_including_sold_out_ones() {
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
async fn the_catalogue_is_listed_by_page_and_by_cursor() {
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
