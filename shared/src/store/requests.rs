//! Requests that carried an idempotency key, and what came of them.
//!
//! An order is found by its key alone, because its id derives from it. Everything else that a key protects keeps one
//! of these records, written in the same transaction as the thing itself.

use serde::{Deserialize, Serialize};

use super::{Action, keys};

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestRecord<T> {
    /// The digest of the request's payload.
    pub payload: String,
    /// What is needed to give the same answer again.
    pub outcome: T,
}

/// Notes what came of a request; refused where a request with this key has had an outcome.
pub fn create<T: Serialize>(digest: &str, record: &RequestRecord<T>) -> Action {
    Action::create(keys::request(digest), record)
}
