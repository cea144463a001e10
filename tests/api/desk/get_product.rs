//! `GET /desk/products/{productId}`, and products that are created hidden.

use serde_json::json;
use tests::{Answer, TestShop};

use super::{create, product_ids, seeded_shop, set_status};

#[tokio::test]
async fn a_product_created_hidden_is_visible_at_the_desk_only() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    create(&shop, 0, "hana", "first", json!({})).await;
    shop.set_clock("2026-11-20T03:00:01Z");
    let tea = json!({ "productId": "tea", "name": "보성 녹차", "price": 12_000, "stock": 10, "status": "HIDDEN" });
    let created = shop.post("/products", tea).as_seller("hana").await.expect(201);
    assert_eq!(created["status"], "HIDDEN");
    create(&shop, 2, "hana", "last", json!({ "status": "ON_SALE" })).await;

    assert_eq!(product_ids(&shop.get("/products").await.expect(200)), ["first", "last"]);
    for path in ["/products/tea", "/products/tea?stock=recent"] {
        shop.get(path).await.refused(404, "ENTITY_NOT_FOUND");
    }
    shop.order("mina", "tea", 1).await.refused(404, "ENTITY_NOT_FOUND");
    let shown = shop.get("/desk/products/tea").as_seller("hana").await.expect(200);
    insta::assert_json_snapshot!(shown, @r#"
    {
      "createdAt": "2026-11-20T03:00:01Z",
      "discount": 0,
      "flash": false,
      "flashPinned": false,
      "name": "보성 녹차",
      "needsShipping": true,
      "price": 12000,
      "productId": "tea",
      "sellerId": "hana",
      "status": "HIDDEN",
      "stock": 10,
      "stockShards": 1,
      "stockShardsPinned": false,
      "updatedAt": "2026-11-20T03:00:01Z"
    }
    "#);
    let list = shop.get("/desk/products").as_seller("hana").await.expect(200);
    assert_eq!(product_ids(&list), ["first", "tea", "last"]);

    // On sale it is listed by its creation, and its units are there.
    shop.set_clock("2026-11-20T03:01:00Z");
    set_status(&shop, "tea", "ON_SALE").await;
    assert_eq!(product_ids(&shop.get("/products").await.expect(200)), ["first", "tea", "last"]);
    shop.order("mina", "tea", 5).await.expect(201);
    shop.audit().await;
}

#[tokio::test]
async fn a_product_is_created_on_sale_or_hidden() {
    let shop = TestShop::new();
    for (status, fields) in [("DISCONTINUED", ["status"]), ("SOLD_OUT", ["status"]), ("hidden", ["status"])] {
        let product = json!({ "name": "녹차", "price": 1, "stock": 1, "status": status });
        assert_eq!(shop.post("/products", product).as_admin().await.bad_fields(), fields);
    }
    let hidden = json!({ "name": "녹차", "price": 1, "stock": 1, "status": "HIDDEN" });
    let call = || shop.post("/products", hidden.clone()).as_admin().key("k");
    let created = call().await.expect(201);
    assert_eq!(call().await.expect(201), created);
}

#[tokio::test]
async fn a_product_of_the_desk_has_the_tag_of_the_public_one() {
    let shop = seeded_shop().await;
    let tag = |answer: Answer| answer.headers["etag"].to_str().unwrap().to_owned();
    let shown = tag(shop.get("/desk/products/a").as_seller("hana").await);
    assert_eq!(shown, tag(shop.get("/products/a").await));
    let change = || shop.patch("/products/a", json!({ "name": "새 이름" })).as_seller("hana");
    change().header("if-match", &shown).await.expect(200);
    change().header("if-match", &shown).await.refused(412, "PRECONDITION_FAILED");
}
