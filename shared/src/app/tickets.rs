//! Tickets of a campaign: allocated from the user's own counter, or from another if that is empty.

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

/// A ticket: the counter shard that it was allocated from, and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) shard: u16,
    pub(super) number: i64,
}

/// Allocates a ticket for a user who has no coupon of the campaign yet.
///
/// Hints say which counter to try; one that was found empty is skipped. Only a read of all counters that finds no
/// tickets is a refusal. Each such read follows a failed allocation, which means that another user has got a ticket.
/// The loop therefore goes on only while others are served, and within the retry budget.
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

/// Reads all counters, strongly, and the user's coupon once more, in case the first read missed it.
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

pub(super) fn counters(campaign: &Campaign) -> impl Iterator<Item = Key> {
    (0..campaign.counter_shards).map(|shard| keys::counter(&campaign.coupon_id, shard))
}

/// Caches a read of all counters that began at this instant.
pub(super) fn snapshot(
    shop: &Shop,
    campaign: &Campaign,
    at: Timestamp,
    found: &Found,
) -> Result<RemainingTickets, StoreError> {
    let tickets = counters(campaign).map(|key| {
        // A counter that the read has missed may have some.
        let counter: Option<Counter> = found.get(&key)?;
        Ok(counter.map_or(1, |counter| counter.left()))
    });
    let left = RemainingTickets::new(tickets.collect::<Result<_, StoreError>>()?);
    shop.cache_counters(&campaign.coupon_id, at, left.clone());
    Ok(left)
}

/// Voids an orphaned ticket and raises the limit for it. Returns whether it did: not if the ticket has a claim record,
/// because it was claimed or voided already.
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
