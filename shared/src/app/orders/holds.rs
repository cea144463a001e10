//! The end of holds: orders not paid in time release their units and coupons.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::change::{JoinedAttempt, change};
use crate::{
    app::{
        Failure, Shop,
        expiry::{self, Expired, Place},
    },
    domain::{
        OrderId,
        order::{Actor, HistoryEvent, Order},
    },
    platform::trace::{self, TraceId},
    store::{Consistency, Key, keys, orders::OrderRecord},
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

/// Ends the holds of several orders, in one commit as far as possible: thousands of holds of one product that end at the
/// same time would else queue for its shard. Returns the result of [`end_hold`] for each. Orders that cannot be ended
/// together, since one of them was changed at the same time, are ended one by one.
///
/// An order that ends together with others keeps its own trace, and any other goes on in the one given with it.
pub async fn end_holds(
    shop: &Shop,
    orders: &[(OrderId, Option<TraceId>)],
) -> Vec<Result<Option<SignedDuration>, Failure>> {
    let ids: BTreeSet<&OrderId> = orders.iter().map(|(id, _)| id).collect();
    let ended = end_together(shop, ids).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "holds are ended one by one");
        BTreeSet::new()
    });
    let mut results = Vec::new();
    for (id, trace) in orders {
        results.push(match trace {
            _ if ended.contains(id) => Ok(None),
            Some(trace) => trace::of(trace.clone(), end_hold(shop, id)).await,
            None => end_hold(shop, id).await,
        });
    }
    results
}

/// Ends holds in as few commits as possible, and returns the orders whose holds it ended.
async fn end_together(shop: &Shop, ids: BTreeSet<&OrderId>) -> Result<BTreeSet<OrderId>, Failure> {
    let (mut ended, mut backoff) = (BTreeSet::new(), shop.backoff());
    if ids.len() < 2 {
        return Ok(ended);
    }
    let wanted: Vec<Key> = ids.into_iter().map(keys::order).collect();
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut backoff).await?;
    // An order that cannot be read or ended is reported when it is ended alone.
    let records = wanted.iter().filter_map(|key| found.get::<OrderRecord>(key).ok().flatten());
    let now = shop.clock.now();
    let changes = records.filter_map(|before| Some((expired_order(&before.order, now)?, before)));
    let changes: Vec<(OrderRecord, Order)> = changes.map(|(after, before)| (before, after)).collect();
    let mut rest = changes.as_slice();
    while rest.len() > 1 {
        let (attempt, joined) = JoinedAttempt::new(shop, rest, &mut backoff).await?;
        let (group, others) = rest.split_at(joined.max(1));
        if joined > 1 && attempt.commit(shop, &mut backoff).await? {
            ended.extend(group.iter().map(|(_, after)| after.order_id.clone()));
        }
        rest = others;
    }
    Ok(ended)
}

/// The order with its hold ended, if it has expired.
fn expired_order(order: &Order, now: Timestamp) -> Option<Order> {
    order.is_hold_expired(now).then(|| order.end_unpaid(HistoryEvent::HoldExpired, Actor::System, now).ok()).flatten()
}

/// A part of the orders of a bucket (below [`keys::EXPIRY_BUCKETS`]) with holds that had expired by an instant.
///
/// # Errors
/// If the table cannot be reached.
pub async fn expired(
    shop: &Shop,
    bucket: u16,
    until: Timestamp,
    after: Option<Place>,
) -> Result<Expired<OrderId>, Failure> {
    expiry::expired(shop, keys::holds(bucket), until, after, keys::order).await
}
