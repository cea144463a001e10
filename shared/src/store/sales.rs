//! Units sold: counts by product, the marks of what has been counted, and the board of bestsellers.
//!
//! Counts and marks bear a generation, which a rebuild raises. Whatever is counted asserts that the counts are of the
//! generation that its mark bears. So where a count goes over to the next, holding fast what it was, that is just what
//! the marks of the generations before come to: a rebuild can compare the two, however much is counted meanwhile.

use std::collections::HashMap;

use jiff::{Timestamp, ToSpan, civil::Date};
use serde::{Deserialize, Serialize};

use super::{Action, StoreError, keys, rebuild::Rebuild};
use crate::domain::{
    ProductId,
    bestseller::{Board, UnitsByDay},
};

/// Units sold of a product, by day, as stored: an attribute a day, so that days are added to without being read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SalesRecord {
    /// When it was last sold, in milliseconds since 1970.
    #[serde(default)]
    pub last_sold_at: i64,
    /// The generation in which it is counted; none where somebody else than the shop has put it here.
    #[serde(default)]
    pub generation: Option<u64>,
    /// The last rebuild that corrected it.
    #[serde(default)]
    pub corrected: Option<u64>,
    #[serde(flatten)]
    rest: HashMap<String, serde_json::Value>,
}

impl SalesRecord {
    /// Units sold, by day.
    pub fn days(&self) -> UnitsByDay {
        self.by_day(DAY_PREFIX)
    }

    /// What they were when the count went over to its generation. Nothing where it began with it.
    pub fn snapshot(&self) -> UnitsByDay {
        self.by_day(SNAPSHOT_PREFIX)
    }

    /// Whether it is in the list of counts, as all are that the shop has put here.
    pub fn is_listed(&self) -> bool {
        self.rest.contains_key(keys::BY_TIME.pk)
    }

    fn by_day(&self, prefix: &str) -> UnitsByDay {
        let day = |(name, units): (&String, &serde_json::Value)| {
            let day = Date::strptime("%Y%m%d", name.strip_prefix(prefix)?).ok()?;
            Some((day, units.as_i64()?))
        };
        self.rest.iter().filter_map(day).collect()
    }
}

const DAY_PREFIX: &str = "day_";
const SNAPSHOT_PREFIX: &str = "snapshot_";

/// `2026-11-21` as an attribute's name; names in expressions have no dashes.
fn attribute(prefix: &str, day: Date) -> String {
    format!("{prefix}{}", day.strftime("%Y%m%d"))
}

/// Days in which a count may still be left behind before storage tidies up the whole item.
const STALE_DAYS: std::ops::RangeInclusive<i64> = 4..=14;

/// `#a, #b`: the attributes of stale days.
fn stale(prefix: &str, today: Date) -> String {
    let stale = STALE_DAYS.map(|ago| format!("#{}", attribute(prefix, today.saturating_sub(ago.days()))));
    stale.collect::<Vec<_>>().join(", ")
}

/// Lists a count, so that all of them can be found.
const LISTED: &str = "#byTimePk = :list, #byTimeSk = :place";

fn listed(action: Action, product: &ProductId) -> Result<Action, StoreError> {
    let place = keys::sales_listed(product);
    action.value(":list", place.pk)?.value(":place", place.sk)
}

/// Adds to a product's counts. Only for a transaction that also creates the marks of what is counted, in the same
/// generation; refused where the counts are of another one.
///
/// The instant of the last sale only ever moves forward: given one, the action is refused where a later one is known.
///
/// # Errors
/// Where a value cannot be written as an attribute.
pub fn count(
    product: &ProductId,
    units: &UnitsByDay,
    last: Option<Timestamp>,
    generation: u64,
    today: Date,
) -> Result<Action, StoreError> {
    let additions = additions(units);
    let stale = stale(DAY_PREFIX, today);
    let mut expression = format!("ADD {additions} REMOVE {stale} SET #generation = :generation, {LISTED}");
    let mut condition = "(attribute_not_exists(#pk) OR #generation = :generation)".to_owned();
    if last.is_some() {
        expression.push_str(", #lastSoldAt = :last, #ttl = :ttl");
        condition.push_str(" AND (attribute_not_exists(#lastSoldAt) OR #lastSoldAt <= :last)");
    }
    let mut action = Action::update(keys::sales(product), expression).when(condition);
    action = listed(action, product)?.value(":generation", generation)?;
    action = with_units(action, units)?;
    match last {
        None => Ok(action),
        Some(last) => action.value(":last", last.as_millisecond())?.value(":ttl", kept_until(last)),
    }
}

/// `#day_20261120 :units0, …`: what to add.
fn additions(units: &UnitsByDay) -> String {
    let additions = units.keys().zip(0..).map(|(day, n)| format!("#{} :units{n}", attribute(DAY_PREFIX, *day)));
    additions.collect::<Vec<_>>().join(", ")
}

fn with_units(mut action: Action, units: &UnitsByDay) -> Result<Action, StoreError> {
    for (units, n) in units.values().zip(0..) {
        action = action.value(&format!(":units{n}"), units)?;
    }
    Ok(action)
}

/// For how long after the last sale a count is kept: longer than any day of it counts.
const KEPT_SECONDS: i64 = 10 * 24 * 60 * 60;

fn kept_until(last: Timestamp) -> i64 {
    last.as_second().saturating_add(KEPT_SECONDS)
}

/// Takes a product's counts over to the next generation, and holds fast what they are; refused where they are of another
/// generation than was seen. What is not listed stays so: until that is done it is found elsewhere.
///
/// # Errors
/// Where a value cannot be written as an attribute.
pub fn enter_generation(
    product: &ProductId,
    seen: Option<u64>,
    generation: u64,
    today: Date,
) -> Result<Action, StoreError> {
    // A day more than can count at either end: whoever does this may see another midnight than the rebuild.
    let held = (-1..*STALE_DAYS.start()).map(|ago| {
        let day = today.saturating_sub(ago.days());
        format!("#{} = if_not_exists(#{}, :none)", attribute(SNAPSHOT_PREFIX, day), attribute(DAY_PREFIX, day))
    });
    let held = held.collect::<Vec<_>>().join(", ");
    let stale = stale(SNAPSHOT_PREFIX, today);
    let expression = format!("SET #generation = :generation, {held} REMOVE {stale}");
    let action = Action::update(keys::sales(product), expression);
    let action = action.value(":generation", generation)?.value(":none", 0)?;
    match seen {
        None => Ok(action.when("attribute_exists(#pk) AND attribute_not_exists(#generation)")),
        Some(seen) => action.when("#generation = :seen").value(":seen", seen),
    }
}

/// Which counts are corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corrected {
    /// Those that the rebuild has taken over.
    TakenOver,
    /// It has seen none: there are none, or they began in its generation.
    Unseen,
}

/// Adds to a product's counts what a rebuild found missing, once; refused where it has done so, or they are not in its
/// generation.
///
/// # Errors
/// Where a value cannot be written as an attribute.
pub fn correct(
    product: &ProductId,
    missing: &UnitsByDay,
    last: Timestamp,
    rebuild: &Rebuild,
    corrected: Corrected,
) -> Result<Action, StoreError> {
    let Rebuild { generation, days, .. } = rebuild;
    let additions = additions(missing);
    let expression = format!(
        "ADD {additions} SET #generation = :generation, #corrected = :generation, {LISTED}, \
         #lastSoldAt = if_not_exists(#lastSoldAt, :last), #ttl = if_not_exists(#ttl, :ttl)"
    );
    let once = "#generation = :generation AND (attribute_not_exists(#corrected) OR #corrected < :generation)";
    let condition = match corrected {
        Corrected::TakenOver => once.to_owned(),
        Corrected::Unseen => {
            let held = attribute(SNAPSHOT_PREFIX, days.last);
            format!("attribute_not_exists(#pk) OR ({once} AND attribute_not_exists(#{held}))")
        }
    };
    let action = Action::update(keys::sales(product), expression).when(condition);
    with_units(listed(action, product)?, missing)?
        .value(":generation", generation)?
        .value(":last", last.as_millisecond())?
        .value(":ttl", kept_until(last))
}

/// The mark that an event has been counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// The generation of the counts to which it was added; before the first one where it says nothing.
    #[serde(default)]
    pub generation: u64,
    /// Whether a rebuild counted it, since nobody else had.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_recovered: bool,
}

/// Marks an event as counted; refused where it was counted before.
///
/// # Errors
/// Where the record cannot be written as an item.
pub fn mark_counted(event_id: &str, mark: Mark, now: Timestamp) -> Result<Action, StoreError> {
    // A stream keeps records for a day, and what is put aside of it counts for three: the mark outlives every replay of
    // one that could still count.
    let a_week_on = now.as_second().saturating_add(7 * 24 * 60 * 60);
    Ok(Action::create(keys::counted(event_id), &mark)?.tidied_after(a_week_on))
}

/// Puts up a board in the place of the one that was read.
///
/// # Errors
/// Where the record cannot be written as an item.
pub fn replace_board(board: &Board, seen: Option<u64>) -> Result<Action, StoreError> {
    match seen {
        None => Action::create(keys::board(), board),
        Some(version) => Action::put(keys::board(), board)?.when("#version = :seen").value(":seen", version),
    }
}
