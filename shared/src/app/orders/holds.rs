//! The end of holds: orders not paid in time release their units and coupons.

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

/// Ends the hold of an order if it has expired: units and coupon are released. Returns nothing if that is settled, else
/// the time until the end of the hold.
///
/// Idempotent, also beside a concurrent payment: the order's version decides.
///
/// # Errors
/// If the table cannot be reached: the caller retries.
pub async fn end_hold(shop: &Shop, id: &OrderId) -> Result<Option<SignedDuration>, Failure> {
    let order = change(shop, id, None, None, |order, now| {
        order.is_hold_expired(now).then(|| order.end_unpaid(HistoryEvent::HoldExpired, Actor::System, now)).transpose()
    });
    Ok(order.await?.hold_expires_at.map(|end| end.duration_since(shop.clock.now())))
}

/// A part of the orders of a bucket (below [`keys::EXPIRY_BUCKETS`]) with expired holds.
///
/// # Errors
/// If the table cannot be reached.
pub async fn expired(shop: &Shop, bucket: u16, after: Option<Place>) -> Result<Expired<OrderId>, Failure> {
    expiry::expired(shop, keys::holds(bucket), after, keys::order).await
}
