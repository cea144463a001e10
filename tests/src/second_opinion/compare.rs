//! Comparison of two answers to one request.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Fields that say nothing about the outcome.
const IGNORED: [&str; 5] = ["ConsumedCapacity", "ItemCollectionMetrics", "message", "Message", "__type"];

/// The differences between the embedded answer and that of an emulator, in short and without values, so that requests
/// of one kind differ in the same words.
pub fn differences(operation: &str, request: &Value, embedded: (u16, &Value), other: (u16, &Value)) -> Vec<String> {
    let shown = |(status, body): (u16, &Value)| match error_of(body) {
        Some(error) => format!("{status} {error}"),
        None => status.to_string(),
    };
    if embedded.0 != other.0 || error_of(embedded.1) != error_of(other.1) {
        let message = ["message", "Message"].into_iter().find_map(|name| other.1[name].as_str());
        let message = message.filter(|_| other.0 != 200).map(|text| format!(" ({text})")).unwrap_or_default();
        return vec![format!("answers {} instead of {}{message}", shown(other), shown(embedded))];
    }
    let (ours, theirs) = (comparable(operation, request, embedded.1), comparable(operation, request, other.1));
    let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let difference = |name: &&String| match (ours.get(*name), theirs.get(*name)) {
        (Some(ours), Some(theirs)) if ours == theirs => None,
        (Some(_), Some(_)) => Some(format!("answers with other {name}")),
        (Some(_), None) => Some(format!("answers without {name}")),
        _ => Some(format!("answers with {name} more")),
    };
    names.iter().filter_map(difference).collect()
}

/// Whether two lists have the same items, in any order.
pub fn same_items(ours: &[Value], theirs: &[Value]) -> bool {
    sorted(ours) == sorted(theirs)
}

fn sorted(items: &[Value]) -> Vec<String> {
    let mut items: Vec<String> = items.iter().map(|item| normal(item).to_string()).collect();
    items.sort();
    items
}

/// The type of an error, without its namespace.
pub fn error_of(body: &Value) -> Option<&str> {
    body["__type"].as_str().map(|error| error.rsplit('#').next().unwrap_or(error))
}

fn comparable(operation: &str, request: &Value, body: &Value) -> Map<String, Value> {
    let mut fields = normal(body).as_object().cloned().unwrap_or_default();
    fields.retain(|name, value| !(name == "UnprocessedKeys" && value.as_object().is_some_and(Map::is_empty)));
    if operation == "BatchGetItem"
        && let Some(tables) = fields.get_mut("Responses").and_then(Value::as_object_mut)
    {
        tables.values_mut().for_each(sort);
    }
    if operation == "Scan" {
        fields.get_mut("Items").into_iter().for_each(sort);
        // Each emulator spreads items over segments, and orders partitions, by a hash of its own.
        if request["TotalSegments"].as_u64() > Some(1) || request["Limit"].is_u64() {
            fields.clear();
        }
    }
    fields
}

/// Sorts a list whose order says nothing.
fn sort(list: &mut Value) {
    if let Some(list) = list.as_array_mut() {
        list.sort_by_key(Value::to_string);
    }
}

/// A value without ignored fields, with sets in order and numbers in one form.
fn normal(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| !IGNORED.contains(&name.as_str()));
            let field = |(name, value): (&String, &Value)| {
                let value = match (name.as_str(), value) {
                    ("N", Value::String(number)) => Value::String(canonical(number)),
                    ("NS", Value::Array(numbers)) => {
                        numbers.iter().map(|number| canonical(number.as_str().unwrap_or_default())).collect()
                    }
                    _ => normal(value),
                };
                let mut value = value;
                if matches!(name.as_str(), "SS" | "NS" | "BS") {
                    sort(&mut value);
                }
                (name.clone(), value)
            };
            Value::Object(kept.map(field).collect())
        }
        Value::Array(values) => values.iter().map(normal).collect(),
        other => other.clone(),
    }
}

/// A decimal number as its digits and exponent: `1.50` and `15E-1` are equal.
fn canonical(number: &str) -> String {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{part}");
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    let dropped = digits.len() - digits.trim_end_matches('0').len();
    if significant.is_empty() {
        return "0".to_owned();
    }
    let exponent: i64 = exponent.parse().unwrap_or_default();
    let exponent =
        exponent - i64::try_from(part.len()).unwrap_or_default() + i64::try_from(dropped).unwrap_or_default();
    format!("{sign}{significant}E{exponent}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_sets_are_compared_by_value() {
        for (one, other) in [("1.50", "15E-1"), ("100", "1E2"), ("-0.0", "0"), ("007", "7"), ("1e+3", "1000")] {
            assert_eq!(canonical(one), canonical(other), "{one} {other}");
        }
        for (one, other) in [("1", "-1"), ("10", "1"), ("1.5", "15"), ("0", "1")] {
            assert_ne!(canonical(one), canonical(other), "{one} {other}");
        }
        let ours = json!({ "Item": { "a": { "NS": ["1", "2"] } } });
        let theirs = json!({ "Item": { "a": { "NS": ["2.0", "1"] } }, "ConsumedCapacity": {} });
        assert!(differences("GetItem", &json!({}), (200, &ours), (200, &theirs)).is_empty());
    }

    #[test]
    fn every_part_of_an_answer_counts() {
        let refused = |error: &str| json!({ "__type": format!("com.amazonaws#{error}"), "message": "no" });
        let found = |errors: (u16, &Value), others: (u16, &Value)| differences("Query", &json!({}), errors, others);
        let (validation, other) = (refused("ValidationException"), refused("ResourceNotFoundException"));
        let rows = json!({ "Items": [{ "a": { "S": "1" } }], "Count": 1 });
        let more = json!({ "Items": [{ "a": { "S": "1" } }], "Count": 1, "LastEvaluatedKey": { "a": { "S": "1" } } });
        let less = json!({ "Items": [], "Count": 0 });
        assert_eq!(found((200, &rows), (400, &validation)), ["answers 400 ValidationException instead of 200 (no)"]);
        assert_eq!(found((400, &validation), (200, &rows)), ["answers 200 instead of 400 ValidationException"]);
        assert_eq!(found((400, &validation), (400, &other)).len(), 1);
        assert_eq!(found((200, &rows), (200, &more)), ["answers with LastEvaluatedKey more"]);
        assert_eq!(found((200, &more), (200, &rows)), ["answers without LastEvaluatedKey"]);
        assert_eq!(found((200, &rows), (200, &less)), ["answers with other Count", "answers with other Items"]);
        assert!(found((200, &rows), (200, &rows)).is_empty());
        assert!(!same_items(&[json!({ "a": { "N": "1" } })], &[json!({ "a": { "N": "2" } })]));
        assert!(same_items(&[json!({ "a": { "N": "1" } })], &[json!({ "a": { "N": "1.0" } })]));
    }
}
