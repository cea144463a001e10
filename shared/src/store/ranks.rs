//! The refresh of the ranks: how far it has come since midnight.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Action, keys};
use crate::domain::ProductId;

/// A refresh of all places in the index by sales: the one that is under way, or the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refresh {
    /// The Seoul day that it makes the places exact for.
    pub day: Date,
    /// The last product that it has reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<ProductId>,
    /// Whether it has reached them all.
    pub is_done: bool,
    /// The leaderboard of the first stage that it began with: from another one on, it begins anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub board: Option<OldBoard>,
    /// Counts the changes of this record, so that of two functions that go on with it one does.
    pub revision: u64,
}

/// Puts a refresh in the place of the one that was seen; refused where another function went on with it.
pub fn replace(seen: Option<&Refresh>, now: &Refresh) -> Action {
    match seen {
        None => Action::create(keys::ranks_refreshed(), now),
        Some(seen) => Action::put(keys::ranks_refreshed(), now).when("#revision = :seen").value(":seen", seen.revision),
    }
}

/// The leaderboard that the first stage kept: what tells it from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldBoard {
    version: u64,
}

/// Removes that leaderboard as it was seen; refused where a function of the first stage has put up another.
pub fn remove_board(seen: OldBoard) -> Action {
    Action::delete(keys::board()).when("#version = :seen").value(":seen", seen.version)
}
