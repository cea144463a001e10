//! Products' descriptions.

use super::{Action, StoreError, keys};
use crate::domain::{
    ProductId,
    product::{Product, SaleStatus},
};

/// Adds a product.
///
/// # Errors
/// Where the record cannot be written as an item.
pub fn create(product: &Product) -> Result<Action, StoreError> {
    Ok(listed(Action::create(keys::product(&product.product_id), product)?, product))
}

/// Replaces a product that still has the version that was read.
///
/// # Errors
/// Where the record cannot be written as an item.
pub fn replace(seen: &Product, now: &Product) -> Result<Action, StoreError> {
    let put = Action::put(keys::product(&now.product_id), now)?;
    put.when("#version = :seen").value(":seen", seen.version).map(|put| listed(put, now))
}

/// Asserts that a product is as it was seen, or still is none.
///
/// # Errors
/// Where a value cannot be written as an attribute.
pub fn check_unchanged(id: &ProductId, seen: Option<&Product>) -> Result<Action, StoreError> {
    match seen {
        None => Ok(Action::check_absent(keys::product(id))),
        Some(seen) => Action::check(keys::product(id)).when("#version = :seen").value(":seen", seen.version),
    }
}

/// Only what is on sale is in the catalogue, and only what is to be swept among what is due.
fn listed(mut put: Action, product: &Product) -> Action {
    let id = &product.product_id;
    if product.offer.status == SaleStatus::OnSale {
        put = put.listed(keys::product_by_time(product.created_at, id));
    }
    if let Some(from) = product.sweep_from {
        put = put.due(keys::shelf_by_due(id, from));
    }
    put
}
