//! A queue of the emulator.

use std::io;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    aws::{Aws, SQS},
    error::{Context as _, Result},
};

/// Not longer: the emulator waits for a call to end before it stops.
const WAIT_SECONDS: u8 = 1;

/// A message that was received and not deleted yet.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Message {
    pub(crate) body: String,
    receipt_handle: String,
}

impl Message {
    /// The event in a message of the bus, if there is one.
    pub(crate) fn event(&self) -> Option<Value> {
        let mut from_bus: Value = serde_json::from_str(&self.body).ok()?;
        from_bus.get_mut("detail").map(Value::take)
    }
}

/// The messages of a queue, after a short wait if there are none.
pub(crate) async fn receive(aws: &Aws, queue_url: &str) -> Result<Vec<Message>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Received {
        #[serde(default)]
        messages: Vec<Message>,
    }
    let request = json!({ "QueueUrl": queue_url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": WAIT_SECONDS });
    let answer = aws.call(&SQS, "ReceiveMessage", &request).await?;
    let received: Received = serde_json::from_slice(&answer).map_err(io::Error::other).context("read messages")?;
    Ok(received.messages)
}

/// Deletes a message from its queue.
pub(crate) async fn delete(aws: &Aws, queue_url: &str, message: &Message) -> Result<()> {
    let request = json!({ "QueueUrl": queue_url, "ReceiptHandle": message.receipt_handle });
    aws.call(&SQS, "DeleteMessage", &request).await.map(drop)
}
