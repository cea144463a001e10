//! The envelopes of answers.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{ApiError, Code, Language, messages};

pub const SUCCESS: &str = "SUCCESS";

/// The envelope of a success.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Success<T> {
    /// Always `SUCCESS`.
    pub code: &'static str,
    /// The message for people, in the language of the request's `Accept-Language`.
    pub message: &'static str,
    /// The result of the request.
    pub data: T,
}

impl<T> Success<T> {
    pub fn new(data: T, language: Language) -> Self {
        Self { code: SUCCESS, message: messages::success(language), data }
    }
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// The cursor of the next part, for the `cursor` of the next request; null at the end.
    #[schema(required)]
    pub next_cursor: Option<String>,
    /// With `stock=recent`, the instant that the read began. In lists that the stream feeds, the last heartbeat that came
    /// through to them: an entry can lack a change since then, and does not show an outdated state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
}

/// The envelope of a failure.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The code of the failure, for programs.
    pub code: Code,
    /// The message for people, in the language of the request's `Accept-Language`.
    pub message: String,
    /// The id of the request; quote it when asking for help.
    #[schema(examples("4dfb1d32-0b6e-4d3c-9a0f-5a3f5c1c8d7e"))]
    pub request_id: String,
    /// Figures that help to understand the failure, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub details: Option<Value>,
    /// Every wrong field, if the code is `INVALID_REQUEST` and the failure is about fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_errors: Option<Vec<FieldError>>,
}

/// The fault of a field.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldError {
    /// The field's path, such as `items[0].quantity`; `body` for the whole body.
    #[schema(examples("items[0].quantity"))]
    pub field: String,
    /// The fault of the field, for people.
    #[schema(examples("1 이상 999 이하여야 합니다."))]
    pub message: String,
}

impl Failure {
    /// The envelope of an error, without its internal cause.
    pub fn of(error: &ApiError, language: Language, request_id: &str) -> Self {
        let field_errors = match error {
            ApiError::Fields(errors) => Some(errors.sentences(language)),
            _ => None,
        };
        Self {
            code: error.code(),
            message: messages::of_error(error, language),
            request_id: request_id.to_owned(),
            details: error.details(),
            field_errors,
        }
    }
}
