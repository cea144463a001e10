//! `POST /products`, `GET /products/{productId}`

use serde_json::json;
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
