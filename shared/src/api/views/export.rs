//! Exports.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::exports::Link,
    domain::{
        ExportId,
        export::{Export, ExportKind, ExportStatus},
    },
};

/// An export that was begun.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = StartedExport)]
pub struct StartedExportView {
    /// The id of the export.
    pub export_id: ExportId,
}

/// An export.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Export)]
pub struct ExportView {
    /// The id of the export.
    pub export_id: ExportId,
    /// Its rows.
    pub of: ExportKind,
    /// Rows from this instant on.
    pub from: Timestamp,
    /// Rows before this instant, and before the creation of the export.
    pub to: Timestamp,
    /// Its state.
    pub status: ExportStatus,
    /// Rows read so far.
    pub rows: u64,
    /// A link to the file, once it is complete and as long as it is kept. Anyone with the link can read the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The instant at which the link ends. Until `expiresAt`, the next look has a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_expires_at: Option<Timestamp>,
    /// The instant of its creation.
    pub created_at: Timestamp,
    /// The instant from which there are no more links.
    pub expires_at: Timestamp,
}

impl ExportView {
    /// An export as it is at an instant, with a link to its file, if there is one.
    pub fn at(now: Timestamp, export: Export, link: Option<Link>) -> Self {
        let status = export.status(now);
        let Export { export_id, of, from, to, rows, created_at, expires_at, .. } = export;
        let (link, link_expires_at) = link.map(|Link { url, expires_at }| (url, expires_at)).unzip();
        Self { export_id, of, from, to, status, rows, link, link_expires_at, created_at, expires_at }
    }
}
