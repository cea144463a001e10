//! The table: its keys, its records, and how they are read and changed.
//!
//! One file a kind of record holds the expressions that change it. Nothing else in the project writes an expression,
//! and no other floor spells a key: they get keys from [`keys`]. This floor knows no use case and no HTTP.

pub mod accesses;
pub mod action;
pub mod audits;
pub mod backoff;
pub mod carts;
pub mod confirmations;
pub mod coupons;
pub mod desk;
pub mod drops;
pub mod exports;
pub mod heartbeat;
pub mod keys;
pub mod ledger;
pub mod limits;
pub mod migrations;
pub mod orders;
pub mod people;
pub mod products;
pub mod quotas;
pub mod ranks;
pub mod rebuild;
pub mod records;
pub mod requests;
pub mod rows;
pub mod sales;
pub mod sellers;
pub mod sessions;
pub mod shards;
pub mod sheets;
pub mod stream;
mod swept;
pub mod table;
pub mod users;
pub mod withdrawals;

pub use action::{Action, Transaction};
pub use backoff::{Backoff, RetryBounds, RetryKind};
pub use keys::Key;
pub use table::{Applied, Attempted, ConditionFailures, Consistency, Contention, Found, Outcome, Table, TableBounds};

use crate::domain::order::InconsistentAmounts;

pub type Item = std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>;

/// The failure of a call to the table.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Contention or throttling outlasted the retry budget. Nothing is half done; it may be unknown whether the last
    /// attempt was carried out.
    #[error("the table was too busy: {0}")]
    Busy(String),
    /// A stored item has not the shape that its key promises.
    #[error("a stored record cannot be read: {0}")]
    Corrupt(#[from] serde_dynamo::Error),
    /// A stored order has amounts that no rule of the shop produces.
    #[error(transparent)]
    Inconsistent(#[from] InconsistentAmounts),
    /// The table refused the request. This is a bug or a wrong deployment.
    #[error("the table refused a request: {0}")]
    Rejected(String),
}

impl StoreError {
    /// Whether the failure is of one stored item and stays until that item changes. A reader of many items sets such an
    /// item aside. Any other failure is of the table or of the deployment, and passes with it.
    pub fn is_of_item(&self) -> bool {
        matches!(self, Self::Corrupt(_) | Self::Inconsistent(_))
    }

    /// The failure of an item that refuses each condition derived from it: it can be read, and yet has not the shape that
    /// its key promises.
    pub(crate) fn contradictory() -> Self {
        Self::Corrupt(serde::de::Error::custom("its attributes contradict the conditions that follow from them"))
    }
}
