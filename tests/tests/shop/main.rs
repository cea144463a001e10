//! The shop in process: the real handlers over an embedded DynamoDB.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod orders;
mod reference;
