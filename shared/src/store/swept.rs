//! The progress of sweeps, on the items that count tickets and units.

use jiff::Timestamp;

use super::{
    Action, Key,
    keys::{BY_EXPIRY, IndexKey},
};
use crate::domain::swept::{SweepPlan, Swept};

/// Plans the next look of a sweep, by which the expiry index lists an item. A plan without one changes nothing.
pub(super) fn plan(key: Key, next: SweepPlan, place: impl Fn(Timestamp) -> IndexKey) -> Action {
    let (list, sort) = (BY_EXPIRY.pk, BY_EXPIRY.sk);
    let from = next.from.unwrap_or(Timestamp::MAX);
    let place = place(from);
    let update = format!("SET #sweepFrom = :from, #idleSweeps = :idle, #{list} = :list, #{sort} = :place");
    Action::update(key, update)
        .value(":from", from.as_millisecond())
        .value(":idle", next.idle)
        .value(":list", place.pk)
        .value(":place", place.sk)
}

/// Records the progress of the sweep of an item; refused if another sweep has come further.
pub(super) fn note(key: Key, swept: Swept) -> Action {
    let not_further = "attribute_not_exists(#swept) OR (#swept.#to <= :to AND #swept.#at <= :at)";
    Action::update(key, "SET #swept = :swept")
        .when(format!("attribute_exists(#pk) AND ({not_further})"))
        .value(":swept", swept)
        .value(":to", swept.to)
        .value(":at", swept.at.as_millisecond())
}
