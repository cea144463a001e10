//! The errors of an endpoint's description.

use functions::routes::Route;

use shared::{api::ApiError, domain::Invalid, store::StoreError};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No operation is described for a route.
    #[error("{} {} is a route, but {} describes no operation for it", .0.method, .0.path, .0.function)]
    Undescribed(Route),
    /// There is no such operation.
    #[error("there is no operation {0}")]
    NoOperation(&'static str),
    /// The `# Errors` section of a handler does not name its codes.
    #[error("the errors of {operation} are not understood: {problem}")]
    Failures {
        operation: String,
        /// The fault in the section.
        problem: String,
    },
    /// Two envelopes have one name.
    #[error("two different envelopes are named {0}")]
    TwoEnvelopes(String),
    #[error("a sample is not valid: {0}")]
    Sample(Invalid),
    #[error("a sample cannot be made: {0}")]
    NoSample(&'static str),
    /// No command tries an operation.
    #[error(
        "{0} has no command in infra/contracts/src/openapi/commands.rs, by which one could try it on the sample shop"
    )]
    NoCommand(String),
    /// A sample of an answer cannot be rendered.
    #[error(transparent)]
    Answer(#[from] ApiError),
    /// The amounts of a sample overflow.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The instant of a sample is invalid.
    #[error(transparent)]
    Instant(#[from] jiff::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::Sample(invalid)
    }
}
