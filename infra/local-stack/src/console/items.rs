use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::refusal;
use crate::aws::{Aws, DYNAMODB};

/// The most pages of a megabyte that one answer reads.
const PAGES: usize = 8;

/// The items of the shop's table, as they are stored.
#[derive(Clone, Debug)]
pub(super) struct Items {
    aws: Aws,
    table: String,
}

#[derive(Deserialize)]
struct Partition {
    pk: String,
    /// The beginning of the sort keys.
    #[serde(default)]
    sk: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    items: Vec<Map<String, Value>>,
    last_evaluated_key: Option<Value>,
}

impl Items {
    pub(super) fn new(aws: Aws, table: String) -> Self {
        Self { aws, table }
    }

    /// `GET /_dev/items?pk=…&sk=…`: the items of a partition with sort keys that begin so, in their order.
    pub(super) fn router(self) -> Router {
        Router::new().route("/_dev/items", get(list)).with_state(self)
    }
}

async fn list(State(Items { aws, table }): State<Items>, Query(Partition { pk, sk }): Query<Partition>) -> Response {
    if !is_shown(&pk, &sk) {
        return refusal(StatusCode::FORBIDDEN, "the page shows stock, counters, accounts and ledgers");
    }
    let (mut items, mut from) = (Vec::new(), None);
    for _ in 0..PAGES {
        let begins_with = if sk.is_empty() { "" } else { " AND begins_with(sk, :sk)" };
        let values = if sk.is_empty() {
            json!({ ":pk": { "S": pk } })
        } else {
            json!({ ":pk": { "S": pk }, ":sk": { "S": sk } })
        };
        let mut request = json!({
            "TableName": table,
            "KeyConditionExpression": format!("pk = :pk{begins_with}"),
            "ExpressionAttributeValues": values,
            "ConsistentRead": true,
        });
        if let (Some(fields), Some(from)) = (request.as_object_mut(), from) {
            fields.insert("ExclusiveStartKey".to_owned(), from);
        }
        let page = aws.call(&DYNAMODB, "Query", &request).await;
        let Some(page) = page.ok().and_then(|page| serde_json::from_slice::<Page>(&page).ok()) else {
            return refusal(StatusCode::BAD_GATEWAY, "the table cannot be read");
        };
        items.extend(page.items.into_iter().map(plain_item));
        from = page.last_evaluated_key;
        if from.is_none() {
            return Json(json!({ "items": items })).into_response();
        }
    }
    refusal(StatusCode::PAYLOAD_TOO_LARGE, "the partition is too large to show")
}

/// The records that the page shows. Others have personal data and its keys.
fn is_shown(pk: &str, sk: &str) -> bool {
    let is_open = ["STOCK#", "COUNTER#"].iter().any(|prefix| pk.starts_with(prefix));
    is_open || (pk.starts_with("USER#") && (sk == "ACCOUNT" || sk.starts_with("LEDGER#")))
}

fn plain_item(item: Map<String, Value>) -> Value {
    Value::Object(item.into_iter().map(|(name, value)| (name, plain(value))).collect())
}

/// A value without DynamoDB's types. Numbers of the shop are integers.
fn plain(value: Value) -> Value {
    let Value::Object(typed) = value else { return Value::Null };
    match typed.into_iter().next() {
        Some((kind, Value::String(number))) if kind == "N" => {
            number.parse::<i64>().map_or(Value::String(number), Value::from)
        }
        Some((kind, Value::Array(list))) if kind == "L" => list.into_iter().map(plain).collect(),
        Some((kind, Value::Object(map))) if kind == "M" => plain_item(map),
        Some((kind, _)) if kind == "NULL" => Value::Null,
        Some((_, value)) => value,
        None => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_is_not_shown() {
        for (pk, sk) in
            [("STOCK#tea#0", "STOCK"), ("COUNTER#c#0", ""), ("USER#kim", "ACCOUNT"), ("USER#kim", "LEDGER#")]
        {
            assert!(is_shown(pk, sk), "{pk} {sk}");
        }
        for (pk, sk) in [("USER#kim", ""), ("USER#kim", "KEY"), ("USER#kim", "PROFILE"), ("ORDER#1", "ORDER"), ("", "")]
        {
            assert!(!is_shown(pk, sk), "{pk} {sk}");
        }
    }

    #[test]
    fn values_lose_their_types() {
        let typed = json!({ "M": {
            "text": { "S": "7" }, "number": { "N": "-7" }, "yes": { "BOOL": true }, "none": { "NULL": true },
            "list": { "L": [{ "N": "1" }, { "M": {} }] },
        } });
        let expected = json!({ "text": "7", "number": -7, "yes": true, "none": null, "list": [1, {}] });
        assert_eq!(plain(typed), expected);
    }
}
