//! The consumers of the table's stream, driven as Lambda would drive them.

use aws_lambda_events::dynamodb::Event;
use serde_json::{Value, json};
use shared::{app::Shop, events::Event as ShopEvent};

use crate::{Dynamo, template::template};

/// Reads the stream from where it stopped, and hands the records that pass the template's filters to the consumers.
#[derive(Debug)]
pub struct Consumers {
    dynamo: Dynamo,
    iterator: Option<String>,
    relay_filter: Value,
    sales_filter: Value,
    /// Every event that the relay would have published.
    pub published: Vec<ShopEvent>,
}

/// The size of a batch.
const BATCH: usize = 100;

impl Consumers {
    /// Consumers that begin with the first record.
    pub fn new(dynamo: Dynamo) -> Self {
        let (relay_filter, sales_filter) = (filter_of("RelayEvents"), filter_of("CountSales"));
        Self { dynamo, iterator: None, relay_filter, sales_filter, published: Vec::new() }
    }

    /// Hands over every record there is.
    pub async fn catch_up(&mut self, shop: &Shop) {
        loop {
            let records = self.next_batch();
            if records.is_empty() {
                return;
            }
            for record in &batch(&self.relay_filter, &records).records {
                self.published.extend(relay_events::events_of(record).expect("a record can be read"));
            }
            count_sales::handle(shop, batch(&self.sales_filter, &records)).await.expect("sales are counted");
        }
    }

    /// The next batch of records that pass any filter, oldest first; empty where there are no more.
    pub fn next_batch(&mut self) -> Vec<Value> {
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            let iterator = match self.iterator.take() {
                Some(iterator) => iterator,
                None => beginning(&self.dynamo),
            };
            let request = json!({ "ShardIterator": iterator, "Limit": BATCH - batch.len() });
            let answer = self.dynamo.execute("GetRecords", request).expect("the stream can be read");
            self.iterator = answer["NextShardIterator"].as_str().map(str::to_owned);
            let records = answer["Records"].as_array().cloned().unwrap_or_default();
            if records.is_empty() {
                break;
            }
            let filters = [&self.relay_filter, &self.sales_filter];
            batch.extend(records.into_iter().filter(|record| filters.iter().any(|filter| passes(filter, record))));
        }
        batch
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

/// The filter of a function's stream, as the template has it.
pub(crate) fn filter_of(function: &str) -> Value {
    let mapping = &template()["Resources"][function]["Properties"]["Events"]["Stream"]["Properties"];
    let pattern = mapping["FilterCriteria"]["Filters"][0]["Pattern"].as_str().expect("a stream has a filter");
    serde_json::from_str(pattern).expect("a filter is JSON")
}

/// The batch that a function gets of these records.
fn batch(filter: &Value, records: &[Value]) -> Event {
    let passing: Vec<&Value> = records.iter().filter(|record| passes(filter, record)).collect();
    serde_json::from_value(json!({ "Records": passing })).expect("stream records")
}

/// Whether a record passes a filter: each field that the filter has is one of the values it lists.
pub(crate) fn passes(filter: &Value, record: &Value) -> bool {
    match filter {
        Value::Object(fields) => fields.iter().all(|(name, filter)| passes(filter, &record[name])),
        Value::Array(values) => values.contains(record),
        other => other == record,
    }
}
