//! Configuration: the environment, read once.

use crate::domain::{Won, pricing::ShippingPolicy};

/// What a function is told by its deployment.
#[derive(Debug, Clone)]
pub struct Config {
    /// The table's name (`TABLE_NAME`).
    pub table_name: String,
    /// What shipping costs (`SHIPPING_FEE`, `FREE_SHIPPING_FROM`, in won).
    pub shipping: ShippingPolicy,
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
    /// A variable is not a number of won.
    #[error("the environment variable {0} is not a number of won")]
    NotWon(&'static str),
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// Where a variable is missing or malformed.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self {
            table_name: required("TABLE_NAME")?,
            shipping: ShippingPolicy {
                fee: won("SHIPPING_FEE", 3_000)?,
                free_from: won("FREE_SHIPPING_FROM", 30_000)?,
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

fn won(name: &'static str, default: i64) -> Result<Won, ConfigError> {
    let Some(text) = optional(name) else {
        return Ok(Won::new(default));
    };
    let amount = text.parse().ok().filter(|amount| *amount >= 0);
    amount.map(Won::new).ok_or(ConfigError::NotWon(name))
}
