//! `POST /balance/adjustments`.

use serde_json::json;
use tests::{
    Call, TestShop,
    steps::{race, set_user},
};

fn adjust(shop: &TestShop, amount: i64) -> Call {
    by_anyone(shop, amount).as_admin()
}

fn by_anyone(shop: &TestShop, amount: i64) -> Call {
    shop.post("/balance/adjustments", json!({ "userId": "mina", "amount": amount, "reason": "정정" }))
}

#[tokio::test]
async fn an_admin_corrects_a_balance_both_ways() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000).await;
    assert_eq!(adjust(&shop, 1).await.expect(200)["balance"], 1_001);
    assert_eq!(adjust(&shop, -1_001).await.expect(200)["balance"], 0);
    let entry = &shop.get("/balance/mina/entries").await.expect(200)["items"][0];
    assert_eq!(
        (&entry["type"], &entry["amount"], &entry["reason"], &entry["actor"]),
        (&json!("ADJUSTMENT"), &json!(-1_001), &json!("정정"), &json!("ADMIN"))
    );
    let details = adjust(&shop, -1).await.refused(402, "BALANCE_NOT_ENOUGH");
    assert_eq!(details, json!({ "payable": 1, "balance": 0 }));
    adjust(&shop, -1).key("k").await.refused(402, "BALANCE_NOT_ENOUGH");
    adjust(&shop, 9_000_000_000_000_000).await.expect(200);
    adjust(&shop, 1).await.refused(409, "LIMIT_EXCEEDED");
    shop.audit().await;
}

#[tokio::test]
async fn a_key_corrects_once() {
    let shop = TestShop::with_instances(4);
    shop.customer("mina", 1_000).await;
    let answers = race((0..12).map(|_| adjust(&shop, -300).key("k")).collect()).await;
    assert_eq!(answers.get("SUCCESS"), Some(&12), "{answers:?}");
    assert_eq!(shop.balance("mina").await, 700);
    shop.audit().await;
}

#[tokio::test]
async fn a_correction_needs_an_admin_a_reason_and_an_amount() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000).await;
    by_anyone(&shop, 1).as_user("mina").await.refused(403, "FORBIDDEN");
    assert_eq!(adjust(&shop, 0).await.bad_fields(), ["amount"]);
    let without = json!({ "userId": "mina", "amount": 1 });
    assert_eq!(shop.post("/balance/adjustments", without).as_admin().await.bad_fields(), ["reason"]);
    set_user(&shop, "mina", "SUSPENDED").await;
    adjust(&shop, 1).await.expect(200);
    adjust(&shop, -1_001).await.expect(200);
    set_user(&shop, "mina", "WITHDRAWN").await;
    adjust(&shop, 1).await.refused(409, "USER_NOT_ACTIVE");
    assert_eq!(shop.balance("mina").await, 0);
}
