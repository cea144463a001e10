//! The counters of purchase limits: one for each user, product and period.

use super::{Action, keys};
use crate::domain::{ProductId, UserId, purchase_limit::LimitPeriod};

/// Adds the units of an order to a counter; refused if it would then have more than `most`. Only for a transaction that
/// also creates the order.
pub fn count(user: &UserId, product: &ProductId, period: LimitPeriod, units: i64, most: i64) -> Action {
    let room = most.saturating_sub(units);
    let key = keys::limit(user, product, period);
    let action = match period.kept_until() {
        Some(until) => Action::update(key, "SET #ttl = :ttl ADD #units :units").value(":ttl", until.as_second()),
        None => Action::update(key, "ADD #units :units"),
    };
    // An absent counter has room only for an order that is within the limit by itself.
    let condition = if room >= 0 { "attribute_not_exists(#units) OR #units <= :room" } else { "#units <= :room" };
    action.when(condition).value(":units", units).value(":room", room)
}

/// Subtracts units that were cancelled, expired or returned. Only for a transaction that also takes them from their order.
/// The only condition is that the counter exists: nothing else may prevent the change of the order.
pub fn give_back(user: &UserId, product: &ProductId, period: LimitPeriod, units: i64) -> Action {
    Action::update(keys::limit(user, product, period), "ADD #units :back")
        .when("attribute_exists(#pk)")
        .value(":back", units.saturating_neg())
}
