//! `GET /balance/{userId}/entries`

use jiff::Timestamp;
use serde_json::{Value, json};
use shared::domain::ledger::LedgerEntry;
use tests::TestShop;

#[tokio::test]
async fn the_ledger_has_every_change_newest_first() {
    let shop = TestShop::new();
    shop.customer("mina", 50_000).await;
    shop.product("tea", 30_000, 5).await;
    let order = shop.order("mina", "tea", 1).await.expect(201);
    shop.post("/balance/charge", json!({ "userId": "mina", "amount": 1_000 })).await.expect(200);

    let entries = shop.get("/balance/mina/entries").await.expect(200);
    let shown: Vec<(&str, i64, i64)> = entries["items"].as_array().unwrap().iter().map(shown).collect();
    assert_eq!(shown, [("CHARGE", 1_000, 21_000), ("PAYMENT", -30_000, 20_000), ("CHARGE", 50_000, 50_000)]);
    assert_eq!(entries["items"][1]["orderId"], order["orderId"]);
    assert_eq!(entries["nextCursor"], Value::Null);
}

fn shown(entry: &Value) -> (&str, i64, i64) {
    (entry["type"].as_str().unwrap(), entry["amount"].as_i64().unwrap(), entry["balanceAfter"].as_i64().unwrap())
}

/// The answers have all that the hashes cover: a reason in its sealed form, too.
#[tokio::test]
async fn the_chain_can_be_verified_from_the_answers() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    for reason in ["계좌 이체", "bank \"transfer\""] {
        let charge = json!({ "userId": "mina", "amount": 1_000, "reason": reason });
        shop.post("/balance/charge", charge).as_admin().await.expect(200);
    }
    shop.post("/balance/charge", json!({ "userId": "mina", "amount": 500 })).await.expect(200);

    let answer = shop.get("/balance/mina/entries").await.expect(200);
    let entries = answer["items"].as_array().unwrap();
    assert_eq!(
        (&entries[2]["reason"], entries[2]["sealedReason"] != entries[2]["reason"]),
        (&json!("계좌 이체"), true)
    );
    assert!(entries[0].get("sealedReason").is_none());
    let mut before = "0".repeat(64);
    for (entry, sequence) in entries.iter().rev().zip(1..) {
        assert_eq!((&entry["sequence"], entry["before"].as_str().unwrap()), (&json!(sequence), before.as_str()));
        let mut stored = entry.clone();
        let at: Timestamp = entry["at"].as_str().unwrap().parse().unwrap();
        stored["at"] = json!(at.as_millisecond());
        stored["reason"] = entry["sealedReason"].clone();
        let stored: LedgerEntry = serde_json::from_value(stored).unwrap();
        before = stored.hash(&"mina".to_owned().try_into().unwrap()).to_string();
    }
    let account = shop.get("/balance/mina").await.expect(200);
    assert_eq!((&account["sequence"], account["head"].as_str().unwrap()), (&json!(3), before.as_str()));
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
async fn a_cursor_of_another_ledger_is_refused() {
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
