//! Idempotency keys: a repeated request changes nothing and gets the first answer.
//!
//! The first commit of a key is its outcome for good. A refusal commits nothing, so before a request with a key is
//! refused, it is checked whether the key has an outcome.

use serde::{
    Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use sha2::{Digest, Sha256};

use super::{Failure, Shop};
use crate::{
    domain::Refusal,
    platform::ids,
    store::{
        Backoff, ConditionFailures, Consistency, Outcome, Transaction,
        action::ActionIndex,
        keys,
        requests::{self, RequestRecord},
    },
};

/// The identity of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// Derived from caller, operation and idempotency key, or random without a key.
    pub digest: String,
    /// Derived from the payload: a repetition has the same.
    pub payload: String,
    /// Whether the caller gave a key.
    pub given: bool,
    /// The record that a commit of the request leaves.
    pub outcome: OutcomeRecord,
}

/// The record by which a repetition of a request finds its outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OutcomeRecord {
    /// A record of the request's own.
    #[default]
    Request,
    /// The order with the id of the request.
    Order,
    /// The payment session with it.
    Session,
    /// The withdrawal with it.
    Withdrawal,
    /// The export with it.
    Export,
}

/// The time for which an outcome is kept if it is not kept for ever: seven days.
const KEPT_SECONDS: i64 = 7 * 24 * 60 * 60;

impl RequestKey {
    /// The identity of a request with the idempotency key `key`.
    pub fn given(caller: &str, operation: &str, key: &str, payload: &[u8]) -> Self {
        // None of the parts but the last can contain a zero byte.
        let name = [caller, operation, key].join("\0");
        Self { digest: digest(name.as_bytes()), payload: digest(payload), given: true, outcome: OutcomeRecord::Request }
    }

    /// The identity of a request without a key: each is new.
    pub fn fresh(shop: &Shop, payload: &[u8]) -> Self {
        Self { digest: shop.new_id(), payload: digest(payload), given: false, outcome: OutcomeRecord::Request }
    }

    /// The same identity, with another record of its outcome.
    #[must_use]
    pub fn with_outcome_in(self, outcome: OutcomeRecord) -> Self {
        Self { outcome, ..self }
    }

    /// The id of the thing that the request creates: the chosen one, or else one that a repetition of the request has
    /// too.
    pub(super) fn id<I: TryFrom<String>>(&self, chosen: Option<I>) -> Result<I, Failure> {
        let derived = || I::try_from(self.digest.clone()).map_err(|_| Failure::Internal("a digest is an id"));
        chosen.map_or_else(derived, Ok)
    }

    /// Refuses a payload other than the first of the key.
    ///
    /// # Errors
    /// [`Refusal::IdempotencyKeyReused`].
    pub fn check_payload(&self, payload: &str) -> Result<(), Refusal> {
        if self.payload == payload { Ok(()) } else { Err(Refusal::IdempotencyKeyReused) }
    }
}

/// The time for which an outcome is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// For ever: money has moved.
    Forever,
    AWeek,
    /// A week, also without a key: the transaction would otherwise not reveal its own repetition.
    AWeekAlways,
}

/// The end of a request's transaction.
#[derive(Debug)]
#[must_use]
pub(super) enum Transacted<T> {
    /// Committed, with this outcome.
    Committed(T),
    /// Refused, because the key had this outcome already.
    Replayed(T),
    /// Refused, and the key had no outcome.
    Refused(ConditionFailures),
}

/// Commits a request's transaction together with the record of its outcome. The outcome of the key wins over every
/// other reason for which the transaction is refused.
///
/// # Errors
/// [`Refusal::IdempotencyKeyReused`], and if the table cannot be reached or stays busy.
pub(super) async fn transact<T: Serialize + DeserializeOwned>(
    shop: &Shop,
    mut transaction: Transaction,
    key: &RequestKey,
    outcome: T,
    keep: Keep,
    backoff: &mut Backoff,
) -> Result<Transacted<T>, Failure> {
    let note = note(shop, &mut transaction, key, &outcome, keep);
    match shop.table.commit(transaction, backoff).await? {
        Outcome::Committed => Ok(Transacted::Committed(outcome)),
        Outcome::Refused(failures) => {
            Ok(noted(&failures, note, key)?.map_or(Transacted::Refused(failures), Transacted::Replayed))
        }
    }
}

/// Adds the record of a request's outcome to its transaction, if the caller gave a key.
pub(super) fn note<T: Serialize>(
    shop: &Shop,
    transaction: &mut Transaction,
    key: &RequestKey,
    outcome: T,
    keep: Keep,
) -> Option<ActionIndex> {
    if !key.given && keep != Keep::AWeekAlways {
        return None;
    }
    let record = RequestRecord { payload: key.payload.clone(), outcome };
    let action = requests::create(&key.digest, &record);
    let end = || shop.clock.now().as_second().saturating_add(KEPT_SECONDS);
    Some(transaction.add(if keep == Keep::Forever { action } else { action.expires_at(end()) }))
}

/// The outcome that the key had already, if that is why a transaction was refused.
pub(super) fn noted<T: DeserializeOwned>(
    failures: &ConditionFailures,
    noted: Option<ActionIndex>,
    key: &RequestKey,
) -> Result<Option<T>, Failure> {
    let Some(position) = noted else {
        return Ok(None);
    };
    let record: Option<Option<RequestRecord<T>>> = failures.of(position)?;
    outcome_of(record.flatten(), key)
}

/// Replaces the refusal of a request with a key by the key's outcome, if it has one.
pub(super) async fn unless_answered<O: DeserializeOwned>(
    shop: &Shop,
    key: &RequestKey,
    result: Result<O, Failure>,
) -> Result<O, Failure> {
    match result {
        Err(Failure::Refused(refusal)) if key.given => recall(shop, key).await?.ok_or(Failure::Refused(refusal)),
        other => other,
    }
}

/// The outcome of a key, if it has one.
pub(super) async fn recall<O: DeserializeOwned>(shop: &Shop, key: &RequestKey) -> Result<Option<O>, Failure> {
    outcome_of(shop.table.get(keys::request(&key.digest), Consistency::Strong).await?, key)
}

/// Whether a key has an outcome.
pub(super) async fn has_outcome(shop: &Shop, key: &RequestKey) -> Result<bool, Failure> {
    if !key.given {
        return Ok(false);
    }
    let record = match key.outcome {
        OutcomeRecord::Request => keys::request(&key.digest),
        OutcomeRecord::Order => keys::order(&key.id(None)?),
        OutcomeRecord::Session => keys::session(&key.id(None)?),
        OutcomeRecord::Withdrawal => keys::withdrawal(&key.id(None)?),
        OutcomeRecord::Export => keys::export(&key.id(None)?),
    };
    let found: Option<IgnoredAny> = shop.table.get(record, Consistency::Strong).await?;
    Ok(found.is_some())
}

fn outcome_of<T>(record: Option<RequestRecord<T>>, key: &RequestKey) -> Result<Option<T>, Failure> {
    let Some(record) = record else {
        return Ok(None);
    };
    key.check_payload(&record.payload)?;
    Ok(Some(record.outcome))
}

fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    ids::encode(hash.get(..16).unwrap_or(&hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(caller: &str, operation: &str, key: &str, payload: &str) -> RequestKey {
        RequestKey::given(caller, operation, key, payload.as_bytes())
    }

    #[test]
    fn a_request_is_known_by_caller_operation_and_key() {
        let first = key("mina", "charge", "k1", "{}");
        assert_eq!(first, key("mina", "charge", "k1", "{}"));
        assert_eq!(first.digest.len(), 26);
        for other in
            [key("jun", "charge", "k1", "{}"), key("mina", "order", "k1", "{}"), key("mina", "charge", "k2", "{}")]
        {
            assert_ne!(first.digest, other.digest);
        }
    }

    #[test]
    fn another_payload_is_another_request() {
        let first = key("mina", "charge", "k1", r#"{"amount":100}"#);
        let second = key("mina", "charge", "k1", r#"{"amount":200}"#);
        assert_eq!(first.digest, second.digest);
        assert_eq!(second.check_payload(&first.payload), Err(Refusal::IdempotencyKeyReused));
    }
}
