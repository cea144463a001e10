//! `GET /users`

use serde_json::json;
use tests::TestShop;

async fn shop() -> TestShop {
    let shop = TestShop::new();
    for (id, phone) in [("mina", "010-1234-5678"), ("jun", "01012345678"), ("sora", "010-9999-9999")] {
        let user = json!({ "userId": id, "name": "김민수", "email": format!("{id}@example.com"), "phone": phone });
        shop.post("/users", user).await.expect(201);
    }
    shop
}

async fn found(shop: &TestShop, query: &str) -> Vec<String> {
    let list = shop.get(&format!("/users?{query}")).as_admin().await.expect(200);
    let users = list["items"].as_array().unwrap().iter();
    let mut ids: Vec<String> = users.map(|user| user["userId"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn admins_find_users_by_address_in_any_case_and_by_number_in_any_form() {
    let shop = shop().await;
    assert_eq!(found(&shop, "email=MINA@example.com").await, ["mina"]);
    assert_eq!(found(&shop, "phone=010%201234%205678").await, ["jun", "mina"]);
    assert!(found(&shop, "email=nobody@example.com").await.is_empty());
    let change = |body| shop.patch("/users/mina", body).as_user("mina");
    change(json!({ "email": "new@example.com", "phone": "02-1" })).await.expect(200);
    assert!(found(&shop, "email=mina@example.com").await.is_empty());
    assert_eq!(found(&shop, "phone=02-1").await, ["mina"]);
    assert_eq!(found(&shop, "phone=01012345678").await, ["jun"]);
    change(json!({ "phone": null })).await.expect(200);
    assert!(found(&shop, "phone=02-1").await.is_empty());
    shop.audit().await;
}

#[tokio::test]
async fn a_search_is_for_admins_and_has_one_criterion() {
    let shop = shop().await;
    shop.get("/users?phone=1").as_user("mina").await.refused(403, "FORBIDDEN");
    assert_eq!(shop.get("/users").as_admin().await.bad_fields(), ["email"]);
    assert_eq!(shop.get("/users?email=a@b&phone=1").as_admin().await.bad_fields(), ["phone"]);
}
