//! `/desk/…`: products and campaigns, for sellers and admins.

mod audit_log;
mod get_product;
mod list_campaigns;
mod list_claims;
mod list_lines;
mod list_products;
mod migration;

use serde_json::{Value, json};
use tests::{Call, TestShop};

fn ids<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list["items"].as_array().unwrap().iter().map(|item| item[field].as_str().unwrap()).collect()
}

fn product_ids(list: &Value) -> Vec<&str> {
    ids(list, "productId")
}

/// A seller creates a product at this second.
async fn create(shop: &TestShop, second: u8, seller: &str, id: &str, more: Value) {
    shop.set_clock(&format!("2026-11-20T03:00:{second:02}Z"));
    let mut product = json!({ "productId": id, "name": format!("{id} 상품"), "price": 1_000, "stock": 3 });
    product.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    shop.post("/products", product).as_seller(seller).await.expect(201);
}

async fn set_status(shop: &TestShop, id: &str, status: &str) {
    shop.patch(&format!("/products/{id}"), json!({ "status": status })).as_admin().await.expect(200);
}

/// Two sellers' products of every status, and one of the shop, created in the order of their names.
async fn seeded_shop() -> TestShop {
    let shop = TestShop::new();
    for (second, seller, id) in
        [(0, "hana", "a"), (1, "duri", "b"), (2, "hana", "c"), (3, "hana", "d"), (4, "duri", "e")]
    {
        create(&shop, second, seller, id, json!({})).await;
    }
    shop.set_clock("2026-11-20T03:00:05Z");
    shop.product("f", 1_000, 3).await;
    set_status(&shop, "b", "HIDDEN").await;
    set_status(&shop, "c", "DISCONTINUED").await;
    set_status(&shop, "d", "HIDDEN").await;
    shop
}

/// Walks a list to its end; the names of each page.
async fn walk(ask: impl Fn(&str) -> Call, field: &str) -> Vec<Vec<String>> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ask(&cursor).await.expect(200);
        pages.push(ids(&page, field).into_iter().map(str::to_owned).collect());
        let Some(next) = page["nextCursor"].as_str() else { return pages };
        cursor = format!("&cursor={next}");
        assert!(pages.len() < 100, "{pages:?}");
    }
}
