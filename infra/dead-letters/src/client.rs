//! Looks at dead letters, redrives them, or drops them.

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName};
use aws_types::SdkConfig;
use serde::{Deserialize, de::IgnoredAny};

use crate::{
    dead_letter::DeadLetter,
    stack::{Destination, LetterQueue, letter_queues},
};

/// The seconds for which a leased letter is invisible to others.
const HELD_SECONDS: i32 = 120;

/// The seconds to wait for letters of a queue: long enough for all of its servers to answer.
const WAIT_SECONDS: i32 = 1;

/// The most messages of one call.
const PAGE: usize = 10;

#[derive(Debug)]
pub struct DeadLetterClient {
    sqs: aws_sdk_sqs::Client,
    lambda: aws_sdk_lambda::Client,
    stack: String,
}

/// A leased letter: no other reader sees it for two minutes.
#[derive(Debug, Clone)]
pub struct Lease {
    pub letter: DeadLetter,
    receipt: String,
}

#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    #[error("SQS: {0}")]
    Sqs(#[from] aws_sdk_sqs::Error),
    #[error("Lambda: {0}")]
    Lambda(#[from] aws_sdk_lambda::Error),
    /// No queue or function is known to take the letters of this queue.
    #[error("it is not known where the letters of {0} belong")]
    NoDestination(String),
    /// The function took the letter and could not handle it.
    #[error("{0} did not handle it: {1}")]
    NotHandled(String, String),
}

/// The response of a function to a batch.
#[derive(Deserialize)]
struct Answer {
    #[serde(default, rename = "batchItemFailures")]
    failures: Vec<IgnoredAny>,
}

impl DeadLetterClient {
    pub fn new(config: &SdkConfig, stack: String) -> Self {
        Self { sqs: aws_sdk_sqs::Client::new(config), lambda: aws_sdk_lambda::Client::new(config), stack }
    }

    /// The stack's dead-letter queues, by name.
    ///
    /// # Errors
    /// If AWS gives no answer.
    pub async fn queues(&self) -> Result<Vec<LetterQueue>, DeadLetterError> {
        letter_queues(&self.sqs, &self.lambda, &self.stack).await
    }

    /// Up to ten letters of a queue. None if every letter left is leased by another reader.
    ///
    /// # Errors
    /// If AWS gives no answer.
    pub async fn take(&self, queue: &LetterQueue) -> Result<Vec<Lease>, DeadLetterError> {
        let request = self
            .sqs
            .receive_message()
            .queue_url(&queue.url)
            .max_number_of_messages(i32::try_from(PAGE).unwrap_or(1))
            .visibility_timeout(HELD_SECONDS)
            .wait_time_seconds(WAIT_SECONDS)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All");
        let messages = request.send().await.map_err(aws_sdk_sqs::Error::from)?.messages.unwrap_or_default();
        let held = |message: Message| Lease {
            letter: DeadLetter::of(&message),
            receipt: message.receipt_handle.unwrap_or_default(),
        };
        Ok(messages.into_iter().map(held).collect())
    }

    /// Returns letters to their queue.
    ///
    /// # Errors
    /// If AWS gives no answer: the letters are visible again in two minutes.
    pub async fn put_back(&self, queue: &LetterQueue, letters: &[Lease]) -> Result<(), DeadLetterError> {
        for page in letters.chunks(PAGE) {
            let mut request = self.sqs.change_message_visibility_batch().queue_url(&queue.url);
            for (place, held) in page.iter().enumerate() {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(place.to_string())
                    .receipt_handle(&held.receipt)
                    .visibility_timeout(0);
                request = request.entries(entry.build().map_err(aws_sdk_sqs::Error::from)?);
            }
            request.send().await.map_err(aws_sdk_sqs::Error::from)?;
        }
        Ok(())
    }

    /// Redrives a letter, and deletes it from its queue only then. A letter that is redriven twice arrives with the
    /// same event id.
    ///
    /// # Errors
    /// If the letter was not taken, or only its deletion failed: it is visible again in two minutes.
    pub async fn redrive(&self, queue: &LetterQueue, held: &Lease) -> Result<(), DeadLetterError> {
        match &queue.destination {
            Some(Destination::Queue { url, .. }) => {
                // No delay of the queue applies: the letter has waited already.
                let request = self.sqs.send_message().queue_url(url).message_body(&held.letter.body).delay_seconds(0);
                request.send().await.map_err(aws_sdk_sqs::Error::from)?;
            }
            Some(Destination::Function { name, function }) => self.invoke(name, function, &held.letter.body).await?,
            None => return Err(DeadLetterError::NoDestination(queue.name.clone())),
        }
        self.drop(queue, held).await
    }

    /// Deletes a letter from its queue for good.
    ///
    /// # Errors
    /// If AWS gives no answer.
    pub async fn drop(&self, queue: &LetterQueue, held: &Lease) -> Result<(), DeadLetterError> {
        let request = self.sqs.delete_message().queue_url(&queue.url).receipt_handle(&held.receipt);
        request.send().await.map_err(aws_sdk_sqs::Error::from)?;
        Ok(())
    }

    /// Invokes a function with a record as a batch of its own. A record that the function cannot read comes back to the
    /// dead-letter queue.
    async fn invoke(&self, name: &str, function: &str, record: &str) -> Result<(), DeadLetterError> {
        let batch = Blob::new(format!("{{\"Records\":[{record}]}}"));
        let request = self.lambda.invoke().function_name(function).payload(batch);
        let answer = request.send().await.map_err(aws_sdk_lambda::Error::from)?;
        let payload = answer.payload.as_ref().map(Blob::as_ref).unwrap_or_default();
        let is_handled = serde_json::from_slice(payload).is_ok_and(|Answer { failures }| failures.is_empty());
        if answer.function_error.is_none() && is_handled {
            return Ok(());
        }
        Err(DeadLetterError::NotHandled(name.to_owned(), String::from_utf8_lossy(payload).into_owned()))
    }
}
