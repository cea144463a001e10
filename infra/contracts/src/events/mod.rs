//! The contracts of the events: a JSON Schema for each kind and version, generated from the types that are published.
//!
//! `schemas/` has what the code publishes. `published/` has each version as it was first released: nothing but a new
//! version adds to it, and what the code publishes must be fit for whoever reads by it ([`compatibility`]).

pub mod compatibility;
mod contract;
mod samples;
#[cfg(test)]
mod tests;

pub use contract::{Contract, contracts};

use std::{fs, io, path::Path};

/// The folder of the contracts of what the code publishes.
pub const SCHEMAS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/contracts/events/schemas");

/// The folder of the contracts as they were released.
pub const PUBLISHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/contracts/events/published");

/// Why there is no contract.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A kind whose schema is not that of an object.
    #[error("the schema of {0} is not that of an envelope")]
    NoEnvelope(&'static str),
    /// A kind that the samples have no event of.
    #[error("there is no sample of {0}")]
    NoSample(&'static str),
    /// A sample that the shop's own rules exclude.
    #[error("a sample is refused: {0:?}")]
    Refused(Box<shared::domain::Refusal>),
    /// A sample breaks a rule of the domain.
    #[error(transparent)]
    Sample(#[from] crate::openapi::Error),
    /// It cannot be written.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Its file cannot be read or written.
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
    Ok(())
}
