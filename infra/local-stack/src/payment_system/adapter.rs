use std::io;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    aws::{Aws, EVENTS},
    error::{Context as _, Result},
    queue::{self, Message},
};

/// Connects the payment system with the shop: with the queue of its requests, and the bus for its answers.
#[derive(Clone, Debug)]
pub(crate) struct Adapter {
    aws: Aws,
    queue_url: String,
    bus: String,
}

impl Adapter {
    /// Between this queue and this bus of the emulator.
    pub(crate) const fn new(aws: Aws, queue_url: String, bus: String) -> Self {
        Self { aws, queue_url, bus }
    }

    /// The messages of the queue, after a short wait if there are none.
    pub(super) async fn receive(&self) -> Result<Vec<Message>> {
        queue::receive(&self.aws, &self.queue_url).await
    }

    /// Deletes a message from the queue.
    pub(super) async fn delete(&self, message: &Message) -> Result<()> {
        queue::delete(&self.aws, &self.queue_url, message).await
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
