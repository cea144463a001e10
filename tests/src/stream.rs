//! The consumers of the table's stream, driven as Lambda would drive them.

use aws_lambda_events::dynamodb::Event;
use serde_json::{Value, json};
use shared::{
    app::Shop,
    events::{self, Event as ShopEvent},
    store::stream,
};

use crate::{Dynamo, template::template};

/// Reads the stream from where it stopped, and hands the records that pass the template's filters to the consumers.
#[derive(Debug)]
pub struct Consumers {
    dynamo: Dynamo,
    iterator: Option<String>,
    filter: Value,
    /// Every event that the relay would have published.
    pub published: Vec<ShopEvent>,
}

/// The size of a batch.
const BATCH: usize = 100;

impl Consumers {
    /// Consumers that begin with the first record.
    pub fn new(dynamo: Dynamo) -> Self {
        let template = template();
        let mapping = &template["Resources"]["CountSales"]["Properties"]["Events"]["Stream"]["Properties"];
        let pattern = mapping["FilterCriteria"]["Filters"][0]["Pattern"].as_str().expect("count-sales has a filter");
        let filter = serde_json::from_str(pattern).expect("a filter is JSON");
        Self { dynamo, iterator: None, filter, published: Vec::new() }
    }

    /// Hands over every record there is.
    pub async fn catch_up(&mut self, shop: &Shop) {
        loop {
            let records = self.next_batch();
            if records.is_empty() {
                return;
            }
            let batch: Event = serde_json::from_value(json!({ "Records": records })).expect("stream records");
            for record in &batch.records {
                if let Some((old, new)) = stream::order_change(record).expect("an order's images") {
                    self.published.extend(events::from_change(old.as_ref(), &new));
                }
            }
            count_sales::handle(shop, batch).await.expect("sales are counted");
        }
    }

    /// The next batch, oldest record first; empty where there are no more records.
    pub fn next_batch(&mut self) -> Vec<Value> {
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            let iterator = match self.iterator.take() {
                Some(iterator) => iterator,
                None => self.beginning(),
            };
            let request = json!({ "ShardIterator": iterator, "Limit": BATCH - batch.len() });
            let answer = self.dynamo.execute("GetRecords", request).expect("the stream can be read");
            self.iterator = answer["NextShardIterator"].as_str().map(str::to_owned);
            let records = answer["Records"].as_array().cloned().unwrap_or_default();
            if records.is_empty() {
                break;
            }
            batch.extend(records.into_iter().filter(|record| passes(&self.filter, record)));
        }
        batch
    }

    fn beginning(&self) -> String {
        let table = self.dynamo.execute("DescribeTable", json!({ "TableName": crate::shop::TABLE })).unwrap();
        let stream = &table["Table"]["LatestStreamArn"];
        let described = self.dynamo.execute("DescribeStream", json!({ "StreamArn": stream })).unwrap();
        let shard = &described["StreamDescription"]["Shards"][0]["ShardId"];
        let request = json!({ "StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
        let answer = self.dynamo.execute("GetShardIterator", request).unwrap();
        answer["ShardIterator"].as_str().expect("an iterator").to_owned()
    }
}

/// Whether a record passes a filter: each field that the filter has is one of the values it lists.
fn passes(filter: &Value, record: &Value) -> bool {
    match filter {
        Value::Object(fields) => fields.iter().all(|(name, filter)| passes(filter, &record[name])),
        Value::Array(values) => values.contains(record),
        other => other == record,
    }
}
