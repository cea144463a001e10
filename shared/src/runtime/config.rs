//! Configuration: the environment, read once.

use jiff::SignedDuration;

use crate::{
    app::Policy,
    domain::{Won, pricing::ShippingPolicy},
};

/// What a function is told by its deployment.
#[derive(Debug, Clone)]
pub struct Config {
    /// The table's name (`TABLE_NAME`).
    pub table_name: String,
    /// The shop's own rules: what shipping costs (`SHIPPING_FEE`, `FREE_SHIPPING_FROM`, in won), how long an order waits
    /// for the money and how long a sheet is valid (`HOLD_SECONDS`, `ORDER_SHEET_SECONDS`).
    pub policy: Policy,
    /// Whether callers are known by headers instead of the authorizer's claims (`JANGTEO_IDENTITY=headers`). Only the
    /// local runner sets it.
    pub trust_headers: bool,
}

/// What is wrong with the environment.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A variable is missing.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// A variable is not a whole number from 0.
    #[error("the environment variable {0} is not a whole number from 0")]
    NotANumber(&'static str),
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// Where a variable is missing or malformed.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self {
            table_name: required("TABLE_NAME")?,
            policy: Policy {
                shipping: ShippingPolicy {
                    fee: Won::new(number("SHIPPING_FEE", 3_000)?),
                    free_from: Won::new(number("FREE_SHIPPING_FROM", 30_000)?),
                },
                hold: seconds("HOLD_SECONDS", SignedDuration::from_mins(10))?,
                sheet_validity: seconds("ORDER_SHEET_SECONDS", SignedDuration::from_mins(30))?,
                bestsellers_fresh: Policy::BESTSELLERS_FRESH,
            },
            trust_headers: optional("JANGTEO_IDENTITY").as_deref() == Some("headers"),
        })
    }
}

/// A variable that must be set.
///
/// # Errors
/// Where it is not.
pub fn required(name: &'static str) -> Result<String, ConfigError> {
    optional(name).ok_or(ConfigError::Missing(name))
}

/// A variable that need not be set.
#[expect(clippy::disallowed_methods, reason = "this is where configuration comes in")]
pub fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A span of time, given in seconds.
///
/// # Errors
/// Where it is not a number.
pub fn seconds(name: &'static str, default: SignedDuration) -> Result<SignedDuration, ConfigError> {
    number(name, default.as_secs()).map(SignedDuration::from_secs)
}

fn number(name: &'static str, default: i64) -> Result<i64, ConfigError> {
    let Some(text) = optional(name) else {
        return Ok(default);
    };
    text.parse().ok().filter(|number| *number >= 0).ok_or(ConfigError::NotANumber(name))
}
