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
        let missing = desk::rows(order, &DeskChange::all_rows(order));
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
        Some(number) if key.pk.starts_with("DESKCLAIMS#") => format!("row of claim {number}"),
        Some(number) => format!("row of line {number}"),
        None => "row of the order".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::domain::order::{LineStatus, OrderStatus};

    use super::*;
    use crate::fixture::{LONG_AGO, Shop, at, order};

    /// The healthy shop with all rows of the desk, which follow the orders since before the first.
    fn listed() -> Shop {
        let mut shop = Shop::healthy();
        for id in ["o1", "o2", "o3", "o4", "o5"] {
            let order = shop.order(id);
            for (key, row) in desk::rows(&order, &DeskChange::all_rows(&order)) {
                shop.put(key, row);
            }
        }
        let since = at("2026-11-01T00:00:00Z").as_millisecond();
        shop.put(keys::desk_heartbeat(), json!({ "at": since, "since": since }));
        shop
    }

    fn wrong(shop: &Shop) -> Vec<String> {
        shop.violations_at(at("2026-11-20T03:00:00Z")).into_iter().filter(|line| line.starts_with("[desk]")).collect()
    }

    fn row_of(shop: &Shop, id: &str, number: usize) -> (Key, DeskRow) {
        let change = DeskChange { order: number == 0, lines: [number].into(), ..DeskChange::default() };
        desk::rows(&shop.order(id), &change).remove(0)
    }

    #[test]
    fn rows_of_all_orders_are_right() {
        assert_eq!(wrong(&listed()), [] as [&str; 0]);
    }

    #[test]
    fn a_missing_row_is_found_for_orders_since_the_desk_or_its_migration() {
        let mut shop = listed();
        let (key, _) = row_of(&shop, "o3", 1);
        shop.remove(key);
        assert_eq!(wrong(&shop), ["[desk] order o3: row of line 1: expected listed as its order is, found none"]);
        let now = at("2026-11-20T02:00:00Z").as_millisecond();
        shop.put(keys::desk_heartbeat(), json!({ "at": now, "since": now }));
        assert_eq!(wrong(&shop), [] as [&str; 0], "an order from before the desk");
        let ended = json!({ "startedAt": now, "endedAt": now, "passes": 1, "figures": {}, "revision": 2 });
        shop.put(keys::migration(MIGRATION), ended);
        assert_eq!(wrong(&shop).len(), 1);
    }

    #[test]
    fn a_row_in_another_list_is_wrong() {
        let mut shop = listed();
        let (key, mut row) = row_of(&shop, "o3", 0);
        row.by_time_pk = keys::desk_orders_in(OrderStatus::Completed, keys::desk_bucket(&order("o3")));
        shop.put(key, row);
        let violations = wrong(&shop);
        assert!(
            violations.len() == 1
                && violations[0].starts_with("[desk] order o3: lists of the row of the order: expected")
        );
        let (key, mut row) = row_of(&shop, "o1", 2);
        row.by_expiry_pk = Some(keys::desk_all_lines_in(LineStatus::Shipped, keys::desk_bucket(&order("o1"))));
        shop.put(key, row);
        assert_eq!(wrong(&shop).len(), 2);
    }

    #[test]
    fn a_row_of_a_version_to_come_is_wrong() {
        let mut shop = listed();
        let (key, mut row) = row_of(&shop, "o3", 1);
        row.version += 1;
        shop.put(key, row);
        assert_eq!(wrong(&shop), ["[desk] order o3: version of the row of line 1: expected at most 1, found 2"]);
    }

    #[test]
    fn a_row_of_no_order_or_of_another_list_is_too_many() {
        let mut shop = listed();
        let (key, row) = row_of(&shop, "o3", 1);
        shop.put(Key { pk: key.pk.replace("DESKLINES##", "DESKLINES#sora#"), ..key.clone() }, row.clone());
        let none = keys::desk_line(None, at(LONG_AGO), &order("o9"), 1);
        shop.put(none, row);
        let violations = wrong(&shop);
        assert_eq!(violations.len(), 2, "{violations:?}");
        assert!(violations.iter().any(|line| line.contains("row of an order: expected one that there is, found none")));
        assert!(
            violations
                .iter()
                .any(|line| line.starts_with("[desk] order o3: row of line 1: expected none, or one, found another"))
        );
    }

    #[test]
    fn an_order_that_has_just_changed_is_not_judged() {
        let mut shop = listed();
        let (key, _) = row_of(&shop, "o5", 0);
        shop.remove(key);
        assert_eq!(wrong(&shop).len(), 1);
        shop.change_order("o5", |order| order.updated_at = at("2026-11-20T02:50:00Z"));
        assert_eq!(wrong(&shop), [] as [&str; 0]);
    }
}
