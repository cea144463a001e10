//! What the shop can do: one file a group of use cases.
//!
//! A use case takes what was asked in the domain's terms, makes its one commit, and returns what it did or why not.

mod accounts;
pub mod balance;
pub mod bestsellers;
mod bounds;
mod caps;
pub mod cart;
pub mod coupon_expiry;
pub mod coupons;
pub mod desk;
pub mod expiry;
pub mod idempotency;
mod inventory;
pub mod inventory_sweep;
pub mod orders;
pub mod products;
pub mod rebuild;
mod reservations;
pub mod sellers;
pub mod sheets;
mod shop;
pub mod sweeps;
pub mod ticket_sweep;
mod tickets;
pub mod users;

pub use bounds::Bounds;
pub use idempotency::RequestKey;
pub use shop::{Policy, Shop};

use crate::{
    domain::{Invalid, Refusal, UserId, order::Actor},
    store::StoreError,
};

/// The failure of a use case.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A rule says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A field turned out wrong in the light of what is stored.
    #[error("{0} is invalid")]
    Invalid(&'static str, Invalid),
    /// The table gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something that the shop's own rules exclude has happened.
    #[error("broken invariant: {0}")]
    Internal(&'static str),
}

/// What a caller is to the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sees and changes only their own things.
    Customer,
    /// Also their own products, and the lines of orders for them.
    Seller,
    /// Everything.
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

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Their user id.
    pub user_id: UserId,
    /// Their role in the shop.
    pub role: Role,
}

impl Caller {
    /// Whether things of `user` are theirs to see and change.
    pub fn may_act_for(&self, user: &UserId) -> bool {
        self.role == Role::Admin || self.user_id == *user
    }
}
