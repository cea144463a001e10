//! Users and their ledger.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::{balance::OpenedEntry, users::User},
    domain::{
        ExportId, OrderId, PaymentId, UserId, Won,
        account::Account,
        address::Address,
        ledger::EntryKind,
        order::Actor,
        user::{Seller, UserKind, UserStatus},
    },
    store::accesses::AccessRecord,
};

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User)]
pub struct UserView {
    /// The user.
    pub user_id: UserId,
    /// Their name.
    pub name: String,
    /// Their e-mail address.
    pub email: String,
    /// Their telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Their postal address. Name and telephone number are theirs unless the address has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Their role in the shop.
    pub kind: UserKind,
    /// Whether the user is active.
    pub status: UserStatus,
    /// Their business, if they are a seller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller: Option<Seller>,
    /// The instant of joining.
    pub created_at: Timestamp,
    /// The instant of the last change.
    pub updated_at: Timestamp,
}

impl From<User> for UserView {
    fn from(User { profile, status, .. }: User) -> Self {
        Self {
            updated_at: profile.last_updated(),
            address: profile.ship_to(),
            user_id: profile.user_id,
            name: profile.name,
            email: profile.email,
            phone: profile.phone,
            kind: profile.kind,
            status,
            seller: profile.seller,
            created_at: profile.created_at,
        }
    }
}

/// The balance of a user, and the end of its ledger.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Balance)]
pub struct BalanceView {
    /// The user with the account.
    pub user_id: UserId,
    /// The amount in won.
    pub balance: Won,
    /// The number of entries in its ledger.
    pub sequence: u64,
    /// The hash of the last of them, in 64 hexadecimal digits; zeros, if there is none.
    pub head: String,
}

impl BalanceView {
    pub fn new(user_id: UserId, account: &Account) -> Self {
        Self { user_id, balance: account.balance, sequence: account.sequence, head: account.head.to_string() }
    }
}

/// A ledger entry.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LedgerEntry)]
pub struct EntryView {
    /// The id of the entry.
    pub entry_id: String,
    /// Its number in the ledger, from 1 without a gap.
    pub sequence: u64,
    /// The reason of the change.
    #[serde(rename = "type")]
    pub kind: EntryKind,
    /// The change of the balance: below zero for a payment.
    pub amount: Won,
    /// The balance right after it.
    pub balance_after: Won,
    /// The order that was paid or refunded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The payment from outside that the money is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// The party that moved the money; entries of an earlier version have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// The reason that an admin gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The reason as it is stored, if that differs: the hash of the entry covers it in this form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealed_reason: Option<String>,
    /// The instant of the change.
    pub at: Timestamp,
    /// The hash of the entry before, in 64 hexadecimal digits; zeros for the first entry, and for those of an earlier
    /// version.
    pub before: String,
}

impl From<OpenedEntry> for EntryView {
    fn from(OpenedEntry { entry, reason }: OpenedEntry) -> Self {
        Self {
            entry_id: entry.entry_id,
            sequence: entry.sequence,
            kind: entry.kind,
            amount: entry.amount,
            balance_after: entry.balance_after,
            order_id: entry.order_id,
            payment_id: entry.payment_id,
            actor: entry.actor,
            sealed_reason: entry.reason.filter(|stored| reason.as_ref() != Some(stored)),
            reason,
            at: entry.at,
            before: entry.before.to_string(),
        }
    }
}

/// A look at or a change of the personal data of a user by another.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Access)]
pub struct AccessView {
    /// The id of the entry.
    pub access_id: String,
    /// The user with the data.
    pub user_id: UserId,
    /// The caller.
    pub actor_id: UserId,
    /// The role of the caller.
    pub role: Actor,
    /// The operation.
    pub route: String,
    /// The order that it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The export that has the data. One of more than one user's is logged for the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export_id: Option<ExportId>,
    /// The instant.
    pub at: Timestamp,
}

impl From<AccessRecord> for AccessView {
    fn from(record: AccessRecord) -> Self {
        let AccessRecord { access_id, user_id, actor_id, role, route, order_id, export_id, at } = record;
        Self { access_id, user_id, actor_id, role, route, order_id, export_id, at }
    }
}
