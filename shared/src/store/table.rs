//! Reads and changes of the table, with every retry of ours.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::{
    Client,
    config::retry::RetryConfig,
    error::{ProvideErrorMetadata, SdkError},
    operation::{transact_write_items::TransactWriteItemsError, update_item::UpdateItemError},
    types::{
        AttributeValue, CancellationReason, KeysAndAttributes, ReturnValue, ReturnValuesOnConditionCheckFailure,
        TransactWriteItem,
    },
};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Action, Backoff, Item, Key, RetryBounds, StoreError, Transaction,
    action::{ActionIndex, Verb, names_in},
    keys::{self, Index},
};
use crate::platform::Random;

#[derive(Debug, Clone)]
pub struct Table {
    client: Client,
    name: String,
    random: Random,
    bounds: TableBounds,
}

/// The size of one call, and the retry budget of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableBounds {
    /// Keys of one BatchGetItem.
    pub batch_keys: usize,
    /// Batches of one read that are under way at a time.
    pub batches_at_once: usize,
    /// Actions of one transaction.
    pub actions: usize,
    pub retry: RetryBounds,
}

impl TableBounds {
    /// The bounds of DynamoDB.
    pub const PRODUCTION: Self = Self {
        batch_keys: Table::MAX_BATCH,
        batches_at_once: 8,
        actions: Transaction::MAX_ACTIONS,
        retry: RetryBounds::PRODUCTION,
    };
}

/// Whether a read must see every write that was acknowledged before it. It costs twice as much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// Sees all acknowledged writes.
    Strong,
    /// May lag by a moment.
    Eventual,
}

impl Consistency {
    fn is_strong(self) -> bool {
        self == Self::Strong
    }
}

#[derive(Debug)]
#[must_use]
pub enum Outcome {
    /// All of it was done.
    Committed,
    /// None of it was done, because a condition did not hold.
    Refused(ConditionFailures),
}

/// The conditions of a transaction that did not hold, with the items as they were.
#[derive(Debug)]
pub struct ConditionFailures(Vec<Option<Item>>);

impl ConditionFailures {
    /// Returns the record that failed an action's condition: `Some(None)` if there was no item, `None` if the condition
    /// held or was not evaluated.
    ///
    /// # Errors
    /// If the item has not the expected shape.
    pub fn of<R: DeserializeOwned>(&self, action: ActionIndex) -> Result<Option<Option<R>>, StoreError> {
        match self.0.get(action.0) {
            Some(Some(item)) if item.is_empty() => Ok(Some(None)),
            Some(Some(item)) => Ok(Some(Some(serde_dynamo::from_item(item.clone())?))),
            Some(None) | None => Ok(None),
        }
    }

    /// Whether an action's condition did not hold.
    pub fn refuses(&self, action: ActionIndex) -> bool {
        matches!(self.0.get(action.0), Some(Some(_)))
    }
}

/// The outcome of a transaction or an update that is not repeated as it is after it met others.
#[derive(Debug)]
#[must_use]
pub enum Attempted<T> {
    Done(T),
    /// It met others, or was throttled. Nothing was done.
    Contended(Contention),
}

/// The actions of a transaction that met others.
#[derive(Debug)]
pub struct Contention(Vec<bool>);

impl Contention {
    /// Whether an action met others, or was throttled.
    pub fn is_at(&self, action: ActionIndex) -> bool {
        self.0.get(action.0).copied().unwrap_or(false)
    }
}

/// The answer to one sending of a transaction.
enum Sent {
    Answered(Outcome),
    Contended(Contention),
    Lost,
}

#[derive(Debug)]
#[must_use]
pub enum Applied<R> {
    /// The item after the action.
    Done(R),
    /// The item that failed the condition, if there was one.
    Refused(Option<R>),
}

/// The items that a batch of reads found.
#[derive(Debug, Default)]
pub struct Found(HashMap<Key, Item>);

impl Found {
    /// Returns the record with this key, if there is one.
    ///
    /// # Errors
    /// If the item has not the expected shape.
    pub fn get<R: DeserializeOwned>(&self, key: &Key) -> Result<Option<R>, StoreError> {
        Ok(self.0.get(key).cloned().map(serde_dynamo::from_item).transpose()?)
    }

    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

/// A range of a partition, or of an index partition.
#[derive(Debug, Clone)]
pub struct Range {
    pk: String,
    prefix: Option<&'static str>,
    /// Sort keys before this one only.
    before: Option<String>,
    /// Sort keys from the first of these to the second only. They take the place of the prefix.
    between: Option<(String, String)>,
    after: Option<Item>,
    index: Option<Index>,
    newest_first: bool,
    consistency: Consistency,
}

impl Range {
    /// The items of a partition with sort keys that begin with `prefix`, read strongly. An empty one is left out of the
    /// condition: the local emulator refuses it.
    pub fn of_partition(pk: String, prefix: &'static str) -> Self {
        Self {
            prefix: Some(prefix).filter(|prefix| !prefix.is_empty()),
            consistency: Consistency::Strong,
            index: None,
            ..Self::of_index(keys::BY_TIME, pk)
        }
    }

    /// A list of the index by time, oldest first. An index is always eventual.
    pub fn by_time(pk: String) -> Self {
        Self::of_index(keys::BY_TIME, pk)
    }

    /// A list of the index by sales, the best first. An index is always eventual.
    pub fn by_sales(pk: String) -> Self {
        Self::of_index(keys::BY_SALES, pk)
    }

    /// A list of the expiry index. An index is always eventual.
    pub fn by_expiry(pk: String) -> Self {
        Self::of_index(keys::BY_EXPIRY, pk)
    }

    /// The entries of a partition of the expiry index before an instant. An index is always eventual.
    pub fn expired_before(pk: String, instant: Timestamp) -> Self {
        Self { before: Some(keys::instant(instant)), ..Self::of_index(keys::BY_EXPIRY, pk) }
    }

    fn of_index(index: Index, pk: String) -> Self {
        let consistency = Consistency::Eventual;
        let (prefix, before, between, after) = (None, None, None, None);
        Self { pk, prefix, before, between, after, index: Some(index), newest_first: false, consistency }
    }

    /// Reads at half the cost, and may lag by a moment.
    #[must_use]
    pub fn eventually(self) -> Self {
        Self { consistency: Consistency::Eventual, ..self }
    }

    /// Only sort keys from `first` to `last`, each after the range's prefix, if it has one.
    #[must_use]
    pub fn between(self, first: &str, last: &str) -> Self {
        let prefix = self.prefix.unwrap_or_default();
        Self { between: Some((format!("{prefix}{first}"), format!("{prefix}{last}"))), prefix: None, ..self }
    }

    /// Reverses the order.
    #[must_use]
    pub fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }

    /// Begins after the item with this sort key.
    #[must_use]
    pub fn after(mut self, sk: Option<String>) -> Self {
        self.after = sk.map(|sk| Key { pk: self.pk.clone(), sk }.into_item());
        self
    }

    /// Begins after the item with this key in the index.
    #[must_use]
    pub fn after_indexed(mut self, place: Option<(Key, String)>) -> Self {
        self.after = place.map(|(key, index_sk)| {
            let mut item = key.into_item();
            if let Some(index) = self.index {
                item.insert(index.pk.to_owned(), AttributeValue::S(self.pk.clone()));
                item.insert(index.sk.to_owned(), AttributeValue::S(index_sk));
            }
            item
        });
        self
    }
}

/// The cursor of a scan: the keys of the item that it last looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor(BTreeMap<String, String>);

impl Cursor {
    fn into_item(self) -> Item {
        self.0.into_iter().map(|(name, value)| (name, AttributeValue::S(value))).collect()
    }
}

/// One of several segments into which an index is cut, to be read in parallel.
#[derive(Debug, Clone)]
pub struct Segment {
    pub index: Index,
    /// The number of this segment, from 0.
    pub number: u16,
    /// The number of all segments.
    pub of: u16,
    /// Only items of partitions that begin with this.
    pub prefix: &'static str,
    /// Only items listed from this instant on.
    pub from: Timestamp,
    /// The cursor to go on from.
    pub after: Option<Cursor>,
}

/// The records of a range, and whether there may be more.
#[derive(Debug)]
pub struct Page<R> {
    pub records: Vec<R>,
    /// Whether the range goes on.
    pub more: bool,
}

impl Table {
    /// The most keys that one BatchGetItem accepts.
    pub const MAX_BATCH: usize = 100;

    /// The table of this name, reached through `client`. The client's own retries are switched off: waits of two loops
    /// would multiply, and an update must not be sent again behind the back of [`Self::apply_once`].
    pub fn new(client: Client, name: String, random: Random) -> Self {
        let config = client.config().to_builder().retry_config(RetryConfig::disabled()).build();
        let client = Client::from_conf(config);
        Self { client, name, random, bounds: TableBounds::PRODUCTION }
    }

    /// The same table within these bounds.
    #[must_use]
    pub fn within(self, bounds: TableBounds) -> Self {
        Self { bounds, ..self }
    }

    /// Opens the connection by a read of an item that does not exist. It reports no failure: the first request will
    /// meet it.
    pub async fn connect(&self) {
        let nothing = Key { pk: "NOTHING".to_owned(), sk: "NOTHING".to_owned() };
        let _ = self.client.get_item().table_name(&self.name).set_key(Some(nothing.into_item())).send().await;
    }

    /// A retry budget that begins now.
    pub fn backoff(&self) -> Backoff {
        Backoff::new(self.random.clone(), self.bounds.retry)
    }

    /// Reads one record.
    ///
    /// # Errors
    /// If the table cannot be reached or stays busy, or the item has not the expected shape.
    pub async fn get<R: DeserializeOwned>(&self, key: Key, read: Consistency) -> Result<Option<R>, StoreError> {
        let request = self.client.get_item().table_name(&self.name).set_key(Some(key.into_item()));
        let request = request.consistent_read(read.is_strong());
        let answer = retried(&mut self.backoff(), || request.clone().send()).await?;
        Ok(answer.item.map(serde_dynamo::from_item).transpose()?)
    }

    /// Reads records: up to [`TableBounds::batch_keys`] in one round trip, several such batches side by side, and the keys
    /// that DynamoDB left unprocessed in a few more.
    ///
    /// # Errors
    /// If the table cannot be reached, or leaves keys unprocessed until the retry budget is spent.
    pub async fn get_all(&self, keys: &[Key], read: Consistency, backoff: &mut Backoff) -> Result<Found, StoreError> {
        let mut found = Found::default();
        let batches: Vec<&[Key]> = keys.chunks(self.bounds.batch_keys).collect();
        if let [batch] = batches.as_slice() {
            return self.get_batch(batch, read, backoff).await;
        }
        let mut reads = Vec::new();
        for batch in batches {
            let mut backoff = backoff.clone();
            reads.push(async move { self.get_batch(batch, read, &mut backoff).await });
        }
        let mut reads = stream::iter(reads).buffered(self.bounds.batches_at_once.max(1));
        while let Some(batch) = reads.next().await {
            found.extend(batch?);
        }
        Ok(found)
    }

    async fn get_batch(&self, keys: &[Key], read: Consistency, backoff: &mut Backoff) -> Result<Found, StoreError> {
        let mut found = Found::default();
        let mut pending = Some(
            KeysAndAttributes::builder()
                .set_keys(Some(keys.iter().cloned().map(Key::into_item).collect()))
                .consistent_read(read.is_strong())
                .build()
                .map_err(|error| StoreError::Rejected(error.to_string()))?,
        );
        while let Some(wanted) = pending {
            let request = self.client.batch_get_item().request_items(&self.name, wanted);
            let answer = retried(backoff, || request.clone().send()).await?;
            for item in answer.responses.into_iter().flat_map(|mut tables| tables.remove(&self.name)).flatten() {
                found.0.insert(key_of(&item)?, item);
            }
            pending = answer.unprocessed_keys.and_then(|mut tables| tables.remove(&self.name));
            if pending.is_some() {
                backoff.pause("keys left unread").await?;
            }
        }
        Ok(found)
    }

    /// Reads up to `limit` records of a range in one round trip.
    ///
    /// # Errors
    /// If the table cannot be reached, or an item has not the expected shape.
    pub async fn query<R: DeserializeOwned>(&self, range: Range, limit: usize) -> Result<Page<R>, StoreError> {
        let (pk, sk) = range.index.map_or(("pk", "sk"), |index| (index.pk, index.sk));
        let mut condition = format!("#{pk} = :pk");
        let mut values = HashMap::from([(":pk".to_owned(), AttributeValue::S(range.pk))]);
        if let Some(prefix) = range.prefix {
            condition.push_str(&format!(" AND begins_with(#{sk}, :prefix)"));
            values.insert(":prefix".to_owned(), AttributeValue::S(prefix.to_owned()));
        }
        if let Some((first, last)) = range.between {
            condition.push_str(&format!(" AND #{sk} BETWEEN :first AND :last"));
            values.insert(":first".to_owned(), AttributeValue::S(first));
            values.insert(":last".to_owned(), AttributeValue::S(last));
        }
        if let Some(before) = range.before {
            condition.push_str(&format!(" AND #{sk} < :before"));
            values.insert(":before".to_owned(), AttributeValue::S(before));
        }
        let request = self
            .client
            .query()
            .table_name(&self.name)
            .set_index_name(range.index.map(|index| index.name.to_owned()))
            .set_expression_attribute_names(Some(names_in([condition.as_str()])))
            .set_expression_attribute_values(Some(values))
            .key_condition_expression(condition)
            .scan_index_forward(!range.newest_first)
            .set_exclusive_start_key(range.after)
            .consistent_read(range.consistency.is_strong())
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let answer = retried(&mut self.backoff(), || request.clone().send()).await?;
        let more = answer.last_evaluated_key.is_some();
        let records = answer.items.unwrap_or_default().into_iter().map(serde_dynamo::from_item);
        Ok(Page { records: records.collect::<Result<_, _>>()?, more })
    }

    /// Looks at up to `limit` items of a segment of an index in one round trip. Returns the matching records, and the
    /// cursor to go on from, if there is more. An index is always eventual.
    ///
    /// # Errors
    /// If the table cannot be reached, or an item has not the expected shape.
    pub async fn scan<R: DeserializeOwned>(
        &self,
        segment: Segment,
        limit: usize,
    ) -> Result<(Vec<R>, Option<Cursor>), StoreError> {
        let filter = format!("begins_with(#{}, :prefix) AND #{} >= :from", segment.index.pk, segment.index.sk);
        let after = segment.after.map(Cursor::into_item);
        let request = self
            .client
            .scan()
            .table_name(&self.name)
            .index_name(segment.index.name)
            .segment(i32::from(segment.number))
            .total_segments(i32::from(segment.of))
            .set_expression_attribute_names(Some(names_in([filter.as_str()])))
            .expression_attribute_values(":prefix", AttributeValue::S(segment.prefix.to_owned()))
            .expression_attribute_values(":from", AttributeValue::S(keys::instant(segment.from)))
            .filter_expression(filter)
            .set_exclusive_start_key(after)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let answer = retried(&mut self.backoff(), || request.clone().send()).await?;
        let next = answer.last_evaluated_key.map(serde_dynamo::from_item).transpose()?.map(Cursor);
        let records = answer.items.unwrap_or_default().into_iter().map(serde_dynamo::from_item);
        Ok((records.collect::<Result<_, _>>()?, next))
    }

    /// Looks at up to `limit` items of the whole table in one round trip, reading strongly. Returns the items with sort
    /// keys that begin with `sk`, and the cursor to go on from, if there is more.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn scan_items(
        &self,
        sk: &str,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<(Vec<Item>, Option<Cursor>), StoreError> {
        let filter = "begins_with(#sk, :sk)";
        let request = self
            .client
            .scan()
            .table_name(&self.name)
            .consistent_read(true)
            .set_expression_attribute_names(Some(names_in([filter])))
            .expression_attribute_values(":sk", AttributeValue::S(sk.to_owned()))
            .filter_expression(filter)
            .set_exclusive_start_key(after.map(Cursor::into_item))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let answer = retried(&mut self.backoff(), || request.clone().send()).await?;
        let next = answer.last_evaluated_key.map(serde_dynamo::from_item).transpose()?.map(Cursor);
        Ok((answer.items.unwrap_or_default(), next))
    }

    /// Carries out one update by itself, at half of its cost in a transaction. It is sent again if its answer is lost:
    /// the update must be idempotent, or its repetition harmless.
    ///
    /// # Errors
    /// If the table cannot be reached or stays busy, or the item has not the expected shape.
    pub async fn apply<R: DeserializeOwned>(
        &self,
        action: &Action,
        backoff: &mut Backoff,
    ) -> Result<Applied<R>, StoreError> {
        loop {
            match self.update(action, Resend::AlsoIfLost, backoff).await? {
                Attempted::Done(applied) => return Ok(applied),
                Attempted::Contended(_) => backoff.pause(MET_OTHERS).await?,
            }
        }
    }

    /// The same, but returns once the update has met others, or was throttled, so that the caller may go elsewhere.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub async fn apply_or_yield<R: DeserializeOwned>(
        &self,
        action: &Action,
        backoff: &mut Backoff,
    ) -> Result<Attempted<Applied<R>>, StoreError> {
        self.update(action, Resend::AlsoIfLost, backoff).await
    }

    /// The same for an update that must not be carried out twice. It is sent again only if DynamoDB has said that it
    /// was not carried out.
    ///
    /// # Errors
    /// As [`Self::apply`]. If the answer is lost, it is unknown whether the update was carried out.
    pub async fn apply_once<R: DeserializeOwned>(
        &self,
        action: &Action,
        backoff: &mut Backoff,
    ) -> Result<Applied<R>, StoreError> {
        loop {
            match self.update(action, Resend::IfRefused, backoff).await? {
                Attempted::Done(applied) => return Ok(applied),
                Attempted::Contended(_) => backoff.pause(MET_OTHERS).await?,
            }
        }
    }

    async fn update<R: DeserializeOwned>(
        &self,
        action: &Action,
        resend: Resend,
        backoff: &mut Backoff,
    ) -> Result<Attempted<Applied<R>>, StoreError> {
        action.check_encoded()?;
        let Verb::Update(expression) = &action.verb else {
            return Err(StoreError::Rejected("only an update can be applied by itself".to_owned()));
        };
        loop {
            let request = self
                .client
                .update_item()
                .table_name(&self.name)
                .set_key(Some(action.key.clone().into_item()))
                .update_expression(expression)
                .set_condition_expression(action.condition.clone())
                .set_expression_attribute_names(Some(action.names()).filter(|names| !names.is_empty()))
                .set_expression_attribute_values(Some(action.values.clone()).filter(|values| !values.is_empty()))
                .return_values(ReturnValue::AllNew)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            match request.send().await {
                Ok(done) => {
                    let done = serde_dynamo::from_item(done.attributes.unwrap_or_default())?;
                    return Ok(Attempted::Done(Applied::Done(done)));
                }
                Err(SdkError::ServiceError(refused)) if refused.err().is_conditional_check_failed_exception() => {
                    return Ok(Attempted::Done(Applied::Refused(item_refused(refused.into_err())?)));
                }
                Err(error) if is_contention(error.code()) => return Ok(Attempted::Contended(Contention(vec![true]))),
                Err(error) if resend == Resend::AlsoIfLost && is_lost(&error) => backoff.pause(NO_ANSWER).await?,
                Err(error) => return Err(unreachable(error)),
            }
        }
    }

    /// Carries out a transaction. Contention (conflicts, throttling) and lost answers are retried within the budget of
    /// `backoff`; a failed condition never is.
    ///
    /// # Errors
    /// If the table cannot be reached or stays busy.
    pub async fn commit(&self, transaction: Transaction, backoff: &mut Backoff) -> Result<Outcome, StoreError> {
        let prepared = self.prepare(transaction)?;
        loop {
            match self.send(&prepared).await? {
                Sent::Answered(outcome) => return Ok(outcome),
                Sent::Contended(_) | Sent::Lost => backoff.pause("a transaction met others").await?,
            }
        }
    }

    /// The same, but returns once the transaction has met others, so that the caller may make another one. Only lost
    /// answers are retried.
    ///
    /// An attempt may have been carried out with its answer lost before another one met others. A condition of the
    /// caller's next transaction must detect that.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub async fn commit_or_yield(
        &self,
        transaction: Transaction,
        backoff: &mut Backoff,
    ) -> Result<Attempted<Outcome>, StoreError> {
        let prepared = self.prepare(transaction)?;
        loop {
            match self.send(&prepared).await? {
                Sent::Answered(outcome) => return Ok(Attempted::Done(outcome)),
                Sent::Contended(contention) => return Ok(Attempted::Contended(contention)),
                Sent::Lost => backoff.pause(NO_ANSWER).await?,
            }
        }
    }

    /// Carries out a transaction, or returns nothing if it met contention or its answer was lost. Only for a transaction that asserts records
    /// which others are about to change: a retry has to begin with another read.
    ///
    /// An attempt that met contention may have been carried out with its answer lost. A condition of the next attempt
    /// must detect that.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn try_commit(&self, transaction: Transaction) -> Result<Option<Outcome>, StoreError> {
        match self.send(&self.prepare(transaction)?).await? {
            Sent::Answered(outcome) => Ok(Some(outcome)),
            Sent::Contended(_) | Sent::Lost => Ok(None),
        }
    }

    /// One token for all attempts: if an earlier one was carried out and its answer lost, DynamoDB tells the next one
    /// so.
    fn prepare(&self, transaction: Transaction) -> Result<Prepared, StoreError> {
        let actions = transaction.actions.into_iter().map(|action| action.into_transaction_item(&self.name));
        Ok(Prepared { actions: actions.collect::<Result<_, _>>()?, token: format!("{:032x}", self.random.bits()) })
    }

    /// Sends a transaction once.
    async fn send(&self, Prepared { actions, token }: &Prepared) -> Result<Sent, StoreError> {
        let request = self.client.transact_write_items().set_transact_items(Some(actions.clone()));
        match request.client_request_token(token).send().await {
            Ok(_) => Ok(Sent::Answered(Outcome::Committed)),
            Err(SdkError::ServiceError(refused)) if refused.err().is_transaction_canceled_exception() => {
                let reasons = reasons(refused.into_err());
                if reasons.iter().any(is_failed_condition) {
                    let failures = ConditionFailures(reasons.into_iter().map(failed_item).collect());
                    return Ok(Sent::Answered(Outcome::Refused(failures)));
                }
                if !reasons.iter().all(|reason| is_none(reason) || is_contention(reason.code())) {
                    // The items in the reasons may hold personal data, so only their codes are reported.
                    let codes: Vec<_> = reasons.iter().filter_map(CancellationReason::code).collect();
                    return Err(StoreError::Rejected(format!("transaction cancelled: {codes:?}")));
                }
                Ok(Sent::Contended(Contention(reasons.iter().map(|reason| !is_none(reason)).collect())))
            }
            Err(error) if is_contention(error.code()) => Ok(Sent::Contended(Contention(Vec::new()))),
            Err(error) if is_lost(&error) => Ok(Sent::Lost),
            Err(error) => Err(unreachable(error)),
        }
    }
}

/// The cases in which an update is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resend {
    /// DynamoDB has said that it was not carried out.
    IfRefused,
    /// Also if there was no answer.
    AlsoIfLost,
}

const MET_OTHERS: &str = "an update met others";
const NO_ANSWER: &str = "there was no answer";

/// Sends a read until it is answered. The one retry loop of a call: throttling and lost answers draw on one budget.
async fn retried<T, E, F>(backoff: &mut Backoff, send: impl Fn() -> F) -> Result<T, StoreError>
where
    E: ProvideErrorMetadata,
    F: Future<Output = Result<T, SdkError<E>>>,
{
    loop {
        match send().await {
            Ok(answer) => return Ok(answer),
            Err(error) if is_contention(error.code()) => backoff.pause("a read was throttled").await?,
            Err(error) if is_lost(&error) => backoff.pause(NO_ANSWER).await?,
            Err(error) => return Err(unreachable(error)),
        }
    }
}

/// A transaction as it is sent.
struct Prepared {
    actions: Vec<TransactWriteItem>,
    token: String,
}

fn item_refused<R: DeserializeOwned>(error: UpdateItemError) -> Result<Option<R>, StoreError> {
    let item = match error {
        UpdateItemError::ConditionalCheckFailedException(failed) => failed.item,
        _ => None,
    };
    Ok(item.filter(|item| !item.is_empty()).map(serde_dynamo::from_item).transpose()?)
}

fn reasons(error: TransactWriteItemsError) -> Vec<CancellationReason> {
    match error {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            cancelled.cancellation_reasons.unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

fn is_none(reason: &CancellationReason) -> bool {
    matches!(reason.code(), None | Some("None"))
}

fn is_failed_condition(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

fn failed_item(reason: CancellationReason) -> Option<Item> {
    is_failed_condition(&reason).then(|| reason.item.unwrap_or_default())
}

/// Whether a later retry can help: the code is of contention or throttling.
fn is_contention(code: Option<&str>) -> bool {
    matches!(
        code,
        Some(
            "TransactionConflict"
                | "TransactionConflictException"
                | "TransactionInProgressException"
                | "ProvisionedThroughputExceeded"
                | "ProvisionedThroughputExceededException"
                | "ThrottlingError"
                | "ThrottlingException"
                | "RequestLimitExceeded"
        )
    )
}

fn describe(error: &impl ProvideErrorMetadata) -> String {
    format!("{}: {}", error.code().unwrap_or("unknown"), error.message().unwrap_or_default())
}

/// Whether it is unknown if the call was carried out: there was no answer in time, or the service failed.
fn is_lost<E>(error: &SdkError<E>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
        SdkError::ServiceError(refused) => refused.raw().status().is_server_error(),
        _ => false,
    }
}

/// The failure of a call that is not sent again.
fn unreachable<E: ProvideErrorMetadata>(error: SdkError<E>) -> StoreError {
    match error {
        SdkError::ServiceError(refused) if refused.raw().status().is_server_error() => {
            StoreError::Busy(describe(refused.err()))
        }
        SdkError::ServiceError(refused) if is_contention(refused.err().code()) => {
            StoreError::Busy(describe(refused.err()))
        }
        SdkError::ServiceError(refused) => StoreError::Rejected(describe(refused.err())),
        SdkError::ConstructionFailure(_) => StoreError::Rejected("the request could not be built".to_owned()),
        SdkError::TimeoutError(_) => StoreError::Busy("no answer in time".to_owned()),
        SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => StoreError::Busy("no answer".to_owned()),
        _ => StoreError::Rejected("an unknown failure".to_owned()),
    }
}

pub(super) fn key_of(item: &Item) -> Result<Key, StoreError> {
    let text = |name: &str| match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text.clone()),
        _ => Err(StoreError::Rejected(format!("an item without {name}"))),
    };
    Ok(Key { pk: text("pk")?, sk: text("sk")? })
}
