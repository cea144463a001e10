//! Writes dead letters that no queue takes to the failures bucket.

use aws_sdk_s3::{Client, error::DisplayErrorContext, primitives::ByteStream};
use aws_types::SdkConfig;
use jiff::Timestamp;
use lambda_runtime::Error;
use serde_json::{Value, json};

use crate::platform::{
    Clock, Random, aws,
    environment::{ConfigError, required},
};

/// The keys of the functions' letters. Lambda's own begin with `aws/lambda/`.
pub const LETTERS_PREFIX: &str = "dead-letters/";

/// The bucket to which Lambda writes batches that got too old, too.
///
/// A letter is an object in the form of Lambda's: `requestContext.functionArn` has the function, by its name, and
/// `payload` its event as text. `reason` is not in Lambda's. One record can be there several times.
#[derive(Debug)]
pub struct FailuresBucket {
    client: Client,
    bucket: String,
    /// The function that sends the letters, by its name in Lambda.
    function: String,
    clock: Clock,
    random: Random,
}

impl FailuresBucket {
    /// The bucket `FAILURES_BUCKET`, for letters of this function.
    ///
    /// # Errors
    /// If the configuration is incomplete.
    pub fn from_env() -> Result<Self, ConfigError> {
        let (bucket, function) = (required("FAILURES_BUCKET")?, required("AWS_LAMBDA_FUNCTION_NAME")?);
        Ok(Self::new(client(&aws::sdk_config()?), bucket, function, Clock::system(), Random::system()))
    }

    pub fn new(client: Client, bucket: String, function: String, clock: Clock, random: Random) -> Self {
        Self { client, bucket, function, clock, random }
    }

    /// Writes a record of the stream, as a batch of its own.
    pub(super) async fn put(&self, record: &Value, reason: &str) -> Result<(), Error> {
        let now = self.clock.now();
        let letter = letter(&self.function, record, reason, now);
        let key =
            format!("{LETTERS_PREFIX}{}/{}-{}", self.function, now.strftime("%Y/%m/%d/%H.%M.%S"), self.random.id());
        let body = ByteStream::from(letter.to_string().into_bytes());
        let request =
            self.client.put_object().bucket(&self.bucket).key(key).content_type("application/json").body(body);
        request.send().await.map_err(|error| format!("the bucket did not take it: {}", DisplayErrorContext(error)))?;
        Ok(())
    }
}

fn letter(function: &str, record: &Value, reason: &str, now: Timestamp) -> Value {
    json!({
        "requestContext": { "functionArn": function, "condition": "RecordTooLargeForQueue" },
        "version": "1.0",
        "timestamp": now.to_string(),
        "reason": reason,
        "payload": json!({ "Records": [record] }).to_string(),
    })
}

/// A client of S3. An emulator has no names of hosts for buckets.
pub fn client(config: &SdkConfig) -> Client {
    let is_emulated = config.endpoint_url().is_some();
    Client::from_conf(aws_sdk_s3::config::Builder::from(config).force_path_style(is_emulated).build())
}
