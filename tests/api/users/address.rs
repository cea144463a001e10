//! The address of a user, in `POST` and `PATCH /users`.

use serde_json::{Value, json};
use tests::TestShop;

async fn joins(address: Value) -> (TestShop, Value) {
    let shop = TestShop::new();
    let mina = json!({
        "userId": "mina", "name": "김민아", "email": "mina@example.com", "phone": "010-1", "address": address,
    });
    let joined = shop.post("/users", mina).await.expect(201);
    (shop, joined)
}

async fn changes(shop: &TestShop, change: Value) -> Value {
    shop.patch("/users/mina", change).as_user("mina").await.expect(200)
}

#[tokio::test]
async fn an_address_is_an_object_or_a_text() {
    let (shop, joined) = joins(json!("서울시 마포구 1")).await;
    assert_eq!(joined["address"], json!({ "name": "김민아", "phone": "010-1", "line1": "서울시 마포구 1" }));
    assert_eq!(shop.get("/users/mina").as_user("mina").await.expect(200), joined);
    let address =
        json!({ "name": "이준", "phone": "010-2", "postcode": "04100", "line1": "1", "line2": "2", "note": "3" });
    assert_eq!(changes(&shop, json!({ "address": address })).await["address"], address);
    assert_eq!(changes(&shop, json!({ "address": null })).await["address"], Value::Null);
    shop.audit().await;
}

#[tokio::test]
async fn name_and_phone_of_an_address_follow_the_user_unless_it_has_its_own() {
    let (shop, _) = joins(json!({ "line1": "1", "name": "이준" })).await;
    let changed = changes(&shop, json!({ "name": "박새봄", "phone": null })).await;
    assert_eq!(changed["address"], json!({ "name": "이준", "line1": "1" }));
    let changed = changes(&shop, json!({ "address": { "line1": "1" } })).await;
    assert_eq!(changed["address"]["name"], "박새봄");
}

#[tokio::test]
async fn a_wrong_address_names_its_fields() {
    let shop = TestShop::new();
    let join = |address: Value| {
        shop.post("/users", json!({ "name": "김민아", "email": "mina@example.com", "address": address }))
    };
    assert_eq!(join(json!({ "postcode": "04100" })).await.bad_fields(), ["address.line1"]);
    assert_eq!(join(json!({ "line1": "1", "city": "서울" })).await.bad_fields(), ["address.city"]);
    assert_eq!(join(json!({ "line1": 1, "note": "" })).await.bad_fields(), ["address.line1", "address.note"]);
    assert_eq!(join(json!(1)).await.bad_fields(), ["address"]);
    assert_eq!(join(json!("")).await.bad_fields(), ["address"]);
}
