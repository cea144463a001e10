//! `/exports`

mod create;
mod get;

use serde_json::{Value, json};
use tests::{Call, TestShop};

const FROM: &str = "2026-11-01T00:00:00Z";
const TO: &str = "2026-12-01T00:00:00Z";

/// A request for an export of November.
fn export(shop: &TestShop, of: &str) -> Call {
    shop.post("/exports", json!({ "of": of, "from": FROM, "to": TO }))
}

fn path(export: &Value) -> String {
    format!("/exports/{}", export["exportId"].as_str().expect("an id"))
}

/// The text of a file that is done.
async fn text(shop: &TestShop, shown: &Value) -> String {
    assert_eq!(shown["status"], "DONE", "{shown}");
    let link = shown["link"].as_str().expect("a link");
    shop.bucket.download("get-export", link).await.expect("a file")
}

/// The rows of a file of CSV, after its header.
fn rows(text: &str) -> Vec<&str> {
    text.lines().skip(1).collect()
}
