//! The desk, at rest: its rows equal a recount of the orders.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::{
    domain::desk::DeskChange,
    store::{Key, desk, keys},
};

use super::{
    books,
    quiesce::{number, text},
};

/// The differences between the rows of a table and those that follow from its orders.
pub fn violations(items: &[Value]) -> Vec<String> {
    let mut rows: BTreeMap<(String, String), &Value> = BTreeMap::new();
    for item in items.iter().filter(|item| text(item, "sk").starts_with(keys::DESK_PREFIX)) {
        rows.insert((text(item, "pk").to_owned(), text(item, "sk").to_owned()), item);
    }
    let mut found = Vec::new();
    for order in books::orders(items) {
        for (Key { pk, sk }, expected) in desk::rows(&order, &DeskChange::all_rows(&order)) {
            let Some(row) = rows.remove(&(pk.clone(), sk.clone())) else {
                found.push(format!("the desk has no row {pk} {sk}"));
                continue;
            };
            let lists = json!([row["byTimePk"]["S"], row["byTimeSk"]["S"], row["byDuePk"]["S"], row["byDueSk"]["S"]]);
            let is_of_order =
                json!([expected.by_time_pk, expected.by_time_sk, expected.by_expiry_pk, expected.by_expiry_sk]);
            if lists != is_of_order {
                found.push(format!("the desk lists {pk} {sk} at {lists}, not at {is_of_order}"));
            }
            if number(row, "version") > i64::try_from(order.version).unwrap_or(i64::MAX) {
                found.push(format!("the desk's row {pk} {sk} is of a version that its order never had"));
            }
        }
    }
    found.extend(rows.keys().map(|(pk, sk)| format!("the desk's row {pk} {sk} is of no order")));
    found
}
