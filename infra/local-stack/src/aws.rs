use std::time::Duration;

use axum::body::Bytes;
use reqwest::{Client, header};
use serde_json::Value;

use crate::{
    emulator::REGION,
    error::{Context as _, Result},
};

const TIMEOUT: Duration = Duration::from_secs(10);

/// The emulator's services, by their plain protocol.
///
/// The SDK would be compiled once more than for the functions, with other features, before the first start, for a few
/// calls that only an emulator gets.
#[derive(Clone, Debug)]
pub(crate) struct Aws {
    client: Client,
    endpoint: String,
}

/// A service, as its protocol names it.
pub(crate) struct Service {
    name: &'static str,
    target: &'static str,
    content_type: &'static str,
}

pub(crate) const SQS: Service =
    Service { name: "sqs", target: "AmazonSQS", content_type: "application/x-amz-json-1.0" };
pub(crate) const EVENTS: Service =
    Service { name: "events", target: "AWSEvents", content_type: "application/x-amz-json-1.1" };
pub(crate) const DYNAMODB: Service =
    Service { name: "dynamodb", target: "DynamoDB_20120810", content_type: "application/x-amz-json-1.0" };
pub(crate) const SSM: Service =
    Service { name: "ssm", target: "AmazonSSM", content_type: "application/x-amz-json-1.1" };

impl Aws {
    /// The services of the emulator at `endpoint`.
    pub(crate) fn new(endpoint: String) -> Result<Self> {
        let client = Client::builder().no_proxy().timeout(TIMEOUT).build().context("make an HTTP client")?;
        Ok(Self { client, endpoint })
    }

    pub(crate) async fn call(&self, service: &Service, operation: &str, request: &Value) -> Result<Bytes> {
        let Service { name, target, content_type } = service;
        let action = format!("call {operation} of the emulator");
        let request = self
            .client
            .post(&self.endpoint)
            .header(header::CONTENT_TYPE, *content_type)
            .header("x-amz-target", format!("{target}.{operation}"))
            // The emulator allows everything to this key, and does not check signatures.
            .header(
                header::AUTHORIZATION,
                format!(
                    "AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/{name}/aws4_request, SignedHeaders=host, \
                     Signature=none"
                ),
            )
            .body(request.to_string());
        let answer = request.send().await.and_then(reqwest::Response::error_for_status).context(&action)?;
        answer.bytes().await.context(&action)
    }
}
