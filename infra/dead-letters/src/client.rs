//! Looks at dead letters, redrives them, or drops them.

use aws_sdk_lambda::{primitives::Blob, types::InvocationType};
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName};
use aws_types::SdkConfig;
use jiff::Timestamp;
use serde::{Deserialize, de::IgnoredAny};
use shared::lambda::failures_bucket;

use crate::{
    bucket::{LetterBucket, is_letter},
    dead_letter::{DeadLetter, objects_in},
    failure::Failure,
    stack::{Destination, LetterPlaces, LetterQueue, letter_places, logical_name},
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
    pub(crate) s3: aws_sdk_s3::Client,
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
    #[error("S3: {0}")]
    S3(#[from] aws_sdk_s3::Error),
    /// An object could not be read to its end.
    #[error("S3: the answer broke off: {0}")]
    Torn(String),
    /// No queue or function of this stack is known to take the letters of this place.
    #[error("it is not known where the letters of {0} belong")]
    NoDestination(String),
    /// Another tool has the lease of this object.
    #[error("somebody else has {0}: look again in five minutes")]
    Leased(String),
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
        let (sqs, lambda) = (aws_sdk_sqs::Client::new(config), aws_sdk_lambda::Client::new(config));
        Self { sqs, s3: failures_bucket::client(config), lambda, stack }
    }

    /// The stack's queues of dead letters and of failures, by name, and its failures bucket.
    ///
    /// # Errors
    /// If AWS gives no answer.
    pub async fn places(&self) -> Result<LetterPlaces, DeadLetterError> {
        letter_places(&self.sqs, &self.lambda, &self.stack).await
    }

    /// The name in the template of a function of this stack.
    pub(crate) fn logical_name<'n>(&self, function: &'n str) -> Option<&'n str> {
        logical_name(&self.stack, function)
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
    pub async fn redrive(&self, queue: &LetterQueue, held: &Lease, now: Timestamp) -> Result<(), DeadLetterError> {
        match &queue.destination {
            Some(Destination::Queue { url, .. }) => {
                // No delay of the queue applies: the letter has waited already.
                let request = self.sqs.send_message().queue_url(url).message_body(&held.letter.body).delay_seconds(0);
                request.send().await.map_err(aws_sdk_sqs::Error::from)?;
            }
            Some(Destination::Function { name, function }) => {
                self.invoke(name, function, format!("{{\"Records\":[{}]}}", held.letter.body)).await?;
            }
            Some(Destination::FailedFunction) => self.repeat(&held.letter).await?,
            Some(Destination::Objects(bucket)) => self.redrive_objects(bucket, &held.letter, now).await?,
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

    /// Repeats an asynchronous invocation. If it fails again, Lambda sends another letter.
    async fn repeat(&self, letter: &DeadLetter) -> Result<(), DeadLetterError> {
        let failure = Failure::of(&letter.body).filter(|failure| self.logical_name(&failure.function).is_some());
        let failure = failure.ok_or_else(|| DeadLetterError::NoDestination(letter.id.clone()))?;
        let request = self.lambda.invoke().function_name(failure.function).invocation_type(InvocationType::Event);
        request.payload(Blob::new(failure.payload)).send().await.map_err(aws_sdk_lambda::Error::from)?;
        Ok(())
    }

    /// Redrives the objects that a notice names, unless they are gone. S3 also sends a notice without any, when it is told
    /// of the queue.
    async fn redrive_objects(
        &self,
        bucket: &LetterBucket,
        notice: &DeadLetter,
        now: Timestamp,
    ) -> Result<(), DeadLetterError> {
        for key in objects_in(&notice.body).iter().filter(|key| is_letter(key)) {
            self.with_object(bucket, key, now, |letter| async move { self.redrive_object(bucket, &letter).await })
                .await?;
        }
        Ok(())
    }

    /// Invokes a function with a batch. A record that the function cannot read comes back as a letter.
    pub(crate) async fn invoke(&self, name: &str, function: &str, batch: String) -> Result<(), DeadLetterError> {
        let request = self.lambda.invoke().function_name(function).payload(Blob::new(batch));
        let answer = request.send().await.map_err(aws_sdk_lambda::Error::from)?;
        let payload = answer.payload.as_ref().map(Blob::as_ref).unwrap_or_default();
        let is_handled = serde_json::from_slice(payload).is_ok_and(|Answer { failures }| failures.is_empty());
        if answer.function_error.is_none() && is_handled {
            return Ok(());
        }
        Err(DeadLetterError::NotHandled(name.to_owned(), String::from_utf8_lossy(payload).into_owned()))
    }
}
