//! Reads a whole table, one user of it, or an export.

use std::{error::Error, io::BufRead, iter};

use aws_sdk_dynamodb::error::SdkError;
use jiff::Timestamp;
use serde::Deserialize;
use shared::{
    domain::UserId,
    store::{Item, keys, records::Record},
};

use crate::{
    Auditor, Report,
    source::{Consistency, Items, Source},
};

/// A table or an export could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The table did not answer.
    #[error("the table {table} cannot be read: {reason}")]
    Table { table: String, reason: String },
    /// A line of an export is not an item. The error does not show its content, which may be personal data.
    #[error("line {0} of the export is not an item in DynamoDB's JSON")]
    Line(u64),
    /// An export cannot be read.
    #[error("the export cannot be read: {0}")]
    Export(#[from] std::io::Error),
}

impl ReadError {
    pub(crate) fn of_table<E: Error + 'static, R: std::fmt::Debug + 'static>(
        table: &str,
        error: &SdkError<E, R>,
    ) -> Self {
        Self::Table { table: table.to_owned(), reason: reason(error) }
    }
}

/// Feeds every item of a table to the auditor, page by page. Reads are strongly consistent: a page has every write that
/// was acknowledged before it was read.
///
/// # Errors
/// If a page cannot be read. The auditor has then seen only a part of the table.
pub async fn read(source: &Source, auditor: &mut Auditor) -> Result<(), ReadError> {
    read_items(source, |item| auditor.add(item)).await
}

/// Reads every item of a table, page by page, strongly consistent.
///
/// # Errors
/// If a page cannot be read. Only a part of the table has been taken by then.
pub async fn read_items(source: &Source, take: impl FnMut(Item)) -> Result<(), ReadError> {
    source.scan(Consistency::Strong, take).await
}

/// The report on the ledger of one user, exact while the shop goes on: the account is read before its ledger, whose later
/// entries are left out.
///
/// # Errors
/// If a page cannot be read.
pub async fn audit_user(source: &Source, user: &UserId, now: Timestamp) -> Result<Report, ReadError> {
    let mut auditor = Auditor::of_ledger(user.clone());
    let items = read_ledger(source, user).await?;
    items.into_values().for_each(|item| auditor.add(item));
    Ok(auditor.finish(now))
}

/// Reads an account and its profile, then the ledger up to the account's sequence.
pub(crate) async fn read_ledger(source: &Source, user: &UserId) -> Result<Items, ReadError> {
    let mut items = source.get([keys::profile(user), keys::account(user)]).await?;
    let last = match items.get(&keys::account(user)).cloned().map(Record::read) {
        Some(Ok(Record::Account { account, .. })) => Some(keys::ledger_entry(user, account.sequence).sk),
        _ => None,
    };
    let ledger = source.partition(keys::user_partition(user), keys::LEDGER_PREFIX).await?;
    items.extend(ledger.into_iter().filter(|(key, _)| last.as_ref().is_none_or(|last| key.sk <= *last)));
    Ok(items)
}

/// A line of an unpacked export to S3.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "Item")]
    item: serde_dynamo::Item,
}

/// Feeds every item of an export to the auditor: `{"Item": {…}}`, one a line, as DynamoDB exports a table to S3 in its
/// JSON.
///
/// # Errors
/// If the export cannot be read, or a line is not an item.
pub fn read_export(export: impl BufRead, auditor: &mut Auditor) -> Result<(), ReadError> {
    read_export_items(export, |item| auditor.add(item))
}

/// Reads every item of an export.
///
/// # Errors
/// If the export cannot be read, or a line is not an item. The items before it have been taken by then.
pub fn read_export_items(mut export: impl BufRead, mut take: impl FnMut(Item)) -> Result<(), ReadError> {
    let (mut line, mut number) = (Vec::new(), 0);
    while export.read_until(b'\n', &mut line)? > 0 {
        number += 1;
        if !line.trim_ascii().is_empty() {
            let Line { item } = serde_json::from_slice(&line).map_err(|_| ReadError::Line(number))?;
            take(Item::from(item));
        }
        line.clear();
    }
    Ok(())
}

/// An error and its causes, in one line. The SDK's own description contains the raw answer, and perhaps items of the
/// table.
fn reason(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> =
        iter::successors(Some(error), |error| (*error).source()).map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Scope,
        fixture::{NOW, Shop, at, user},
    };

    /// A table as DynamoDB exports it.
    fn export(shop: &Shop) -> String {
        let line = |item: &Item| {
            let item = serde_dynamo::Item::from(item.clone());
            format!("{}\n", serde_json::json!({ "Item": item }))
        };
        shop.items().map(line).collect()
    }

    #[test]
    fn an_export_is_read_as_the_table_is() {
        let shop = Shop::healthy();
        let mut auditor = Auditor::new(Scope::Everything);
        read_export(export(&shop).as_bytes(), &mut auditor).unwrap();
        assert_eq!(auditor.finish(at(NOW)), shop.report(Scope::Everything));
    }

    #[test]
    fn of_an_export_one_user_can_be_asked_for() {
        let of = |name| {
            let mut auditor = Auditor::of_ledger(user(name));
            read_export(export(&Shop::healthy()).as_bytes(), &mut auditor).unwrap();
            auditor.finish(at(NOW)).to_string()
        };
        assert_eq!(of("mina"), "2 ledger entries of 1 users chain, 5000 won held\n");
        assert_eq!(of("nobody"), "[1 balances] user nobody: account: expected one, found none\n");
    }

    #[test]
    fn what_is_no_item_is_told_by_its_line() {
        for wrong in ["{}", "{\"Item\":{\"pk\":\"USER#mina\"}}", "{\"Item\"", "\u{0}"] {
            let lines = format!("{}\n{wrong}\n", export(&Shop::default()));
            let error = read_export(lines.as_bytes(), &mut Auditor::new(Scope::Ledgers)).unwrap_err();
            assert_eq!(error.to_string(), "line 2 of the export is not an item in DynamoDB's JSON", "{wrong}");
        }
    }
}
