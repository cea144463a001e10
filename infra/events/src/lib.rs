//! The contracts of the events: a JSON Schema for each kind and version, generated from the published types.
//!
//! `schemas/` holds the schemas of the present code. `published/` holds each version as it was first released, and only
//! a new version adds to it. The code must publish events that are compatible with the released schema
//! ([`compatibility`]).

pub mod compatibility;
mod contract;
mod samples;
#[cfg(test)]
mod tests;

pub use contract::{Contract, contracts};

use std::io;

/// The folder of the contracts of the present code.
pub const SCHEMAS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas");

/// The folder of the contracts as they were released.
pub const PUBLISHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/published");

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The schema of a kind is not that of an object.
    #[error("the schema of {0} is not that of an envelope")]
    NoEnvelope(&'static str),
    /// The samples have no event of a kind.
    #[error("there is no sample of {0}")]
    NoSample(&'static str),
    /// The shop's own rules refuse a sample.
    #[error("a sample is refused: {0:?}")]
    Refused(Box<shared::domain::Refusal>),
    #[error(transparent)]
    Sample(#[from] openapi::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    File(#[from] io::Error),
}
