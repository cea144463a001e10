//! The contracts of the events: a JSON Schema for each kind and version, generated from the types.
//!
//! `schemas/` holds the schemas of the present code. `published/` holds each version as it was first released, and only
//! a new version adds to it. The code must publish events that hold to the released schema, and take all events that do
//! ([`compatibility`]).

pub mod asyncapi;
pub mod compatibility;
mod contract;
pub mod page;
mod samples;
#[cfg(test)]
mod tests;

pub use contract::{Contract, Direction, contracts};

use std::{fs, io, path::Path};

/// The folder of the contracts of the present code.
pub const SCHEMAS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/contracts/events/schemas");

/// The folder of the contracts as they were released.
pub const PUBLISHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/contracts/events/published");

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The schema of a kind is not that of an object.
    #[error("the schema of {0} is not that of an object")]
    NoObject(&'static str),
    /// The samples have no event of a kind.
    #[error("there is no sample of {0}")]
    NoSample(&'static str),
    /// The shop's own rules refuse a sample.
    #[error("a sample is refused: {0:?}")]
    Refused(Box<shared::domain::Refusal>),
    /// Two contracts have different parts of one name.
    #[error("two contracts have different parts named {0}")]
    TwoParts(String),
    #[error(transparent)]
    Sample(#[from] crate::openapi::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    File(#[from] io::Error),
}

/// Writes the contracts. A released one stays as it is; the first contract of a version is its release.
///
/// # Errors
/// If a contract cannot be made or written.
pub fn write() -> Result<(), Error> {
    fs::create_dir_all(SCHEMAS)?;
    fs::create_dir_all(PUBLISHED)?;
    for contract in contracts()? {
        fs::write(Path::new(SCHEMAS).join(contract.file()), contract.json()?)?;
        let released = Path::new(PUBLISHED).join(contract.file());
        if !released.exists() {
            fs::write(released, contract.json()?)?;
        }
    }
    fs::write(asyncapi::FILE, asyncapi::json()?)?;
    fs::write(page::FILE, page::html()?)?;
    Ok(())
}
