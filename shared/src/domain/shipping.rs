//! Shipments: the goods that one seller ships together, and their fee.
//!
//! Products of the shop, and those of sellers without terms of their own, ship together as the shop.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{UserId, Won};

/// The fee of shipments, and the threshold from which they are free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShippingPolicy {
    /// The fee of a shipment.
    pub fee: Won,
    /// Goods (less their own discounts) of this much or more ship free.
    pub free_from: Won,
}

/// The goods that a seller ships together; the shop, without a seller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shipment {
    /// The seller; none for the shop.
    #[schema(required)]
    pub seller_id: Option<UserId>,
    /// Its fee when it was ordered.
    pub fee: Won,
}

/// The terms on which a seller ships.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShippingTerms {
    /// The fee of a shipment.
    pub fee: Won,
    /// Goods (less their own discounts) of this much or more ship free.
    pub free_from: Won,
    /// The fee of a customer who returns goods after a change of mind.
    pub return_fee: Won,
}

impl From<ShippingTerms> for ShippingPolicy {
    fn from(ShippingTerms { fee, free_from, return_fee: _ }: ShippingTerms) -> Self {
        Self { fee, free_from }
    }
}

/// The terms of a seller, with the ones before them.
///
/// An order asserts no terms: a condition on an item that all orders of a seller share would make them collide. New terms
/// are announced instead, and come into force when no function can still have older ones in its cache. So terms of an
/// instant are known to all at that instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SellerShipping {
    pub seller_id: UserId,
    pub terms: ShippingTerms,
    /// The instant from which the terms are in force.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub effective_from: Timestamp,
    /// The terms before it; without them the seller shipped as the shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<ShippingTerms>,
    /// Counts the changes, from 1.
    pub version: u64,
}

/// The age up to which a seller's terms, or their absence, are taken from a cache.
pub const TERMS_AGE: SignedDuration = SignedDuration::from_secs(1);

/// The time from the announcement of terms to their being in force: [`TERMS_AGE`], and what clocks may differ by.
pub const TERMS_NOTICE: SignedDuration = SignedDuration::from_millis(1_500);

impl SellerShipping {
    /// The terms in force at an instant; without them the seller ships as the shop.
    pub fn in_force(&self, at: Timestamp) -> Option<ShippingTerms> {
        if at < self.effective_from { self.previous } else { Some(self.terms) }
    }

    /// The record that announces new terms of a seller after `before`.
    pub fn announced(seller_id: UserId, terms: ShippingTerms, before: Option<&Self>, now: Timestamp) -> Self {
        let effective_from = now.checked_add(TERMS_NOTICE).unwrap_or(now);
        let version = before.map_or(0, |before| before.version).saturating_add(1);
        Self { seller_id, terms, effective_from, previous: before.and_then(|before| before.in_force(now)), version }
    }
}

/// The shipping policies at an instant: the shop's, and those of sellers with terms of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShippingRates {
    pub shop: ShippingPolicy,
    pub sellers: BTreeMap<UserId, ShippingPolicy>,
}

impl ShippingRates {
    /// The seller of the shipment that goods of a seller belong to, and its policy.
    pub(super) fn of<'s>(&self, seller: Option<&'s UserId>) -> (Option<&'s UserId>, ShippingPolicy) {
        match seller.and_then(|seller| Some((seller, self.sellers.get(seller)?))) {
            Some((seller, policy)) => (Some(seller), *policy),
            None => (None, self.shop),
        }
    }
}

/// The position of the shipment that goods of a seller belong to.
pub fn shipment_of(shipments: &[Shipment], seller: Option<&UserId>) -> Option<usize> {
    let own = shipments.iter().position(|shipment| seller.is_some() && shipment.seller_id.as_ref() == seller);
    own.or_else(|| shipments.iter().position(|shipment| shipment.seller_id.is_none()))
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;

    fn terms(fee: i64) -> ShippingTerms {
        ShippingTerms { fee: Won::new(fee), free_from: Won::new(50_000), return_fee: Won::new(2_500) }
    }

    fn seller() -> UserId {
        UserId::try_from("dabang".to_owned()).unwrap()
    }

    #[test]
    fn terms_are_in_force_once_no_cache_can_have_older_ones() {
        let now = Timestamp::UNIX_EPOCH;
        let first = SellerShipping::announced(seller(), terms(1), None, now);
        assert_eq!(first.in_force(now + 1_499.milliseconds()), None);
        assert_eq!(first.in_force(now + 1_500.milliseconds()), Some(terms(1)));
        let later = now + 10.seconds();
        let second = SellerShipping::announced(seller(), terms(2), Some(&first), later);
        assert_eq!((second.version, second.in_force(later)), (2, Some(terms(1))));
        assert_eq!(second.in_force(later + 2.seconds()), Some(terms(2)));
        assert!(TERMS_AGE < TERMS_NOTICE);
    }
}
