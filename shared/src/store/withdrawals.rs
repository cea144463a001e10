//! Withdrawals.

use serde::{Deserialize, Serialize};

use super::{Action, keys};
use crate::{
    domain::withdrawal::Withdrawal,
    platform::trace::{self, TraceId},
};

/// A withdrawal as it is stored: with the digest of the request that created it, so that a repeat can be told from
/// another request with the same key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WithdrawalRecord {
    #[serde(flatten)]
    pub withdrawal: Withdrawal,
    pub payload: String,
    /// The trace of its last change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
}

impl WithdrawalRecord {
    /// The record of a withdrawal that the current trace creates or changes.
    pub fn new(withdrawal: Withdrawal, payload: String) -> Self {
        Self { withdrawal, payload, trace_id: trace::current() }
    }
}

/// Adds a withdrawal; refused if there is one with this id.
pub fn create(record: &WithdrawalRecord) -> Action {
    Action::create(keys::withdrawal(&record.withdrawal.withdrawal_id), record)
}

/// Replaces a withdrawal that still has the version that was read.
pub fn replace(before: &Withdrawal, record: &WithdrawalRecord) -> Action {
    Action::put(keys::withdrawal(&record.withdrawal.withdrawal_id), record)
        .when("#version = :before")
        .value(":before", before.version)
}
