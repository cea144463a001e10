//! `/balance`

use serde_json::{Value, json};
use tests::TestShop;

#[tokio::test]
async fn a_charge_is_visible_at_once() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    let charged = shop.post("/balance/charge", json!({ "userId": "mina", "amount": 10_000 })).await.expect(200);
    assert_eq!((&charged["userId"], &charged["balance"]), (&json!("mina"), &json!(10_000)));
    assert!(charged["entryId"].is_string());
    assert_eq!(shop.get("/balance/mina").await.expect(200), json!({ "userId": "mina", "balance": 10_000 }));
}

#[tokio::test]
async fn an_unknown_user_has_no_balance() {
    let shop = TestShop::new();
    let charge = json!({ "userId": "nobody", "amount": 100 });
    let details = shop.post("/balance/charge", charge).await.refused(404, "ENTITY_NOT_FOUND");
    assert_eq!(details, json!({ "userId": "nobody" }));
    shop.get("/balance/nobody").await.refused(404, "ENTITY_NOT_FOUND");
    shop.get("/balance/nobody/entries").await.refused(404, "ENTITY_NOT_FOUND");
}

#[tokio::test]
async fn the_ledger_has_every_change_newest_first() {
    let shop = TestShop::new();
    shop.customer("mina", 50_000).await;
    shop.product("tea", 30_000, 5).await;
    let order = shop.order("mina", "tea", 1).await.expect(201);
    shop.post("/balance/charge", json!({ "userId": "mina", "amount": 1_000 })).await.expect(200);

    let entries = shop.get("/balance/mina/entries").await.expect(200);
    let told: Vec<(&str, i64, i64)> = entries["items"].as_array().unwrap().iter().map(told).collect();
    assert_eq!(told, [("CHARGE", 1_000, 21_000), ("PAYMENT", -30_000, 20_000), ("CHARGE", 50_000, 50_000)]);
    assert_eq!(entries["items"][1]["orderId"], order["orderId"]);
    assert_eq!(entries["nextCursor"], Value::Null);
}

fn told(entry: &Value) -> (&str, i64, i64) {
    (entry["type"].as_str().unwrap(), entry["amount"].as_i64().unwrap(), entry["balanceAfter"].as_i64().unwrap())
}

#[tokio::test]
async fn the_ledger_comes_in_pages() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    for amount in 1..=5 {
        shop.post("/balance/charge", json!({ "userId": "mina", "amount": amount * 100 })).await.expect(200);
    }
    let mut path = "/balance/mina/entries?limit=2".to_owned();
    let mut amounts = Vec::new();
    for _ in 0..5 {
        let page = shop.get(&path).await.expect(200);
        amounts.extend(page["items"].as_array().unwrap().iter().map(|entry| entry["amount"].as_i64().unwrap()));
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        path = format!("/balance/mina/entries?limit=2&cursor={cursor}");
    }
    assert_eq!(amounts, [500, 400, 300, 200, 100]);
}

#[tokio::test]
async fn a_cursor_shows_nobody_elses_ledger() {
    let shop = TestShop::new();
    shop.customer("mina", 300).await;
    shop.customer("jun", 100).await;
    shop.post("/balance/charge", json!({ "userId": "mina", "amount": 100 })).await.expect(200);
    let cursor = shop.get("/balance/mina/entries?limit=1").await.expect(200)["nextCursor"].as_str().unwrap().to_owned();
    let entries = |query: &str| shop.get(&format!("/balance/jun/entries?cursor={query}"));
    assert_eq!(entries(&cursor).await.bad_fields(), ["cursor"]);
    assert_eq!(shop.get("/balance/jun/entries?cursor=%25").await.bad_fields(), ["cursor"]);
    assert_eq!(shop.get("/balance/jun/entries?cursor=YQ").await.bad_fields(), ["cursor"]);
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
