//! The failures bucket: an object a letter.
//!
//! S3 hides no object from a second reader, so a lease is an object beside it, `leases/KEY`. It is created only if there
//! is none (`If-None-Match`). One that is older than five minutes was left by a tool that died; it is replaced only if it
//! still is the one that was read (`If-Match`). Of several tools, one has the lease in either case. The notification of
//! the bucket leaves leases out.

use aws_sdk_s3::{
    error::{ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
};
use jiff::{SignedDuration, Timestamp};
use shared::{lambda::failures_bucket::LETTERS_PREFIX, platform::Random};

use crate::{
    client::{DeadLetterClient, DeadLetterError},
    dead_letter::DeadLetter,
    failure::Failure,
    stack::LetterQueue,
};

/// The keys of Lambda's own objects.
const LAMBDA_PREFIX: &str = "aws/lambda/";

/// The keys of leases.
const LEASES_PREFIX: &str = "leases/";

/// The age from which a lease is void. A redrive takes some seconds, so clocks may differ by minutes.
const LEASED: SignedDuration = SignedDuration::from_mins(5);

/// The most objects of one command. They are up to some megabytes each, and read one after the other.
const MOST_OBJECTS: usize = 1_000;

/// The failures bucket of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterBucket {
    /// The bucket's own name.
    pub bucket: String,
    /// The queue that is told of each new object.
    pub notices: Option<Box<LetterQueue>>,
}

impl LetterBucket {
    /// Its name in the template. The bucket's own name has it in small letters.
    pub const NAME: &'static str = "StreamFailures";
}

/// The keys of a bucket's letters, and whether there are more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objects {
    pub keys: Vec<String>,
    pub more: bool,
}

/// A leased object.
#[derive(Debug)]
pub struct ObjectLease {
    key: String,
}

/// Whether a key is that of a letter.
pub fn is_letter(key: &str) -> bool {
    [LAMBDA_PREFIX, LETTERS_PREFIX].iter().any(|prefix| key.starts_with(prefix))
}

impl DeadLetterClient {
    /// The first letters of a bucket, up to a thousand.
    ///
    /// # Errors
    /// If AWS gives no answer.
    pub async fn objects(&self, bucket: &LetterBucket) -> Result<Objects, DeadLetterError> {
        let mut keys = Vec::new();
        for prefix in [LAMBDA_PREFIX, LETTERS_PREFIX] {
            let request = self.s3.list_objects_v2().bucket(&bucket.bucket).prefix(prefix);
            let mut pages = request.into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(aws_sdk_s3::Error::from)?;
                keys.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
                if keys.len() > MOST_OBJECTS {
                    keys.truncate(MOST_OBJECTS);
                    return Ok(Objects { keys, more: true });
                }
            }
        }
        Ok(Objects { keys, more: false })
    }

    /// Reads a letter; none if it is gone.
    ///
    /// # Errors
    /// If AWS gives no answer.
    pub async fn object(&self, bucket: &LetterBucket, key: &str) -> Result<Option<DeadLetter>, DeadLetterError> {
        let object = match self.s3.get_object().bucket(&bucket.bucket).key(key).send().await {
            Ok(object) => object,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(aws_sdk_s3::Error::from(error).into()),
        };
        let sent_at = object.last_modified.and_then(|at| Timestamp::from_second(at.secs()).ok());
        let body = object.body.collect().await.map_err(|error| DeadLetterError::Torn(error.to_string()))?;
        let body = String::from_utf8_lossy(&body.into_bytes()).into_owned();
        Ok(Some(DeadLetter::of_object(key, body, sent_at)))
    }

    /// Leases an object; none if another tool has it.
    ///
    /// # Errors
    /// If AWS gives no answer.
    async fn lease(
        &self,
        bucket: &LetterBucket,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<ObjectLease>, DeadLetterError> {
        let lease = ObjectLease { key: format!("{LEASES_PREFIX}{key}") };
        // Each lease differs from every other, or `If-Match` would hold for another's.
        let put = || {
            let body = ByteStream::from(Random::system().id().into_bytes());
            self.s3.put_object().bucket(&bucket.bucket).key(&lease.key).body(body)
        };
        match put().if_none_match("*").send().await {
            Ok(_) => return Ok(Some(lease)),
            Err(error) if is_refused(&error) => {}
            Err(error) => return Err(aws_sdk_s3::Error::from(error).into()),
        }
        let there = match self.s3.head_object().bucket(&bucket.bucket).key(&lease.key).send().await {
            Ok(there) => there,
            // It was released just now.
            Err(SdkError::ServiceError(error)) if error.err().is_not_found() => return Ok(None),
            Err(error) => return Err(aws_sdk_s3::Error::from(error).into()),
        };
        let since = there.last_modified.and_then(|at| Timestamp::from_second(at.secs()).ok());
        let is_void = since.is_some_and(|since| now.duration_since(since) > LEASED);
        let Some(etag) = there.e_tag.filter(|_| is_void) else { return Ok(None) };
        match put().if_match(etag).send().await {
            Ok(_) => Ok(Some(lease)),
            Err(error) if is_refused(&error) => Ok(None),
            Err(error) => Err(aws_sdk_s3::Error::from(error).into()),
        }
    }

    /// Acts on a letter under its lease. Returns the letter; none if it is gone.
    ///
    /// # Errors
    /// [`DeadLetterError::Leased`] if another tool has it; as `act`.
    pub async fn with_object<F>(
        &self,
        bucket: &LetterBucket,
        key: &str,
        now: Timestamp,
        act: impl FnOnce(DeadLetter) -> F,
    ) -> Result<Option<DeadLetter>, DeadLetterError>
    where
        F: Future<Output = Result<(), DeadLetterError>>,
    {
        let lease = self.lease(bucket, key, now).await?.ok_or_else(|| DeadLetterError::Leased(key.to_owned()))?;
        // Read under the lease: another tool may just have deleted it.
        let done = match self.object(bucket, key).await {
            Ok(Some(letter)) => act(letter.clone()).await.map(|()| Some(letter)),
            other => other,
        };
        self.release(bucket, lease).await?;
        done
    }

    /// Ends a lease.
    async fn release(&self, bucket: &LetterBucket, lease: ObjectLease) -> Result<(), DeadLetterError> {
        self.delete(bucket, &lease.key).await
    }

    /// Hands the records of a letter to the function that failed, and deletes the letter only then. The caller has its
    /// lease.
    ///
    /// # Errors
    /// If the function did not take all records, or only the deletion failed: the letter is still there.
    pub async fn redrive_object(&self, bucket: &LetterBucket, letter: &DeadLetter) -> Result<(), DeadLetterError> {
        let unknown = || DeadLetterError::NoDestination(letter.id.clone());
        let failure = Failure::of(&letter.body).ok_or_else(unknown)?;
        let name = self.logical_name(&failure.function).ok_or_else(unknown)?;
        self.invoke(name, &failure.function, failure.payload).await?;
        self.drop_object(bucket, letter).await
    }

    /// Deletes a letter. Its bucket keeps the version for a month.
    ///
    /// # Errors
    /// If AWS gives no answer.
    pub async fn drop_object(&self, bucket: &LetterBucket, letter: &DeadLetter) -> Result<(), DeadLetterError> {
        self.delete(bucket, &letter.id).await
    }

    /// Whether an object is there.
    ///
    /// # Errors
    /// If AWS gives no answer.
    pub async fn has_object(&self, bucket: &LetterBucket, key: &str) -> Result<bool, DeadLetterError> {
        match self.s3.head_object().bucket(&bucket.bucket).key(key).send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(error)) if error.err().is_not_found() => Ok(false),
            Err(error) => Err(aws_sdk_s3::Error::from(error).into()),
        }
    }

    async fn delete(&self, bucket: &LetterBucket, key: &str) -> Result<(), DeadLetterError> {
        let request = self.s3.delete_object().bucket(&bucket.bucket).key(key);
        request.send().await.map_err(aws_sdk_s3::Error::from)?;
        Ok(())
    }
}

/// Whether a conditional write was refused: by its condition, or by another write at the same time. `NoSuchKey` means that
/// the lease of `If-Match` was released.
fn is_refused(error: &impl ProvideErrorMetadata) -> bool {
    matches!(error.code(), Some("PreconditionFailed" | "ConditionalRequestConflict" | "NoSuchKey"))
}
