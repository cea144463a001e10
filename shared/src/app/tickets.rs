//! Tickets of a campaign: drawn from the user's own counter, or from another where that is empty.

use jiff::Timestamp;

use super::{Failure, Shop};
use crate::{
    domain::{
        CouponId, Refusal, UserId,
        coupon::{Campaign, Counter, CouponState, IssuedCoupon},
        tickets::{RemainingTickets, own_shard},
    },
    store::{Applied, Backoff, Consistency, Found, Key, Outcome, StoreError, Transaction, coupons, keys},
};

/// A ticket: the counter shard it was drawn from, and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) shard: u16,
    pub(super) number: i64,
}

/// Draws a ticket for a user who has no coupon of the campaign yet.
///
/// Hints tell which counter to try; one that was found empty is passed by. Only a look at all counters that shows none
/// with tickets is a refusal. Each look follows a draw in vain, and whoever drew instead has got a ticket: so this goes on
/// only as long as others are served, and no longer than patience lasts.
pub(super) async fn draw(
    shop: &Shop,
    campaign: &Campaign,
    user: &UserId,
    backoff: &mut Backoff,
) -> Result<Ticket, Failure> {
    let coupon = &campaign.coupon_id;
    let own = own_shard(user, campaign.counter_shards);
    let mut left = shop.cached_counters(coupon);
    loop {
        let choice = left.as_ref().map_or(Some(own), |left| left.choose(own, shop.random.below(u64::MAX)));
        if let Some(shard) = choice {
            let draw = coupons::allocate_ticket(coupon, shard);
            match shop.table.apply::<Counter>(&draw, backoff).await? {
                Applied::Done(counter) => {
                    shop.cache_allocated(coupon, shard, counter.left());
                    return Ok(Ticket { shard, number: counter.next.saturating_sub(1) });
                }
                Applied::Refused(Some(_)) => shop.cache_allocated(coupon, shard, 0),
                Applied::Refused(None) => return Err(Failure::Internal("a campaign lacks a counter")),
            }
        }
        let seen = look(shop, campaign, user, backoff).await?;
        if seen.is_nothing() {
            shop.cache_refusal(coupon, user);
            return Err(Refusal::CouponSoldOut.into());
        }
        left = Some(seen);
        backoff.retry("others allocated the tickets").await?;
    }
}

/// Looks at all counters, strongly, and once more for the user's coupon: what the first look missed is seen here.
async fn look(
    shop: &Shop,
    campaign: &Campaign,
    user: &UserId,
    backoff: &mut Backoff,
) -> Result<RemainingTickets, Failure> {
    let mine = keys::user_coupon(user, &campaign.coupon_id);
    let wanted: Vec<Key> = counters(campaign).chain([mine.clone()]).collect();
    let at = shop.clock.now();
    let found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;
    let left = snapshot(shop, campaign, at, &found)?;
    if found.get::<IssuedCoupon>(&mine)?.is_some_and(|mine| mine.state != CouponState::Revoked) {
        return Err(Refusal::CouponAlreadyIssued.into());
    }
    Ok(left)
}

/// The keys of a campaign's counters.
pub(super) fn counters(campaign: &Campaign) -> impl Iterator<Item = Key> {
    (0..campaign.counter_shards).map(|shard| keys::counter(&campaign.coupon_id, shard))
}

/// Caches a look at all counters that began at this instant.
pub(super) fn snapshot(
    shop: &Shop,
    campaign: &Campaign,
    at: Timestamp,
    found: &Found,
) -> Result<RemainingTickets, StoreError> {
    let tickets = counters(campaign).map(|key| {
        // One that has not come into sight yet may have some.
        let counter: Option<Counter> = found.get(&key)?;
        Ok(counter.map_or(1, |counter| counter.left()))
    });
    let left = RemainingTickets::new(tickets.collect::<Result<_, StoreError>>()?);
    shop.cache_counters(&campaign.coupon_id, at, left.clone());
    Ok(left)
}

/// Makes a ticket that came to nothing void and lets another be drawn for it: whether it did. Not where the ticket has
/// its slot: then it came to something, or was made void already.
pub(super) async fn reclaim(
    shop: &Shop,
    coupon: &CouponId,
    Ticket { shard, number }: Ticket,
    backoff: &mut Backoff,
) -> Result<bool, Failure> {
    let mut transaction = Transaction::new();
    transaction.add(coupons::void_ticket(coupon, shard, number));
    transaction.add(coupons::raise_limit(coupon, shard));
    match shop.table.commit(transaction, backoff).await? {
        Outcome::Committed => Ok(true),
        Outcome::Refused(_) => Ok(false),
    }
}
