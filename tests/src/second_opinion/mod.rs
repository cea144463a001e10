//! A second opinion on the embedded DynamoDB: its answers are compared with those of other emulators.
//!
//! The tests record examples of each kind of request below `target/second-opinion`, with the items that a request
//! depends on and the embedded answer. `cargo xtask second-opinion` sends the same requests to moto and dynalite. A
//! difference without an explanation in `tests/second-opinion.yaml` fails, and so does an explanation without a
//! difference.

pub mod compare;
pub mod explanations;
mod kinds;
pub(crate) mod record;
pub mod replay;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::template;

/// A request of the tests, with what it depends on and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Example {
    /// The operation with its expressions, kinds of keys and attributes.
    pub kind: String,
    /// The embedded answer in short: examples of one kind differ in it.
    pub outcome: String,
    pub operation: String,
    pub request: Value,
    /// The items of the request before it.
    pub before: Vec<Value>,
    /// The items of the request after it.
    pub after: Vec<Value>,
    /// The status of the embedded answer.
    pub status: u16,
    /// The embedded answer.
    pub answer: Value,
}

/// The folder of the examples.
pub fn folder() -> PathBuf {
    template::project_file("target/second-opinion")
}

/// The examples in a folder, in the order of kinds and outcomes.
///
/// # Errors
/// If a file cannot be read, or is no example.
pub fn examples(folder: &Path) -> io::Result<Vec<Example>> {
    let mut examples = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let example: Example = serde_json::from_str(&fs::read_to_string(path)?)?;
            examples.push(example);
        }
    }
    examples.sort_by(|a, b| (&a.kind, &a.outcome).cmp(&(&b.kind, &b.outcome)));
    Ok(examples)
}
