//! Answers.

use jiff::Timestamp;
use lambda_http::{
    Body, Response,
    http::{HeaderValue, StatusCode, header},
};
use serde::Serialize;
use serde_json::Value;

use super::{
    ApiError, Language,
    envelope::{self, Page, Success},
};
use crate::{app::Failure, domain::ETag};

/// The result of an endpoint.
pub type ApiResult = Result<Reply, ApiError>;

#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    content: Content,
    /// The entity tag of the returned thing.
    etag: Option<ETag>,
    /// The directives for caches; without them, no cache keeps the answer.
    caching: Option<HeaderValue>,
    /// The order of the answer, for the log.
    pub(crate) order_id: Option<String>,
}

#[derive(Debug)]
enum Content {
    /// No body: the status says everything.
    None,
    /// No body but the methods of a path.
    Methods(Vec<&'static str>),
    /// The data of an envelope.
    Data(Value),
    /// A document that is sent as it is.
    Document { content_type: &'static str, text: &'static str },
}

/// Documents change only with a deployment. This is how long a cached old one lives on.
const DOCUMENT_CACHING: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// Answers with the data of a user are not for caches.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// For an answer with recent stock that was read just now.
const A_SECOND: HeaderValue = HeaderValue::from_static("public, max-age=1");

/// For an answer with recent stock that is a part of a second old.
const STALE: HeaderValue = HeaderValue::from_static("public, max-age=0");

impl Reply {
    /// 200 with data.
    ///
    /// # Errors
    /// If the data cannot be encoded.
    pub fn ok(data: impl Serialize) -> ApiResult {
        Self::with(StatusCode::OK, data)
    }

    /// 201 with the created thing.
    ///
    /// # Errors
    /// If the data cannot be encoded.
    pub fn created(data: impl Serialize) -> ApiResult {
        Self::with(StatusCode::CREATED, data)
    }

    /// 202 with the thing that was begun.
    ///
    /// # Errors
    /// If the data cannot be encoded.
    pub fn accepted(data: impl Serialize) -> ApiResult {
        Self::with(StatusCode::ACCEPTED, data)
    }

    /// 204: done, without data.
    pub fn no_content() -> Self {
        Self::new(StatusCode::NO_CONTENT, Content::None)
    }

    /// 204 with the methods of a path.
    pub fn methods(methods: Vec<&'static str>) -> Self {
        Self::new(StatusCode::NO_CONTENT, Content::Methods(methods))
    }

    /// 200 with a part of a list, and the encoded cursor of the next part.
    ///
    /// # Errors
    /// If the data cannot be encoded.
    pub fn page(items: Vec<impl Serialize>, next_cursor: Option<String>) -> ApiResult {
        Self::ok(Page { items, next_cursor, as_of: None })
    }

    /// 200 with a part of a list as of an instant, if that is known.
    ///
    /// # Errors
    /// If the data cannot be encoded.
    pub fn page_as_of(
        items: Vec<impl Serialize>,
        next_cursor: Option<String>,
        as_of: impl Into<Option<Timestamp>>,
    ) -> ApiResult {
        Self::ok(Page { items, next_cursor, as_of: as_of.into() })
    }

    /// 200 with a document that is part of the program: without an envelope, and cacheable by anyone.
    pub fn document(content_type: &'static str, text: &'static str) -> Self {
        Self::new(StatusCode::OK, Content::Document { content_type, text })
    }

    /// Adds the entity tag of the returned thing (`ETag`), for the `If-Match` of a change.
    #[must_use]
    pub fn tagged(mut self, etag: ETag) -> Self {
        self.etag = Some(etag);
        self
    }

    /// Lets any cache keep an answer that may be a second old. If the function's own cache has used up part of the
    /// second, no other may keep it: the two together would exceed the second.
    #[must_use]
    pub fn kept_for_a_second(mut self, may_be_kept: bool) -> Self {
        self.caching = Some(if may_be_kept { A_SECOND } else { STALE });
        self
    }

    /// Records the order of the answer, for the log.
    #[must_use]
    pub fn about_order(mut self, id: impl ToString) -> Self {
        self.order_id = Some(id.to_string());
        self
    }

    fn with(status: StatusCode, data: impl Serialize) -> ApiResult {
        let data = serde_json::to_value(data).map_err(|_| Failure::Internal("an answer can be written as JSON"))?;
        Ok(Self::new(status, Content::Data(data)))
    }

    fn new(status: StatusCode, content: Content) -> Self {
        Self { status, content, etag: None, caching: None, order_id: None }
    }

    fn render(self, language: Language) -> Response<Body> {
        let etag = self.etag.and_then(|etag| HeaderValue::try_from(format!("\"{etag}\"")).ok());
        let caching = self.caching;
        let mut response = match self.content {
            Content::None => empty(self.status),
            Content::Methods(methods) => {
                let mut response = empty(self.status);
                allow(&mut response, &methods);
                response
            }
            Content::Data(data) => json(self.status, &Success::new(data, language)),
            Content::Document { content_type, text } => {
                respond(self.status, HeaderValue::from_static(content_type), DOCUMENT_CACHING, text.to_owned())
            }
        };
        if let Some(etag) = etag {
            response.headers_mut().insert(header::ETAG, etag);
        }
        if let Some(caching) = caching {
            response.headers_mut().insert(header::CACHE_CONTROL, caching);
            // The message in the envelope depends on the language.
            response.headers_mut().insert(header::VARY, HeaderValue::from_name(header::ACCEPT_LANGUAGE));
        }
        response
    }
}

/// Renders an endpoint's result as an answer.
pub(crate) fn render(result: ApiResult, language: Language, request_id: &str) -> Response<Body> {
    match result {
        Ok(reply) => reply.render(language),
        Err(error) => render_error(&error.by_field(), language, request_id),
    }
}

/// Renders the answer to a failed request.
fn render_error(error: &ApiError, language: Language, request_id: &str) -> Response<Body> {
    let status = error.code().status();
    let mut response = json(status, &envelope::Failure::of(error, language, request_id));
    if let ApiError::MethodNotAllowed(allowed) = error {
        allow(&mut response, allowed);
    }
    if let Some(seconds) = error.retry_after_s(request_id) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}

fn allow(response: &mut Response<Body>, methods: &[&str]) {
    if let Ok(methods) = methods.join(", ").parse() {
        response.headers_mut().insert(header::ALLOW, methods);
    }
}

fn json(status: StatusCode, envelope: &impl Serialize) -> Response<Body> {
    // Encoding cannot fail: an envelope has only strings, and a value that is JSON already.
    let text = serde_json::to_string(envelope).unwrap_or_default();
    let content_type = HeaderValue::from_static("application/json; charset=utf-8");
    respond(status, content_type, NO_STORE, text)
}

fn respond(status: StatusCode, content_type: HeaderValue, caching: HeaderValue, text: String) -> Response<Body> {
    let mut response = Response::new(Body::Text(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response.headers_mut().insert(header::CACHE_CONTROL, caching);
    response
}
