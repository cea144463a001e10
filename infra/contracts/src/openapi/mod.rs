//! The API reference, generated from the functions.
//!
//! Each endpoint describes its operation next to its handler, with the schemas of its body and answer. The conventions
//! of every endpoint are added here, from the code that implements them: the envelope, the failures, the token.

mod commands;
mod conventions;
mod details;
mod error;
mod failures;
pub mod http_file;
mod operations;
pub mod python;
mod responses;
pub mod samples;
mod schemas;
mod source;
mod successes;
#[cfg(test)]
mod tests;
mod transitions;

pub use error::Error;
pub use operations::each as operations;

use functions::Operations;
use utoipa::{OpenApi as _, openapi::OpenApi};

/// The file that the document is kept in.
pub const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/contracts/openapi.json");

/// The document.
///
/// # Errors
/// If an endpoint is not described as it must be.
pub fn document() -> Result<OpenApi, Error> {
    let mut document = operations::Heading::openapi();
    document.merge(Operations::openapi());
    operations::introduce(&mut document);
    operations::add_twins(&mut document)?;
    operations::name(&mut document);
    conventions::apply(&mut document)?;
    transitions::publish(&mut document)?;
    schemas::tidy(&mut document);
    samples::add(&mut document)?;
    commands::add(&mut document)?;
    Ok(document)
}

/// The document as it is kept and served.
///
/// # Errors
/// As [`document`].
pub fn json() -> Result<String, Error> {
    Ok(document()?.to_pretty_json()? + "\n")
}
