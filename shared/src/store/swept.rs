//! The progress of sweeps, on the items that count tickets and units.

use super::{Action, Key};
use crate::domain::swept::Swept;

/// Records the progress of the sweep of an item; refused if another sweep has come further.
pub(super) fn note(key: Key, swept: Swept) -> Action {
    let not_further = "attribute_not_exists(#swept) OR (#swept.#to <= :to AND #swept.#at <= :at)";
    Action::update(key, "SET #swept = :swept")
        .when(format!("attribute_exists(#pk) AND ({not_further})"))
        .value(":swept", swept)
        .value(":to", swept.to)
        .value(":at", swept.at.as_millisecond())
}
