//! `POST /balance/charge`, `GET /balance/{userId}`

use serde_json::json;
use tests::TestShop;

#[tokio::test]
async fn a_charge_is_visible_at_once() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    let charged = shop.post("/balance/charge", json!({ "userId": "mina", "amount": 10_000 })).await.expect(200);
    assert_eq!((&charged["userId"], &charged["balance"]), (&json!("mina"), &json!(10_000)));
    assert!(charged["entryId"].is_string());
    let balance = shop.get("/balance/mina").await.expect(200);
    // The hash covers a random id.
    let head = &balance["head"];
    assert_eq!(head.as_str().map(str::len), Some(64));
    assert_eq!(balance, json!({ "userId": "mina", "balance": 10_000, "sequence": 1, "head": head }));
}

#[tokio::test]
async fn balance_of_an_unknown_user_is_not_found() {
    let shop = TestShop::new();
    let charge = json!({ "userId": "nobody", "amount": 100 });
    let details = shop.post("/balance/charge", charge).await.refused(404, "ENTITY_NOT_FOUND");
    assert_eq!(details, json!({ "userId": "nobody" }));
    shop.get("/balance/nobody").await.refused(404, "ENTITY_NOT_FOUND");
    shop.get("/balance/nobody/entries").await.refused(404, "ENTITY_NOT_FOUND");
}

#[tokio::test]
async fn a_balance_has_an_upper_bound() {
    use shared::domain::{UserId, Won, account::Account, money::MAX_BALANCE};
    use shared::store::{Outcome, Transaction, users};

    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    // Ninety million charges are too many for a test: the account is made rich.
    let full = Account { balance: MAX_BALANCE.checked_sub(Won::new(100)).unwrap(), sequence: 1, ..Account::NEW };
    let mina = UserId::try_from("mina".to_owned()).unwrap();
    let mut transaction = Transaction::new();
    transaction.add(users::move_balance(&mina, &Account::NEW, &full));
    let table = &shop.instance().table;
    assert!(matches!(table.commit(transaction, &mut table.backoff()).await.unwrap(), Outcome::Committed));

    let charge = |amount: i64| shop.post("/balance/charge", json!({ "userId": "mina", "amount": amount }));
    let details = charge(200).await.refused(409, "LIMIT_EXCEEDED");
    assert_eq!(details, json!({ "limit": "balance", "max": 9_000_000_000_000_000_i64 }));
    assert_eq!(charge(100).await.expect(200)["balance"], 9_000_000_000_000_000_i64);
}

/// A deployed shop makes no money out of nothing: an admin charges, and says why.
#[tokio::test]
async fn only_an_admin_with_a_reason_charges_where_customers_do_not() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000).await;
    let shop = shop.without_self_charge();
    let charge = json!({ "userId": "mina", "amount": 500 });
    shop.post("/balance/charge", charge.clone()).as_user("mina").await.refused(403, "FORBIDDEN");
    shop.post("/balance/charge", charge.clone()).as_seller("mina").await.refused(403, "FORBIDDEN");
    let answer = shop.post("/balance/charge", charge.clone()).as_admin().await;
    assert_eq!(answer.body["fieldErrors"][0]["field"], "reason");
    answer.refused(400, "INVALID_REQUEST");
    assert_eq!(shop.balance("mina").await, 1_000);

    let with_reason = json!({ "userId": "mina", "amount": 500, "reason": "계좌 이체" });
    let charged = shop.post("/balance/charge", with_reason.clone()).as_admin().key("k").await.expect(200);
    let again = shop.post("/balance/charge", with_reason).as_admin().key("k").await.expect(200);
    assert_eq!((&charged["balance"], &charged), (&json!(1_500), &again));
    let entries = shop.get("/balance/mina/entries").as_user("mina").await.expect(200);
    assert_eq!(entries["items"][0]["reason"], "계좌 이체");
    assert_eq!(entries["items"][1].get("reason"), None);
    shop.audit().await;
}
