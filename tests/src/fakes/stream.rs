//! The table's stream, and its consumers, driven one step after the other. [`crate::event_source`] drives them as
//! Lambda does, with failures.

use std::time::Duration;

use aws_lambda_events::streams::DynamoDbEventResponse;
use functions::{
    desk_messages::{OUTDATED_ROWS, OutdatedRows},
    export_messages::ExportMessage,
    queue::{build_exports, update_desk},
    stream::{count_sales, relay_events},
};
use lambda_http::Error;
use serde_json::{Value, json};
use shared::{
    app::Shop, domain::order::Order, events::Event as ShopEvent, lambda::stream::Batch, store::orders::OrderRecord,
};
use tokio::time::sleep;

use crate::{
    Dynamo, contract,
    fakes::{
        event_source::Settings,
        queue::{self, DeadLetterQueue, Waits},
    },
    permissions::running_as,
};

/// The most records of one read.
const BATCH: usize = 100;

/// Reads the stream from where it stopped.
#[derive(Debug)]
pub(crate) struct Reader {
    dynamo: Dynamo,
    iterator: Option<String>,
}

impl Reader {
    /// A reader that begins with the first record.
    pub(crate) fn new(dynamo: Dynamo) -> Self {
        Self { dynamo, iterator: None }
    }

    /// The next records, oldest first, at most `limit` and a batch; none at the end.
    pub(crate) fn next(&mut self, limit: usize) -> Vec<Value> {
        let iterator = match self.iterator.take() {
            Some(iterator) => iterator,
            None => beginning(&self.dynamo),
        };
        let request = json!({ "ShardIterator": iterator, "Limit": limit.min(BATCH) });
        let answer = self.dynamo.execute("GetRecords", request).expect("the stream can be read");
        self.iterator = answer["NextShardIterator"].as_str().map(str::to_owned);
        answer["Records"].as_array().cloned().unwrap_or_default()
    }
}

/// An iterator that begins with the first record of the table's stream.
pub(crate) fn beginning(dynamo: &Dynamo) -> String {
    let table = dynamo.execute("DescribeTable", json!({ "TableName": crate::shop::TABLE })).unwrap();
    let stream = &table["Table"]["LatestStreamArn"];
    let described = dynamo.execute("DescribeStream", json!({ "StreamArn": stream })).unwrap();
    let shard = &described["StreamDescription"]["Shards"][0]["ShardId"];
    let request = json!({ "StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
    let answer = dynamo.execute("GetShardIterator", request).unwrap();
    answer["ShardIterator"].as_str().expect("an iterator").to_owned()
}

/// The records of a stream that a function has not handled yet, oldest first.
#[derive(Debug)]
pub struct Backlog {
    settings: Settings,
    records: Vec<Value>,
}

impl Backlog {
    /// An empty backlog of a function of the template.
    pub fn of(function: &str) -> Self {
        Self { settings: Settings::of(function), records: Vec::new() }
    }

    /// Adds the records that pass the function's filters.
    pub fn add(&mut self, records: impl IntoIterator<Item = Value>) {
        self.records.extend(records.into_iter().filter(|record| self.settings.passes(record)));
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Lets the function handle the oldest records, at most so many. Returns the number of handled ones. They stay in
    /// the backlog: Lambda may deliver them again.
    ///
    /// # Errors
    /// If the function fails as a whole.
    pub async fn deliver<F>(&self, most: usize, function: impl FnOnce(Batch) -> F) -> Result<usize, Error>
    where
        F: Future<Output = Result<DynamoDbEventResponse, Error>>,
    {
        self.settings.deliver(self.records.get(..most).unwrap_or(&self.records), function).await
    }

    /// Removes the oldest records.
    pub fn remove(&mut self, handled: usize) {
        self.records.drain(..handled);
    }

    /// Lets the function handle every record. A batch comes again a second after a failure.
    pub async fn drain<F>(&mut self, function: impl Fn(Batch) -> F)
    where
        F: Future<Output = Result<DynamoDbEventResponse, Error>>,
    {
        while !self.is_empty() {
            let most = self.settings.batch_size.min(self.len());
            let handled = self.deliver(most, &function).await.unwrap_or(0);
            self.remove(handled);
            if handled < most {
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Reads the stream from where it stopped, and hands the records that pass the template's filters to the consumers.
#[derive(Debug)]
pub struct Consumers {
    reader: Reader,
    relay: Settings,
    sales: Backlog,
    dead_letters: DeadLetterQueue,
    /// Every event that the relay would have published.
    pub published: Vec<ShopEvent>,
}

impl Consumers {
    /// Consumers that begin with the first record.
    pub fn new(dynamo: Dynamo) -> Self {
        let (relay, sales) = (Settings::of("RelayEvents"), Backlog::of("CountSales"));
        Self {
            reader: Reader::new(dynamo),
            relay,
            sales,
            dead_letters: DeadLetterQueue::default(),
            published: Vec::new(),
        }
    }

    /// Hands over every record there is.
    pub async fn catch_up(&mut self, shop: &Shop) {
        self.hand_over(shop, true).await;
    }

    /// Hands over every record there is, and no message to the desk: to measure the cost of counting.
    pub async fn catch_up_but_the_desk(&mut self, shop: &Shop) {
        self.hand_over(shop, false).await;
    }

    async fn hand_over(&mut self, shop: &Shop, feeds_desk: bool) {
        loop {
            let records = self.next_batch();
            if records.is_empty() {
                return;
            }
            for record in records.iter().filter(|record| self.relay.passes(record)) {
                let record = serde_json::from_value(record.clone()).expect("a stream record");
                let relay_events::Messages { events, rows, export, .. } =
                    relay_events::messages_of(&record).expect("a record can be read");
                if let Some(rows) = rows.filter(|_| feeds_desk) {
                    self.update_desk(shop, &rows).await;
                }
                if let Some(message) = export.filter(|_| feeds_desk) {
                    build_exports(shop, &message).await;
                }
                events.iter().for_each(|event| contract::check_event(&serde_json::to_value(event).unwrap()));
                self.published.extend(events);
            }
            self.sales.add(records);
            let dead_letters = self.dead_letters.of_stream();
            let count = |batch| running_as("count-sales", count_sales::handle(shop, &dead_letters, batch));
            let handled = self.sales.deliver(BATCH, count).await.expect("sales are counted");
            self.sales.remove(handled);
            assert_eq!(self.dead_letters.taken(), [], "a record can be read");
        }
    }

    /// The messages of the relay to the desk that follow from all records left. The sales in them stay to be counted.
    pub fn outdated_rows(&mut self) -> Vec<OutdatedRows> {
        self.messages_left().into_iter().filter_map(|messages| messages.rows).collect()
    }

    /// The messages of the relay that follow from all records left. The sales in them stay to be counted.
    pub fn messages_left(&mut self) -> Vec<relay_events::Messages> {
        let mut messages = Vec::new();
        loop {
            let records = self.next_batch();
            if records.is_empty() {
                return messages;
            }
            for record in records.iter().filter(|record| self.relay.passes(record)) {
                let record = serde_json::from_value(record.clone()).expect("a stream record");
                messages.push(relay_events::messages_of(&record).expect("a record can be read"));
            }
            self.sales.add(records);
        }
    }

    /// Hands a message of the relay to the desk.
    async fn update_desk(&self, shop: &Shop, rows: &OutdatedRows) {
        let batch = queue::batch("jangteo.orders", &[(OUTDATED_ROWS, serde_json::to_value(rows).expect("JSON"))]);
        let waits = Waits::default();
        let queue = waits.queue();
        let answer = running_as("update-desk", update_desk::handle(shop, &queue, batch)).await.expect("an answer");
        assert!(answer.batch_item_failures.is_empty(), "the rows of an order are written");
    }

    /// The next batch of records that pass any filter, oldest first; empty at the end.
    pub fn next_batch(&mut self) -> Vec<Value> {
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            let records = self.reader.next(BATCH - batch.len());
            if records.is_empty() {
                break;
            }
            let settings = [&self.relay, &self.sales.settings];
            batch.extend(records.into_iter().filter(|record| settings.iter().any(|settings| settings.passes(record))));
        }
        batch
    }
}

/// Hands a message of the relay to the function that builds exports. One about an erased user would come again later.
async fn build_exports(shop: &Shop, message: &ExportMessage) {
    let detail = serde_json::to_value(message).expect("JSON");
    let batch = queue::batch("jangteo.orders", &[(message.detail_type(), detail)]);
    let queue = Waits::default().queue();
    let answer = running_as("build-exports", build_exports::handle(shop, &queue, batch)).await.expect("an answer");
    let is_late = matches!(message, ExportMessage::Erased(_));
    assert!(is_late || answer.batch_item_failures.is_empty(), "a step of an export is taken");
}

/// The batch with these records.
pub fn batch(records: &[impl serde::Serialize]) -> Batch {
    serde_json::from_value(json!({ "Records": records })).expect("stream records")
}

/// The stream's record of a new order, for a table without a stream.
pub fn record_of(order: &Order) -> Value {
    let record = OrderRecord { order: order.clone(), payload: "p".to_owned(), trace_id: None };
    let image: serde_dynamo::Item = serde_dynamo::to_item(record).unwrap();
    let keys = json!({ "pk": { "S": format!("ORDER#{}", order.order_id) }, "sk": { "S": "ORDER" } });
    json!({
        "eventID": format!("{}-1", order.order_id), "eventName": "INSERT", "eventVersion": "1.1",
        "eventSource": "aws:dynamodb", "awsRegion": "ap-northeast-2",
        "dynamodb": {
            "Keys": keys, "NewImage": image, "ApproximateCreationDateTime": order.created_at.as_second(),
            "SequenceNumber": "1", "SizeBytes": 500, "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    })
}
