//! The desk's rows: each order and each line of a paid order is listed once, in its state.
//!
//! The rows follow the orders by stream and queue. So an order is judged once its last change is [`GRACE`] old, and orders
//! from before the desk may lack rows until the migration has listed them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use shared::{
    domain::{OrderId, desk::DeskChange, order::Order},
    store::{
        Key,
        desk::{self, DeskHeartbeat, DeskRow},
        keys,
        migrations::MigrationProgress,
    },
};

use crate::{
    findings::Findings,
    relation::{self, Relation, Selection},
    report::{Invariant, Subject},
};

/// The step of the migration that lists the orders from before the desk.
pub(crate) const MIGRATION: &str = "desk";

/// The time in which a change reaches the desk. If it takes longer, the alarm of the queue's age rings as well.
const GRACE: SignedDuration = SignedDuration::from_mins(15);

/// The orders and the rows that have not been found to match.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    orders: BTreeMap<OrderId, Known>,
    rows: BTreeMap<OrderId, Vec<(Key, DeskRow)>>,
    /// The number of all rows in both.
    unmatched: usize,
    /// The first heartbeat that came through: every order since has its rows.
    since: Option<Timestamp>,
    is_migrated: bool,
}

#[derive(Debug)]
struct Known {
    created_at: Timestamp,
    updated_at: Timestamp,
    version: u64,
    /// The rows that it must have and that were not found yet.
    missing: Vec<(Key, DeskRow)>,
}

impl Desk {
    pub(crate) fn add_order(&mut self, order: &Order, selection: &Selection) {
        let id = &order.order_id;
        if !selection.has(relation::order(id)) {
            return;
        }
        let missing = desk::rows(order, &DeskChange::of_all(order));
        self.unmatched += missing.len();
        let (created_at, updated_at) = (order.created_at, order.updated_at);
        let known = Known { created_at, updated_at, version: order.version, missing };
        self.orders.insert(id.clone(), known);
        for (key, row) in self.rows.remove(id).unwrap_or_default() {
            self.unmatched -= 1;
            self.add_row(id.clone(), key, row, selection);
        }
    }

    pub(crate) fn add_row(&mut self, order: OrderId, key: Key, row: DeskRow, selection: &Selection) {
        if !selection.has(relation::order(&order)) {
            return;
        }
        if let Some(known) = self.orders.get_mut(&order) {
            let is_same = |(expected, of_order): &(Key, DeskRow)| *expected == key && is_match(of_order, &row);
            if let Some(place) = known.missing.iter().position(is_same) {
                known.missing.swap_remove(place);
                self.unmatched -= 1;
                return;
            }
        }
        self.unmatched += 1;
        self.rows.entry(order).or_default().push((key, row));
    }

    pub(crate) fn add_heartbeat(&mut self, heartbeat: &DeskHeartbeat) {
        self.since = Some(heartbeat.since);
    }

    pub(crate) fn add_migration(&mut self, step: &str, progress: &MigrationProgress) {
        self.is_migrated |= step == MIGRATION && progress.ended_at.is_some();
    }

    /// Drops the relations that are not selected.
    pub(crate) fn narrow(&mut self, selection: &Selection) {
        self.orders.retain(|order, _| selection.has(relation::order(order)));
        self.rows.retain(|order, _| selection.has(relation::order(order)));
        let missing: usize = self.orders.values().map(|known| known.missing.len()).sum();
        self.unmatched = missing + self.rows.values().map(Vec::len).sum::<usize>();
    }

    /// The memory in use, about, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.orders.len() * 140 + self.unmatched * 450
    }

    pub(crate) fn finish(mut self, now: Timestamp, findings: &mut Findings) {
        for (id, known) in &self.orders {
            let found = self.rows.remove(id).unwrap_or_default();
            let is_due = now.duration_since(known.updated_at) >= GRACE;
            let must_be_listed = self.is_migrated || self.since.is_some_and(|since| since <= known.created_at);
            if is_due {
                compare(id, known, &found, must_be_listed, findings);
            }
        }
        for (id, found) in self.rows {
            for (key, _) in found {
                let mut checks = findings
                    .between(
                        Invariant::Desk,
                        Subject::Item(key.pk.clone(), key.sk.clone()),
                        Relation::Order(id.clone()),
                    )
                    .with(vec![key]);
                checks.violated("row of an order", "one that there is", "none");
            }
        }
    }
}

/// Whether a row is that of its order. The order can have changed since without a change of this row.
fn is_match(of_order: &DeskRow, found: &DeskRow) -> bool {
    found.version <= of_order.version
        && DeskRow { version: 0, ..of_order.clone() } == DeskRow { version: 0, ..found.clone() }
}

fn compare(id: &OrderId, known: &Known, found: &[(Key, DeskRow)], must_be_listed: bool, findings: &mut Findings) {
    let keys: Vec<Key> = found.iter().map(|(key, _)| key.clone()).collect();
    let mut checks =
        findings.between(Invariant::Desk, Subject::Order(id.clone()), Relation::Order(id.clone())).with(keys);
    for (key, expected) in &known.missing {
        match found.iter().find(|(other, _)| other == key) {
            Some((_, row)) if row.version > known.version => {
                checks.at_most(format_args!("version of the {}", name_of(key)), known.version, row.version);
            }
            Some((_, row)) => checks.equal(format_args!("lists of the {}", name_of(key)), lists(expected), lists(row)),
            None if must_be_listed => checks.violated(name_of(key), "listed as its order is", "none"),
            None => {}
        }
    }
    for (key, _) in found.iter().filter(|(key, _)| known.missing.iter().all(|(expected, _)| expected != key)) {
        checks.violated(name_of(key), "none, or one", format_args!("another at {:?} {:?}", key.pk, key.sk));
    }
}

fn lists(row: &DeskRow) -> (&str, &str, Option<&str>, Option<&str>) {
    (&row.by_time_pk, &row.by_time_sk, row.by_expiry_pk.as_deref(), row.by_expiry_sk.as_deref())
}

/// The row with this key, in words.
fn name_of(key: &Key) -> String {
    let place = key.sk.strip_prefix(keys::DESK_PREFIX).and_then(keys::desk_place);
    match place.and_then(|(_, number)| number) {
        Some(number) => format!("row of line {number}"),
        None => "row of the order".to_owned(),
    }
}
