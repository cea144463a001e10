//! The port to the files of exports. The use cases know nothing else of where they lie.

use futures::future::BoxFuture;
use jiff::SignedDuration;

use crate::{
    app::Failure,
    domain::export::{Export, ExportKind},
    store::StoreError,
};

/// The store of files. Each call can be repeated: it ends in the same state.
pub trait ExportFiles: std::fmt::Debug + Send + Sync {
    /// Writes a part.
    fn put<'a>(&'a self, key: &'a str, content: Vec<u8>) -> BoxFuture<'a, Result<(), FilesError>>;

    /// Writes the parts, one after the other, as one file. No more than a part and a few megabytes are in memory at once.
    fn join<'a>(
        &'a self,
        parts: &'a [String],
        key: &'a str,
        content_type: &'static str,
    ) -> BoxFuture<'a, Result<(), FilesError>>;

    /// Deletes all files with keys that begin so, at most some thousand. Returns whether there are more.
    fn delete<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<bool, FilesError>>;

    /// A link with which anybody can download a file under a name, for some time.
    fn link<'a>(
        &'a self,
        key: &'a str,
        name: &'a str,
        validity: SignedDuration,
    ) -> BoxFuture<'a, Result<String, FilesError>>;
}

/// The failure of a call to the store of files. A later attempt may succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store of files: {0}")]
pub struct FilesError(pub String);

impl From<FilesError> for Failure {
    /// For a client the two stores are one: either is busy, and nothing is half done.
    fn from(error: FilesError) -> Self {
        Self::Store(StoreError::Busy(error.to_string()))
    }
}

/// The folder of an export's files. The files of one user's data lie together, so that an erasure finds them.
fn folder(export: &Export) -> String {
    let id = &export.export_id;
    if export.of.is_personal() { format!("{}{id}/", folder_of(&export.user_id)) } else { format!("shop/{id}/") }
}

/// The folder of all files with the data of a user.
pub(super) fn folder_of(user: &crate::domain::UserId) -> String {
    format!("users/{user}/")
}

/// The key of a part, by its name.
pub(super) fn part(export: &Export, name: &str) -> String {
    format!("{}parts/{name}", folder(export))
}

/// The key of the file.
pub(super) fn file(export: &Export) -> String {
    format!("{}file", folder(export))
}

/// The name under which the file is downloaded.
pub(super) fn download_name(export: &Export) -> String {
    let extension = if export.of == ExportKind::Mine { "jsonl" } else { "csv" };
    format!("{}-{}.{extension}", export.of.as_str().to_lowercase(), export.export_id)
}

pub(super) fn content_type(of: ExportKind) -> &'static str {
    match of {
        ExportKind::Mine => "application/jsonl; charset=utf-8",
        ExportKind::Orders | ExportKind::Ledger | ExportKind::Products => "text/csv; charset=utf-8",
    }
}
