//! Reading a table whole.

use std::{error::Error, iter};

use aws_sdk_dynamodb::Client;

use crate::Auditor;

/// Items a page at most; DynamoDB ends a page at 1 MB besides. What is in memory at once is bounded by it.
const PAGE_ITEMS: i32 = 1_000;

/// The table could not be read to its end.
#[derive(Debug, thiserror::Error)]
#[error("the table {table} cannot be read: {reason}")]
pub struct ReadError {
    table: String,
    reason: String,
}

/// Feeds every item of a table to the auditor, page by page, reading strongly: what was acknowledged before a page is
/// read is in it.
///
/// # Errors
/// Where a page cannot be read. The auditor has then seen a part of the table only.
pub async fn read(client: &Client, table: &str, auditor: &mut Auditor) -> Result<(), ReadError> {
    let scan = client.scan().table_name(table).consistent_read(true).limit(PAGE_ITEMS);
    let mut pages = scan.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| ReadError { table: table.to_owned(), reason: reason(&error) })?;
        page.items.unwrap_or_default().into_iter().for_each(|item| auditor.add(item));
    }
    Ok(())
}

/// An error and what caused it, in one line. The SDK's own description has the raw answer in it, and with that
/// perhaps the items of the table.
fn reason(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> =
        iter::successors(Some(error), |error| (*error).source()).map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}
