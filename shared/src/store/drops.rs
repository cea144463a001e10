//! Drops, their counters, the places of users in their lines, and the tickets that have served.

use super::{Action, keys};
use crate::domain::{
    DropId,
    drops::{DropState, Entry, Line, LineCounter, Place, Served},
};

/// Adds a drop; refused if there is one with this id.
pub fn create(state: &DropState) -> Action {
    Action::create(keys::drop(&state.drop_id), state)
}

pub fn create_counter(drop: &DropId, counter: u16) -> Action {
    Action::create(keys::line_counter(drop, counter), &LineCounter::default())
}

/// Changes the settings of a drop that still has the version that was read.
pub fn set(seen: &DropState, now: &DropState) -> Action {
    Action::update(
        keys::drop(&now.drop_id),
        "SET #opensAt = :opensAt, #enabled = :enabled, #updatedAt = :updatedAt, #version = :version",
    )
    .when("#version = :seen")
    .value(":seen", seen.version)
    .value(":opensAt", now.opens_at.as_millisecond())
    .value(":enabled", now.enabled)
    .value(":updatedAt", now.updated_at.as_millisecond())
    .value(":version", now.version)
}

/// Takes a step of a line; refused if another has taken it, or the settings have changed.
pub fn step(seen: &DropState, line: &Line) -> Action {
    Action::update(keys::drop(&seen.drop_id), "SET #line = :line")
        .when("#version = :version AND #line.#step = :step")
        .value(":line", line)
        .value(":version", seen.version)
        .value(":step", seen.line.step)
}

/// Gives out the next number of a counter. Sent twice it gives out two; nobody uses the first, and its turn ends by
/// itself.
pub fn next_number(drop: &DropId, counter: u16) -> Action {
    Action::update(keys::line_counter(drop, counter), "SET #next = #next + :one")
        .when("attribute_exists(#pk)")
        .value(":one", 1)
}

/// Gives a user a place; refused if they have another than the one that was seen, or one where none was.
pub fn enter(entry: &Entry, seen: Option<&Entry>, kept_until: i64) -> Action {
    let fields = "SET #dropId = :drop, #userId = :user, #counter = :counter, #number = :number, \
                  #enteredAt = :at, #ttl = :ttl";
    let update = Action::update(keys::drop_entry(&entry.drop_id, &entry.user_id), fields)
        .value(":drop", &entry.drop_id)
        .value(":user", &entry.user_id)
        .value(":counter", entry.counter)
        .value(":number", entry.number)
        .value(":at", entry.entered_at.as_millisecond())
        .value(":ttl", kept_until);
    match seen {
        None => update.when("attribute_not_exists(#pk)"),
        Some(seen) => update.when("#number = :seen").value(":seen", seen.number),
    }
}

/// Records that a ticket has served; refused if it has before.
pub fn serve(drop: &DropId, place: Place, served: &Served, kept_until: i64) -> Action {
    Action::create(keys::drop_place(drop, place), served).expires_at(kept_until)
}
