//! The items that a request touches, and the cost of that.

use serde_json::{Value, json};
use shared::store::keys::{BY_EXPIRY, BY_SALES, BY_TIME};

#[derive(Debug, Clone)]
pub(super) struct Touch {
    /// Its partition and sort key.
    pub key: (String, String),
    /// Its cost in the table.
    pub units: f64,
    /// Its entries in indexes: the index, the partition key there, and the cost.
    pub indexed: Vec<(&'static str, String, f64)>,
}

/// The writes of a TransactWriteItems: each item costs twice.
pub(super) fn transaction(request: &Value) -> Vec<Touch> {
    let actions = request["TransactItems"].as_array().expect("a transaction has actions");
    let touch = |action: &Value| {
        let (verb, action) = action.as_object().and_then(|action| action.iter().next()).expect("an action");
        match verb.as_str() {
            "Put" => {
                let item = &action["Item"];
                Touch { key: key(item), units: 2.0 * kibibytes(item), indexed: indexed(item) }
            }
            _ => Touch { units: 2.0, ..update(action) },
        }
    };
    actions.iter().map(touch).collect()
}

/// The write of an UpdateItem. The item is assumed to be below 1 KiB: larger ones (carts) are in no rush.
pub(super) fn update(request: &Value) -> Touch {
    let place = request["ExpressionAttributeValues"][format!(":{}", BY_SALES.pk)]["S"].as_str();
    // An entry that moves is removed and put. A rush moves no entry of another index.
    let indexed = place.map(|pk| (BY_SALES.name, pk.to_owned(), 2.0)).into_iter().collect();
    Touch { key: key(&request["Key"]), units: 1.0, indexed }
}

/// The partition keys of a read, with their index.
pub(super) fn read_keys<'r>(operation: &str, request: &'r Value) -> Vec<(Option<&'r str>, &'r str)> {
    match operation {
        "GetItem" => vec![(None, text(&request["Key"]["pk"]))],
        "BatchGetItem" => {
            let tables = request["RequestItems"].as_object().expect("a batch has tables");
            let keys = tables.values().filter_map(|table| table["Keys"].as_array()).flatten();
            keys.map(|key| (None, text(&key["pk"]))).collect()
        }
        "Query" => vec![(request["IndexName"].as_str(), text(&request["ExpressionAttributeValues"][":pk"]))],
        _ => Vec::new(),
    }
}

/// Takes the keys out of a BatchGetItem that cannot be read; `null` if there are none.
pub(super) fn split_batch(request: &mut Value, mut can_read: impl FnMut(&str) -> bool) -> Value {
    let mut left = Value::Null;
    for (name, table) in request["RequestItems"].as_object_mut().expect("a batch has tables") {
        let keys = std::mem::take(table["Keys"].as_array_mut().expect("a batch has keys"));
        let (now, later): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| can_read(text(&key["pk"])));
        if !later.is_empty() {
            let mut rest = table.clone();
            rest["Keys"] = json!(later);
            left[name] = rest;
        }
        table["Keys"] = json!(now);
    }
    left
}

fn key(item: &Value) -> (String, String) {
    (text(&item["pk"]).to_owned(), text(&item["sk"]).to_owned())
}

fn indexed(item: &Value) -> Vec<(&'static str, String, f64)> {
    let place = |index: shared::store::keys::Index| Some((index.name, item[index.pk]["S"].as_str()?.to_owned(), 1.0));
    [BY_TIME, BY_EXPIRY].into_iter().filter_map(place).collect()
}

fn text(attribute: &Value) -> &str {
    attribute["S"].as_str().expect("keys are text")
}

/// The size of an item in KiB begun. The item of an update is not known and counts as one.
fn kibibytes(item: &Value) -> f64 {
    let bytes: usize = item.as_object().into_iter().flatten().map(|(name, value)| name.len() + weight(value)).sum();
    f64::from(u32::try_from(bytes.div_ceil(1_024).max(1)).unwrap())
}

/// The size of an attribute in bytes, by DynamoDB's rules.
fn weight(attribute: &Value) -> usize {
    let Some((kind, value)) = attribute.as_object().and_then(|attribute| attribute.iter().next()) else { return 0 };
    match (kind.as_str(), value) {
        ("S", Value::String(text)) => text.len(),
        ("N", Value::String(digits)) => digits.len().div_ceil(2) + 1,
        ("L", Value::Array(values)) => 3 + values.iter().map(|value| 1 + weight(value)).sum::<usize>(),
        ("M", Value::Object(fields)) => {
            3 + fields.iter().map(|(name, value)| 1 + name.len() + weight(value)).sum::<usize>()
        }
        (_, Value::Array(values)) => values.iter().map(|value| value.as_str().map_or(0, str::len)).sum(),
        (_, Value::String(text)) => text.len(),
        _ => 1,
    }
}
