//! The scope of a coupon: the lines of an order that its discount is on.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{ProductId, UserId, product::Product};

/// The most entries of a scope. Each issued coupon carries them, so that its use needs no read of the campaign.
pub const MAX_SCOPE: usize = 20;

/// The products, categories or sellers of a coupon. None of the sets is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    ProductIds(BTreeSet<ProductId>),
    Categories(BTreeSet<String>),
    SellerIds(BTreeSet<UserId>),
}

impl Scope {
    /// Whether the discount is on units of a product.
    pub fn covers(&self, product: &Product) -> bool {
        match self {
            Self::ProductIds(ids) => ids.contains(&product.product_id),
            Self::Categories(names) => product.category.as_ref().is_some_and(|name| names.contains(name)),
            Self::SellerIds(ids) => product.seller_id.as_ref().is_some_and(|id| ids.contains(id)),
        }
    }

    /// Whether the discount is on an order's line of a product, as far as the line can tell: it has no category.
    pub fn covers_line(&self, product: &ProductId, seller: Option<&UserId>) -> Option<bool> {
        match self {
            Self::ProductIds(ids) => Some(ids.contains(product)),
            Self::Categories(_) => None,
            Self::SellerIds(ids) => Some(seller.is_some_and(|id| ids.contains(id))),
        }
    }
}
