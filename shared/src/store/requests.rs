//! Requests that carried an idempotency key, and their outcomes.
//!
//! An order needs no such record: its id derives from the key. Everything else that a key protects has one, written in
//! the same transaction as the thing itself.

use serde::{Deserialize, Serialize};

use super::{Action, keys};

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestRecord<T> {
    /// The digest of the request's payload.
    pub payload: String,
    /// The data needed to give the same answer again.
    pub outcome: T,
}

/// Records the outcome of a request; refused if a request with this key has one.
pub fn create<T: Serialize>(digest: &str, record: &RequestRecord<T>) -> Action {
    Action::create(keys::request(digest), record)
}
