use std::{io, time::Duration};

use axum::body::Bytes;
use jiff::Timestamp;
use reqwest::{Client, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::behaviour::PaymentResult;
use crate::{
    emulator::REGION,
    error::{Context as _, Result},
};

/// Not longer: the emulator waits for a call to end before it stops.
const WAIT_SECONDS: u8 = 1;
const TIMEOUT: Duration = Duration::from_secs(10);

/// Connects the payment system with the shop: with the queue of its requests, and the bus for its answers.
///
/// It speaks the services' plain protocol. The SDK would be compiled once more than for the functions, with other
/// features, before the first start, for three calls that only an emulator gets.
#[derive(Clone, Debug)]
pub(crate) struct Adapter {
    client: Client,
    endpoint: String,
    queue_url: String,
    bus: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Message {
    body: String,
    receipt_handle: String,
}

impl Message {
    /// The shop's event in the message, if there is one.
    pub(super) fn event(&self) -> Option<Value> {
        let mut from_bus: Value = serde_json::from_str(&self.body).ok()?;
        from_bus.get_mut("detail").map(Value::take)
    }
}

/// A service, as its protocol names it.
struct Service {
    name: &'static str,
    target: &'static str,
    content_type: &'static str,
}

const SQS: Service = Service { name: "sqs", target: "AmazonSQS", content_type: "application/x-amz-json-1.0" };
const EVENTS: Service = Service { name: "events", target: "AWSEvents", content_type: "application/x-amz-json-1.1" };

impl Adapter {
    /// Between the queue and the bus of the emulator at `endpoint`.
    pub(crate) fn new(endpoint: String, queue_url: String, bus: String) -> Result<Self> {
        let client = Client::builder().no_proxy().timeout(TIMEOUT).build().context("make an HTTP client")?;
        Ok(Self { client, endpoint, queue_url, bus })
    }

    /// The messages of the queue, after a short wait if there are none.
    pub(super) async fn receive(&self) -> Result<Vec<Message>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Received {
            #[serde(default)]
            messages: Vec<Message>,
        }
        let request = json!({
            "QueueUrl": self.queue_url,
            "MaxNumberOfMessages": 10,
            "WaitTimeSeconds": WAIT_SECONDS,
        });
        let answer = self.call(&SQS, "ReceiveMessage", &request).await?;
        let received: Received = serde_json::from_slice(&answer).map_err(io::Error::other).context("read messages")?;
        Ok(received.messages)
    }

    /// Deletes a message from the queue.
    pub(super) async fn delete(&self, message: &Message) -> Result<()> {
        let request = json!({ "QueueUrl": self.queue_url, "ReceiptHandle": message.receipt_handle });
        self.call(&SQS, "DeleteMessage", &request).await.map(drop)
    }

    /// Puts a result on the bus.
    pub(super) async fn put(&self, result: &PaymentResult, at: Timestamp) -> Result<()> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Put {
            failed_entry_count: u32,
        }
        let request = json!({ "Entries": [{
            "EventBusName": self.bus,
            "Source": "jangteo.payments",
            "DetailType": result.outcome.detail_type(),
            "Detail": json!(result.detail(at)).to_string(),
        }] });
        let answer = self.call(&EVENTS, "PutEvents", &request).await?;
        match serde_json::from_slice(&answer) {
            Ok(Put { failed_entry_count: 0 }) => Ok(()),
            _ => Err(io::Error::other(String::from_utf8_lossy(&answer))).context("put a result on the bus"),
        }
    }

    async fn call(&self, service: &Service, operation: &str, request: &Value) -> Result<Bytes> {
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
