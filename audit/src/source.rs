//! Reads the table of an audit: all of it by segments, and the items of one relation by their keys.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{AttributeValue, Get, KeysAndAttributes, TransactGetItem},
};
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use shared::store::{Item, Key, keys::BY_TIME};
use tokio::time::sleep;

use crate::read::ReadError;

/// The way in which a whole table is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadPace {
    /// The most items of a page; DynamoDB also ends a page at 1 MB. With the segments it bounds the items in memory.
    pub page_items: i32,
    /// The segments that are read concurrently.
    pub segments: i32,
    /// The wait before each page.
    pub pause: Duration,
}

impl ReadPace {
    /// As fast as one core parses pages.
    pub const FAST: Self = Self { page_items: 1_000, segments: 4, pause: Duration::ZERO };
}

/// Whether a read has every write that was acknowledged before it. An eventual one may lag and costs half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consistency {
    Strong,
    Eventual,
}

/// The table of a shop.
#[derive(Debug, Clone)]
pub struct Source {
    client: Client,
    table: String,
    pace: ReadPace,
}

/// Items by their keys.
pub(crate) type Items = BTreeMap<Key, Item>;

/// The most keys of a BatchGetItem, and of a TransactGetItems.
pub(crate) const MAX_KEYS: usize = 100;

/// How often a read is tried that meets transactions or leaves keys unprocessed, and the first wait in between.
const TRIES: u32 = 12;
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_millis(500);

impl Source {
    pub fn new(client: Client, table: String, pace: ReadPace) -> Self {
        Self { client, table, pace }
    }

    /// Reads every item, page by page, several segments at a time.
    ///
    /// # Errors
    /// If a page cannot be read. Only a part of the table has been taken by then.
    pub(crate) async fn scan(&self, read: Consistency, mut take: impl FnMut(Item)) -> Result<(), ReadError> {
        let mut pages: FuturesUnordered<_> =
            (0..self.pace.segments).map(|segment| self.page(read, segment, None)).collect();
        while let Some(page) = pages.next().await {
            let (segment, items, next) = page?;
            if next.is_some() {
                pages.push(self.page(read, segment, next));
            }
            items.into_iter().for_each(&mut take);
        }
        Ok(())
    }

    async fn page(
        &self,
        read: Consistency,
        segment: i32,
        after: Option<Item>,
    ) -> Result<(i32, Vec<Item>, Option<Item>), ReadError> {
        if !self.pace.pause.is_zero() {
            sleep(self.pace.pause).await;
        }
        let scan = self.client.scan().table_name(&self.table).consistent_read(read == Consistency::Strong);
        let scan = scan.segment(segment).total_segments(self.pace.segments).limit(self.pace.page_items);
        let page = scan.set_exclusive_start_key(after).send().await.map_err(|error| self.error(&error))?;
        Ok((segment, page.items.unwrap_or_default(), page.last_evaluated_key))
    }

    /// Reads items by their keys, strongly. Missing ones are left out.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub(crate) fn get(&self, keys: impl IntoIterator<Item = Key>) -> BoxFuture<'_, Result<Items, ReadError>> {
        let mut keys: Vec<Key> = keys.into_iter().collect();
        keys.sort();
        keys.dedup();
        Box::pin(self.get_all(keys))
    }

    async fn get_all(&self, keys: Vec<Key>) -> Result<Items, ReadError> {
        let mut items = Items::new();
        for batch in keys.chunks(MAX_KEYS) {
            let wanted = KeysAndAttributes::builder().consistent_read(true);
            let wanted = wanted.set_keys(Some(batch.iter().cloned().map(Key::into_item).collect())).build();
            let mut pending = Some(wanted.map_err(|error| self.failure(&error.to_string()))?);
            let mut tries = 0;
            while let Some(wanted) = pending {
                let request = self.client.batch_get_item().request_items(&self.table, wanted);
                let answer = request.send().await.map_err(|error| self.error(&error))?;
                let found = answer.responses.into_iter().flat_map(|mut tables| tables.remove(&self.table));
                items.extend(found.flatten().filter_map(with_key));
                pending = answer.unprocessed_keys.and_then(|mut tables| tables.remove(&self.table));
                if pending.is_some() {
                    self.wait(&mut tries).await?;
                }
            }
        }
        Ok(items)
    }

    /// Reads up to [`MAX_KEYS`] items as they are at one instant; nothing if it meets transactions each time.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub(crate) async fn get_at_once(&self, keys: &[Key]) -> Result<Option<Items>, ReadError> {
        let get = |key: &Key| {
            let get = Get::builder().table_name(&self.table).set_key(Some(key.clone().into_item())).build();
            get.map(|get| TransactGetItem::builder().get(get).build())
        };
        let wanted: Vec<TransactGetItem> =
            keys.iter().map(get).collect::<Result<_, _>>().map_err(|error| self.failure(&error.to_string()))?;
        let mut tries = 0;
        loop {
            match self.client.transact_get_items().set_transact_items(Some(wanted.clone())).send().await {
                Ok(answer) => {
                    let items = answer.responses.unwrap_or_default().into_iter();
                    return Ok(Some(items.filter_map(|response| with_key(response.item?)).collect()));
                }
                // A read has no condition: only contention can cancel it.
                Err(error) if error.code() == Some("TransactionCanceledException") => {
                    if self.wait(&mut tries).await.is_err() {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(self.error(&error)),
            }
        }
    }

    /// Reads a partition, strongly: the items with sort keys that begin with `prefix`.
    ///
    /// # Errors
    /// If a page cannot be read.
    pub(crate) async fn partition(&self, pk: String, prefix: &str) -> Result<Items, ReadError> {
        let mut query = self.client.query().table_name(&self.table).consistent_read(true);
        query = query.key_condition_expression(if prefix.is_empty() {
            "pk = :pk"
        } else {
            "pk = :pk AND begins_with(sk, :prefix)"
        });
        query = query.expression_attribute_values(":pk", AttributeValue::S(pk));
        if !prefix.is_empty() {
            query = query.expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()));
        }
        let mut pages = query.limit(self.pace.page_items).into_paginator().send();
        let mut items = Items::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.error(&error))?;
            items.extend(page.items.unwrap_or_default().into_iter().filter_map(with_key));
        }
        Ok(items)
    }

    /// Reads the keys of the items of a partition of the index by time, from a sort key on. The index lags a little.
    ///
    /// # Errors
    /// If a page cannot be read.
    pub(crate) async fn listed(&self, pk: String, from: String) -> Result<Vec<Key>, ReadError> {
        let condition = format!("{} = :pk AND {} >= :from", BY_TIME.pk, BY_TIME.sk);
        let query = self.client.query().table_name(&self.table).index_name(BY_TIME.name);
        let query = query.key_condition_expression(condition);
        let query = query.expression_attribute_values(":pk", AttributeValue::S(pk));
        let query = query.expression_attribute_values(":from", AttributeValue::S(from));
        let mut pages = query.limit(self.pace.page_items).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.error(&error))?;
            keys.extend(page.items.unwrap_or_default().into_iter().filter_map(with_key).map(|(key, _)| key));
        }
        Ok(keys)
    }

    /// Waits before the next try, longer each time.
    async fn wait(&self, tries: &mut u32) -> Result<(), ReadError> {
        *tries += 1;
        if *tries >= TRIES {
            return Err(self.failure("it stays busy"));
        }
        sleep(FIRST_WAIT.saturating_mul(1 << *tries).min(LONGEST_WAIT)).await;
        Ok(())
    }

    fn error<E: std::error::Error + 'static, R: std::fmt::Debug + 'static>(&self, error: &SdkError<E, R>) -> ReadError {
        ReadError::of_table(&self.table, error)
    }

    fn failure(&self, reason: &str) -> ReadError {
        ReadError::Table { table: self.table.clone(), reason: reason.to_owned() }
    }
}

/// An item with its key; nothing if it has none.
fn with_key(item: Item) -> Option<(Key, Item)> {
    let text = |name| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    let key = Key { pk: text("pk")?, sk: text("sk")? };
    Some((key, item))
}
