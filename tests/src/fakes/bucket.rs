//! A bucket of S3 in this process, reached through the real SDK's HTTP interface. Conditional writes are as on S3.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;
use jiff::Timestamp;
use serde_json::Value;
use shared::{
    app::exports::files::ExportFiles,
    lambda::{
        exports_bucket::ExportsBucket,
        failures_bucket::{self, FailuresBucket},
    },
    platform::{Clock, Random},
};
use url::form_urlencoded;

use crate::{fakes::wire, permissions::running_as};

/// The most objects of a page.
const PAGE: usize = 1_000;

/// A bucket that keeps its objects.
#[derive(Debug, Clone, Default)]
pub struct Bucket(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Object>,
    /// The parts of the uploads under way, by upload and number.
    uploads: BTreeMap<String, BTreeMap<u32, String>>,
    /// The number of writes, from which each object has its tag.
    writes: u64,
    now: Timestamp,
    is_down: bool,
}

#[derive(Debug, Clone)]
struct Object {
    body: String,
    tag: String,
    at: Timestamp,
}

impl Bucket {
    /// The bucket, as a function of this name in Lambda sees it.
    pub fn failures(&self, function: &str) -> FailuresBucket {
        let (bucket, clock) = (self.clone(), Clock::new(|| "2026-11-20T03:00:00Z".parse().unwrap()));
        let client = failures_bucket::client(&wire::to(bucket));
        FailuresBucket::new(client, NAME.to_owned(), function.to_owned(), clock, Random::system())
    }

    /// The objects by key, each read as JSON.
    pub fn objects(&self) -> BTreeMap<String, Value> {
        let state = self.0.lock().unwrap();
        let read = |object: &Object| serde_json::from_str(&object.body).unwrap_or_default();
        state.objects.iter().map(|(key, object)| (key.clone(), read(object))).collect()
    }

    /// The bucket as the store of the files of exports. Its pieces are small, so that files are joined from several.
    pub fn files(&self, client: aws_sdk_s3::Client) -> Arc<dyn ExportFiles> {
        Arc::new(ExportsBucket::new(client, NAME.to_owned()).in_pieces_of(PIECE_BYTES))
    }

    /// A client that reaches the bucket.
    pub fn client(&self) -> aws_sdk_s3::Client {
        failures_bucket::client(&wire::to(self.clone()))
    }

    /// The texts of the objects by key.
    pub fn texts(&self) -> BTreeMap<String, String> {
        let state = self.0.lock().unwrap();
        state.objects.iter().map(|(key, object)| (key.clone(), object.body.clone())).collect()
    }

    /// The text behind a link, as the role that gave it may read it; nothing if it is not there.
    pub async fn download(&self, function: &str, link: &str) -> Option<String> {
        let (_, key) = link.split('?').next()?.split_once(&format!("/{NAME}/"))?;
        let client = self.client();
        let read = async { client.get_object().bucket(NAME).key(key).send().await.ok()?.body.collect().await.ok() };
        let content = running_as(function, read).await?;
        String::from_utf8(content.to_vec()).ok()
    }

    /// Writes an object.
    pub fn put(&self, key: &str, body: &str) {
        self.0.lock().unwrap().write(key, body.to_owned());
    }

    /// Sets the time of the bucket's clock.
    pub fn set_clock(&self, now: Timestamp) {
        self.0.lock().unwrap().now = now;
    }

    /// Makes the bucket refuse every call, or accept them again.
    pub fn set_down(&self, is_down: bool) {
        self.0.lock().unwrap().is_down = is_down;
    }
}

/// The bytes of a piece of a file.
const PIECE_BYTES: usize = 1_500;

/// The name of every bucket here.
pub const NAME: &str = "shop-streamfailures-1ab";

impl State {
    fn write(&mut self, key: &str, body: String) {
        self.writes += 1;
        let object = Object { body, tag: format!("\"{}\"", self.writes), at: self.now };
        self.objects.insert(key.to_owned(), object);
    }

    fn answer(&mut self, request: &HttpRequest) -> Answer {
        if self.is_down {
            return Answer::error(503, "SlowDown");
        }
        let (path, query) = request.uri().split_once('?').unwrap_or((request.uri(), ""));
        let query: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let (_, key) = path.split_once(&format!("/{NAME}")).expect("a call is of the bucket");
        // A key's slashes are sent as they are, and its other characters escaped.
        let key = form_urlencoded::parse(format!("key={}", key.trim_start_matches('/')).as_bytes())
            .next()
            .map(|(_, key)| key.into_owned())
            .unwrap_or_default();
        let has = |name: &str| query.contains_key(name);
        match request.method() {
            "POST" if has("uploads") => self.begin_upload(),
            "POST" if has("uploadId") => self.complete_upload(&key, &query["uploadId"], &text_of(request)),
            "POST" if has("delete") => self.delete(&text_of(request)),
            "PUT" if has("uploadId") => {
                let number = query["partNumber"].parse().expect("a number");
                let Some(parts) = self.uploads.get_mut(&query["uploadId"]) else {
                    return Answer::error(404, "NoSuchUpload");
                };
                parts.insert(number, text_of(request));
                Answer::tagged(format!("\"{number}\""))
            }
            "GET" if key.is_empty() => self.list(&query),
            "GET" | "HEAD" => match self.objects.get(&key) {
                Some(object) => Answer { object: Some(object.clone()), ..Answer::of(200, object.body.clone()) },
                None => Answer::error(404, "NoSuchKey"),
            },
            "PUT" => {
                let there = self.objects.get(&key);
                let header = |name| request.headers().get(name);
                let is_refused = header("if-none-match").is_some_and(|_| there.is_some())
                    || header("if-match").is_some_and(|tag| there.is_some_and(|there| there.tag != tag));
                if is_refused {
                    return Answer::error(412, "PreconditionFailed");
                }
                if header("if-match").is_some() && there.is_none() {
                    return Answer::error(404, "NoSuchKey");
                }
                self.write(&key, text_of(request));
                Answer::of(200, String::new())
            }
            "DELETE" => {
                self.objects.remove(&key);
                Answer::of(204, String::new())
            }
            other => panic!("{other} is not embedded"),
        }
    }

    fn begin_upload(&mut self) -> Answer {
        self.writes += 1;
        let id = format!("upload-{}", self.writes);
        self.uploads.insert(id.clone(), BTreeMap::new());
        Answer::of(
            200,
            format!("<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"),
        )
    }

    /// Joins the parts that the request names, which must be all and in their order.
    fn complete_upload(&mut self, key: &str, id: &str, request: &str) -> Answer {
        let Some(parts) = self.uploads.remove(id) else { return Answer::error(404, "NoSuchUpload") };
        let named: Vec<u32> = between(request, "<PartNumber>", "</PartNumber>").map(|it| it.parse().unwrap()).collect();
        if !parts.keys().copied().eq(named) {
            return Answer::error(400, "InvalidPart");
        }
        self.write(key, parts.into_values().collect());
        Answer::of(200, "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>".to_owned())
    }

    fn delete(&mut self, request: &str) -> Answer {
        between(request, "<Key>", "</Key>").for_each(|key| {
            self.objects.remove(key);
        });
        Answer::of(200, "<DeleteResult></DeleteResult>".to_owned())
    }

    fn list(&self, query: &BTreeMap<String, String>) -> Answer {
        let text = |name: &str| query.get(name).cloned().unwrap_or_default();
        let after = text("continuation-token");
        let matching = self.objects.keys().filter(|key| key.starts_with(&text("prefix")) && **key > after);
        let keys: Vec<&String> = matching.take(PAGE + 1).collect();
        let page = &keys[..keys.len().min(PAGE)];
        let contents: String = page.iter().map(|key| format!("<Contents><Key>{key}</Key></Contents>")).collect();
        let next = page.last().filter(|_| keys.len() > PAGE);
        let next = next.map(|key| format!("<NextContinuationToken>{key}</NextContinuationToken>")).unwrap_or_default();
        let more = keys.len() > PAGE;
        Answer::of(
            200,
            format!("<ListBucketResult><IsTruncated>{more}</IsTruncated>{contents}{next}</ListBucketResult>"),
        )
    }
}

/// The body of a request.
fn text_of(request: &HttpRequest) -> String {
    String::from_utf8(request.body().bytes().expect("a body in memory").to_vec()).expect("text")
}

/// The texts between two tags.
fn between<'t>(text: &'t str, open: &'t str, close: &'t str) -> impl Iterator<Item = &'t str> {
    text.split(open).skip(1).filter_map(move |rest| rest.split_once(close)).map(|(text, _)| text)
}

struct Answer {
    status: u16,
    body: String,
    object: Option<Object>,
}

impl Answer {
    fn of(status: u16, body: String) -> Self {
        Self { status, body, object: None }
    }

    fn tagged(tag: String) -> Self {
        let object = Object { body: String::new(), tag, at: Timestamp::default() };
        Self { object: Some(object), ..Self::of(200, String::new()) }
    }

    fn error(status: u16, code: &str) -> Self {
        Self::of(status, format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>"))
    }
}

impl HttpConnector for Bucket {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(self.respond(&request))
    }
}

impl Bucket {
    pub(crate) fn respond(&self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let answer = self.0.lock().unwrap().answer(request);
        let body = if request.method() == "HEAD" { String::new() } else { answer.body };
        let mut response = HttpResponse::new(answer.status.try_into().expect("a status"), SdkBody::from(body));
        if let Some(Object { tag, at, .. }) = answer.object {
            response.headers_mut().insert("etag", tag);
            response.headers_mut().insert("last-modified", at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
        }
        Ok(response)
    }
}
