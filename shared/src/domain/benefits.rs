//! The benefits that an order has for its size: free shipping from an amount on, and a coupon with a minimum.
//!
//! By `OnPartialCancel` an order either keeps them whatever is cancelled or returned, or earns them anew with what is left
//! of it. In the second case it records their conditions, so a later change of settings changes no earlier order.

use serde::{Deserialize, Serialize};

use super::{Won, invalid::named};

/// The treatment of the benefits of an order of which a part is cancelled or returned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OnPartialCancel {
    /// The rest of the order keeps them.
    #[default]
    Keep,
    /// A refund is less the benefits that the rest of the order does not earn, and at least 0.
    Recalculate,
}

named!(OnPartialCancel { "KEEP" => Keep, "RECALCULATE" => Recalculate });

/// The conditions of the benefits of an order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Benefits {
    /// The least amount of goods within the coupon's scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon_minimum: Option<Won>,
    /// Whether the coupon waives the fees below of shipments within its scope.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub coupon_ships_free: bool,
    /// The shipments without a fee.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub free_shipments: Vec<FreeShipment>,
}

/// A shipment without a fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FreeShipment {
    /// Its position among the shipments, from 0.
    pub shipment: usize,
    /// The fee of goods below the threshold.
    pub fee: Won,
    /// The threshold.
    pub free_from: Won,
}

impl Benefits {
    /// Whether no benefit has a condition.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether goods of an amount, within its scope, earn the coupon.
    pub fn earn_coupon(&self, goods: Won) -> bool {
        self.coupon_minimum.is_none_or(|least| goods >= least)
    }

    /// The fees of shipments that are free no longer. Each has goods of an amount, and no fee without goods. The coupon
    /// waives the fees of those that it applies to, if it waives any.
    pub fn fees_due(
        &self,
        coupon_applies: impl Fn(usize) -> bool,
        goods: impl Fn(usize) -> Option<Won>,
    ) -> Option<Won> {
        let is_due = |free: &&FreeShipment| {
            let is_waived = self.coupon_ships_free && coupon_applies(free.shipment);
            !is_waived && goods(free.shipment).is_some_and(|goods| goods < free.free_from)
        };
        Won::checked_sum(self.free_shipments.iter().filter(is_due).map(|free| free.fee))
    }
}
