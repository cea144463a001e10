//! Users and their ledger.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    app::users::User,
    domain::{
        OrderId, UserId, Won,
        ledger::{EntryKind, LedgerEntry},
        user::{Seller, UserKind, UserStatus},
    },
};

/// A user.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the user")]
pub struct UserView {
    pub user_id: UserId,
    pub name: String,
    pub email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    pub kind: UserKind,
    pub status: UserStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller: Option<Seller>,
    pub created_at: Timestamp,
}

impl From<User> for UserView {
    fn from(User { profile, status }: User) -> Self {
        Self {
            user_id: profile.user_id,
            name: profile.name,
            email: profile.email,
            phone: profile.phone,
            address: profile.address,
            kind: profile.kind,
            status,
            seller: profile.seller,
            created_at: profile.created_at,
        }
    }
}

/// A ledger entry.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the entry")]
pub struct EntryView {
    pub entry_id: String,
    #[serde(rename = "type")]
    pub kind: EntryKind,
    pub amount: Won,
    pub balance_after: Won,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    pub at: Timestamp,
}

impl From<LedgerEntry> for EntryView {
    fn from(entry: LedgerEntry) -> Self {
        let LedgerEntry { entry_id, sequence: _, kind, amount, balance_after, order_id, at } = entry;
        Self { entry_id, kind, amount, balance_after, order_id, at }
    }
}
