//! Requests that break one rule of AWS, each beside the nearest one that keeps it.

use serde_json::{Map, Value, json};

use crate::TABLE;

/// A rule, with a request that breaks it and the nearest request that does not.
#[derive(Debug, Clone)]
pub struct Case {
    /// The rule in a few words.
    pub rule: &'static str,
    /// The operation of both requests.
    pub operation: &'static str,
    /// The request that AWS refuses.
    pub refused: Value,
    /// The request that AWS accepts.
    pub accepted: Value,
}

/// The greatest size of an item in bytes.
const ITEM: usize = 400 * 1024;

/// The item that is in the table before each request.
pub fn seed() -> Value {
    let list = json!({ "L": [{ "S": "one" }] });
    let map = json!({ "M": { "inner": { "N": "1" } } });
    json!({
        "pk": { "S": "SEED#1" }, "sk": { "S": "SEED" }, "text": { "S": "seed" }, "count": { "N": "7" }, "list": list, "map": map,
        "byTimePk": { "S": "LIST" }, "byTimeSk": { "S": "1" }, "name": { "S": "a name" },
        "most": { "N": "9".repeat(38) },
    })
}

/// Every rule.
pub fn cases() -> Vec<Case> {
    [keys(), index_keys(), sizes(), values(), expressions(), operands(), updates(), transactions(), reads(), queries()]
        .concat()
}

fn case(rule: &'static str, operation: &'static str, refused: Value, accepted: Value) -> Case {
    Case { rule, operation, refused, accepted }
}

/// A rule of writes: both requests are transactions of one action.
fn write(rule: &'static str, refused: Value, accepted: Value) -> Case {
    case(rule, "TransactWriteItems", transaction(vec![refused]), transaction(vec![accepted]))
}

/// A rule of items that are put.
fn item(rule: &'static str, refused: Value, accepted: Value) -> Case {
    write(rule, put(refused), put(accepted))
}

/// A rule of update expressions, with their values.
fn update(rule: &'static str, refused: (&str, Value), accepted: (&str, Value)) -> Case {
    case(rule, "UpdateItem", updated(refused.0, refused.1), updated(accepted.0, accepted.1))
}

/// A rule of condition expressions, with their values.
fn condition(rule: &'static str, refused: (&str, Value), accepted: (&str, Value)) -> Case {
    write(rule, checked(refused.0, refused.1), checked(accepted.0, accepted.1))
}

fn transaction(actions: Vec<Value>) -> Value {
    json!({ "TransactItems": actions })
}

fn key(pk: &str, sk: &str) -> Value {
    json!({ "pk": { "S": pk }, "sk": { "S": sk } })
}

fn put(attributes: Value) -> Value {
    let mut item = key("ITEM#1", "ITEM");
    item.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
    json!({ "Put": { "TableName": TABLE, "Item": item } })
}

fn get(pk: &str, sk: &str) -> Value {
    json!({ "TableName": TABLE, "Key": key(pk, sk) })
}

/// An update of the seeded item. The names are those of its expression.
fn updated(expression: &str, values: Value) -> Value {
    let mut request = get("SEED#1", "SEED");
    request["UpdateExpression"] = json!(expression);
    with_names_and_values(&mut request, expression, values);
    request
}

/// A check of the seeded item.
fn checked(expression: &str, values: Value) -> Value {
    let mut request = get("SEED#1", "SEED");
    request["ConditionExpression"] = json!(expression);
    with_names_and_values(&mut request, expression, values);
    json!({ "ConditionCheck": request })
}

fn with_names_and_values(request: &mut Value, expression: &str, values: Value) {
    let names = expression.split('#').skip(1).map(|rest| {
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        (format!("#{name}"), json!(name))
    });
    let names: Map<String, Value> = names.collect();
    if !names.is_empty() {
        request["ExpressionAttributeNames"] = Value::Object(names);
    }
    if values.as_object().is_some_and(|values| !values.is_empty()) {
        request["ExpressionAttributeValues"] = values;
    }
}

fn text(length: usize) -> Value {
    json!({ "S": "x".repeat(length) })
}

fn none() -> Value {
    json!({})
}

fn keys() -> Vec<Case> {
    let of = |pk: usize, sk: usize| get(&"p".repeat(pk), &"s".repeat(sk));
    let with = |name: &str, value: Value| {
        let mut request = get("SEED#1", "SEED");
        request["Key"][name] = value;
        request
    };
    let without_sk = json!({ "TableName": TABLE, "Key": { "pk": { "S": "SEED#1" } } });
    vec![
        case("a partition key has at most 2,048 bytes", "GetItem", of(2_049, 1), of(2_048, 1)),
        case("a sort key has at most 1,024 bytes", "GetItem", of(1, 1_025), of(1, 1_024)),
        case("a partition key is not empty", "GetItem", of(0, 1), of(1, 1)),
        case("a sort key is not empty", "GetItem", of(1, 0), of(1, 1)),
        case("a key has the type of the schema", "GetItem", with("sk", json!({ "N": "1" })), of(1, 1)),
        case("a key has the attributes of the schema", "GetItem", without_sk, of(1, 1)),
        case("a key has no more attributes", "GetItem", with("more", json!({ "S": "1" })), of(1, 1)),
        item("a put partition key has at most 2,048 bytes", json!({ "pk": text(2_049) }), json!({ "pk": text(2_048) })),
        item("a put sort key has at most 1,024 bytes", json!({ "sk": text(1_025) }), json!({ "sk": text(1_024) })),
        item("a put key is not empty", json!({ "sk": text(0) }), json!({ "sk": text(1), "other": text(0) })),
        item("a put key has the type of the schema", json!({ "sk": { "N": "1" } }), json!({ "sk": { "S": "1" } })),
    ]
}

fn index_keys() -> Vec<Case> {
    let with = |pk: Value, sk: Value| json!({ "byTimePk": pk, "byTimeSk": sk });
    let set = |name: &str, value: Value| (format!("SET #{name} = :value"), json!({ ":value": value }));
    let setting = |rule, name: &str, refused: Value, accepted: Value| {
        let (refused, accepted) = (set(name, refused), set(name, accepted));
        update(rule, (&refused.0, refused.1), (&accepted.0, accepted.1))
    };
    let in_transaction = |rule, name: &str, refused: Value, accepted: Value| {
        let of = |value| json!({ "Update": updated(&format!("SET #{name} = :value"), json!({ ":value": value })) });
        write(rule, of(refused), of(accepted))
    };
    vec![
        item(
            "an index's partition key has at most 2,048 bytes",
            with(text(2_049), text(1)),
            with(text(2_048), text(1)),
        ),
        item("an index's sort key has at most 1,024 bytes", with(text(1), text(1_025)), with(text(1), text(1_024))),
        item("an index key is not empty", with(text(1), text(0)), with(text(1), text(1))),
        item("an index key has the type of the schema", with(text(1), json!({ "N": "1" })), with(text(1), text(1))),
        item(
            "half an index key is checked too",
            json!({ "byTimeSk": text(1_025) }),
            json!({ "byTimeSk": text(1_024) }),
        ),
        setting("an update sets an index's partition key of 2,048 bytes", "byTimePk", text(2_049), text(2_048)),
        setting("an update sets an index's sort key of 1,024 bytes", "byTimeSk", text(1_025), text(1_024)),
        setting("an update sets no empty index key", "byTimeSk", text(0), text(1)),
        setting("an update sets an index key of the schema's type", "byTimeSk", json!({ "N": "1" }), text(1)),
        in_transaction("so does an update in a transaction: length", "byTimeSk", text(1_025), text(1_024)),
        in_transaction("so does an update in a transaction: empty", "byDuePk", text(0), text(1)),
        in_transaction("so does an update in a transaction: type", "byDuePk", json!({ "N": "1" }), text(1)),
    ]
}

fn sizes() -> Vec<Case> {
    // The keys and the names take up a part of the item.
    let rest = ITEM - "pkITEM#1skITEMbody".len();
    let grown = ITEM - 2_000;
    let actions = |bytes: usize| -> Vec<Value> {
        let body = |n: usize| put(json!({ "pk": { "S": format!("ITEM#{n:02}") }, "body": text(bytes) }));
        (0..16).map(body).collect()
    };
    // Sixteen items share 4 MB.
    let each = 4 * 1024 * 1024 / 16 - "pkITEM#00skITEMbody".len();
    let name = |length: usize| json!({ "n".repeat(length): { "S": "x" } });
    vec![
        item("an item has at most 400 KB", json!({ "body": text(rest + 1) }), json!({ "body": text(rest) })),
        update(
            "an updated item has at most 400 KB",
            ("SET #body = :body", json!({ ":body": text(ITEM) })),
            ("SET #body = :body", json!({ ":body": text(grown) })),
        ),
        case(
            "a transaction has at most 4 MB",
            "TransactWriteItems",
            transaction(actions(each + 1)),
            transaction(actions(each)),
        ),
        item("an attribute's name has at most 65,535 bytes", name(65_536), name(65_535)),
        item("an attribute's name is not empty", name(0), name(1)),
    ]
}

fn values() -> Vec<Case> {
    let number = |digits: &str| json!({ "n": { "N": digits } });
    let nested = |levels: usize| (0..levels).fold(json!({ "S": "x" }), |inner, _| json!({ "L": [inner] }));
    let of = |value: Value| json!({ "v": value });
    vec![
        item("a number has at most 38 digits", number(&"1".repeat(39)), number(&"1".repeat(38))),
        item("a number is at most 9.9E+125", number("1E126"), number("1E125")),
        item("a number is at least 1E-130", number("1E-131"), number("1E-130")),
        item("a number is a number", number("twelve"), number("12")),
        item("a set is not empty", of(json!({ "SS": [] })), of(json!({ "SS": ["a"] }))),
        item("a set has no element twice", of(json!({ "SS": ["a", "a"] })), of(json!({ "SS": ["a", "b"] }))),
        item(
            "a set of numbers has no number twice",
            of(json!({ "NS": ["1", "1.0"] })),
            of(json!({ "NS": ["1", "2"] })),
        ),
        item("values are nested 32 deep", of(nested(32)), of(nested(31))),
        item("a value has one type", of(json!({ "S": "a", "N": "1" })), of(json!({ "S": "a" }))),
        item("null is true", of(json!({ "NULL": false })), of(json!({ "NULL": true }))),
    ]
}

fn expressions() -> Vec<Case> {
    let a = json!({ ":a": { "S": "a" } });
    let long = |bytes: usize| {
        let expression = "attribute_exists(#pk)";
        format!("{expression}{}", " ".repeat(bytes - expression.len()))
    };
    // So many operators: a function, or comparisons and what is between them.
    let many = |operators: usize| {
        let comparisons = vec!["#text <> :a"; operators.div_ceil(2)].join(" AND ");
        // An even number has a NOT before the first.
        if operators.is_multiple_of(2) { comparisons.replacen("#text <>", "NOT #text =", 1) } else { comparisons }
    };
    let among = |operands: usize| {
        let names: Vec<String> = (0..operands).map(|n| format!(":v{n}")).collect();
        let values: Map<String, Value> = names.iter().map(|name| (name.clone(), json!({ "S": name }))).collect();
        (format!("#text IN ({}) OR attribute_exists(#pk)", names.join(", ")), Value::Object(values))
    };
    let placeholder = |bytes: usize| {
        let name = format!(":{}", "v".repeat(bytes - 1));
        (format!("#text <> {name}"), json!({ name: { "S": "a" } }))
    };
    let named = |bytes: usize| {
        let name = format!("#{}", "n".repeat(bytes - 1));
        let mut request = checked(&format!("attribute_not_exists({name})"), none());
        request["ConditionCheck"]["ExpressionAttributeNames"] = json!({ name: "absent" });
        request
    };
    let substituted = |bytes: usize| (0..20).map(|n| (format!(":v{n}"), text(bytes / 20))).collect::<Map<_, _>>();
    let in_all = |bytes: usize| (among(20).0, Value::Object(substituted(bytes)));
    let extra_name = {
        let mut request = checked("attribute_exists(#pk)", none());
        request["ConditionCheck"]["ExpressionAttributeNames"]["#more"] = json!("more");
        request
    };
    let unknown_name = {
        let mut request = checked("attribute_exists(#pk) AND attribute_exists(#sk)", none());
        request["ConditionCheck"]["ExpressionAttributeNames"].as_object_mut().unwrap().remove("#sk");
        request
    };
    let plain = || checked("attribute_exists(#pk)", none());
    let (in_101, in_100) = (among(101), among(100));
    let (long_value, value) = (placeholder(256), placeholder(255));
    let (too_much, much) = (in_all(2 * 1024 * 1024 + 20), in_all(2 * 1024 * 1024 - 200));
    vec![
        condition("an expression has at most 4 KB", (&long(4_097), none()), (&long(4_096), none())),
        condition(
            "a condition has at most 300 operators and functions",
            (&many(301), a.clone()),
            (&many(300), a.clone()),
        ),
        condition("IN has at most 100 operands", (&in_101.0, in_101.1), (&in_100.0, in_100.1)),
        condition("a value's placeholder has at most 255 bytes", (&long_value.0, long_value.1), (&value.0, value.1)),
        write("a name's placeholder has at most 255 bytes", named(256), named(255)),
        condition("an expression's values have at most 2 MB", (&too_much.0, too_much.1), (&much.0, much.1)),
        write("every name is used", extra_name, plain()),
        write("every name is defined", unknown_name, plain()),
        condition("every value is used", ("attribute_exists(#pk)", a.clone()), ("#text <> :a", a.clone())),
        condition("every value is defined", ("#text <> :a", none()), ("#text <> :a", a.clone())),
        condition("a reserved word is named by a placeholder", ("name <> :a", a.clone()), ("#name <> :a", a.clone())),
        condition("an expression is not empty", ("", none()), ("attribute_exists(#pk)", none())),
        condition("an expression has its syntax", ("#text <> :a AND", a.clone()), ("#text <> :a", a.clone())),
        condition("a function exists", ("is_there(#pk)", none()), ("attribute_exists(#pk)", none())),
        condition("parentheses are not redundant", ("((#text <> :a))", a.clone()), ("(#text <> :a)", a.clone())),
        condition(
            "a document path is nested at most 32 deep",
            (&format!("attribute_not_exists(#map{})", ".a".repeat(32)), none()),
            (&format!("attribute_not_exists(#map{})", ".a".repeat(31)), none()),
        ),
    ]
}

fn operands() -> Vec<Case> {
    let s = || json!({ ":a": { "S": "a" } });
    let n = |from: &str, to: &str| json!({ ":a": { "N": from }, ":b": { "N": to } });
    let mixed = || json!({ ":a": { "N": "1" }, ":b": { "S": "9" } });
    vec![
        condition(
            "BETWEEN has its bounds in order",
            ("#count BETWEEN :a AND :b", n("9", "1")),
            ("#count BETWEEN :a AND :b", n("1", "9")),
        ),
        condition(
            "BETWEEN has bounds of one type",
            ("#count BETWEEN :a AND :b", mixed()),
            ("#count BETWEEN :a AND :b", n("1", "9")),
        ),
        condition("operands are distinct", ("#text = #text", none()), ("#text <> #pk", none())),
        condition(
            "a comparison orders values that have an order",
            ("#text > :a", json!({ ":a": { "BOOL": true } })),
            ("#text > :a", s()),
        ),
        condition(
            "begins_with takes text",
            ("begins_with(#text, :a)", json!({ ":a": { "N": "1" } })),
            ("begins_with(#text, :a)", json!({ ":a": { "S": "s" } })),
        ),
        condition("attribute_exists takes a path", ("attribute_exists(:a)", s()), ("attribute_exists(#text)", none())),
        condition(
            "attribute_type takes a type",
            ("attribute_type(#text, :a)", json!({ ":a": { "S": "TEXT" } })),
            ("attribute_type(#text, :a)", json!({ ":a": { "S": "S" } })),
        ),
        condition("size is a number", ("size(#text)", none()), ("size(#text) > :a", json!({ ":a": { "N": "1" } }))),
        condition(
            "size takes a path",
            ("size(:b) > :a", json!({ ":a": { "N": "0" }, ":b": { "N": "1" } })),
            ("size(#text) > :a", json!({ ":a": { "N": "0" } })),
        ),
        update(
            "a sum is of numbers",
            ("SET #count = #count + :a", s()),
            ("SET #count = #count + :a", json!({ ":a": { "N": "1" } })),
        ),
        update(
            "a sum is of numbers, in the item too",
            ("SET #text = #text + :a", json!({ ":a": { "N": "1" } })),
            ("SET #count = #count - :a", json!({ ":a": { "N": "1" } })),
        ),
        update(
            "list_append takes lists",
            ("SET #list = list_append(#list, :a)", s()),
            ("SET #list = list_append(#list, :a)", json!({ ":a": { "L": [] } })),
        ),
        update("ADD takes a number or a set", ("ADD #count :a", s()), ("ADD #count :a", json!({ ":a": { "N": "1" } }))),
        update(
            "DELETE takes a set",
            ("DELETE #tags :a", json!({ ":a": { "N": "1" } })),
            ("DELETE #tags :a", json!({ ":a": { "SS": ["a"] } })),
        ),
        update(
            "if_not_exists takes a path",
            ("SET #count = if_not_exists(:a, :a)", s()),
            ("SET #count = if_not_exists(#count, :a)", s()),
        ),
        update(
            "a sum has at most 38 digits",
            ("SET #most = #most + :a", json!({ ":a": { "N": "0.1" } })),
            ("SET #most = #most + :a", json!({ ":a": { "N": "1" } })),
        ),
    ]
}

fn updates() -> Vec<Case> {
    let a = || json!({ ":a": { "S": "a" } });
    let two = || json!({ ":a": { "S": "a" }, ":b": { "S": "b" } });
    let assign = |count: usize| {
        let sums: Vec<String> = (0..count).map(|n| format!("a{n}=:a")).collect();
        format!("SET {}", sums.join(","))
    };
    vec![
        update("a path is set once", ("SET #text = :a, #text = :b", two()), ("SET #text = :a, #other = :b", two())),
        update("a path is set or removed", ("SET #text = :a REMOVE #text", a()), ("SET #text = :a REMOVE #other", a())),
        update(
            "paths do not overlap",
            ("SET #map = :a, #map.#inner = :b", two()),
            ("SET #map.#inner = :a, #text = :b", two()),
        ),
        update("an update leaves the key alone", ("SET #sk = :a", a()), ("SET #text = :a", a())),
        update(
            "a clause is used once",
            ("SET #text = :a SET #other = :b", two()),
            ("SET #text = :a, #other = :b", two()),
        ),
        update("an update is not empty", ("", none()), ("SET #text = :a", a())),
        update("a copied attribute exists", ("SET #text = #absent", none()), ("SET #text = #name", none())),
        update(
            "a map exists before an attribute of it",
            ("SET #absent.#inner = :a", a()),
            ("SET #map.#inner = :a", a()),
        ),
        update("an update has at most 300 operators and functions", (&assign(301), a()), (&assign(300), a())),
    ]
}

fn transactions() -> Vec<Case> {
    let checks = |count: usize| -> Value {
        let check = |n: usize| {
            let request = json!({
                "TableName": TABLE, "Key": key(&format!("NONE#{n}"), "NONE"),
                "ConditionExpression": "attribute_not_exists(pk)",
            });
            json!({ "ConditionCheck": request })
        };
        transaction((0..count).map(check).collect())
    };
    let twice = |other: &str| {
        let update = json!({ "Update": updated("SET #text = :a", json!({ ":a": { "S": "a" } })) });
        let delete = json!({ "Delete": { "TableName": TABLE, "Key": key(other, "SEED") } });
        transaction(vec![update, delete])
    };
    let token = |length: usize| {
        let mut request = checks(1);
        request["ClientRequestToken"] = json!("t".repeat(length));
        request
    };
    let two_kinds = {
        let mut action = put(none());
        action["Delete"] = json!({ "TableName": TABLE, "Key": key("OTHER#1", "OTHER") });
        action
    };
    let returning = |what: &str| {
        let mut request = checks(1);
        request["TransactItems"][0]["ConditionCheck"]["ReturnValuesOnConditionCheckFailure"] = json!(what);
        request
    };
    let gets = |keys: Vec<String>| {
        let get = |pk: &String| json!({ "Get": { "TableName": TABLE, "Key": key(pk, "NONE") } });
        transaction(keys.iter().map(get).collect())
    };
    let numbered = |count: usize| (0..count).map(|n| format!("NONE#{n}")).collect::<Vec<_>>();
    let named = |names: [&str; 2]| names.map(str::to_owned).to_vec();
    vec![
        case("a transaction has at most 100 actions", "TransactWriteItems", checks(101), checks(100)),
        case("a transaction has an action", "TransactWriteItems", checks(0), checks(1)),
        case("a transaction has an item once", "TransactWriteItems", twice("SEED#1"), twice("SEED#2")),
        case("a token has at most 36 characters", "TransactWriteItems", token(37), token(36)),
        case("a token is not empty", "TransactWriteItems", token(0), token(1)),
        write("an action is of one kind", two_kinds, put(none())),
        case("a failure returns all or nothing", "TransactWriteItems", returning("ALL_NEW"), returning("ALL_OLD")),
        case("a transaction reads at most 100 items", "TransactGetItems", gets(numbered(101)), gets(numbered(100))),
        case(
            "a transaction reads an item once",
            "TransactGetItems",
            gets(named(["NONE#1", "NONE#1"])),
            gets(named(["NONE#1", "NONE#2"])),
        ),
    ]
}

fn reads() -> Vec<Case> {
    let batch = |keys: &[String]| {
        let keys: Vec<Value> = keys.iter().map(|pk| key(pk, "NONE")).collect();
        json!({ "RequestItems": { TABLE: { "Keys": keys } } })
    };
    let numbered = |count: usize| (0..count).map(|n| format!("NONE#{n}")).collect::<Vec<_>>();
    let named = |names: [&str; 2]| names.map(str::to_owned);
    let projected = |expression: &str| {
        let mut request = get("SEED#1", "SEED");
        request["ProjectionExpression"] = json!(expression);
        request
    };
    let scan = |more: Value| {
        let mut request = json!({ "TableName": TABLE });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    let segment = |number: i32, of: i32| scan(json!({ "Segment": number, "TotalSegments": of }));
    vec![
        case("a batch reads at most 100 keys", "BatchGetItem", batch(&numbered(101)), batch(&numbered(100))),
        case("a batch reads a key", "BatchGetItem", batch(&[]), batch(&numbered(1))),
        case(
            "a batch reads a key once",
            "BatchGetItem",
            batch(&named(["NONE#1", "NONE#1"])),
            batch(&named(["NONE#1", "NONE#2"])),
        ),
        case("a projection has a path once", "GetItem", projected("pk, pk"), projected("pk, sk")),
        case("a projection's paths do not overlap", "GetItem", projected("#m, #m.x"), projected("pk, sk")),
        case("a scan's segment is one of all", "Scan", segment(2, 2), segment(1, 2)),
        case("a scan's segment is one of how many", "Scan", scan(json!({ "Segment": 0 })), segment(0, 1)),
        case("a scan reads at least one item", "Scan", scan(json!({ "Limit": 0 })), scan(json!({ "Limit": 1 }))),
        case(
            "a scan of an index is not strong",
            "Scan",
            scan(json!({ "IndexName": "byTime", "ConsistentRead": true })),
            scan(json!({ "IndexName": "byTime", "ConsistentRead": false })),
        ),
    ]
}

fn queries() -> Vec<Case> {
    let of_table = |condition: &str, more: Value| {
        let mut request = json!({ "TableName": TABLE, "KeyConditionExpression": condition });
        request["ExpressionAttributeValues"] = json!({ ":pk": { "S": "SEED#1" } });
        merge(&mut request, more);
        request
    };
    let of_index = |more: Value| {
        let mut request = json!({
            "TableName": TABLE, "IndexName": "byTime", "KeyConditionExpression": "byTimePk = :pk",
            "ExpressionAttributeValues": { ":pk": { "S": "LIST" } },
        });
        merge(&mut request, more);
        request
    };
    let plain = || of_table("pk = :pk", none());
    let value = |value: Value| json!({ "ExpressionAttributeValues": { ":a": value } });
    let start = |pk: &str| json!({ "ExclusiveStartKey": { "pk": { "S": pk }, "sk": { "S": "A" } } });
    let place = |list: &str| {
        json!({ "ExclusiveStartKey": {
            "pk": { "S": "SEED#0" }, "sk": { "S": "SEED" }, "byTimePk": { "S": list }, "byTimeSk": { "S": "0" },
        } })
    };
    let start_without_sk = json!({ "ExclusiveStartKey": { "pk": { "S": "SEED#1" } } });
    let start_with_more = json!({
        "ExclusiveStartKey": { "pk": { "S": "SEED#1" }, "sk": { "S": "A" }, "more": { "S": "A" } },
    });
    let without_index_keys = start("SEED#0");
    let filter = |name: &str| {
        let mut more = json!({ "FilterExpression": "#f <> :a", "ExpressionAttributeNames": { "#f": name } });
        merge(&mut more, value(json!({ "S": "a" })));
        more
    };
    let project = |name: &str| json!({ "ProjectionExpression": "#p", "ExpressionAttributeNames": { "#p": name } });
    let bounds =
        |from: &str, to: &str| json!({ "ExpressionAttributeValues": { ":a": { "S": from }, ":b": { "S": to } } });
    vec![
        case(
            "a query reads at least one item",
            "Query",
            of_table("pk = :pk", json!({ "Limit": 0 })),
            of_table("pk = :pk", json!({ "Limit": 1 })),
        ),
        case("a query names its partition", "Query", of_table("sk = :pk", none()), plain()),
        case("a query is of one partition", "Query", of_table("begins_with(pk, :pk)", none()), plain()),
        case("a query's partition is equal", "Query", of_table("pk > :pk", none()), plain()),
        case(
            "a query has a condition for each key once",
            "Query",
            of_table("pk = :pk AND sk > :a AND sk < :a", value(json!({ "S": "a" }))),
            of_table("pk = :pk AND sk > :a", value(json!({ "S": "a" }))),
        ),
        case(
            "a query has conditions of keys alone",
            "Query",
            of_table("pk = :pk AND text > :a", value(json!({ "S": "a" }))),
            of_table("pk = :pk AND sk > :a", value(json!({ "S": "a" }))),
        ),
        case(
            "a query's sort key is not unequal",
            "Query",
            of_table("pk = :pk AND sk <> :a", value(json!({ "S": "a" }))),
            of_table("pk = :pk AND sk >= :a", value(json!({ "S": "a" }))),
        ),
        case(
            "a query has no OR",
            "Query",
            of_table("pk = :pk OR sk > :a", value(json!({ "S": "a" }))),
            of_table("pk = :pk AND sk > :a", value(json!({ "S": "a" }))),
        ),
        case(
            "a query's value has the key's type",
            "Query",
            of_table("pk = :pk AND sk > :a", value(json!({ "N": "1" }))),
            of_table("pk = :pk AND sk > :a", value(json!({ "S": "1" }))),
        ),
        case(
            "a query's value is not empty",
            "Query",
            of_table("pk = :pk AND sk = :a", value(text(0))),
            of_table("pk = :pk AND sk = :a", value(text(1))),
        ),
        case(
            "a query's sort key has at most 1,024 bytes",
            "Query",
            of_table("pk = :pk AND sk = :a", value(text(1_025))),
            of_table("pk = :pk AND sk = :a", value(text(1_024))),
        ),
        case(
            "a query's partition is not empty",
            "Query",
            of_table("pk = :pk", json!({ "ExpressionAttributeValues": { ":pk": text(0) } })),
            plain(),
        ),
        case(
            "a query's partition has at most 2,048 bytes",
            "Query",
            of_table("pk = :pk", json!({ "ExpressionAttributeValues": { ":pk": text(2_049) } })),
            of_table("pk = :pk", json!({ "ExpressionAttributeValues": { ":pk": text(2_048) } })),
        ),
        case(
            "a query's bounds are in order",
            "Query",
            of_table("pk = :pk AND sk BETWEEN :a AND :b", bounds("b", "a")),
            of_table("pk = :pk AND sk BETWEEN :a AND :b", bounds("a", "b")),
        ),
        case(
            "a query's filter has no keys",
            "Query",
            of_table("pk = :pk", filter("sk")),
            of_table("pk = :pk", filter("text")),
        ),
        case(
            "a filter of an index has none of its keys",
            "Query",
            of_index(filter("byTimeSk")),
            of_index(filter("name")),
        ),
        case(
            "a query of an index is not strong",
            "Query",
            of_index(json!({ "ConsistentRead": true })),
            of_table("pk = :pk", json!({ "ConsistentRead": true })),
        ),
        case(
            "a query of an index reads what it projects",
            "Query",
            of_index(project("text")),
            of_index(project("name")),
        ),
        case(
            "a query of an index filters by what it projects",
            "Query",
            of_index(filter("text")),
            of_index(filter("name")),
        ),
        case(
            "a query of an index selects what it projects",
            "Query",
            of_index(json!({ "Select": "ALL_ATTRIBUTES" })),
            of_index(json!({ "Select": "ALL_PROJECTED_ATTRIBUTES" })),
        ),
        case(
            "a query is of an index that exists",
            "Query",
            of_index(json!({ "IndexName": "byName" })),
            of_index(none()),
        ),
        case(
            "a query begins within its partition",
            "Query",
            of_table("pk = :pk", start("SEED#0")),
            of_table("pk = :pk", start("SEED#1")),
        ),
        case(
            "a query begins after a whole key",
            "Query",
            of_table("pk = :pk", start_without_sk),
            of_table("pk = :pk", start("SEED#1")),
        ),
        case(
            "a query begins after a key alone",
            "Query",
            of_table("pk = :pk", start_with_more),
            of_table("pk = :pk", start("SEED#1")),
        ),
        case(
            "a query begins within the range of its sort key",
            "Query",
            of_table(
                "pk = :pk AND sk > :a",
                json!({
                    "ExpressionAttributeValues": { ":a": { "S": "B" } },
                    "ExclusiveStartKey": { "pk": { "S": "SEED#1" }, "sk": { "S": "A" } },
                }),
            ),
            of_table(
                "pk = :pk AND sk > :a",
                json!({
                    "ExpressionAttributeValues": { ":a": { "S": "B" } },
                    "ExclusiveStartKey": { "pk": { "S": "SEED#1" }, "sk": { "S": "C" } },
                }),
            ),
        ),
        case(
            "a query of an index begins after the keys of both",
            "Query",
            of_index(without_index_keys),
            of_index(place("LIST")),
        ),
        case(
            "a query of an index begins within its partition",
            "Query",
            of_index(place("OTHER")),
            of_index(place("LIST")),
        ),
    ]
}

/// Adds the fields of `more`, into objects that both have.
fn merge(request: &mut Value, more: Value) {
    let Value::Object(more) = more else { return };
    for (name, value) in more {
        // A value replaces another.
        let is_value = |name: &str| name.starts_with(':');
        match (&mut request[&name], value) {
            (into, value) if is_value(&name) => *into = value,
            (into @ Value::Object(_), value @ Value::Object(_)) => merge(into, value),
            (into, value) => *into = value,
        }
    }
}
