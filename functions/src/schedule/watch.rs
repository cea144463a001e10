//! Looks at the queues that only a person empties: dead letters and notices of failures. A run that finds a message
//! fails, and the one alarm on this function stands for an alarm on each queue, which CloudWatch would bill by the queue.
//!
//! It runs in stacks with `Alarms=ESSENTIAL`.

use aws_sdk_sqs::{Client, types::QueueAttributeName};
use lambda_runtime::Error;
use serde_json::Value;
use shared::{
    lambda::serve,
    platform::{aws, environment},
};

/// Serves the schedule.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let watch = Watch::from_env()?;
    let watch = &watch;
    serve::events(move |_: Value| async move { watch.look().await }).await
}

/// The message that S3 sends when a bucket's notifications are set.
const TEST_EVENT: &str = "s3:TestEvent";

/// The most messages of one receipt. Further ones are left to the next run.
const MOST_RECEIVED: i32 = 10;

#[derive(Debug)]
pub struct Watch {
    client: Client,
    urls: Vec<String>,
    /// The queue that S3 notifies, which is among them.
    notices: Option<String>,
}

impl Watch {
    /// A watch over the queues at `WATCHED_QUEUES`, their addresses separated by spaces.
    ///
    /// # Errors
    /// If the configuration is incomplete.
    pub fn from_env() -> Result<Self, Error> {
        let urls = environment::required("WATCHED_QUEUES")?;
        let watch = Self::new(Client::new(&aws::sdk_config()?), urls.split_whitespace().map(str::to_owned).collect());
        Ok(watch.with_notices(environment::optional("NOTICES_URL")))
    }

    pub fn new(client: Client, urls: Vec<String>) -> Self {
        Self { client, urls, notices: None }
    }

    /// The watch with this queue of S3's notices.
    #[must_use]
    pub fn with_notices(self, notices: Option<String>) -> Self {
        Self { notices, ..self }
    }

    /// Looks at each queue. A queue that cannot be looked at does not hide the others.
    ///
    /// # Errors
    /// If a queue has messages, or cannot be looked at. The log has a line about each.
    pub async fn look(&self) -> Result<(), Error> {
        let mut failing = 0_usize;
        for url in &self.urls {
            let queue = url.rsplit('/').next().unwrap_or(url);
            match self.waiting(url).await {
                Ok(0) => continue,
                Ok(messages) => tracing::error!(queue, messages, "messages wait for a person"),
                Err(error) => tracing::error!(queue, %error, "a queue cannot be looked at"),
            }
            failing = failing.saturating_add(1);
        }
        if failing == 0 { Ok(()) } else { Err(format!("queues that need a person: {failing}").into()) }
    }

    /// The number of messages that a person must see to. S3 puts a message of its own into the queue of notices whenever
    /// the bucket's notifications are set, as by a first deployment: that one is deleted.
    async fn waiting(&self, url: &str) -> Result<u64, Error> {
        let messages = self.messages(url).await?;
        if messages == 0 || self.notices.as_deref() != Some(url) {
            return Ok(messages);
        }
        let receive = self.client.receive_message().queue_url(url).max_number_of_messages(MOST_RECEIVED);
        // They are visible again before a person looks.
        let received = receive.visibility_timeout(1).send().await.map_err(aws_sdk_sqs::Error::from)?;
        let mut tests = 0;
        for message in received.messages.unwrap_or_default() {
            if message.body.as_deref().is_some_and(|body| body.contains(TEST_EVENT)) {
                let delete = self.client.delete_message().queue_url(url).set_receipt_handle(message.receipt_handle);
                delete.send().await.map_err(aws_sdk_sqs::Error::from)?;
                tests += 1;
            }
        }
        Ok(messages.saturating_sub(tests))
    }

    /// The approximate number of messages in a queue.
    async fn messages(&self, url: &str) -> Result<u64, Error> {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let request = self.client.get_queue_attributes().queue_url(url).attribute_names(name.clone());
        let attributes = request.send().await.map_err(aws_sdk_sqs::Error::from)?.attributes;
        let number = attributes.as_ref().and_then(|attributes| attributes.get(&name));
        Ok(number.ok_or("the queue does not tell its number of messages")?.parse()?)
    }
}
