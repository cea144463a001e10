//! Kinds of requests and of answers.

use std::collections::BTreeMap;

use serde_json::Value;

/// The kind of a request: requests of one kind ask the same of DynamoDB, with other keys and values.
pub(super) fn kind_of(operation: &str, request: &Value) -> String {
    match operation {
        "TransactWriteItems" | "TransactGetItems" => format!("{operation} {}", counted(actions_of(request))),
        "BatchGetItem" => {
            let tables = request["RequestItems"].as_object().into_iter().flat_map(|tables| tables.values());
            let keys = tables.clone().flat_map(|table| table["Keys"].as_array().into_iter().flatten()).map(kind_of_key);
            let is_strong = tables.clone().any(|table| table["ConsistentRead"] == true);
            format!("{operation}{} {}", if is_strong { " strongly" } else { "" }, counted(keys))
        }
        "GetItem" | "UpdateItem" => format!("{operation} {}", action_in_short(request)),
        _ => {
            let list = kind_of_text(&request["ExpressionAttributeValues"][":pk"]["S"]);
            let index = request["IndexName"].as_str().map(|index| format!(" of {index}")).unwrap_or_default();
            let order = if request["ScanIndexForward"] == false { " backwards" } else { "" };
            let goes_on = if request["ExclusiveStartKey"].is_object() { " on" } else { "" };
            let segment = if request["TotalSegments"].as_u64() > Some(1) { " in segments" } else { "" };
            format!("{operation}{index} {list}{}{order}{goes_on}{segment}", expressions_of(request))
        }
    }
}

/// The answer in short.
pub(super) fn outcome_of(request: &Value, status: u16, answer: &Value) -> String {
    if status != 200 {
        let error = answer["__type"].as_str().unwrap_or_default();
        let error = error.rsplit('#').next().unwrap_or_default();
        let reasons = answer["CancellationReasons"].as_array().into_iter().flatten();
        let failed =
            reasons.zip(actions_of(request)).filter(|(reason, _)| reason["Code"] != "None").map(|(reason, action)| {
                let found = if reason["Item"].is_object() { "" } else { " without an item" };
                format!("{}{found} of {action}", reason["Code"].as_str().unwrap_or_default())
            });
        let found = if answer["Item"].is_object() { " with the item" } else { "" };
        return format!("{error}{found} {}", counted(failed)).trim_end().to_owned();
    }
    let is_empty = |value: &Value| {
        value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(|fields| fields.is_empty())
    };
    let mut outcome = "done".to_owned();
    if answer["Item"].is_object() || !is_empty(&answer["Items"]) && answer["Items"].is_array() {
        outcome.push_str(" with items");
    }
    if answer["LastEvaluatedKey"].is_object() {
        outcome.push_str(" and more to come");
    }
    outcome
}

fn actions_of(request: &Value) -> impl Iterator<Item = String> {
    let actions = request["TransactItems"].as_array().into_iter().flatten();
    let actions = actions.flat_map(|action| action.as_object().into_iter().flatten());
    actions.map(|(verb, action)| format!("{verb} {}", action_in_short(action)))
}

/// Each kind once, with how often it is there: once, or several times.
fn counted(kinds: impl Iterator<Item = String>) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for kind in kinds {
        *counts.entry(kind).or_default() += 1;
    }
    let shown = counts.into_iter().map(|(kind, count)| if count == 1 { kind } else { format!("several {kind}") });
    shown.collect::<Vec<_>>().join(" · ")
}

fn action_in_short(action: &Value) -> String {
    match action["Item"].as_object() {
        Some(item) => {
            let names: Vec<&str> =
                item.keys().map(String::as_str).filter(|name| !["pk", "sk"].contains(name)).collect();
            format!("{} {{{}}}{}", kind_of_key(&action["Item"]), names.join(" "), expressions_of(action))
        }
        None => format!("{}{}", kind_of_key(&action["Key"]), expressions_of(action)),
    }
}

fn expressions_of(action: &Value) -> String {
    let expressions = [
        ("KeyConditionExpression", " where "),
        ("FilterExpression", " filter "),
        ("ProjectionExpression", " only "),
        ("UpdateExpression", " "),
        ("ConditionExpression", " if "),
    ];
    let mut text = String::new();
    for (name, before) in expressions {
        if let Some(expression) = action[name].as_str() {
            text.push_str(before);
            text.push_str(&without_numbers(expression));
        }
    }
    for name in ["ReturnValues", "ConsistentRead"] {
        match &action[name] {
            Value::Null | Value::Bool(false) => {}
            value => {
                text.push_str(&format!(" {name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            }
        }
    }
    text
}

/// An expression with each number replaced: a list has placeholders by index.
fn without_numbers(expression: &str) -> String {
    let mut text = String::with_capacity(expression.len());
    for c in expression.chars() {
        match c {
            '0'..='9' if text.ends_with('N') => {}
            '0'..='9' => text.push('N'),
            c => text.push(c),
        }
    }
    text
}

fn kind_of_key(key: &Value) -> String {
    format!("{}/{}", kind_of_text(&key["pk"]["S"]), kind_of_text(&key["sk"]["S"]))
}

/// All up to the first `#`.
fn kind_of_text(text: &Value) -> String {
    let text = text.as_str().unwrap_or_default();
    text.split_once('#').map_or_else(|| text.to_owned(), |(kind, _)| format!("{kind}#*"))
}
