//! Rules of AWS that the embedded DynamoDB does not check. A request of any client in this process is refused as AWS is
//! believed to refuse it.
//!
//! No request of these was ever sent to AWS. The rules and figures are partly from the developer guide's page
//! "Constraints in Amazon DynamoDB" and partly from memory, and the texts of refusals are this module's own: only the
//! status and the error's name are meant to be AWS's. `cargo xtask second-opinion --rules` shows the rules that moto and
//! dynalite check, too; a rule that neither checks has no second opinion.
//!
//! [`cases`] has a request for each rule, also for those that the embedded DynamoDB checks itself.

pub mod cases;
mod expression;

use std::collections::BTreeSet;

use serde_json::Value;

use self::expression::Expression;
use crate::{fakes::dynamo, template};

/// The most operands of `IN`.
const OPERANDS: usize = 100;

/// The most operators and functions of an expression. The guide does not say whether the `=` of `SET` is one; here it
/// is, so a request may be refused that AWS accepts.
const OPERATORS: usize = 300;

/// The most elements of a document path.
const ELEMENTS: usize = 32;

/// The most bytes of a placeholder, with its `#` or `:`.
const PLACEHOLDER: usize = 255;

/// The most bytes of all names and values of an expression.
const SUBSTITUTIONS: usize = 2 * 1024 * 1024;

/// The most bytes of a partition key and of a sort key.
const KEYS: (usize, usize) = (2_048, 1_024);

/// The most bytes of an attribute's name.
const NAME: usize = 65_535;

/// The types that `attribute_type` knows.
const TYPES: [&str; 10] = ["S", "N", "B", "SS", "NS", "BS", "M", "L", "BOOL", "NULL"];

/// AWS's answer to a request that breaks a rule.
pub(crate) fn refusal(operation: &str, request: &Value) -> Option<(u16, Value)> {
    let violation = violation(operation, request)?;
    Some((400, dynamo::error("ValidationException", &violation)))
}

fn violation(operation: &str, request: &Value) -> Option<String> {
    if request["ClientRequestToken"].as_str().is_some_and(str::is_empty) {
        return Some("the token is empty".to_owned());
    }
    let actions = request["TransactItems"].as_array().into_iter().flatten();
    let mut actions = actions.flat_map(|action| action.as_object().into_iter().flatten()).map(|(_, action)| action);
    let of_action = actions.find_map(|action| of_expressions(action).or_else(|| of_written(action)));
    let of_list = || (operation == "Query").then(|| of_key_condition(request)).flatten();
    let of_request = || of_expressions(request).or_else(|| of_written(request));
    of_action.or_else(of_request).or_else(of_list).or_else(|| of_projection(request))
}

/// The expressions of a request or of an action in a transaction.
fn expressions(request: &Value) -> impl Iterator<Item = (&'static str, Expression)> {
    let names = [
        "UpdateExpression",
        "ConditionExpression",
        "KeyConditionExpression",
        "FilterExpression",
        "ProjectionExpression",
    ];
    names.into_iter().filter_map(|name| Some((name, Expression::parse(request[name].as_str()?, request))))
}

fn of_expressions(request: &Value) -> Option<String> {
    let fields = |name: &str| request[name].as_object().into_iter().flatten();
    let placeholders = fields("ExpressionAttributeNames").chain(fields("ExpressionAttributeValues"));
    if let Some((name, _)) = placeholders.clone().find(|(name, _)| name.len() > PLACEHOLDER) {
        return Some(format!("a placeholder has {} bytes", name.len()));
    }
    let bytes: usize = placeholders.map(|(name, value)| name.len() + size(value)).sum();
    if bytes > SUBSTITUTIONS {
        return Some(format!("names and values have {bytes} bytes"));
    }
    expressions(request).find_map(|(name, expression)| {
        let over = |what: &str, count: usize, most: usize| {
            (count > most).then(|| format!("Invalid {name}: {count} {what} where there may be {most}"))
        };
        let is_condition = !matches!(name, "UpdateExpression" | "ProjectionExpression");
        let repeated = is_condition.then(|| expression.repeated_operand()).flatten();
        let operand = || is_condition.then(|| wrong_operand(&expression, request)).flatten();
        let operand = || operand().map(|wrong| format!("Invalid {name}: {wrong}"));
        over("operators", expression.operators(), OPERATORS)
            .or_else(|| over("operands of IN", expression.operands_of_in(), OPERANDS))
            .or_else(|| over("elements of a path", expression.longest_path(), ELEMENTS))
            .or_else(|| repeated.map(|path| format!("Invalid {name}: the operand {path} is compared with itself")))
            .or_else(operand)
    })
}

/// Checks the values that a condition compares or gives to functions. A transaction of the embedded DynamoDB finds only
/// that such a condition does not hold.
fn wrong_operand(expression: &Expression, request: &Value) -> Option<String> {
    let value = |name: &str| request["ExpressionAttributeValues"][name].as_object()?.iter().next();
    let type_of = |name: &str| value(name).map(|(kind, _)| kind.as_str());
    let is_one_of = |name: &str, types: &[&str]| type_of(name).is_none_or(|kind| types.contains(&kind));
    let bounds = |(from, to): (&str, &str)| {
        let order = match (value(from)?, value(to)?) {
            ((one, _), (other, _)) if one != other => return Some("bounds of two types".to_owned()),
            ((kind, from), (_, to)) if kind == "N" => number(from)?.partial_cmp(&number(to)?)?,
            ((_, from), (_, to)) => from.as_str()?.cmp(to.as_str()?),
        };
        order.is_gt().then(|| "bounds out of order".to_owned())
    };
    let without_order = expression.ordered_values().into_iter().find(|name| !is_one_of(name, &["S", "N", "B"]));
    let prefix = expression.arguments_of("begins_with").into_iter().find(|name| !is_one_of(name, &["S", "B"]));
    let is_type =
        |name: &&str| value(name).is_some_and(|(_, text)| text.as_str().is_some_and(|it| TYPES.contains(&it)));
    let kind = expression.arguments_of("attribute_type").into_iter().find(|name| !is_type(name));
    let operand = without_order.or(prefix).or(kind);
    operand
        .map(|name| format!("the operand {name} has a wrong type"))
        .or_else(|| expression.bounds().into_iter().find_map(bounds))
}

fn number(value: &Value) -> Option<f64> {
    value.as_str()?.parse().ok()
}

/// Checks the index keys and the names that a write gives to an item.
fn of_written(action: &Value) -> Option<String> {
    let mut given: Vec<(String, &Value)> = Vec::new();
    let put = action["Item"].as_object().into_iter().flatten();
    given.extend(put.map(|(name, value)| (name.clone(), value)));
    if let Some(update) = action["UpdateExpression"].as_str() {
        let set = Expression::parse(update, action).compared_values();
        given.extend(set.into_iter().map(|(name, value)| (name, &action["ExpressionAttributeValues"][value])));
    }
    given.iter().find_map(|(name, value)| {
        let length = value["S"].as_str().map_or(0, str::len);
        let is_long = index_key_limit(name).is_some_and(|most| length > most);
        let key = || is_long.then(|| format!("the index key {name} has {length} bytes"));
        key().or_else(|| {
            longest_name(name, value).filter(|most| *most > NAME).map(|most| format!("a name has {most} bytes"))
        })
    })
}

/// The most bytes of an attribute that is a key of an index.
fn index_key_limit(name: &str) -> Option<usize> {
    let indexes = template::template()["Resources"]["Table"]["Properties"]["GlobalSecondaryIndexes"].as_array();
    indexes.into_iter().flatten().filter_map(|index| index["IndexName"].as_str()).find_map(|index| {
        let (pk, sk) = keys_of(Some(index));
        if name == pk { Some(KEYS.0) } else { (name == sk).then_some(KEYS.1) }
    })
}

/// The bytes of the longest name in an attribute.
fn longest_name(name: &str, value: &Value) -> Option<usize> {
    let list = value["L"].as_array().into_iter().flatten().filter_map(|value| longest_name("", value));
    let map = value["M"].as_object().into_iter().flatten().filter_map(|(name, value)| longest_name(name, value));
    list.chain(map).chain([name.len()]).max()
}

/// Checks the values of a query's keys.
fn of_key_condition(request: &Value) -> Option<String> {
    let expression = Expression::parse(request["KeyConditionExpression"].as_str()?, request);
    let (pk, sk) = keys_of(request["IndexName"].as_str());
    expression.compared_values().into_iter().find_map(|(path, value)| {
        let most = if path == pk { KEYS.0 } else { KEYS.1 };
        let length = request["ExpressionAttributeValues"][&value]["S"].as_str()?.len();
        // A prefix may be empty for begins_with alone, which is no comparison.
        let is_key = path == pk || path == sk;
        (is_key && (length == 0 || length > most)).then(|| format!("{path} has {length} bytes"))
    })
}

/// Checks that a read of an index asks for projected attributes.
fn of_projection(request: &Value) -> Option<String> {
    let index = request["IndexName"].as_str()?;
    let readable = readable(index)?;
    let read = expressions(request).filter(|(name, _)| matches!(*name, "ProjectionExpression" | "FilterExpression"));
    let attributes = read.flat_map(|(_, expression)| expression.attributes());
    let missing: BTreeSet<String> = attributes.filter(|name| !readable.contains(name)).collect();
    (!missing.is_empty()).then(|| format!("Global secondary index {index} does not project {missing:?}"))
}

fn index(name: &str) -> Option<&'static Value> {
    let indexes = template::template()["Resources"]["Table"]["Properties"]["GlobalSecondaryIndexes"].as_array();
    indexes.into_iter().flatten().find(|index| index["IndexName"] == name)
}

/// The partition and sort key of the table or of an index.
fn keys_of(name: Option<&str>) -> (&'static str, &'static str) {
    let schema = |index: &'static Value| {
        let key = |number: usize| index["KeySchema"][number]["AttributeName"].as_str();
        Some((key(0)?, key(1)?))
    };
    name.and_then(index).and_then(schema).unwrap_or(("pk", "sk"))
}

/// The attributes that an index has.
fn readable(name: &str) -> Option<BTreeSet<String>> {
    let (pk, sk) = keys_of(Some(name));
    let projected = index(name)?["Projection"]["NonKeyAttributes"].as_array().into_iter().flatten();
    let projected = projected.filter_map(Value::as_str).chain(["pk", "sk", pk, sk]);
    Some(projected.map(str::to_owned).collect())
}

/// The bytes of a name or value, about.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(size).sum(),
        Value::Object(fields) => fields.values().map(size).sum(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use aws_sdk_dynamodb::{
        error::ProvideErrorMetadata,
        types::{AttributeValue, Put, TransactWriteItem},
    };
    use serde_json::json;

    use super::{
        cases::{Case, cases, seed},
        *,
    };
    use crate::{Dynamo, TABLE};

    /// The answer at the connector: by the rules, or else by the embedded DynamoDB.
    fn answer(case: &Case, request: &Value) -> Result<Value, (u16, Value)> {
        let dynamo = Dynamo::new();
        dynamo.execute("CreateTable", template::create_table(TABLE)).unwrap();
        let put = json!({ "TransactItems": [{ "Put": { "TableName": TABLE, "Item": seed() } }] });
        dynamo.execute("TransactWriteItems", put).unwrap();
        refusal(case.operation, request).map_or_else(|| dynamo.execute(case.operation, request.clone()), Err)
    }

    /// Whether a request was refused as invalid, as a whole or in one action.
    fn is_invalid(answer: &Result<Value, (u16, Value)>) -> bool {
        let Err((_, body)) = answer else { return false };
        let reasons = body["CancellationReasons"].as_array().into_iter().flatten();
        let mut codes = reasons.filter_map(|reason| reason["Code"].as_str());
        let error = body["__type"].as_str().unwrap_or_default();
        error.ends_with("ValidationException")
            || error.ends_with("SerializationException")
            || codes.any(|code| code == "ValidationError")
    }

    /// The rules are between each client and the embedded DynamoDB, which would take the item.
    #[tokio::test]
    async fn a_client_is_refused_at_the_connector() {
        let dynamo = Dynamo::new();
        dynamo.execute("CreateTable", template::create_table(TABLE)).unwrap();
        let client = dynamo.client();
        let item = |length: usize| {
            let text = |text: String| AttributeValue::S(text);
            let keys = [("pk", "ITEM#1"), ("sk", "ITEM"), ("byTimePk", "LIST")];
            let keys = keys.map(|(name, value)| (name.to_owned(), text(value.to_owned())));
            HashMap::from_iter(keys.into_iter().chain([("byTimeSk".to_owned(), text("x".repeat(length)))]))
        };
        let put = |length| {
            let put = Put::builder().table_name(TABLE).set_item(Some(item(length))).build().unwrap();
            client.transact_write_items().transact_items(TransactWriteItem::builder().put(put).build()).send()
        };
        assert_eq!(put(KEYS.1 + 1).await.unwrap_err().code(), Some("ValidationException"));
        let found = || client.scan().table_name(TABLE).send();
        assert_eq!(found().await.unwrap().count, 0);
        put(KEYS.1).await.unwrap();
        assert_eq!(found().await.unwrap().count, 1);
        let text = |text: &str| json!({ "S": text });
        let long = json!({
            "pk": text("ITEM#2"), "sk": text("ITEM"), "byTimePk": text("LIST"), "byTimeSk": text(&"x".repeat(KEYS.1 + 1)),
        });
        let put = json!({ "TransactItems": [{ "Put": { "TableName": TABLE, "Item": long } }] });
        dynamo.execute("TransactWriteItems", put).expect("it needs the connector's rule");
    }

    #[test]
    fn each_rule_refuses_the_request_that_breaks_it_and_accepts_the_nearest() {
        let mut wrong = Vec::new();
        for case in cases() {
            let (refused, accepted) = (answer(&case, &case.refused), answer(&case, &case.accepted));
            if !is_invalid(&refused) {
                wrong.push(format!("{} is accepted: {refused:.300?}", case.rule));
            }
            if accepted.is_err() {
                wrong.push(format!("{} is kept, and refused: {accepted:.300?}", case.rule));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
