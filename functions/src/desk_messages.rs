//! The messages of the queue to the desk. The relay writes them, and `update-desk` reads them. They are no published events:
//! both ends are of one deployment, and a message of an earlier version must be readable for the time that a queue keeps it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    domain::{OrderId, desk::DeskChange, order::Order},
    platform::trace::TraceId,
    store::stream::Change,
};

/// The `detail-type` of [`OutdatedRows`].
pub const OUTDATED_ROWS: &str = "DeskRowsOutdated";

/// The `detail-type` of [`HeartbeatSeen`].
pub const HEARTBEAT_SEEN: &str = "DeskHeartbeat";

/// Rows of an order are outdated by changes up to a version. The order itself says what they become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutdatedRows {
    pub order_id: OrderId,
    /// The version of the last of these changes.
    pub version: u64,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub changed_at: Timestamp,
    #[serde(flatten)]
    pub change: DeskChange,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
}

/// The stream has come to a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatSeen {
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
}

impl OutdatedRows {
    /// The rows that a change of an order makes outdated, if there are any.
    pub fn by(Change { old, new, trace_id }: &Change<Order>) -> Option<Self> {
        let change = DeskChange::between(old.as_ref(), new);
        (!change.is_empty()).then(|| Self {
            order_id: new.order_id.clone(),
            version: new.version,
            changed_at: new.updated_at,
            change,
            trace_id: trace_id.clone(),
        })
    }

    /// Adds the rows of a later change of the same order.
    pub fn join(&mut self, later: Self) {
        let Self { version, changed_at, change, trace_id, .. } = later;
        (self.version, self.changed_at, self.trace_id) = (version, changed_at, trace_id);
        self.change.join(change);
    }
}
