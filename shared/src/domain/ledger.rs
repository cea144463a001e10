//! The ledger: every change of an account's balance, in order, never changed again.
//!
//! The ledger can be verified: each entry has the hash of the entry before, and the account has that of the last. With
//! one known hash of a ledger anybody can detect that an entry up to it was changed, removed, inserted or moved.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{OrderId, PaymentId, UserId, Won, order::Actor};

/// The reason of a ledger entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EntryKind {
    /// The user added money.
    Charge,
    /// An order was paid.
    Payment,
    /// A cancelled or returned part of an order was refunded. Below zero: a top-up went back to its source.
    Refund,
    /// An admin corrected the balance.
    Adjustment,
    /// The user cashed out. Above zero: the money came back.
    Withdrawal,
}

/// The hash of a ledger entry, which covers all entries before: SHA-256, written in 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntryHash([u8; 32]);

impl EntryHash {
    /// The hash in the place of an entry before the first.
    pub const NONE: Self = Self([0; 32]);
}

impl Default for EntryHash {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Display for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<EntryHash> for String {
    fn from(hash: EntryHash) -> Self {
        hash.to_string()
    }
}

/// The text is not the hash of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not 64 hexadecimal digits")]
pub struct NotAHash;

impl TryFrom<String> for EntryHash {
    type Error = NotAHash;

    fn try_from(text: String) -> Result<Self, NotAHash> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(|_| NotAHash)?;
        bytes.try_into().map(Self).map_err(|_| NotAHash)
    }
}

/// One change of a balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEntry {
    pub entry_id: String,
    /// Its sequence number in the account's ledger, from 1 without a gap.
    pub sequence: u64,
    #[serde(rename = "type")]
    pub kind: EntryKind,
    /// The change of the balance: below zero for a payment.
    pub amount: Won,
    /// The balance after it: the balance after the entry before, plus the amount.
    pub balance_after: Won,
    /// The order that was paid or refunded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The payment from outside that topped the balance up, or the top-up that was refunded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// The party that moved the money. Entries older than the field have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// The reason that an admin gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
    /// The hash of the entry before. Entries older than the hashes have none.
    #[serde(default)]
    pub before: EntryHash,
}

/// The names of the canonical forms, so that one can never be taken for another. An entry of the second form has a
/// reason at its end. One of the third has reason, actor and payment there, null where there is none.
const CANONICAL_FORM: &str = "jangteo.ledger.1";
const CANONICAL_FORM_WITH_REASON: &str = "jangteo.ledger.2";
const CANONICAL_FORM_WITH_ACTOR: &str = "jangteo.ledger.3";

impl LedgerEntry {
    /// The hash of this entry in the ledger of `user`.
    pub fn hash(&self, user: &UserId) -> EntryHash {
        EntryHash(Sha256::digest(self.canonical(user)).into())
    }

    /// The entry as it is hashed: a JSON array without white space, its strings with no more escapes than JSON
    /// requires. It has every field, and the user of the ledger. It must never change: otherwise older entries could
    /// not be verified any more.
    fn canonical(&self, user: &UserId) -> String {
        let Self { entry_id, sequence, kind, amount, balance_after, order_id, payment_id, actor, reason, at, before } =
            self;
        let (amount, balance_after, at) = (amount.get(), balance_after.get(), at.as_millisecond());
        let form = match (actor, reason) {
            (Some(_), _) => CANONICAL_FORM_WITH_ACTOR,
            (None, Some(_)) => CANONICAL_FORM_WITH_REASON,
            (None, None) => CANONICAL_FORM,
        };
        let fields = json!([form, user, sequence, kind, amount, balance_after, order_id, at, entry_id, before]);
        let more = match (actor, reason) {
            (Some(actor), reason) => vec![json!(reason), json!(actor), json!(payment_id)],
            (None, Some(reason)) => vec![json!(reason)],
            (None, None) => Vec::new(),
        };
        match fields {
            Value::Array(fields) => Value::Array(fields.into_iter().chain(more).collect()).to_string(),
            fields => fields.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::{
        Account,
        tests::{mina, movement},
    };

    #[test]
    fn a_new_account_chains_to_no_entry() {
        assert_eq!((Account::NEW.head, EntryHash::default()), (EntryHash::NONE, EntryHash::NONE));
        assert_eq!(EntryHash::NONE.to_string(), "0".repeat(64));
    }

    #[test]
    fn each_entry_has_the_hash_of_the_one_before() {
        let (charged, first) = Account::NEW.book(&mina(), movement(EntryKind::Charge, 1_000)).unwrap();
        let (paid, second) = charged.book(&mina(), movement(EntryKind::Payment, -300)).unwrap();
        assert_eq!(first.before, EntryHash::NONE);
        assert_eq!((second.before, charged.head), (first.hash(&mina()), first.hash(&mina())));
        assert_eq!(paid.head, second.hash(&mina()));
    }

    /// Anybody can recompute this with `sha256sum`. If it fails, older ledgers cannot be verified any more.
    #[test]
    fn the_canonical_forms_are_as_they_ever_were() {
        let (charged, first) = Account::NEW.book(&mina(), movement(EntryKind::Charge, 1_000)).unwrap();
        let first = LedgerEntry { actor: None, ..first };
        let charged = Account { head: first.hash(&mina()), ..charged };
        let (paid, second) = charged.book(&mina(), movement(EntryKind::Payment, -300)).unwrap();
        insta::assert_snapshot!(first.canonical(&mina()), @r#"["jangteo.ledger.1","mina",1,"CHARGE",1000,1000,null,1795143600123,"e\"1\"","0000000000000000000000000000000000000000000000000000000000000000"]"#);
        let old = LedgerEntry { actor: None, ..second.clone() };
        insta::assert_snapshot!(old.canonical(&mina()), @r#"["jangteo.ledger.1","mina",2,"PAYMENT",-300,700,"o1",1795143600123,"e\"1\"","ffec7312b42755fe7fe2f3e5ce8dcacdeb7fb911a17c0b488e8665d753e768c9"]"#);
        insta::assert_snapshot!(old.hash(&mina()), @"f6076843f5837c44870dbe7c7eb5efd45c470d05893a1b5df961e2dbf2a7ddf7");
        let with_reason = LedgerEntry { reason: Some("gift".to_owned()), ..old };
        insta::assert_snapshot!(with_reason.canonical(&mina()), @r#"["jangteo.ledger.2","mina",2,"PAYMENT",-300,700,"o1",1795143600123,"e\"1\"","ffec7312b42755fe7fe2f3e5ce8dcacdeb7fb911a17c0b488e8665d753e768c9","gift"]"#);
        insta::assert_snapshot!(second.canonical(&mina()), @r#"["jangteo.ledger.3","mina",2,"PAYMENT",-300,700,"o1",1795143600123,"e\"1\"","ffec7312b42755fe7fe2f3e5ce8dcacdeb7fb911a17c0b488e8665d753e768c9",null,"CUSTOMER",null]"#);
        assert_eq!(paid.head, second.hash(&mina()));
    }

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        let hash = EntryHash(std::array::from_fn(|byte| u8::try_from(byte * 8).unwrap()));
        assert_eq!(EntryHash::try_from(hash.to_string()), Ok(hash));
        assert_eq!([String::from(hash), format!("{hash:?}")], [hash.to_string(), hash.to_string()]);
        for wrong in ["", "00", &"0".repeat(62), &"0".repeat(66), &"g".repeat(64), &"F".repeat(64)] {
            assert_eq!(EntryHash::try_from(wrong.to_owned()), Err(NotAHash), "{wrong}");
        }
    }

    #[test]
    fn every_field_is_in_the_hash() {
        let (_, entry) = Account::NEW.book(&mina(), movement(EntryKind::Payment, 0)).unwrap();
        let changed = |change: fn(&mut LedgerEntry)| {
            let mut other = entry.clone();
            change(&mut other);
            other.hash(&mina())
        };
        let mut hashes = vec![
            entry.hash(&mina()),
            entry.hash(&UserId::try_from("jun".to_owned()).unwrap()),
            changed(|entry| entry.entry_id.push('1')),
            changed(|entry| entry.sequence += 1),
            changed(|entry| entry.kind = EntryKind::Refund),
            changed(|entry| entry.amount = Won::new(1)),
            changed(|entry| entry.balance_after = Won::new(1)),
            changed(|entry| entry.order_id = None),
            changed(|entry| entry.payment_id = PaymentId::try_from("p1".to_owned()).ok()),
            changed(|entry| entry.actor = Some(Actor::Admin)),
            changed(|entry| entry.actor = None),
            changed(|entry| entry.reason = Some("gift".to_owned())),
            changed(|entry| entry.at = Timestamp::UNIX_EPOCH),
            changed(|entry| entry.before = EntryHash([1; 32])),
        ];
        let count = hashes.len();
        hashes.sort_by_key(EntryHash::to_string);
        hashes.dedup();
        assert_eq!(hashes.len(), count);
    }
}
