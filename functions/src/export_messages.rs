//! The messages of the queue of exports. The relay writes them, and `build-exports` reads them. They are no published events:
//! both ends are of one deployment.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    domain::{ExportId, UserId},
    platform::trace::TraceId,
    store::stream::ExportChange,
};

/// The `detail-type` of [`ExportDue`].
pub const EXPORT_DUE: &str = "ExportDue";

/// The `detail-type` of [`UserErased`].
pub const USER_ERASED: &str = "ExportsErased";

/// A running export is in a new version: its next step is to be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportDue {
    pub export_id: ExportId,
    pub version: u64,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub changed_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
}

/// A user was erased: the files with their data are to be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserErased {
    pub user_id: UserId,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
}

/// A message about exports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ExportMessage {
    Due(ExportDue),
    Erased(UserErased),
}

impl ExportMessage {
    /// The message that follows from a change.
    pub fn by(change: ExportChange) -> Self {
        match change {
            ExportChange::Running { export_id, version, changed_at, trace_id } => {
                Self::Due(ExportDue { export_id, version, changed_at, trace_id })
            }
            ExportChange::Erased { user_id, at } => Self::Erased(UserErased { user_id, at }),
        }
    }

    pub fn detail_type(&self) -> &'static str {
        match self {
            Self::Due(_) => EXPORT_DUE,
            Self::Erased(_) => USER_ERASED,
        }
    }

    /// The instant of the change.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Due(due) => due.changed_at,
            Self::Erased(erased) => erased.at,
        }
    }

    /// Names the message, and stays the same when its batch comes again.
    pub fn id(&self) -> String {
        match self {
            Self::Due(due) => format!("export-{}-{}", due.export_id, due.version),
            Self::Erased(erased) => format!("exports-erased-{}", erased.user_id),
        }
    }
}
