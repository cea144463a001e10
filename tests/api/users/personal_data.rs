//! Personal data as it is stored: sealed.

use serde_json::{Value, json};
use tests::{
    TestShop,
    steps::{cancel, history},
};

/// All items of the table, as text.
fn stored(shop: &TestShop) -> String {
    shop.dynamo().execute("Scan", json!({ "TableName": tests::TABLE })).unwrap()["Items"].to_string()
}

fn put(shop: &TestShop, item: Value) {
    let put = json!([{ "Put": { "TableName": tests::TABLE, "Item": item } }]);
    shop.dynamo().execute("TransactWriteItems", json!({ "TransactItems": put })).unwrap();
}

/// The item of a user's profile, as the first stage stored it.
fn first_stage(shop: &TestShop) {
    let profile = json!({
        "pk": { "S": "USER#mina" }, "sk": { "S": "PROFILE" }, "userId": { "S": "mina" }, "name": { "S": "김민아" },
        "email": { "S": "mina@example.com" }, "phone": { "S": "010-1234" }, "address": { "S": "서울시 마포구 1" },
        "kind": { "S": "CUSTOMER" }, "version": { "N": "1" }, "createdAt": { "N": "1795143600000" },
    });
    let account = json!({
        "pk": { "S": "USER#mina" }, "sk": { "S": "ACCOUNT" }, "status": { "S": "ACTIVE" }, "balance": { "N": "0" },
        "sequence": { "N": "0" },
    });
    put(shop, profile);
    put(shop, account);
}

#[tokio::test]
async fn personal_data_is_stored_sealed_and_shown_plain() {
    let shop = TestShop::new();
    shop.product("tea", 1_000, 10).await;
    let business = json!({
        "businessName": "비밀상회", "registrationNumber": "비밀번호1", "contact": "비밀연락", "address": "비밀가게", "category": "차",
    });
    let mina = json!({
        "userId": "mina", "name": "비밀이름", "email": "secret@example.com", "phone": "010-7777-7777",
        "address": { "postcode": "77777", "line1": "비밀주소", "note": "비밀메모" }, "seller": business,
    });
    let joined = shop.post("/users", mina).as_admin().await.expect(201);
    assert_eq!((&joined["name"], &joined["seller"]["businessName"]), (&json!("비밀이름"), &json!("비밀상회")));
    let charge = json!({ "userId": "mina", "amount": 50_000, "reason": "비밀사유1" });
    shop.post("/balance/charge", charge).as_admin().await.expect(200);
    let order = shop.order("mina", "tea", 2).await.expect(201);
    cancel(&shop, "mina", &order, json!({ "reason": "비밀사유2" })).await.expect(200);
    let account = json!({ "bank": "비밀은행", "number": "비밀계좌", "holder": "비밀예금주" });
    let withdrawal = json!({ "userId": "mina", "amount": 1_000, "account": account });
    let withdrawal = shop.post("/balance/withdrawals", withdrawal).as_user("mina").await.expect(201);
    assert_eq!(withdrawal["account"], account);

    let stored = stored(&shop);
    for secret in ["비밀", "secret@", "7777"] {
        assert!(!stored.contains(secret), "{secret}: {stored}");
    }
    assert!(history(&shop, &order).await.contains("CANCELLED"));
    let history = shop.get(&format!("/orders/{}/history", order["orderId"].as_str().unwrap())).as_user("mina");
    assert!(history.await.expect(200).to_string().contains("비밀사유2"));
    let ledger = shop.get("/balance/mina/entries").as_user("mina").await.expect(200);
    assert!(ledger.to_string().contains("비밀사유1"));
    shop.audit().await;
}

#[tokio::test]
async fn a_record_of_the_first_stage_is_readable_and_sealed_at_its_next_write() {
    let shop = TestShop::new();
    shop.product("tea", 1_000, 10).await;
    first_stage(&shop);
    let shown = shop.get("/users/mina").as_user("mina").await.expect(200);
    assert_eq!((&shown["name"], &shown["address"]["line1"]), (&json!("김민아"), &json!("서울시 마포구 1")));
    let order = shop.order("mina", "tea", 1).await;
    assert_eq!(order.status, 402, "{}", order.body);
    let changed = shop.patch("/users/mina", json!({ "name": "박새봄" })).as_user("mina").await.expect(200);
    assert_eq!(changed["address"], json!({ "name": "박새봄", "phone": "010-1234", "line1": "서울시 마포구 1" }));
    let stored = stored(&shop);
    for plain in ["김민아", "박새봄", "mina@", "010-1234", "마포구"] {
        assert!(!stored.contains(plain), "{plain}: {stored}");
    }
    assert_eq!(shop.get("/users?phone=0101234").as_admin().await.expect(200)["items"][0]["userId"], "mina");
}

#[tokio::test]
async fn events_name_nobody() {
    let shop = TestShop::new();
    shop.product("tea", 1_000, 10).await;
    let mina = json!({
        "userId": "mina", "name": "비밀이름", "email": "secret@example.com", "phone": "010-7777-7777", "address": "비밀주소",
    });
    shop.post("/users", mina).await.expect(201);
    shop.post("/balance/charge", json!({ "userId": "mina", "amount": 50_000 })).await.expect(200);
    let order = shop.order("mina", "tea", 2).await.expect(201);
    cancel(&shop, "mina", &order, json!({ "reason": "비밀사유" })).await.expect(200);
    for event in shop.published().await {
        let text = serde_json::to_string(&event.data).unwrap();
        for secret in ["비밀", "secret@", "7777"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
