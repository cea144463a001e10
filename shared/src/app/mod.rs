//! The use cases of the shop: one file a group.
//!
//! A use case takes a request in the domain's terms, makes its one commit, and returns the result or the refusal. This
//! floor knows no HTTP and no Lambda. It writes no expression of the table; of attributes it names only the sort keys
//! of index entries.

pub mod access;
mod accounts;
pub mod addresses;
pub mod balance;
pub mod bestsellers;
mod bounds;
mod caps;
pub mod cart;
mod counter_growth;
pub mod coupon_expiry;
pub mod coupons;
pub mod desk;
pub mod drops;
pub mod expiry;
pub mod exports;
pub mod idempotency;
mod inventory;
pub mod inventory_sweep;
mod listed;
pub mod orders;
pub mod payments;
pub mod personal;
pub mod products;
pub mod rebuild;
mod reservations;
mod scaling;
pub mod seller_shipping;
pub mod sellers;
pub mod sheets;
mod shop;
pub mod sweeps;
pub mod ticket_sweep;
mod tickets;
pub mod users;
pub mod withdrawals;
pub mod withdrawing;

pub use bounds::Bounds;
pub use idempotency::{OutcomeRecord, RequestKey};
pub use shop::{
    CONFIRM_AFTER, Checkout, ExportPolicy, PaymentPath, PaymentPolicy, PeoplePolicy, Policy, RETURN_FEE, Shop,
};

use crate::{
    domain::{Invalid, Refusal, UserId, order::Actor},
    store::{Key, StoreError},
};

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A rule refuses the request.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A field is wrong in the light of stored records.
    #[error("{0} is invalid")]
    Invalid(&'static str, Invalid),
    /// The table could not be reached, or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something has happened that the shop's own rules exclude.
    #[error("broken invariant: {0}")]
    Internal(&'static str),
}

/// The value that was read; none if a stored item is unreadable. A reader of many items leaves such an entry out and logs
/// its key: one item would take all others down.
fn readable<T>(key: &Key, read: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(Failure::Store(error)) if error.is_of_item() => {
            tracing::error!(%error, item.pk = key.pk, item.sk = key.sk, "a stored item cannot be read and is left out");
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}

/// The role of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sees and changes only their own things.
    Customer,
    /// Also their own products, and the lines of orders for them.
    Seller,
    Admin,
}

impl From<Role> for Actor {
    fn from(role: Role) -> Self {
        match role {
            Role::Customer => Self::Customer,
            Role::Seller => Self::Seller,
            Role::Admin => Self::Admin,
        }
    }
}

/// The caller of a use case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub user_id: UserId,
    pub role: Role,
}

impl Caller {
    /// Whether the caller may see and change things of `user`.
    pub fn may_act_for(&self, user: &UserId) -> bool {
        self.role == Role::Admin || self.user_id == *user
    }
}
