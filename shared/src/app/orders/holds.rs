//! The end of holds: orders that were not paid in time give back what they held.

use jiff::SignedDuration;

use super::change::change;
use crate::{
    app::{
        Failure, Shop,
        expiry::{self, Expired, Place},
    },
    domain::{
        OrderId,
        order::{Actor, HistoryEvent},
    },
    store::keys,
};

/// Ends the hold of an order, if its time is up: units and coupon go back. Nothing where that is settled, else how long
/// the hold has to go.
///
/// Run twice, or at the same time as a payment, it does so at most once: the order's version decides.
///
/// # Errors
/// If the table cannot be reached: the caller tries again.
pub async fn end_hold(shop: &Shop, id: &OrderId) -> Result<Option<SignedDuration>, Failure> {
    let order = change(shop, id, None, None, |order, now| {
        order.is_hold_expired(now).then(|| order.end_unpaid(HistoryEvent::HoldExpired, Actor::System, now)).transpose()
    });
    Ok(order.await?.hold_expires_at.map(|end| end.duration_since(shop.clock.now())))
}

/// Orders of a bucket (below [`keys::EXPIRY_BUCKETS`]) whose holds have run out, a part of them.
///
/// # Errors
/// If the table cannot be reached.
pub async fn expired(shop: &Shop, bucket: u16, after: Option<Place>) -> Result<Expired<OrderId>, Failure> {
    expiry::expired(shop, keys::holds(bucket), after, keys::order).await
}
