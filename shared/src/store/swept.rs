//! How far sweeps have come, on the items that count what is drawn.

use super::{Action, Key};
use crate::domain::swept::Swept;

/// Notes how far an item was swept; refused where another sweep has come further.
pub(super) fn note(key: Key, swept: Swept) -> Action {
    let not_further = "attribute_not_exists(#swept) OR (#swept.#to <= :to AND #swept.#at <= :at)";
    Action::update(key, "SET #swept = :swept")
        .when(format!("attribute_exists(#pk) AND ({not_further})"))
        .value(":swept", swept)
        .value(":to", swept.to)
        .value(":at", swept.at.as_millisecond())
}
