//! Sellers.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::seller_shipping::Shipping,
    domain::{UserId, Won},
};

/// The terms on which a seller ships.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SellerShipping)]
pub struct SellerShippingView {
    /// The seller.
    pub seller_id: UserId,
    /// Whether the terms are the seller's own. Otherwise the seller's lines ship together with those of the shop.
    pub own: bool,
    /// The fee of a shipment.
    pub fee: Won,
    /// Goods, less their own discounts, of this much or more ship free.
    pub free_from: Won,
    /// The fee of a customer who returns goods after a change of mind.
    pub return_fee: Won,
}

impl From<Shipping> for SellerShippingView {
    fn from(Shipping { seller_id, terms, is_own }: Shipping) -> Self {
        Self { seller_id, own: is_own, fee: terms.fee, free_from: terms.free_from, return_fee: terms.return_fee }
    }
}
