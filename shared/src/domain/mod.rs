//! The rules of the shop, pure: no AWS, no HTTP, no clock, no randomness. Callers pass instants and chance in.
//!
//! Of OpenAPI it has only the derived schemas of types that the API shows as they are.

pub mod account;
pub mod address;
pub mod benefits;
pub mod bestseller;
pub mod bounded;
pub mod budget;
pub mod caps;
pub mod cart;
pub mod characters;
pub mod claim;
pub mod counter_growth;
pub mod coupon;
pub mod desk;
pub mod drops;
pub mod etag;
pub mod export;
pub mod id;
pub mod invalid;
pub mod inventory;
pub mod ledger;
pub mod money;
pub mod order;
pub mod patch;
pub mod pricing;
pub mod product;
pub mod provider;
pub mod purchase_limit;
pub mod recount;
pub mod refusal;
pub mod reservations;
pub mod scaling;
pub mod scope;
pub mod session;
pub mod sheet;
pub mod shipping;
pub mod spread;
pub mod states;
pub mod swept;
pub mod text;
pub mod tickets;
pub mod time;
pub mod timed_offer;
pub mod user;
pub mod withdrawal;
pub mod withdrawing;

pub use etag::{ETag, Precondition};
pub use id::{
    ClaimId, CouponId, DropId, ExportId, OrderId, OrderItemId, OrderSheetId, ParcelId, PaymentId, ProductId, UserId,
    WithdrawalId,
};
pub use invalid::Invalid;
pub use money::{Quantity, Won};
pub use patch::Patch;
pub use refusal::Refusal;

/// Whether a number is left out of records.
fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}
