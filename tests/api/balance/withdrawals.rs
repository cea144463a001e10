//! `POST /balance/withdrawals`, `GET` and `PATCH /balance/withdrawals/{withdrawalId}`.

use serde_json::{Value, json};
use tests::{
    Call, TestShop,
    steps::{ledger, published, race, set_user},
};

fn withdraw(shop: &TestShop, amount: i64) -> Call {
    let account = json!({ "bank": "088", "number": "110-123", "holder": "김민아" });
    shop.post("/balance/withdrawals", json!({ "userId": "mina", "amount": amount, "account": account })).as_user("mina")
}

fn path(withdrawal: &Value) -> String {
    format!("/balance/withdrawals/{}", withdrawal["withdrawalId"].as_str().unwrap())
}

fn becomes(shop: &TestShop, withdrawal: &Value, status: &str) -> Call {
    shop.patch(&path(withdrawal), json!({ "status": status })).as_admin()
}

async fn shop() -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", 10_000).await;
    shop
}

#[tokio::test]
async fn a_withdrawal_takes_the_money_at_once_and_is_paid_out() {
    let shop = shop().await;
    let withdrawal = withdraw(&shop, 4_000).await.expect(201);
    assert_eq!(
        (&withdrawal["status"], &withdrawal["amount"], &withdrawal["balance"]),
        (&json!("REQUESTED"), &json!(4_000), &json!(6_000))
    );
    assert_eq!(withdrawal["account"], json!({ "bank": "088", "number": "110-123", "holder": "김민아" }));
    let event = published(&shop).await.into_iter().find(|event| event.kind.as_str() == "WithdrawalRequested");
    let event = serde_json::to_value(event.expect("it is asked for").data).unwrap();
    assert_eq!((&event["amount"], &event["account"]), (&json!(4_000), &Value::Null), "the account is personal");
    assert_eq!(becomes(&shop, &withdrawal, "PAID_OUT").await.expect(200)["status"], "PAID_OUT");
    becomes(&shop, &withdrawal, "PAID_OUT").await.expect(200);
    assert_eq!(shop.get(&path(&withdrawal)).as_user("mina").await.expect(200)["status"], "PAID_OUT");
    assert_eq!(shop.balance("mina").await, 6_000);
    shop.audit().await;
}

#[tokio::test]
async fn a_withdrawal_that_comes_back_is_credited_once() {
    let shop = shop().await;
    let withdrawal = withdraw(&shop, 4_000).await.expect(201);
    set_user(&shop, "mina", "SUSPENDED").await;
    let answers = race((0..8).map(|_| becomes(&shop, &withdrawal, "RETURNED")).collect()).await;
    assert_eq!(answers.get("SUCCESS"), Some(&8), "{answers:?}");
    assert_eq!(shop.balance("mina").await, 10_000);
    let moved: Vec<_> = ledger(&shop, "mina").await.into_iter().map(|(kind, amount, _)| (kind, amount)).collect();
    let withdrawn = |amount: i64| ("WITHDRAWAL".to_owned(), amount);
    assert_eq!(moved, [("CHARGE".to_owned(), 10_000), withdrawn(-4_000), withdrawn(4_000)]);
    becomes(&shop, &withdrawal, "PAID_OUT").await.refused(409, "ORDER_STATE_CONFLICT");
    shop.audit().await;
}

#[tokio::test]
async fn a_withdrawal_and_an_order_for_the_same_won_have_one_winner() {
    let shop = TestShop::with_instances(4);
    shop.customer("mina", 10_000).await;
    shop.product("tea", 7_000, 10).await;
    let calls = vec![withdraw(&shop, 10_000), shop.order("mina", "tea", 1)];
    let answers = race(calls).await;
    assert_eq!((answers.get("SUCCESS"), answers.get("BALANCE_NOT_ENOUGH")), (Some(&1), Some(&1)), "{answers:?}");
    assert_eq!(shop.balance("mina").await, 0);
    shop.audit().await;
}

#[tokio::test]
async fn a_key_withdraws_once() {
    let shop = shop().await;
    let first = withdraw(&shop, 6_000).key("k").await.expect(201);
    let again = withdraw(&shop, 6_000).key("k").await.expect(201);
    assert_eq!(again["withdrawalId"], first["withdrawalId"]);
    withdraw(&shop, 5_000).key("k").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    let answers = race((0..8).map(|_| withdraw(&shop, 4_000).key("l")).collect()).await;
    assert_eq!(answers.get("SUCCESS"), Some(&8), "{answers:?}");
    assert_eq!(shop.balance("mina").await, 0);
    shop.audit().await;
}

#[tokio::test]
async fn a_withdrawal_is_refused_without_money_and_to_others() {
    let shop = shop().await;
    shop.customer("jun", 0).await;
    let details = withdraw(&shop, 10_001).await.refused(402, "BALANCE_NOT_ENOUGH");
    assert_eq!(details, json!({ "payable": 10_001, "balance": 10_000 }));
    assert_eq!(withdraw(&shop, 0).await.bad_fields(), ["amount"]);
    withdraw(&shop, 1).as_user("jun").await.refused(403, "FORBIDDEN");
    let withdrawal = withdraw(&shop, 1).await.expect(201);
    shop.get(&path(&withdrawal)).as_user("jun").await.refused(404, "ENTITY_NOT_FOUND");
    becomes(&shop, &withdrawal, "PAID_OUT").as_user("mina").await.refused(403, "FORBIDDEN");
    assert_eq!(becomes(&shop, &withdrawal, "LOST").await.bad_fields(), ["status"]);
    becomes(&shop, &withdrawal, "REQUESTED").await.expect(200);
    becomes(&shop, &json!({ "withdrawalId": "nowhere" }), "PAID_OUT").await.refused(404, "ENTITY_NOT_FOUND");
    set_user(&shop, "mina", "SUSPENDED").await;
    withdraw(&shop, 1).await.refused(409, "USER_NOT_ACTIVE");
}
