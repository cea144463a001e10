use std::io;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::{Aws, EVENTS, SQS},
    error::{Context as _, Result},
};

/// Not longer: the emulator waits for a call to end before it stops.
const WAIT_SECONDS: u8 = 1;

/// Connects the payment system with the shop: with the queue of its requests, and the bus for its answers.
#[derive(Clone, Debug)]
pub(crate) struct Adapter {
    aws: Aws,
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

impl Adapter {
    /// Between this queue and this bus of the emulator.
    pub(crate) const fn new(aws: Aws, queue_url: String, bus: String) -> Self {
        Self { aws, queue_url, bus }
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
        let answer = self.aws.call(&SQS, "ReceiveMessage", &request).await?;
        let received: Received = serde_json::from_slice(&answer).map_err(io::Error::other).context("read messages")?;
        Ok(received.messages)
    }

    /// Deletes a message from the queue.
    pub(super) async fn delete(&self, message: &Message) -> Result<()> {
        let request = json!({ "QueueUrl": self.queue_url, "ReceiptHandle": message.receipt_handle });
        self.aws.call(&SQS, "DeleteMessage", &request).await.map(drop)
    }

    /// Puts the event of a result on the bus.
    pub(super) async fn put(&self, detail_type: &str, detail: &(impl Serialize + Sync)) -> Result<()> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Put {
            failed_entry_count: u32,
        }
        let request = json!({ "Entries": [{
            "EventBusName": self.bus,
            "Source": "jangteo.payments",
            "DetailType": detail_type,
            "Detail": json!(detail).to_string(),
        }] });
        let answer = self.aws.call(&EVENTS, "PutEvents", &request).await?;
        match serde_json::from_slice(&answer) {
            Ok(Put { failed_entry_count: 0 }) => Ok(()),
            _ => Err(io::Error::other(String::from_utf8_lossy(&answer))).context("put a result on the bus"),
        }
    }
}
