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

#[derive(Debug)]
pub struct Watch {
    client: Client,
    urls: Vec<String>,
}

impl Watch {
    /// A watch over the queues at `WATCHED_QUEUES`, their addresses separated by spaces.
    ///
    /// # Errors
    /// If the configuration is incomplete.
    pub fn from_env() -> Result<Self, Error> {
        let urls = environment::required("WATCHED_QUEUES")?;
        Ok(Self::new(Client::new(&aws::sdk_config()?), urls.split_whitespace().map(str::to_owned).collect()))
    }

    pub fn new(client: Client, urls: Vec<String>) -> Self {
        Self { client, urls }
    }

    /// Looks at each queue. A queue that cannot be looked at does not hide the others.
    ///
    /// # Errors
    /// If a queue has messages, or cannot be looked at. The log has a line about each.
    pub async fn look(&self) -> Result<(), Error> {
        let mut failing = 0_usize;
        for url in &self.urls {
            let queue = url.rsplit('/').next().unwrap_or(url);
            match self.messages(url).await {
                Ok(0) => continue,
                Ok(messages) => tracing::error!(queue, messages, "messages wait for a person"),
                Err(error) => tracing::error!(queue, %error, "a queue cannot be looked at"),
            }
            failing = failing.saturating_add(1);
        }
        if failing == 0 { Ok(()) } else { Err(format!("queues that need a person: {failing}").into()) }
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
