//! The recorder between the SDK and the embedded DynamoDB.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{LazyLock, Mutex},
};

use serde_json::{Value, json};

use super::{
    Example, folder,
    kinds::{kind_of, outcome_of},
};

/// The examples of each kind and outcome that a process records.
const EXAMPLES: usize = 1;

/// The most kinds and outcomes of a process.
const MOST: usize = 10_000;

/// The most items that an example has.
const MOST_ITEMS: usize = 12;

/// The number of examples that this process has recorded, by kind and outcome.
static RECORDED: LazyLock<Mutex<BTreeMap<(u64, String), usize>>> = LazyLock::new(Mutex::default);

/// Records the calls of one database.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    /// The tokens of committed transactions. A repetition depends on more than the items, so it is no example.
    tokens: BTreeSet<String>,
}

/// A call that is under way.
pub(crate) struct Call {
    kind: String,
    hash: u64,
    operation: String,
    request: Value,
    keys: Vec<Value>,
    before: Option<Vec<Value>>,
}

type Answer = Result<Value, (u16, Value)>;

impl Recorder {
    /// Begins a call. `execute` reads the items of a write that may become an example.
    pub(crate) fn begin(
        &self,
        operation: &str,
        request: &Value,
        execute: impl Fn(&str, Value) -> Answer,
    ) -> Option<Call> {
        let is_repeated = request["ClientRequestToken"].as_str().is_some_and(|token| self.tokens.contains(token));
        if is_repeated || !is_recorded(operation) {
            return None;
        }
        let kind = kind_of(operation, request);
        let hash = hash_of(&kind);
        let is_write = matches!(operation, "UpdateItem" | "TransactWriteItems");
        let mut call =
            Call { kind, hash, operation: operation.to_owned(), request: Value::Null, keys: Vec::new(), before: None };
        // A call that changes nothing can be read for afterwards, if it is an example.
        if is_write && is_wanted(hash, "done") {
            call.keys = keys_of(request);
            call.before = Some(items(&call.keys, &execute));
        }
        call.request = request.clone();
        Some(call)
    }

    /// Ends a call, and records it if it is an example.
    pub(crate) fn end(&mut self, call: Call, answer: &Answer, execute: impl Fn(&str, Value) -> Answer) {
        let (status, body) = match answer {
            Ok(body) => (200, body),
            Err((status, body)) => (*status, body),
        };
        if let (200, Some(token)) = (status, call.request["ClientRequestToken"].as_str()) {
            self.tokens.insert(token.to_owned());
        }
        let outcome = outcome_of(&call.request, status, body);
        if !is_wanted(call.hash, &outcome) {
            return;
        }
        let is_write = matches!(call.operation.as_str(), "UpdateItem" | "TransactWriteItems");
        let keys = if is_write { keys_of(&call.request) } else { keys_read(&call.operation, &call.request, &execute) };
        if keys.len() > MOST_ITEMS {
            return;
        }
        let after = items(&keys, &execute);
        let before = match call.before {
            Some(before) => before,
            None if is_write && status == 200 => return,
            None => after.clone(),
        };
        let mut body = body.clone();
        body.as_object_mut().map(|fields| fields.remove("ConsumedCapacity"));
        let Call { kind, hash, operation, request, .. } = call;
        write(hash, &Example { kind, outcome, operation, request, before, after, status, answer: body });
    }
}

fn is_recorded(operation: &str) -> bool {
    matches!(
        operation,
        "GetItem" | "UpdateItem" | "BatchGetItem" | "Query" | "Scan" | "TransactGetItems" | "TransactWriteItems"
    )
}

fn is_wanted(hash: u64, outcome: &str) -> bool {
    let recorded = RECORDED.lock().unwrap();
    let count = recorded.get(&(hash, outcome.to_owned())).copied().unwrap_or_default();
    count < EXAMPLES && (count > 0 || recorded.len() < MOST)
}

/// Writes an example, unless an earlier process has written it.
fn write(hash: u64, example: &Example) {
    let number = {
        let mut recorded = RECORDED.lock().unwrap();
        let count = recorded.entry((hash, example.outcome.clone())).or_default();
        *count += 1;
        *count
    };
    let name = format!("{hash:016x}-{:016x}-{number}", hash_of(&example.outcome));
    let path = folder().join(&name).with_extension("json");
    if number > EXAMPLES || path.exists() {
        return;
    }
    fs::create_dir_all(folder()).unwrap();
    // A process that is killed leaves no half of an example.
    let half = folder().join(format!("{name}.{}", std::process::id()));
    fs::write(&half, serde_json::to_vec(example).unwrap()).unwrap();
    fs::rename(half, path).unwrap();
}

/// The same in each process.
fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The keys that a write names.
pub(super) fn keys_of(request: &Value) -> Vec<Value> {
    let actions = request["TransactItems"].as_array().into_iter().flatten();
    let actions = actions.flat_map(|action| action.as_object().into_iter().flatten()).map(|(_, action)| action);
    let actions = actions.chain(request["Key"].is_object().then_some(request));
    let key = |action: &Value| if action["Key"].is_object() { action["Key"].clone() } else { key_in(&action["Item"]) };
    actions.map(key).collect()
}

fn key_in(item: &Value) -> Value {
    json!({ "pk": item["pk"], "sk": item["sk"] })
}

/// The keys of the items that a read depends on.
fn keys_read(operation: &str, request: &Value, execute: &impl Fn(&str, Value) -> Answer) -> Vec<Value> {
    match operation {
        "BatchGetItem" => {
            let tables = request["RequestItems"].as_object().into_iter().flat_map(|tables| tables.values());
            tables.flat_map(|table| table["Keys"].as_array().into_iter().flatten()).cloned().collect()
        }
        "Query" | "Scan" => {
            // A filter hides items that the page has looked at. No query has one.
            let mut unfiltered = request.clone();
            if let (true, Some(fields)) = (operation == "Scan", unfiltered.as_object_mut()) {
                for name in ["FilterExpression", "ExpressionAttributeNames", "ExpressionAttributeValues"] {
                    fields.remove(name);
                }
            }
            let found = execute(operation, unfiltered).unwrap_or_default();
            found["Items"].as_array().into_iter().flatten().map(key_in).collect()
        }
        _ => keys_of(request),
    }
}

/// The items with these keys.
fn items(keys: &[Value], execute: &impl Fn(&str, Value) -> Answer) -> Vec<Value> {
    let get = |key: &Value| json!({ "TableName": crate::TABLE, "Key": key, "ConsistentRead": true });
    // A key that AWS would refuse has no item.
    keys.iter().filter_map(|key| Some(execute("GetItem", get(key)).ok()?.get("Item")?.clone())).collect()
}
