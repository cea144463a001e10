//! Personal data of users beside their profiles: the keys that seal it, the addresses of orders, and its erasure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Action, keys};
use crate::{
    domain::{UserId, address::Address, text::PhoneKey},
    platform::CipherKey,
};

/// The key that seals the personal data of a user. Without it, none of that data can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRecord {
    pub key: CipherKey,
}

/// An address that orders are shipped to, sealed. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddressRecord {
    pub address: Address,
}

/// The number of an address record, from its key.
#[derive(Debug, Clone, Deserialize)]
pub struct AddressRow {
    sk: String,
}

/// An address record in a list of them.
#[derive(Debug, Clone, Deserialize)]
pub struct ListedAddress {
    pub sk: String,
    pub address: Address,
}

impl ListedAddress {
    pub fn number(&self) -> Option<u64> {
        address_number(&self.sk)
    }
}

fn address_number(sk: &str) -> Option<u64> {
    sk.strip_prefix(keys::ADDRESS_PREFIX)?.parse().ok()
}

impl AddressRow {
    pub fn number(&self) -> Option<u64> {
        address_number(&self.sk)
    }
}

/// A user with a telephone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhoneRecord {
    pub user_id: UserId,
}

/// The erasure of a withdrawn user's personal data, while it waits for its instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Erasure {
    pub user_id: UserId,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub erase_at: Timestamp,
}

/// Adds the key of a user; refused if they have one.
pub fn create_key(user: &UserId, key: &CipherKey) -> Action {
    Action::create(keys::user_key(user), &KeyRecord { key: key.clone() })
}

/// Deletes the key of a user, and with it everything that it sealed.
pub fn delete_key(user: &UserId) -> Action {
    Action::delete(keys::user_key(user))
}

/// Adds an address with a number of its own; refused if the number is taken.
pub fn create_address(user: &UserId, number: u64, sealed: Address) -> Action {
    Action::create(keys::address(user, number), &AddressRecord { address: sealed })
}

pub fn delete_address(user: &UserId, number: u64) -> Action {
    Action::delete(keys::address(user, number))
}

/// Lists a user among those with a telephone number. Idempotent.
pub fn list_phone(number: &PhoneKey, user: &UserId) -> Action {
    Action::put(keys::phone(number, user), &PhoneRecord { user_id: user.clone() })
}

/// Takes a user off those with a telephone number. Idempotent.
pub fn unlist_phone(number: &PhoneKey, user: &UserId) -> Action {
    Action::delete(keys::phone(number, user))
}

/// Plans the erasure of a user's personal data. Idempotent.
pub fn plan_erasure(user: &UserId, erase_at: Timestamp) -> Action {
    let erasure = Erasure { user_id: user.clone(), erase_at };
    Action::put(keys::erasure(user), &erasure).index_by_expiry(keys::erasure_by_expiry(user, erase_at))
}

pub fn delete_erasure(user: &UserId) -> Action {
    Action::delete(keys::erasure(user))
}
