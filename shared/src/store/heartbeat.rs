//! The heartbeat: a record that changes each minute, so that every minute the stream has one.
//!
//! Lambda reports the age of a stream's records only while it calls the function. A reader that was switched off would
//! be silent, and so would be a quiet night. With the heartbeat, silence is a fault.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Action, keys};

/// The last sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
}

/// Notes a sign of life; refused if a later one is there.
pub fn beat(at: Timestamp) -> Action {
    Action::update(keys::heartbeat(), "SET #at = :at")
        .when("attribute_not_exists(#at) OR #at < :at")
        .value(":at", at.as_millisecond())
}
