//! Units sold: counts by product, the marks of what has been counted, and the board of bestsellers.

use std::collections::HashMap;

use jiff::{Timestamp, ToSpan, civil::Date};
use serde::{Deserialize, Serialize};

use super::{Action, StoreError, keys};
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
    #[serde(flatten)]
    rest: HashMap<String, serde_json::Value>,
}

impl SalesRecord {
    /// Units sold, by day.
    pub fn days(&self) -> UnitsByDay {
        let day = |(name, units): (&String, &serde_json::Value)| {
            let day = Date::strptime("%Y%m%d", name.strip_prefix(DAY_PREFIX)?).ok()?;
            Some((day, units.as_i64()?))
        };
        self.rest.iter().filter_map(day).collect()
    }
}

const DAY_PREFIX: &str = "day_";

/// `2026-11-21` as an attribute's name; names in expressions have no dashes.
fn day_attribute(day: Date) -> String {
    format!("{DAY_PREFIX}{}", day.strftime("%Y%m%d"))
}

/// Days in which a count may still be left behind before storage tidies up the whole item.
const STALE_DAYS: std::ops::RangeInclusive<i64> = 4..=14;

/// Adds to a product's counts. Only for a transaction that also creates the marks of what is counted.
///
/// The instant of the last sale only ever moves forward: given one, the action is refused where a later one is known.
///
/// # Errors
/// Where a value cannot be written as an attribute.
pub fn count(
    product: &ProductId,
    units: &UnitsByDay,
    last: Option<Timestamp>,
    today: Date,
) -> Result<Action, StoreError> {
    let additions = units.keys().zip(0..).map(|(day, n)| format!("#{} :units{n}", day_attribute(*day)));
    let stale = STALE_DAYS.map(|ago| format!("#{}", day_attribute(today.saturating_sub(ago.days()))));
    let mut expression =
        format!("ADD {} REMOVE {}", additions.collect::<Vec<_>>().join(", "), stale.collect::<Vec<_>>().join(", "),);
    if last.is_some() {
        expression.push_str(" SET #lastSoldAt = :last, #ttl = :ttl");
    }
    let mut action = Action::update(keys::sales(product), expression);
    for (units, n) in units.values().zip(0..) {
        action = action.value(&format!(":units{n}"), units)?;
    }
    match last {
        None => Ok(action),
        Some(last) => action
            .when("attribute_not_exists(#lastSoldAt) OR #lastSoldAt <= :last")
            .value(":last", last.as_millisecond())?
            .value(":ttl", last.as_second().saturating_add(KEPT_SECONDS)),
    }
}

/// For how long after the last sale a count is kept: longer than any day of it counts.
const KEPT_SECONDS: i64 = 10 * 24 * 60 * 60;

/// Marks an event as counted; refused where it was counted before.
///
/// # Errors
/// Where the record cannot be written as an item.
pub fn mark_counted(event_id: &str, now: Timestamp) -> Result<Action, StoreError> {
    // A stream keeps records for a day; the mark outlives every replay of one.
    let a_week_on = now.as_second().saturating_add(7 * 24 * 60 * 60);
    Ok(Action::create(keys::counted(event_id), &HashMap::<String, String>::new())?.tidied_after(a_week_on))
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
