//! The counters of the quotas of timed offers, in parts.

use jiff::Timestamp;

use super::{Action, Key, keys};
use crate::domain::{ProductId, product::Product, timed_offer::QuotaId};

/// The counters of the quota of the offer that runs at an instant, by the order of their parts; none without a quota.
pub fn counters(product: &Product, at: Timestamp) -> Vec<Key> {
    let quota = product.offer_at(at).and_then(|offer| offer.quota.zip(offer.quota_id()));
    let parts = quota.map(|(quota, id)| (0..quota.parts).map(move |part| keys::quota(&product.product_id, id, part)));
    parts.into_iter().flatten().collect()
}

/// Adds the units of an order line to the counter of a part; refused if it would then have more than `most`. Only for a
/// transaction that also creates the order.
pub fn take(product: &ProductId, id: QuotaId, part: u16, units: i64, most: i64) -> Action {
    let room = most.saturating_sub(units);
    // An absent counter has room only for a line that fits the part by itself.
    let condition = if room >= 0 { "attribute_not_exists(#taken) OR #taken <= :room" } else { "#taken <= :room" };
    Action::update(keys::quota(product, id, part), "ADD #taken :units")
        .when(condition)
        .value(":units", units)
        .value(":room", room)
}

/// Subtracts units that were cancelled in the time of the offer. Only for a transaction that also takes them from their
/// order. The only condition is that the counter exists: nothing else may prevent the change of the order.
pub fn give_back(product: &ProductId, id: QuotaId, part: u16, units: i64) -> Action {
    Action::update(keys::quota(product, id, part), "ADD #taken :back")
        .when("attribute_exists(#pk)")
        .value(":back", units.saturating_neg())
}

/// Gives room of other parts to a part whose counter still is as it was read. Only for a transaction that also takes it
/// from them, by [`take`].
pub fn make_room(product: &ProductId, id: QuotaId, part: u16, units: i64, seen: i64) -> Action {
    Action::update(keys::quota(product, id, part), "ADD #taken :room")
        .when("attribute_not_exists(#taken) OR #taken = :seen")
        .value(":room", units.saturating_neg())
        .value(":seen", seen)
}
