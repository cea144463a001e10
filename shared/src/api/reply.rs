//! Answers.

use lambda_http::{
    Body, Response,
    http::{StatusCode, header},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{ApiError, Cursor, Language, messages};
use crate::app::Failure;

/// What an endpoint gives.
pub type ApiResult = Result<Reply, ApiError>;

/// A success.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    data: Value,
    /// The order it is about, for the log.
    pub(crate) order_id: Option<String>,
}

impl Reply {
    /// 200 with data.
    ///
    /// # Errors
    /// Where the data cannot be written as JSON.
    pub fn ok(data: impl Serialize) -> ApiResult {
        Self::with(StatusCode::OK, data)
    }

    /// 201 with the created thing.
    ///
    /// # Errors
    /// Where the data cannot be written as JSON.
    pub fn created(data: impl Serialize) -> ApiResult {
        Self::with(StatusCode::CREATED, data)
    }

    /// 200 with a part of a list, and where it goes on.
    ///
    /// # Errors
    /// Where the data cannot be written as JSON.
    pub fn page(items: Vec<impl Serialize>, next: Option<Cursor>) -> ApiResult {
        Self::ok(json!({ "items": items, "nextCursor": next.map(|cursor| cursor.encode()) }))
    }

    /// Names the order that the answer is about, for the log.
    #[must_use]
    pub fn about_order(mut self, id: impl ToString) -> Self {
        self.order_id = Some(id.to_string());
        self
    }

    fn with(status: StatusCode, data: impl Serialize) -> ApiResult {
        let data = serde_json::to_value(data).map_err(|_| Failure::Broken("an answer can be written as JSON"))?;
        Ok(Self { status, data, order_id: None })
    }

    fn render(self, language: Language) -> Response<Body> {
        let body = json!({ "code": "SUCCESS", "message": messages::success(language), "data": self.data });
        respond(self.status, &body)
    }
}

/// The answer that an endpoint's result becomes.
pub(crate) fn render(result: ApiResult, language: Language, request_id: &str) -> Response<Body> {
    match result {
        Ok(reply) => reply.render(language),
        Err(error) => render_error(&error.by_field(), language, request_id),
    }
}

/// The answer to a request that failed.
fn render_error(error: &ApiError, language: Language, request_id: &str) -> Response<Body> {
    let code = error.code();
    let mut body = json!({
        "code": code.as_str(),
        "message": messages::of_code(code, language),
        "requestId": request_id,
    });
    if let (Some(details), Some(body)) = (error.details(), body.as_object_mut()) {
        body.insert("details".to_owned(), details);
    }
    if let (ApiError::Fields(errors), Some(body)) = (error, body.as_object_mut()) {
        let sentences = errors.sentences(language);
        let fields = sentences.into_iter().map(|(field, message)| json!({ "field": field, "message": message }));
        body.insert("fieldErrors".to_owned(), fields.collect());
    }
    let mut response = respond(code.status(), &body);
    match error {
        ApiError::MethodNotAllowed(allowed) => {
            if let Ok(allowed) = allowed.join(", ").parse() {
                response.headers_mut().insert(header::ALLOW, allowed);
            }
        }
        _ if code.status() == StatusCode::SERVICE_UNAVAILABLE => {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        _ => {}
    }
    response
}

fn respond(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::Text(body.to_string()));
    *response.status_mut() = status;
    let json = header::HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}
