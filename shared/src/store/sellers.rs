//! The products of each seller, and changes of a seller's status on their way to them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Action, keys, table::Range};
use crate::domain::{ProductId, UserId, product::Product, shipping::SellerShipping};

/// A product of a seller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SellerProduct {
    pub product_id: ProductId,
    /// The time of its creation, by which the list is sorted.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
}

/// A change of a seller's status that their products may lack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SellerChange {
    /// The version of the seller's profile that the change made.
    pub version: u64,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub changed_at: Timestamp,
    /// The sort key of the last product that has the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Lists a product of a seller. Idempotent.
pub fn list_product(seller: &UserId, product: &Product) -> Action {
    let Product { product_id, created_at, .. } = product;
    let listed = SellerProduct { product_id: product_id.clone(), created_at: *created_at };
    Action::put(keys::seller_product(seller, *created_at, product_id), &listed)
}

/// The products of a seller in the order of their creation, after the one with this sort key. The read is strong: a
/// committed product is among them.
pub fn products_of(seller: &UserId, after: Option<String>) -> Range {
    Range::of_partition(keys::seller_partition(seller), keys::SELLER_PRODUCT_PREFIX).after(after)
}

/// Records that the products of a user may lack a change of their status. It replaces an earlier change: only for the
/// transaction that makes the change.
pub fn note_change(user: &UserId, version: u64, changed_at: Timestamp) -> Action {
    let change = SellerChange { version, changed_at, after: None };
    Action::put(keys::seller_change(user), &change).index_by_expiry(keys::seller_by_expiry(user, changed_at))
}

/// The same for a user whose status changed before changes were recorded; refused if there is a change already.
pub fn note_earlier_change(user: &UserId, version: u64, at: Timestamp) -> Action {
    note_change(user, version, at).when("attribute_not_exists(#pk)")
}

/// Records that the products up to this sort key have a change; refused if a later change replaced it.
pub fn note_progress(seller: &UserId, change: &SellerChange, after: &str) -> Action {
    let update = Action::update(keys::seller_change(seller), "SET #after = :after");
    unchanged(update.value(":after", after), change)
}

/// Removes a change that all products have; refused if a later change replaced it.
pub fn finish_change(seller: &UserId, change: &SellerChange) -> Action {
    unchanged(Action::delete(keys::seller_change(seller)), change)
}

/// Announces terms on which a seller ships; refused unless the record has the version before.
pub fn announce(shipping: &SellerShipping) -> Action {
    let put = Action::put(keys::seller_shipping(&shipping.seller_id), shipping);
    match shipping.version.checked_sub(1) {
        Some(before) if before > 0 => put.when("#version = :before").value(":before", before),
        _ => put.when("attribute_not_exists(#pk)"),
    }
}

fn unchanged(action: Action, change: &SellerChange) -> Action {
    action.when("#version = :seen").value(":seen", change.version)
}
