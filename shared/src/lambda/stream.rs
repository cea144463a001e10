//! Reads batches of the table's stream, record by record. An unreadable record goes to the dead letters, so that it blocks
//! no other.

use std::panic::{AssertUnwindSafe, catch_unwind};

use aws_lambda_events::{
    dynamodb::EventRecord,
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use futures::FutureExt;
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::Value;

use super::{
    dead_letters::{self, DeadLetters, SendError},
    failures_bucket::FailuresBucket,
};
use crate::{platform::environment::ConfigError, store::StoreError};

/// Records of the stream, as received.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Batch {
    records: Vec<Value>,
}

impl Batch {
    /// The answer to Lambda: go on with the failed record at this index, or after all of them. Records before it do not
    /// come again.
    pub fn checkpoint(&self, failed: Option<usize>) -> DynamoDbEventResponse {
        let failure = |place: usize| {
            let mut failure = DynamoDbBatchItemFailure::default();
            // Without a sequence number the whole batch comes again.
            failure.item_identifier = self.records.get(place).and_then(sequence_number).map(str::to_owned);
            failure
        };
        let mut response = DynamoDbEventResponse::default();
        response.batch_item_failures = failed.map(failure).into_iter().collect();
        response
    }
}

fn sequence_number(record: &Value) -> Option<&str> {
    record.get("dynamodb")?.get("SequenceNumber")?.as_str()
}

/// The changes in the records of a batch.
#[derive(Debug)]
pub struct ParsedBatch<T> {
    /// Each change with the index of its record in the batch, in the order of the stream.
    pub changes: Vec<(usize, T)>,
    /// The index of a record that could be neither read nor sent to the dead-letter queue: reading stopped there.
    pub stopped_at: Option<usize>,
}

/// Dead letters of the stream: records as received. To handle one after all, send it as a batch of its own,
/// `{"Records": [BODY]}`.
///
/// A record has two images of up to 400 KB, so it can be larger than a message. It then goes to the failures bucket, and
/// so does one that the queue refuses. Otherwise the first such record would stop its shard until it is too old.
#[derive(Debug)]
pub struct StreamDeadLetters {
    queue: DeadLetters,
    bucket: FailuresBucket,
}

impl StreamDeadLetters {
    /// The queue at `DEAD_LETTERS_URL`, and the bucket `FAILURES_BUCKET`.
    ///
    /// # Errors
    /// If the configuration is incomplete.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self::new(DeadLetters::from_env()?, FailuresBucket::from_env()?))
    }

    pub fn new(queue: DeadLetters, bucket: FailuresBucket) -> Self {
        Self { queue, bucket }
    }

    /// Sends records of a batch to the dead letters, each with its reason. Returns the index of the first that could not
    /// be sent; the records after it are not sent then.
    pub async fn set_aside(&self, batch: &Batch, records: &[(usize, String)]) -> Option<usize> {
        for (place, reason) in records {
            let Some(record) = batch.records.get(*place) else { continue };
            let number = sequence_number(record);
            // Boxed: the future nests too deeply for the compiler.
            match self.send(record, reason).boxed().await {
                Ok(()) => {
                    tracing::error!(record.number = number, "a stream record cannot be handled and was put aside")
                }
                Err(error) => {
                    tracing::error!(%error, record.number = number, "a stream record can neither be handled nor put aside");
                    return Some(*place);
                }
            }
        }
        None
    }

    async fn send(&self, record: &Value, reason: &str) -> Result<(), Error> {
        let body = record.to_string();
        if dead_letters::fits(&body, reason) {
            match self.queue.try_send(body, reason).await {
                Ok(()) => return Ok(()),
                Err(SendError::Refused(error)) => tracing::error!(error, "the queue refused a dead letter"),
                Err(error) => return Err(error.into()),
            }
        }
        self.bucket.put(record, reason).await
    }

    /// Reads the records of a batch. An unreadable one goes to the dead letters; reading stops if that fails, too.
    pub async fn read<T>(
        &self,
        batch: &Batch,
        of_record: impl Fn(&EventRecord) -> Result<T, StoreError>,
    ) -> ParsedBatch<T> {
        let mut parsed = ParsedBatch { changes: Vec::new(), stopped_at: None };
        for (place, record) in batch.records.iter().enumerate() {
            match read(record, &of_record) {
                Ok(change) => parsed.changes.push((place, change)),
                Err(reason) => parsed.stopped_at = self.set_aside(batch, &[(place, reason)]).await,
            }
            if parsed.stopped_at.is_some() {
                break;
            }
        }
        parsed
    }
}

/// Reads a record; the error is the reason of its dead letter. A panic is such a reason, too: otherwise the record
/// would kill every function that gets it, until it is too old to come again.
fn read<T>(record: &Value, of_record: impl Fn(&EventRecord) -> Result<T, StoreError>) -> Result<T, String> {
    let record = EventRecord::deserialize(record).map_err(|error| error.to_string())?;
    match catch_unwind(AssertUnwindSafe(|| of_record(&record))) {
        Ok(parsed) => parsed.map_err(|error| error.to_string()),
        Err(_) => Err("reading it panicked".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(number: &str) -> Value {
        json!({
            "eventID": "1", "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
            "awsRegion": "ap-northeast-2", "eventSourceARN": "arn",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_795_143_600, "Keys": { "pk": { "S": "ORDER#1" } },
                "SequenceNumber": number, "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        })
    }

    #[test]
    fn a_record_is_read_or_there_is_a_reason() {
        assert_eq!(read(&record("7"), |record| Ok(record.change.sequence_number.clone())), Ok(Some("7".to_owned())));
        let refused = read(&record("7"), |_| Err::<(), _>(StoreError::Rejected("so".to_owned())));
        assert!(refused.unwrap_err().contains("so"));
        assert_eq!(read::<()>(&record("7"), |_| panic!("a bug")), Err("reading it panicked".to_owned()));
        assert!(read(&json!("nothing"), |_| Ok(())).is_err());
    }

    #[test]
    fn the_answer_names_where_to_go_on() {
        let batch = Batch { records: vec![record("7"), record("8"), json!({})] };
        let named = |failed| {
            let failures = batch.checkpoint(failed).batch_item_failures;
            failures.into_iter().map(|failure| failure.item_identifier).collect::<Vec<_>>()
        };
        assert_eq!(named(None), []);
        assert_eq!(named(Some(1)), [Some("8".to_owned())]);
        // Without a sequence number Lambda sends the whole batch again.
        assert_eq!(named(Some(2)), [None]);
    }
}
