//! The bucket with the files of exports.

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    error::{DisplayErrorContext, SdkError},
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier},
};
use aws_smithy_types::timeout::TimeoutConfig;
use futures::{FutureExt, future::BoxFuture};
use jiff::SignedDuration;

use super::failures_bucket::client;
use crate::{
    app::exports::files::{ExportFiles, FilesError},
    platform::{
        aws,
        environment::{ConfigError, required},
    },
};

/// A bucket without versions: an object that is deleted is gone.
#[derive(Debug)]
pub struct ExportsBucket {
    client: Client,
    bucket: String,
    piece_bytes: usize,
}

/// The bytes of a part of an upload, at least: S3 takes fewer of the last one alone, and at most 10,000 parts.
pub const PIECE_BYTES: usize = 5 << 20;

/// The longest time of one attempt of a call.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

/// The objects of a page of a list, and of one deletion: the most that S3 takes.
const PAGE: i32 = 1_000;

/// The pages that one call deletes.
const PAGES: usize = 10;

type Result<T> = std::result::Result<T, FilesError>;

impl ExportsBucket {
    /// The bucket `EXPORTS_BUCKET`.
    ///
    /// # Errors
    /// If the configuration is incomplete.
    pub fn from_env() -> std::result::Result<Self, ConfigError> {
        // A call moves megabytes, so it may take longer than one of the table.
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT);
        let config = aws::sdk_config()?.into_builder().timeout_config(timeouts.build()).build();
        Ok(Self::new(client(&config), required("EXPORTS_BUCKET")?))
    }

    pub fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket, piece_bytes: PIECE_BYTES }
    }

    /// The bucket with smaller parts of an upload, for a bucket that takes them.
    #[must_use]
    pub fn in_pieces_of(self, piece_bytes: usize) -> Self {
        Self { piece_bytes, ..self }
    }

    async fn read(&self, key: &str) -> Result<Vec<u8>> {
        let answer = self.client.get_object().bucket(&self.bucket).key(key).send().await.map_err(failed)?;
        let content = answer.body.collect().await.map_err(|error| FilesError(error.to_string()))?;
        Ok(content.to_vec())
    }

    async fn write(&self, key: &str, content_type: &str, content: Vec<u8>) -> Result<()> {
        let request = self.client.put_object().bucket(&self.bucket).key(key).content_type(content_type);
        request.body(ByteStream::from(content)).send().await.map_err(failed)?;
        Ok(())
    }

    /// Joins parts by one write if they are small, else by an upload in pieces. An upload without an end is dropped by a rule
    /// of the bucket, and two at once write the same content.
    async fn join_parts(&self, parts: &[String], key: &str, content_type: &str) -> Result<()> {
        let mut upload: Option<Upload> = None;
        let mut piece = Vec::new();
        for part in parts {
            piece.append(&mut self.read(part).await?);
            if piece.len() >= self.piece_bytes {
                let under_way = match upload.take() {
                    Some(upload) => upload,
                    None => self.begin(key, content_type).await?,
                };
                upload = Some(self.send(key, under_way, std::mem::take(&mut piece)).await?);
            }
        }
        match upload {
            None => self.write(key, content_type, piece).await,
            Some(upload) if piece.is_empty() => self.complete(key, upload).await,
            Some(upload) => {
                let upload = self.send(key, upload, piece).await?;
                self.complete(key, upload).await
            }
        }
    }

    async fn begin(&self, key: &str, content_type: &str) -> Result<Upload> {
        let request = self.client.create_multipart_upload().bucket(&self.bucket).key(key).content_type(content_type);
        let id = request.send().await.map_err(failed)?.upload_id;
        Ok(Upload { id: id.ok_or_else(|| FilesError("an upload without an id".to_owned()))?, sent: Vec::new() })
    }

    async fn send(&self, key: &str, mut upload: Upload, content: Vec<u8>) -> Result<Upload> {
        let number = i32::try_from(upload.sent.len()).unwrap_or(i32::MAX).saturating_add(1);
        let request = self.client.upload_part().bucket(&self.bucket).key(key).upload_id(&upload.id).part_number(number);
        let tag = request.body(ByteStream::from(content)).send().await.map_err(failed)?.e_tag;
        upload.sent.push(CompletedPart::builder().part_number(number).set_e_tag(tag).build());
        Ok(upload)
    }

    async fn complete(&self, key: &str, upload: Upload) -> Result<()> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(upload.sent)).build();
        let request = self.client.complete_multipart_upload().bucket(&self.bucket).key(key).upload_id(upload.id);
        request.multipart_upload(parts).send().await.map_err(failed)?;
        Ok(())
    }

    async fn delete_all(&self, prefix: &str) -> Result<bool> {
        for _ in 0..PAGES {
            let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).max_keys(PAGE);
            let page = list.send().await.map_err(failed)?;
            let keys = page.contents().iter().filter_map(|object| object.key());
            let named = keys.map(|key| ObjectIdentifier::builder().key(key).build());
            let named: Vec<ObjectIdentifier> = named.collect::<std::result::Result<_, _>>().map_err(malformed)?;
            if named.is_empty() {
                return Ok(false);
            }
            let delete = Delete::builder().set_objects(Some(named)).quiet(true).build().map_err(malformed)?;
            let answer = self.client.delete_objects().bucket(&self.bucket).delete(delete).send().await;
            let refused = answer.map_err(failed)?.errors.unwrap_or_default();
            if let Some(first) = refused.first() {
                return Err(FilesError(format!("an object is not deleted: {}", first.code().unwrap_or_default())));
            }
        }
        Ok(true)
    }

    async fn presign(&self, key: &str, name: &str, validity: SignedDuration) -> Result<String> {
        let time = validity.unsigned_abs();
        let config = PresigningConfig::expires_in(time).map_err(|error| FilesError(error.to_string()))?;
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        // A browser saves the file, and shows nothing of it.
        let request = request.response_content_disposition(format!("attachment; filename=\"{name}\""));
        let signed = request.presigned(config).await.map_err(failed)?;
        Ok(signed.uri().to_owned())
    }
}

/// An upload under way, with the parts that the bucket has.
struct Upload {
    id: String,
    sent: Vec<CompletedPart>,
}

impl ExportFiles for ExportsBucket {
    fn put<'a>(&'a self, key: &'a str, content: Vec<u8>) -> BoxFuture<'a, Result<()>> {
        self.write(key, "application/octet-stream", content).boxed()
    }

    fn join<'a>(&'a self, parts: &'a [String], key: &'a str, content_type: &'static str) -> BoxFuture<'a, Result<()>> {
        self.join_parts(parts, key, content_type).boxed()
    }

    fn delete<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<bool>> {
        self.delete_all(prefix).boxed()
    }

    fn link<'a>(&'a self, key: &'a str, name: &'a str, validity: SignedDuration) -> BoxFuture<'a, Result<String>> {
        self.presign(key, name, validity).boxed()
    }
}

fn failed<E: std::error::Error + 'static>(error: SdkError<E>) -> FilesError {
    FilesError(DisplayErrorContext(error).to_string())
}

fn malformed(error: impl std::fmt::Display) -> FilesError {
    FilesError(error.to_string())
}
