//! Payment sessions.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Action, keys};
use crate::{
    domain::{
        PaymentId,
        provider::{PaymentKey, ProviderName},
        session::PaymentSession,
    },
    platform::trace::{self, TraceId},
};

/// A payment session as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionRecord {
    #[serde(flatten)]
    pub session: PaymentSession,
    /// The digest of the request that created it.
    pub payload: String,
    /// The trace of its last change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
}

impl SessionRecord {
    /// The record of a session that the current trace creates or changes.
    pub fn new(session: PaymentSession, payload: String) -> Self {
        Self { session, payload, trace_id: trace::current() }
    }
}

/// The claim of a provider's payment by the one session that it may pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentKeyClaim {
    pub payment_id: PaymentId,
}

/// Adds a session; refused if there is one with this id.
pub fn create(record: &SessionRecord) -> Action {
    indexed(Action::create(keys::session(&record.session.payment_id), record), &record.session)
}

/// Replaces a session that still has the version that was read.
pub fn replace(before: &PaymentSession, record: &SessionRecord) -> Action {
    let put = Action::put(keys::session(&record.session.payment_id), record);
    indexed(put, &record.session).when("#version = :before").value(":before", before.version)
}

/// Every session is listed with those of its user. One that is to be looked at is in the expiry index, too.
fn indexed(action: Action, session: &PaymentSession) -> Action {
    let PaymentSession { payment_id, user_id, created_at, look_at, .. } = session;
    let listed = action.index_by_time(keys::session_by_time(user_id, *created_at, payment_id));
    match look_at {
        Some(at) => listed.index_by_expiry(keys::session_by_expiry(payment_id, *at)),
        None => listed,
    }
}

/// Claims a provider's payment for a session; refused if another session claimed it. Idempotent.
pub fn claim_key(provider: ProviderName, payment_key: &PaymentKey, payment: &PaymentId) -> Action {
    let claim = PaymentKeyClaim { payment_id: payment.clone() };
    Action::put(keys::payment_key_claim(&key_digest(provider, payment_key)), &claim)
        .when("attribute_not_exists(#pk) OR #paymentId = :payment")
        .value(":payment", payment)
}

fn key_digest(provider: ProviderName, payment_key: &PaymentKey) -> String {
    HEXLOWER.encode(&Sha256::digest(format!("{}\0{payment_key}", provider.as_str())))
}
