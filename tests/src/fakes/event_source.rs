//! A stream as a function's event source, by Lambda's documentation:
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html>.
//!
//! Records that pass the filters come in batches, at least once and in order. After a partial failure they come again
//! from the first that failed. After an error the batch comes again, halved if the template says so. A record that was
//! tried too often or is too old goes to the on-failure destination. By a seed, batches are cut anew each time and
//! records come up to five times.
//!
//! One thing is assumed, not documented: a retry waits a second, then twice as long each time, up to a minute.

use std::{borrow::Borrow, collections::VecDeque, future::Future, time::Duration};

use aws_lambda_events::streams::DynamoDbEventResponse;
use lambda_http::Error;
use serde::Serialize;
use serde_json::Value;
use shared::lambda::stream::Batch;
use tokio::time::{Instant, sleep};

use crate::{
    Dynamo,
    fakes::stream::{Reader, batch},
    limits::Chance,
    template::template,
};

/// The settings of a function's event source.
#[derive(Debug, Clone)]
pub struct Settings {
    filters: Vec<Value>,
    pub(crate) batch_size: usize,
    bisects: bool,
    /// `None` is no limit.
    max_retries: Option<u32>,
    /// The greatest age of a record.
    pub max_age: Duration,
    reports_failures: bool,
}

impl Settings {
    /// The settings of the template for the stream of a function.
    pub fn of(function: &str) -> Self {
        let template = template();
        let source = &template["Resources"][function]["Properties"]["Events"]["Stream"]["Properties"];
        let filters = source["FilterCriteria"]["Filters"].as_array().expect("a stream has filters").iter();
        let pattern = |filter: &Value| filter["Pattern"].as_str().expect("a filter has a pattern").to_owned();
        let number = |name: &str| source[name].as_i64().unwrap_or_else(|| panic!("{function} says its {name}"));
        Self {
            filters: filters.map(|filter| serde_json::from_str(&pattern(filter)).expect("a pattern is JSON")).collect(),
            batch_size: usize::try_from(number("BatchSize")).unwrap(),
            bisects: source["BisectBatchOnFunctionError"] == true,
            max_retries: u32::try_from(number("MaximumRetryAttempts")).ok(),
            max_age: Duration::from_secs(u64::try_from(number("MaximumRecordAgeInSeconds")).unwrap()),
            reports_failures: source["FunctionResponseTypes"][0] == "ReportBatchItemFailures",
        }
    }

    /// Whether a record passes any of the filters.
    pub fn passes(&self, record: &Value) -> bool {
        self.filters.iter().any(|filter| passes(filter, record))
    }

    /// Lets a function handle a batch. Returns the number of its records that are handled.
    pub(crate) async fn deliver<R, F>(&self, records: &[R], function: impl FnOnce(Batch) -> F) -> Result<usize, Error>
    where
        R: Borrow<Value> + Serialize,
        F: Future<Output = Result<DynamoDbEventResponse, Error>>,
    {
        let response = function(batch(records)).await?;
        Ok(self.handled(records, &response))
    }

    /// The number of records of a batch that are handled, by the function's answer.
    fn handled<R: Borrow<Value>>(&self, records: &[R], response: &DynamoDbEventResponse) -> usize {
        if !self.reports_failures {
            return records.len();
        }
        let place = |number: Option<&str>| {
            records.iter().position(|record| record.borrow()["dynamodb"]["SequenceNumber"].as_str() == number)
        };
        // An unknown record in the answer fails the whole batch.
        let failures = response.batch_item_failures.iter();
        let failed = failures.map(|failure| place(failure.item_identifier.as_deref()).unwrap_or(0)).min();
        failed.unwrap_or(records.len())
    }
}

/// Whether each field of a filter is there or not as it says, has one of the listed values, or begins with one of the
/// listed prefixes.
pub fn passes(filter: &Value, record: &Value) -> bool {
    match filter {
        Value::Object(fields) => fields.iter().all(|(name, filter)| passes(filter, &record[name])),
        Value::Array(values) => {
            values.iter().any(|value| match (value["prefix"].as_str(), value["exists"].as_bool()) {
                (Some(prefix), _) => record.as_str().is_some_and(|text| text.starts_with(prefix)),
                (None, Some(exists)) => record.is_null() != exists,
                (None, None) => value == record,
            })
        }
        other => panic!("a filter is made of objects and lists: {other}"),
    }
}

/// A record on its way.
#[derive(Debug, Clone)]
struct Record {
    record: Value,
    /// The instant at which it was first seen in the stream.
    since: Instant,
    /// The number of times it was handled.
    times: u32,
}

/// A batch, or the rest of one.
struct Part {
    records: VecDeque<Record>,
    attempts: u32,
}

/// The most times that a record is handled.
const MAX_TIMES: u32 = 5;

/// A stream that a function consumes.
#[derive(Debug)]
pub struct EventSource {
    pub settings: Settings,
    reader: Reader,
    /// Records not handled yet, or to be handled again.
    waiting: VecDeque<Record>,
    /// Handled records, which may come again.
    handled: VecDeque<Record>,
    chance: Option<Chance>,
    /// The records in the on-failure destination.
    pub given_up: Vec<Value>,
    /// The sizes of the batches.
    pub batches: Vec<usize>,
}

impl EventSource {
    /// The stream from its beginning, as the source of this function of the template.
    pub fn new(function: &str, dynamo: Dynamo) -> Self {
        Self {
            settings: Settings::of(function),
            reader: Reader::new(dynamo),
            waiting: VecDeque::new(),
            handled: VecDeque::new(),
            chance: None,
            given_up: Vec::new(),
            batches: Vec::new(),
        }
    }

    /// Cuts batches of any size, and lets records come again, by a seed.
    #[must_use]
    pub fn unruly(self, seed: u64) -> Self {
        Self { chance: Some(Chance::new(seed)), ..self }
    }

    /// Takes the records so far, each changed before the function gets it.
    pub fn poll_changed(&mut self, change: impl Fn(&mut Value)) {
        let known = self.waiting.len();
        self.poll();
        self.waiting.iter_mut().skip(known).for_each(|record| change(&mut record.record));
    }

    /// Lets the function handle every record.
    pub async fn run<F>(&mut self, function: impl Fn(Batch) -> F)
    where
        F: Future<Output = Result<DynamoDbEventResponse, Error>>,
    {
        loop {
            self.poll();
            if self.waiting.is_empty() {
                return;
            }
            let size = match &mut self.chance {
                None => self.settings.batch_size,
                Some(chance) => usize::try_from(chance.below(self.settings.batch_size as u64)).unwrap() + 1,
            };
            let records: VecDeque<Record> = self.waiting.drain(..size.min(self.waiting.len())).collect();
            self.handle(records, &function).await;
            self.rewind();
        }
    }

    /// Lets a batch be handled, or given up.
    async fn handle<F>(&mut self, records: VecDeque<Record>, function: &impl Fn(Batch) -> F)
    where
        F: Future<Output = Result<DynamoDbEventResponse, Error>>,
    {
        let mut parts = VecDeque::from([Part { records, attempts: 0 }]);
        while let Some(Part { mut records, mut attempts }) = parts.pop_front() {
            // The records are in the order of the stream, so the oldest comes first.
            while records.front().is_some_and(|record| record.since.elapsed() > self.settings.max_age) {
                self.given_up.extend(records.pop_front().map(|record| record.record));
            }
            if records.is_empty() {
                continue;
            }
            self.batches.push(records.len());
            let raw: Vec<&Value> = records.iter().map(|record| &record.record).collect();
            match self.settings.deliver(&raw, function).await {
                Ok(handled) => {
                    self.handled
                        .extend(records.drain(..handled).map(|record| Record { times: record.times + 1, ..record }));
                    if records.is_empty() {
                        continue;
                    }
                    attempts += 1;
                }
                // Halving does not count as an attempt.
                Err(_) if self.settings.bisects && records.len() > 1 => {
                    let second = records.split_off(records.len() / 2);
                    parts.push_front(Part { records: second, attempts });
                }
                Err(_) => attempts += 1,
            }
            if self.settings.max_retries.is_some_and(|max| attempts > max) {
                self.given_up.extend(records.into_iter().map(|record| record.record));
                continue;
            }
            sleep(Duration::from_secs(1 << attempts.min(6)).min(Duration::from_secs(60))).await;
            parts.push_front(Part { records, attempts });
        }
    }

    fn poll(&mut self) {
        loop {
            let records = self.reader.next(usize::MAX);
            if records.is_empty() {
                return;
            }
            let passing = records.into_iter().filter(|record| self.settings.passes(record));
            self.waiting.extend(passing.map(|record| Record { record, since: Instant::now(), times: 0 }));
        }
    }

    /// Lets some of the last handled records come again, as if that had not been noted.
    fn rewind(&mut self) {
        let Some(chance) = &mut self.chance else {
            self.handled.clear();
            return;
        };
        for _ in 0..chance.below(self.settings.batch_size as u64) {
            match self.handled.pop_back() {
                Some(record) if record.times < MAX_TIMES => self.waiting.push_front(record),
                _ => {
                    self.handled.clear();
                    return;
                }
            }
        }
    }
}
