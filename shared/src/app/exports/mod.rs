//! Exports: a file of rows, built part by part behind the request.
//!
//! Each step reads some pages, writes them as a part of a new name, and commits its name with the place from which the next
//! step goes on. The change of the record goes through the stream and a queue to the next step. The last step joins the
//! parts into the file.
//!
//! | run twice | at the same time | stopped half-way | answer lost |
//! |---|---|---|---|
//! | a request: the second finds the export, by its key; a step: its version is outdated, nothing happens | the export's version decides between two steps; the part of the other is in no file, and expires | before the commit: the message comes again, the part expires; after it: the stream has the next message | the repetition finds the export, or an outdated version |

pub mod files;
mod rows;

use std::collections::BTreeMap;

use jiff::Timestamp;

use self::files::ExportFiles;
pub use self::rows::{LineRow, Row};
use super::{Caller, Failure, RequestKey, Role, Shop, caps};
use crate::{
    domain::{
        ExportId, Refusal, UserId,
        account::Account,
        export::{Export, ExportKind, ExportStatus},
        refusal::Entity,
    },
    store::{
        Consistency, Outcome, Transaction,
        exports::{self, ExportRecord, UserExports},
        keys, users,
    },
};

/// An export as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewExport {
    pub of: ExportKind,
    /// The user with the data of [`ExportKind::Mine`], else the caller.
    pub user_id: UserId,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// A link to a file, and its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub url: String,
    pub expires_at: Timestamp,
}

/// Turns rows into the text of a file.
pub trait Format: Sync {
    /// The text before the first row.
    ///
    /// # Errors
    /// If it cannot be written.
    fn header(&self, export: &Export) -> Result<Vec<u8>, Failure>;

    /// Appends a row as it is at an instant.
    ///
    /// # Errors
    /// If it cannot be written.
    fn write(&self, row: Row, now: Timestamp, text: &mut Vec<u8>) -> Result<(), Failure>;
}

/// Begins an export. Customers get their own data, sellers also their own lines and products, admins everything.
///
/// # Errors
/// [`Refusal::Forbidden`], [`Refusal::NotFound`], [`Refusal::UserNotActive`], [`Refusal::TooManyRequests`].
pub async fn create(shop: &Shop, caller: &Caller, wanted: &NewExport, key: &RequestKey) -> Result<Export, Failure> {
    let seller_id = match (wanted.of, caller.role) {
        (ExportKind::Mine, _) | (_, Role::Admin) => None,
        (ExportKind::Orders | ExportKind::Products, Role::Seller) => Some(caller.user_id.clone()),
        _ => return Err(Refusal::Forbidden.into()),
    };
    let (user, mut backoff) = (&wanted.user_id, shop.backoff());
    let export_id: ExportId = key.id(None)?;
    loop {
        // A key finds its export before anything can refuse it.
        if key.given
            && let Some(first) = read(shop, &export_id).await?
        {
            return replayed(&first, key);
        }
        let before: Option<UserExports> = shop.table.get(keys::user_exports(user), Consistency::Strong).await?;
        let now = shop.clock.now();
        let mut open = before.as_ref().map(|before| before.open_at(now)).unwrap_or_default();
        ensure_room(shop, &open)?;
        let expires_at = now.checked_add(shop.policy.exports.kept);
        let export = Export {
            export_id: export_id.clone(),
            user_id: user.clone(),
            of: wanted.of,
            seller_id: seller_id.clone(),
            from: wanted.from,
            to: wanted.to,
            status: ExportStatus::Running,
            rows: 0,
            created_at: now,
            updated_at: now,
            expires_at: expires_at.map_err(|_| Failure::Internal("a file ends at an instant"))?,
            version: 1,
        };
        open.insert(export_id.clone(), export.expires_at.as_millisecond());
        let mut transaction = Transaction::new();
        let create = transaction.add(exports::create(&ExportRecord::new(export.clone(), key.payload.clone())));
        transaction.add(exports::set_open(user, before.as_ref(), open));
        // Operators may be known by their token alone.
        let active = transaction.add(if wanted.of.is_personal() {
            users::check_not_withdrawn(user)
        } else {
            users::check_active_or_absent(user)
        });
        match shop.table.commit(transaction, &mut backoff).await? {
            Outcome::Committed => return Ok(export),
            Outcome::Refused(failures) => {
                if let Some(first) = failures.of::<ExportRecord>(create)?.flatten() {
                    return replayed(&first, key);
                }
                if let Some(account) = failures.of::<Account>(active)? {
                    return Err(account.map_or_else(
                        || Refusal::not_found(Entity::User, user).into(),
                        |_| Refusal::UserNotActive.into(),
                    ));
                }
            }
        }
        backoff.pause("another export began meanwhile").await?;
    }
}

fn ensure_room(shop: &Shop, open: &BTreeMap<ExportId, i64>) -> Result<(), Refusal> {
    let max = shop.policy.exports.open;
    let count = i64::try_from(open.len()).unwrap_or(i64::MAX);
    if count >= max { Err(caps::too_many("exports", max, i64::MAX)) } else { Ok(()) }
}

fn replayed(first: &ExportRecord, key: &RequestKey) -> Result<Export, Failure> {
    key.check_payload(&first.payload)?;
    Ok(first.export.clone())
}

/// Returns an export, for its owner and admins, with a link to its file once that is complete.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn get(shop: &Shop, caller: &Caller, id: &ExportId) -> Result<(Export, Option<Link>), Failure> {
    let there = read(shop, id).await?.map(|record| record.export);
    let visible = there.filter(|export| caller.may_act_for(&export.user_id));
    let export = visible.ok_or_else(|| Refusal::not_found(Entity::Export, id))?;
    let now = shop.clock.now();
    let Some(expires_at) = export.link_end(now, shop.policy.exports.link) else { return Ok((export, None)) };
    // The files of an erased user are being deleted.
    if export.of.is_personal() && open_of(shop, &export).await?.is_none() {
        return Ok((export, None));
    }
    let (key, name) = (files::file(&export), files::download_name(&export));
    let url = files(shop)?.link(&key, &name, expires_at.duration_since(now)).await?;
    Ok((export, Some(Link { url, expires_at })))
}

/// Takes the next step of a running export that still has this version: another part, or the file.
///
/// # Errors
/// If the table or the store of files cannot be reached, or a row cannot be written.
pub async fn advance(shop: &Shop, id: &ExportId, version: u64, format: &dyn Format) -> Result<(), Failure> {
    let Some(before) = read(shop, id).await? else { return Ok(()) };
    let now = shop.clock.now();
    if before.export.status != ExportStatus::Running || before.export.version != version {
        return Ok(());
    }
    let is_erased = before.export.of.is_personal() && open_of(shop, &before.export).await?.is_none();
    if is_erased || before.export.status(now) == ExportStatus::Failed || before.parts.len() > shop.bounds.export_parts {
        return end(shop, &before, ExportStatus::Failed).await;
    }
    if before.is_read {
        let parts: Vec<String> = before.parts.iter().map(|name| files::part(&before.export, name)).collect();
        let (key, content_type) = (files::file(&before.export), files::content_type(before.export.of));
        files(shop)?.join(&parts, &key, content_type).await?;
        return end(shop, &before, ExportStatus::Done).await;
    }
    let after = next_part(shop, &before, format).await?;
    let mut transaction = Transaction::new();
    transaction.add(exports::replace(&before.export, &after));
    // Refused, another step of this version was faster: its part counts.
    let _: Outcome = shop.table.commit(transaction, &mut shop.backoff()).await?;
    Ok(())
}

/// Reads pages and writes them as a part. Returns the export with it.
async fn next_part(shop: &Shop, before: &ExportRecord, format: &dyn Format) -> Result<ExportRecord, Failure> {
    let export = &before.export;
    let is_first = export.version == 1;
    let mut text = if is_first { format.header(export)? } else { Vec::new() };
    let (mut cursor, mut count, mut is_read) = (before.cursor.clone(), 0_u64, false);
    for _ in 0..shop.bounds.export_pages {
        let (rows, next) = rows::page(shop, export, cursor).await?;
        for row in rows {
            format.write(row, shop.clock.now(), &mut text)?;
            count = count.saturating_add(1);
        }
        (cursor, is_read) = (next.clone(), next.is_none());
        if is_read || text.len() >= shop.bounds.export_part_bytes {
            break;
        }
    }
    let mut parts = before.parts.clone();
    if !text.is_empty() {
        let name = format!("{:05}-{}", parts.len(), shop.new_id());
        files(shop)?.put(&files::part(export, &name), text).await?;
        parts.push(name);
    }
    let export = export.advanced(count, shop.clock.now());
    Ok(ExportRecord { export, parts, cursor, is_read, ..before.clone() })
}

/// Ends an export, and makes room for another one of its user.
async fn end(shop: &Shop, before: &ExportRecord, status: ExportStatus) -> Result<(), Failure> {
    let (export, mut backoff) = (&before.export, shop.backoff());
    loop {
        let open = open_of(shop, export).await?;
        let is_erased = export.of.is_personal() && open.is_none();
        let status = if is_erased { ExportStatus::Failed } else { status };
        let ended = export.ended(status, shop.clock.now());
        let mut transaction = Transaction::new();
        let record = ExportRecord { export: ended, cursor: None, ..before.clone() };
        let replace = transaction.add(exports::replace(export, &record));
        if let Some(open) = open {
            let mut left = open.open.clone();
            left.remove(&export.export_id);
            transaction.add(exports::set_open(&export.user_id, Some(&open), left));
        }
        match shop.table.commit(transaction, &mut backoff).await? {
            Outcome::Committed if is_erased => return erase(shop, &export.user_id).await,
            Outcome::Committed => return Ok(()),
            Outcome::Refused(failures) if failures.refuses(replace) => return Ok(()),
            Outcome::Refused(_) => backoff.pause("another export began or ended meanwhile").await?,
        }
    }
}

/// Deletes all files with the data of a user.
///
/// # Errors
/// If the store of files cannot be reached, or has more than one call deletes: the message comes again.
pub async fn erase(shop: &Shop, user: &UserId) -> Result<(), Failure> {
    if files(shop)?.delete(&files::folder_of(user)).await? {
        return Err(files::FilesError("an erased user has more files".to_owned()).into());
    }
    Ok(())
}

async fn open_of(shop: &Shop, export: &Export) -> Result<Option<UserExports>, Failure> {
    Ok(shop.table.get(keys::user_exports(&export.user_id), Consistency::Strong).await?)
}

async fn read(shop: &Shop, id: &ExportId) -> Result<Option<ExportRecord>, Failure> {
    Ok(shop.table.get(keys::export(id), Consistency::Strong).await?)
}

fn files(shop: &Shop) -> Result<&dyn ExportFiles, Failure> {
    shop.files.as_deref().ok_or(Failure::Internal("the function has no store of files"))
}
