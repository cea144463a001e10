//! The auditor finds what is wrong, and only that, in a table of many pages.

use audit::{Invariant, Scope};
use serde_json::{Value, json};
use tests::{TABLE, TestShop};

/// A shop whose table takes more than one page to read.
async fn large_shop() -> TestShop {
    let shop = TestShop::new();
    shop.product("tea", 1_000, 1_000).await;
    for user in 0..350 {
        shop.customer(&format!("u{user}"), 10_000).await;
    }
    shop.order("u0", "tea", 1).await.expect(201);
    shop.audit().await;
    shop
}

fn tamper(shop: &TestShop, pk: &str, sk: &str, attribute: &str, value: Value) {
    let update = json!({
        "TableName": TABLE, "Key": { "pk": { "S": pk }, "sk": { "S": sk } },
        "UpdateExpression": "SET #a = :v", "ExpressionAttributeNames": { "#a": attribute },
        "ExpressionAttributeValues": { ":v": value },
    });
    shop.dynamo().execute("UpdateItem", update).unwrap();
}

async fn broken(shop: &TestShop) -> Vec<Invariant> {
    let report = audit::audit(&shop.dynamo().client(), TABLE, Scope::Everything, shop.now()).await.unwrap();
    let mut broken: Vec<_> = report.violations.iter().map(|violation| violation.invariant).collect();
    broken.dedup();
    broken
}

#[tokio::test]
async fn what_was_tampered_with_is_found() {
    let shop = large_shop().await;
    let today = "day_20261120";
    for (pk, sk, attribute, wrong, right, invariant) in [
        ("USER#u349", "ACCOUNT", "balance", 10_001, 10_000, Invariant::Balances),
        ("STOCK#tea#0", "STOCK", "remaining", 998, 999, Invariant::Stock),
        ("SALES#tea", "SALES", today, 2, 1, Invariant::Sales),
    ] {
        tamper(&shop, pk, sk, attribute, json!({ "N": wrong.to_string() }));
        assert_eq!(broken(&shop).await, [invariant], "{pk}");
        tamper(&shop, pk, sk, attribute, json!({ "N": right.to_string() }));
    }
    tamper(&shop, "USER#u1", "ACCOUNT", "balance", json!({ "S": "a lot" }));
    assert!(broken(&shop).await.contains(&Invariant::Records));
}

#[tokio::test]
async fn a_table_that_is_not_there_cannot_be_audited() {
    let client = TestShop::new().dynamo().client();
    let error = audit::audit(&client, "elsewhere", Scope::Everything, jiff::Timestamp::UNIX_EPOCH).await.unwrap_err();
    assert!(error.to_string().starts_with("the table elsewhere cannot be read: "), "{error}");
}
