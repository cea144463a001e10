//! Exports: the store of their files behind the connection of an instance, and the files of a shop at rest.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture},
    orchestrator::HttpRequest,
};
use futures::future::BoxFuture;
use jiff::SignedDuration;
use serde_json::Value;
use shared::app::exports::files::{ExportFiles, FilesError};

use super::{
    books::plain_item,
    connection::Connection,
    known::number as amount,
    quiesce::{number, text},
    world::World,
};

/// An order that is older than this when an export begins must be in it: indexes and the desk are behind by less.
const SETTLED_MS: i64 = 60_000;

/// The files, by an instance that makes its client at its first call: a client takes longer to make than a call.
#[derive(Debug)]
struct Files(Connection);

/// The connection to the store of files.
#[derive(Debug)]
pub(super) struct FileConnector(pub(super) Connection);

impl HttpConnector for FileConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.0.clone().answer_of_bucket(request))
    }
}

impl ExportFiles for Files {
    fn put<'a>(&'a self, key: &'a str, content: Vec<u8>) -> BoxFuture<'a, Result<(), FilesError>> {
        let files = self.0.files();
        Box::pin(async move { files.put(key, content).await })
    }

    fn join<'a>(
        &'a self,
        parts: &'a [String],
        key: &'a str,
        content_type: &'static str,
    ) -> BoxFuture<'a, Result<(), FilesError>> {
        let files = self.0.files();
        Box::pin(async move { files.join(parts, key, content_type).await })
    }

    fn delete<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<bool, FilesError>> {
        let files = self.0.files();
        Box::pin(async move { files.delete(prefix).await })
    }

    fn link<'a>(
        &'a self,
        key: &'a str,
        name: &'a str,
        validity: SignedDuration,
    ) -> BoxFuture<'a, Result<String, FilesError>> {
        let files = self.0.files();
        Box::pin(async move { files.link(key, name, validity).await })
    }
}

/// An export at rest, with the parts of its record that its file follows from.
struct Export<'i> {
    id: &'i str,
    user: &'i str,
    of: &'i str,
    seller: &'i str,
    from: i64,
    to: i64,
    item: &'i Value,
}

impl<'i> Export<'i> {
    fn new(item: &'i Value) -> Self {
        let created = number(item, "createdAt");
        Self {
            id: text(item, "exportId"),
            user: text(item, "userId"),
            of: text(item, "of"),
            seller: text(item, "sellerId"),
            from: number(item, "from"),
            to: number(item, "to").min(created),
            item,
        }
    }

    fn file(&self) -> String {
        match self.of {
            "MINE" => format!("users/{}/{}/file", self.user, self.id),
            _ => format!("shop/{}/file", self.id),
        }
    }

    /// Whether an order must be in the file, since it was created long enough before the export.
    fn must_have(&self, order: &Value) -> bool {
        let created = amount(order, "createdAt");
        (self.from..self.to.min(number(self.item, "createdAt") - SETTLED_MS)).contains(&created)
    }
}

/// The violations at rest: each complete export has its rows once, and an erased user has no file.
pub(super) fn violations(world: &World, items: &[Value]) -> Vec<String> {
    let files = world.bucket.texts();
    let mut found = Vec::new();
    let with_key: BTreeSet<&str> =
        items.iter().filter(|item| item["sk"]["S"] == "KEY").map(|item| user_of(text(item, "pk"))).collect();
    for key in files.keys() {
        let user = key.strip_prefix("users/").and_then(|rest| rest.split('/').next());
        if let Some(user) = user.filter(|user| !with_key.contains(user)) {
            found.push(format!("user {user} is erased, and has the file {key}"));
        }
    }
    let orders: Vec<Value> = items.iter().filter(|item| item["sk"]["S"] == "ORDER").map(plain_item).collect();
    for export in items.iter().filter(|item| item["sk"]["S"] == "EXPORT").map(Export::new) {
        let is_erased = export.of == "MINE" && !with_key.contains(export.user);
        let of_export = match text(export.item, "status") {
            "DONE" if is_erased => continue,
            "DONE" => match files.get(&export.file()) {
                Some(file) => violations_of(&export, file, &orders, world.has_no_faults()),
                None => vec!["is complete, and has no file".to_owned()],
            },
            // An erased user's exports end without a file.
            "FAILED" if is_erased => continue,
            status => vec![format!("is {status} at rest")],
        };
        found.extend(
            of_export.into_iter().map(|violation| format!("export {} of {}: {violation}", export.id, export.of)),
        );
    }
    found
}

fn user_of(partition: &str) -> &str {
    partition.trim_start_matches("USER#")
}

fn violations_of(export: &Export<'_>, file: &str, orders: &[Value], is_listed: bool) -> Vec<String> {
    let mut found = Vec::new();
    let rows: Vec<&str> = file.lines().skip(usize::from(export.of != "MINE")).collect();
    if i64::try_from(rows.len()).ok() != Some(number(export.item, "rows")) {
        found.push(format!("has {} rows, and its record says {}", rows.len(), number(export.item, "rows")));
    }
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for row in &rows {
        *times.entry(id_of(export.of, row)).or_default() += 1;
    }
    times.remove("");
    found.extend(times.iter().filter(|(_, times)| **times > 1).map(|(id, times)| format!("has {id} {times} times")));
    for order in orders.iter().filter(|order| export.must_have(order)) {
        let id = order["orderId"].as_str().unwrap_or_default();
        let expected: Vec<String> = match export.of {
            "MINE" if order["userId"] == export.user => vec![format!("ORDER {id}")],
            "ORDERS" if export.seller.is_empty() && is_listed => {
                (1..=order["items"].as_array().map_or(0, Vec::len)).map(|line| format!("{id},{line}")).collect()
            }
            _ => Vec::new(),
        };
        let missing = expected.into_iter().filter(|row| !times.contains_key(row));
        found.extend(missing.map(|row| format!("has no {row}")));
    }
    found
}

/// The id of a row, empty if it has none that must be unique.
fn id_of(of: &str, row: &str) -> String {
    let columns = |count: usize| row.split(',').take(count).collect::<Vec<_>>().join(",");
    match of {
        "ORDERS" | "LEDGER" => columns(2),
        "PRODUCTS" => columns(1),
        _ => {
            let row: Value = row.parse().expect("a row is JSON");
            let kind = row["type"].as_str().unwrap_or_default();
            let id = match kind {
                "ORDER" => &row["data"]["orderId"],
                "LEDGER_ENTRY" => &row["data"]["entryId"],
                "PAYMENT" => &row["data"]["paymentId"],
                _ => return String::new(),
            };
            format!("{kind} {}", id.as_str().unwrap_or_default())
        }
    }
}

/// The store of files, as an instance reaches it.
pub(super) fn files(connection: &Connection) -> Arc<dyn ExportFiles> {
    Arc::new(Files(connection.clone()))
}
