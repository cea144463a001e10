//! The table: an embedded DynamoDB with a past, which the embedded one lacks. Every change is noted with its instant.
//! So eventually consistent reads can see earlier versions, and the stream's consumers the changes.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use aws_smithy_runtime_api::client::result::ConnectorError;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use shared::store::keys::{BY_EXPIRY, BY_SALES, BY_TIME, Index};
use tokio::{sync::Notify, time::Instant};

use crate::{Dynamo, TABLE, fakes::stream, template};

/// The number of stream records in one read.
const PAGE: usize = 1_000;

/// An item's partition and sort key.
pub(super) type Key = (String, String);

/// The successive versions of an item; `None` while it did not exist.
pub(super) type Versions = Vec<Option<Value>>;

#[derive(Debug)]
pub(super) struct Table {
    dynamo: Dynamo,
    began: Instant,
    first_instant: Timestamp,
    state: Mutex<State>,
    /// Wakes the waiters for changes, in order.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    iterator: String,
    /// The versions of each item, each with the time of its beginning.
    past: BTreeMap<Key, Vec<(Duration, Option<Value>)>>,
    /// The records of the stream.
    records: Vec<Value>,
}

impl Table {
    /// An empty table at an instant.
    pub(super) fn new(first_instant: Timestamp) -> Self {
        let dynamo = Dynamo::new();
        dynamo.execute("CreateTable", template::create_table(TABLE)).expect("the template's table can be created");
        let iterator = stream::beginning(&dynamo);
        let state = State { iterator, past: BTreeMap::new(), records: Vec::new() };
        Self { dynamo, began: Instant::now(), first_instant, state: Mutex::new(state), changed: Notify::new() }
    }

    /// The database itself.
    pub(super) fn dynamo(&self) -> &Dynamo {
        &self.dynamo
    }

    /// Completes with the next change.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The number of changes so far.
    pub(super) fn changes_so_far(&self) -> usize {
        self.state().records.len()
    }

    /// Every item in its latest version.
    pub(super) fn latest(&self) -> Vec<Value> {
        self.state().past.values().filter_map(|changes| changes.last()?.1.clone()).collect()
    }

    /// The time since the beginning.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The versions of an item between two instants.
    pub(super) fn versions(&self, key: &Key, from: Duration, to: Duration) -> Versions {
        self.state().past.get(key).map_or_else(|| vec![None], |changes| between(changes, from, to))
    }

    /// The versions, between two instants, of the items that `wanted` accepts.
    pub(super) fn meanwhile(
        &self,
        wanted: impl Fn(&Key) -> bool,
        from: Duration,
        to: Duration,
    ) -> BTreeMap<Key, Versions> {
        let state = self.state();
        let items = state.past.iter().filter(|(key, _)| wanted(key));
        let items = items.map(|(key, changes)| (key.clone(), between(changes, from, to)));
        items.filter(|(_, versions)| versions.iter().any(Option::is_some)).collect()
    }

    /// Whether there is an item with this key.
    pub(super) fn is_there(&self, key: &Key) -> bool {
        self.state().past.get(key).and_then(|changes| changes.last()).is_some_and(|(_, item)| item.is_some())
    }

    /// Whether a request of this digest has had its effect.
    pub(super) fn has_effect_of(&self, digest: &str) -> bool {
        let past = &self.state().past;
        ["ORDER", "SHEET", "REQUEST"]
            .into_iter()
            .any(|kind| past.contains_key(&(format!("{kind}#{digest}"), kind.to_owned())))
    }

    /// The stream's records from this index on.
    pub(super) fn records_from(&self, first: usize) -> Vec<Value> {
        self.state().records.get(first..).unwrap_or_default().to_vec()
    }

    /// Carries out a call as DynamoDB does. An eventually consistent read sees each item as old as `lag` says.
    /// `changed` gets each item that the call has changed.
    pub(super) fn carry_out(
        &self,
        operation: &str,
        request: Value,
        lag: impl FnMut() -> Duration,
        changed: impl FnMut(Value),
    ) -> Result<(u16, Value), ConnectorError> {
        match operation {
            "GetItem" if request["ConsistentRead"] != true => Ok((200, self.get_past(&request, lag))),
            "BatchGetItem" if request["RequestItems"][TABLE]["ConsistentRead"] != true => {
                Ok((200, self.get_all_past(&request, lag)))
            }
            "Query" if request["IndexName"].is_string() => Ok((200, self.query_past(&request, lag))),
            _ => {
                let answer = self.dynamo.carry_out(operation, request);
                if matches!(operation, "UpdateItem" | "TransactWriteItems") && matches!(answer, Ok((200, _))) {
                    self.note_changes().into_iter().for_each(changed);
                }
                answer
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Notes the changes, and returns the changed items in their new versions.
    fn note_changes(&self) -> Vec<Value> {
        let mut now = Vec::new();
        let mut state = self.state();
        let at = self.began.elapsed();
        // The embedded database goes by the clock of this machine.
        let second = (self.first_instant + SignedDuration::try_from(at).unwrap()).as_second();
        loop {
            let request = json!({ "ShardIterator": state.iterator, "Limit": PAGE });
            let mut answer = self.dynamo.execute("GetRecords", request).expect("the stream can be read");
            state.iterator = answer["NextShardIterator"].as_str().expect("a stream goes on").to_owned();
            let Value::Array(records) = answer["Records"].take() else { break };
            let is_last = records.len() < PAGE;
            for mut record in records {
                record["dynamodb"]["ApproximateCreationDateTime"] = json!(second);
                let image = record["dynamodb"].get("NewImage").cloned();
                now.extend(image.clone());
                state.past.entry(key_of(&record["dynamodb"]["Keys"])).or_default().push((at, image));
                state.records.push(record);
            }
            if is_last {
                break;
            }
        }
        drop(state);
        self.changed.notify_waiters();
        now
    }

    fn get_past(&self, request: &Value, mut lag: impl FnMut() -> Duration) -> Value {
        let at = self.began.elapsed().saturating_sub(lag());
        match self.state().image(&key_of(&request["Key"]), at) {
            Some(item) => json!({ "Item": item }),
            None => json!({}),
        }
    }

    fn get_all_past(&self, request: &Value, mut lag: impl FnMut() -> Duration) -> Value {
        let now = self.began.elapsed();
        let state = self.state();
        let keys = request["RequestItems"][TABLE]["Keys"].as_array().expect("a batch has keys");
        let items: Vec<&Value> =
            keys.iter().filter_map(|key| state.image(&key_of(key), now.saturating_sub(lag()))).collect();
        json!({ "Responses": { TABLE: items }, "UnprocessedKeys": {} })
    }

    /// A query of an index, which follows the table item by item.
    fn query_past(&self, request: &Value, mut lag: impl FnMut() -> Duration) -> Value {
        let now = self.began.elapsed();
        let index = [BY_TIME, BY_EXPIRY, BY_SALES].into_iter().find(|index| request["IndexName"] == index.name);
        let index = index.expect("the index is one of the table");
        let wanted = |name: &str| request["ExpressionAttributeValues"][name]["S"].as_str();
        let (pk, before) = (wanted(":pk").expect("a query names a partition"), wanted(":before"));
        let (first, last) = (wanted(":first").unwrap_or_default(), wanted(":last"));
        let state = self.state();
        let images = state.past.keys().filter_map(|key| state.image(key, now.saturating_sub(lag())));
        let listed = images.filter(|item| item[index.pk]["S"] == pk);
        let is_between = |item: &&Value| {
            let sk = place(index, item).0;
            first <= sk && last.is_none_or(|last| sk <= last)
        };
        let listed = listed.filter(is_between);
        let mut rows: Vec<&Value> =
            listed.filter(|item| before.is_none_or(|before| place(index, item).0 < before)).collect();
        rows.sort_by_key(|item| place(index, item));
        let backwards = request["ScanIndexForward"] == false;
        if backwards {
            rows.reverse();
        }
        if let Some(start) = request.get("ExclusiveStartKey").filter(|start| !start.is_null()) {
            let start = place(index, start);
            rows.retain(|item| if backwards { place(index, item) < start } else { place(index, item) > start });
        }
        let limit = usize::try_from(request["Limit"].as_u64().expect("a query is bounded")).unwrap();
        rows.truncate(limit);
        let items: Vec<Value> = rows.iter().map(|item| projected(index, item)).collect();
        let mut answer = json!({ "Items": items });
        if rows.len() == limit {
            for name in ["pk", "sk", index.pk, index.sk] {
                answer["LastEvaluatedKey"][name] = rows[limit - 1][name].clone();
            }
        }
        answer
    }
}

impl State {
    /// The version of an item at a time after the beginning.
    fn image(&self, key: &Key, at: Duration) -> Option<&Value> {
        let changes = self.past.get(key)?;
        changes.iter().rev().find(|(since, _)| *since <= at)?.1.as_ref()
    }
}

fn between(changes: &[(Duration, Option<Value>)], from: Duration, to: Duration) -> Versions {
    let before = changes.iter().rev().find(|(since, _)| *since <= from).and_then(|(_, item)| item.clone());
    let since = changes.iter().filter(|(since, _)| from < *since && *since <= to).map(|(_, item)| item.clone());
    std::iter::once(before).chain(since).collect()
}

fn key_of(item: &Value) -> Key {
    let text = |name: &str| item[name]["S"].as_str().expect("keys are text").to_owned();
    (text("pk"), text("sk"))
}

/// The keys of an item in an index.
fn place(index: Index, item: &Value) -> (&str, &str) {
    let text = |name: &str| item[name]["S"].as_str().expect("an index key is text");
    (text(index.sk), text("pk"))
}

/// The projection of an item in the index.
fn projected(index: Index, item: &Value) -> Value {
    let more: &[&str] = match index {
        BY_TIME => &["name", "stockShards"],
        BY_SALES => &["stockShards"],
        _ => &[],
    };
    let names = ["pk", "sk", index.pk, index.sk].into_iter().chain(more.iter().copied());
    Value::Object(names.filter_map(|name| Some((name.to_owned(), item.get(name)?.clone()))).collect::<Map<_, _>>())
}
