//! `POST /users`

use serde_json::json;
use tests::TestShop;

#[tokio::test]
async fn a_user_joins_and_is_found() {
    let shop = TestShop::new();
    let mina = json!({ "userId": "mina", "name": "이미나", "email": "mina@example.com", "phone": "010-1234-5678" });
    let created = shop.post("/users", mina).await.expect(201);
    insta::assert_json_snapshot!(created, @r#"
    {
      "createdAt": "2026-11-20T03:00:00Z",
      "email": "mina@example.com",
      "kind": "CUSTOMER",
      "name": "이미나",
      "phone": "010-1234-5678",
      "status": "ACTIVE",
      "updatedAt": "2026-11-20T03:00:00Z",
      "userId": "mina"
    }
    "#);
    assert_eq!(shop.get("/users/mina").as_user("mina").await.expect(200), created);
    assert_eq!(shop.balance("mina").await, 0);
}

#[tokio::test]
async fn a_taken_id_is_refused() {
    let shop = TestShop::new();
    shop.customer("mina", 500).await;
    let again = json!({ "userId": "mina", "name": "Other", "email": "other@example.com" });
    let details = shop.post("/users", again).await.refused(409, "ALREADY_EXISTS");
    assert_eq!(details["field"], "userId");
    assert_eq!(shop.balance("mina").await, 500);
    assert_eq!(shop.get("/users/mina").as_user("mina").await.expect(200)["name"], "김민수");
}

#[tokio::test]
async fn a_customer_joins_as_themselves() {
    let shop = TestShop::new();
    let user = json!({ "name": "Mina", "email": "mina@example.com" });
    let created = shop.post("/users", user.clone()).as_user("mina").await.expect(201);
    assert_eq!(created["userId"], "mina");
    let mut other = user;
    other["userId"] = json!("jun");
    shop.post("/users", other).as_user("mina").await.refused(403, "FORBIDDEN");
    // A caller without identity gets an id.
    let unnamed = json!({ "name": "Mina", "email": "other@example.com" });
    let unnamed = shop.post("/users", unnamed).await.expect(201);
    assert_eq!(unnamed["userId"].as_str().unwrap().len(), 26);
}

#[tokio::test]
async fn sellers_are_made_by_admins() {
    let shop = TestShop::new();
    let seller = json!({
        "userId": "dabang", "name": "박다방", "email": "shop@example.com", "kind": "SELLER",
        "seller": {
            "businessName": "다방 상회", "registrationNumber": "123-45-67890", "contact": "02-123-4567",
            "address": "서울시 종로구", "category": "차",
        },
    });
    shop.post("/users", seller.clone()).await.refused(403, "FORBIDDEN");
    let created = shop.post("/users", seller).as_admin().await.expect(201);
    assert_eq!(created["kind"], "SELLER");
    assert_eq!(created["seller"]["businessName"], "다방 상회");
}
