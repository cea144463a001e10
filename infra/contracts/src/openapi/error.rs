//! What an endpoint can get wrong about itself.

use functions::routes::Route;
use shared::{api::ApiError, domain::Invalid};

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A route that no operation is described for.
    #[error("{} {} is a route, but {} describes no operation for it", .0.method, .0.path, .0.function)]
    Undescribed(Route),
    /// An operation that something is to be said of, and that is not there.
    #[error("there is no operation {0}")]
    NoOperation(&'static str),
    /// The `# Errors` section of a handler does not say which codes it gives.
    #[error("the errors of {operation} are not understood: {problem}")]
    Failures {
        /// The operation.
        operation: String,
        /// What is wrong with them.
        problem: String,
    },
    /// A sample breaks a rule of the domain.
    #[error("a sample is not valid: {0}")]
    Sample(Invalid),
    /// A sample cannot be made.
    #[error("a sample cannot be made: {0}")]
    NoSample(&'static str),
    /// An operation that no command tries.
    #[error(
        "{0} has no command in infra/contracts/src/openapi/commands.rs, by which one could try it on the sample shop"
    )]
    NoCommand(String),
    /// A sample of an answer cannot be given.
    #[error(transparent)]
    Answer(#[from] ApiError),
    /// A sample's instant is not one.
    #[error(transparent)]
    Instant(#[from] jiff::Error),
    /// The document cannot be written.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::Sample(invalid)
    }
}
