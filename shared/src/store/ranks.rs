//! The refresh of the ranks: its progress since midnight.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Action, keys};
use crate::domain::ProductId;

/// A refresh of all keys in the index by sales: the one that is under way, or the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refresh {
    /// The Seoul day for which it makes the keys exact.
    pub day: Date,
    /// The last product that it has reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<ProductId>,
    pub is_done: bool,
    /// The leaderboard of the first stage at its beginning: if there is another one, the refresh begins anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub board: Option<OldBoard>,
    /// Counts the changes of this record: of two concurrent functions, one goes on with it.
    pub revision: u64,
}

/// Replaces a refresh that is still as it was read; refused if another function went on with it.
pub fn replace(seen: Option<&Refresh>, now: &Refresh) -> Action {
    match seen {
        None => Action::create(keys::ranks_refreshed(), now),
        Some(seen) => Action::put(keys::ranks_refreshed(), now).when("#revision = :seen").value(":seen", seen.revision),
    }
}

/// Replaces a refresh that cannot be read, whatever it is: its progress is lost, and another function that replaces it at
/// the same time repeats some work.
pub fn replace_unreadable(now: &Refresh) -> Action {
    Action::put(keys::ranks_refreshed(), now)
}

/// The attributes that tell a leaderboard of the first stage from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldBoard {
    version: u64,
}

/// Removes that leaderboard; refused if a function of the first stage has stored another.
pub fn remove_board(seen: OldBoard) -> Action {
    Action::delete(keys::board()).when("#version = :seen").value(":seen", seen.version)
}
