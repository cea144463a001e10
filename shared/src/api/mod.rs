//! The conventions of the API: requests are parsed, answers have an envelope, failures have a code.
//!
//! This floor turns HTTP into the arguments of use cases, and their results into answers. It knows no attribute name of
//! the table, and nothing of DynamoDB.

mod accept;
pub mod bodies;
mod code;
pub mod cursor;
pub mod envelope;
mod error;
mod fields;
pub mod identity;
mod json;
mod messages;
pub mod parameters;
mod query;
mod reply;
mod request;
pub mod schemas;
pub mod views;

pub use accept::Language;
pub use code::Code;
pub use cursor::Cursor;
pub use error::ApiError;
pub use fields::{FieldErrors, Limit, NotNull, RecentStock, both, field_path};
pub use query::NoQuery;
pub(crate) use reply::render;
pub use reply::{ApiResult, Reply};
pub use request::{ApiRequest, MAX_BODY_BYTES};
