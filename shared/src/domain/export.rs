//! Exports: files of rows that a user asks for.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{ExportId, UserId, desk::Period, invalid::named};

/// The rows of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExportKind {
    /// Lines of orders.
    Orders,
    /// Entries of all ledgers.
    Ledger,
    /// Products.
    Products,
    /// Everything that the shop knows about one user.
    Mine,
}

named!(ExportKind { "ORDERS" => Orders, "LEDGER" => Ledger, "PRODUCTS" => Products, "MINE" => Mine });

impl ExportKind {
    /// Whether the file has personal data. The others have ids of users, which are pseudonyms.
    pub fn is_personal(self) -> bool {
        self == Self::Mine
    }
}

/// The state of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExportStatus {
    /// Its rows are being read.
    Running,
    /// Its file is complete.
    Done,
    /// It has more rows than a file takes, took too long, or its user was erased.
    Failed,
}

/// A file of rows that is built, part by part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    pub export_id: ExportId,
    /// Its owner: the user with the data of [`ExportKind::Mine`], else the caller who asked for it.
    pub user_id: UserId,
    pub of: ExportKind,
    /// Only rows of this seller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<UserId>,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub from: Timestamp,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub to: Timestamp,
    pub status: ExportStatus,
    /// Rows in the parts so far.
    pub rows: u64,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub updated_at: Timestamp,
    /// The end of its file. Nobody gets a link from then on.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub expires_at: Timestamp,
    /// Counts the changes, from 1.
    pub version: u64,
}

impl Export {
    /// The period of its rows. It ends with the creation of the export, so that the rows come to an end.
    pub fn period(&self) -> Period {
        Period { from: Some(self.from), to: Some(self.to.min(self.created_at)) }
    }

    /// The state at an instant: an export that is not done when its file would end has failed.
    pub fn status(&self, now: Timestamp) -> ExportStatus {
        match self.status {
            ExportStatus::Running if now >= self.expires_at => ExportStatus::Failed,
            status => status,
        }
    }

    /// The end of a link of this validity that is given now; nothing if there is no file.
    pub fn link_end(&self, now: Timestamp, validity: SignedDuration) -> Option<Timestamp> {
        if self.status != ExportStatus::Done || now >= self.expires_at {
            return None;
        }
        now.checked_add(validity).ok().map(|end| end.min(self.expires_at))
    }

    /// The export with more rows.
    #[must_use]
    pub fn advanced(&self, rows: u64, now: Timestamp) -> Self {
        let (rows, version) = (self.rows.saturating_add(rows), self.version.saturating_add(1));
        Self { rows, version, updated_at: now, ..self.clone() }
    }

    /// The export at its end.
    #[must_use]
    pub fn ended(&self, status: ExportStatus, now: Timestamp) -> Self {
        Self { status, ..self.advanced(0, now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn export(status: ExportStatus) -> Export {
        Export {
            export_id: ExportId::try_from("e1".to_owned()).unwrap(),
            user_id: UserId::try_from("mina".to_owned()).unwrap(),
            of: ExportKind::Mine,
            seller_id: None,
            from: at(10),
            to: at(300),
            status,
            rows: 7,
            created_at: at(200),
            updated_at: at(200),
            expires_at: at(1_000),
            version: 1,
        }
    }

    #[test]
    fn rows_end_with_the_creation_of_the_export() {
        let export = export(ExportStatus::Running);
        assert_eq!(export.period(), Period { from: Some(at(10)), to: Some(at(200)) });
        let past = Export { to: at(50), ..export };
        assert_eq!(past.period().to, Some(at(50)));
    }

    #[test]
    fn a_link_ends_with_the_file_at_the_latest() {
        let done = export(ExportStatus::Done);
        let link = |now| done.link_end(at(now), SignedDuration::from_secs(60));
        assert_eq!([link(300), link(970), link(999)], [Some(at(360)), Some(at(1_000)), Some(at(1_000))]);
        assert_eq!(link(1_000), None);
        for status in [ExportStatus::Running, ExportStatus::Failed] {
            assert_eq!(export(status).link_end(at(300), SignedDuration::from_secs(60)), None);
        }
    }

    #[test]
    fn an_export_that_takes_too_long_has_failed() {
        let running = export(ExportStatus::Running);
        assert_eq!(running.status(at(999)), ExportStatus::Running);
        assert_eq!(running.status(at(1_000)), ExportStatus::Failed);
        assert_eq!(export(ExportStatus::Done).status(at(1_000)), ExportStatus::Done);
    }
}
