//! Variables of the environment.

use jiff::SignedDuration;

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// A variable is not a whole number from 0.
    #[error("the environment variable {0} is not a whole number from 0")]
    NotANumber(&'static str),
    /// A variable is neither `true` nor `false`.
    #[error("the environment variable {0} is neither `true` nor `false`")]
    NotASwitch(&'static str),
    #[error("the environment variable {0} is none of {1}")]
    NotOneOf(&'static str, &'static str),
    /// Identity by headers was configured in an environment that AWS made.
    #[cfg(debug_assertions)]
    #[error("JANGTEO_IDENTITY=headers is for the local runner, and {0} says that this is AWS Lambda")]
    HeadersOnAws(&'static str),
}

/// Returns a variable that must be set.
///
/// # Errors
/// If it is not.
pub fn required(name: &'static str) -> Result<String, ConfigError> {
    optional(name).ok_or(ConfigError::Missing(name))
}

#[expect(clippy::disallowed_methods, reason = "this is where configuration comes in")]
pub fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns a switch: `true`, or else `false`, which is the default.
///
/// # Errors
/// If it is neither.
pub fn switch(name: &'static str) -> Result<bool, ConfigError> {
    match optional(name).as_deref() {
        Some("true") => Ok(true),
        Some("false") | None => Ok(false),
        Some(_) => Err(ConfigError::NotASwitch(name)),
    }
}

/// Returns a span of time, given in seconds.
///
/// # Errors
/// If it is not a number.
pub fn seconds(name: &'static str, default: SignedDuration) -> Result<SignedDuration, ConfigError> {
    number(name, default.as_secs()).map(SignedDuration::from_secs)
}

/// Returns a whole number from 0.
///
/// # Errors
/// If it is not one.
pub fn number(name: &'static str, default: i64) -> Result<i64, ConfigError> {
    let Some(text) = optional(name) else {
        return Ok(default);
    };
    text.parse().ok().filter(|number| *number >= 0).ok_or(ConfigError::NotANumber(name))
}
