//! Tickets of a campaign: allocated from the user's own counter, or from another if that is empty.

use std::ops::Range;

use jiff::Timestamp;

use super::{Failure, Shop};
use crate::{
    domain::{
        CouponId, Refusal, UserId,
        coupon::{Campaign, ClaimRecord, Counter, CouponState, IssuedCoupon},
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
    transaction.add(coupons::raise_limit(coupon, shard, 1));
    match shop.table.commit(transaction, backoff).await? {
        Outcome::Committed => Ok(true),
        Outcome::Refused(_) => Ok(false),
    }
}

/// Returns a ticket that a request could not claim within its time, on its way out, and lets further requests of this
/// instance rest: their tickets would have the same fate. One attempt has to do; if it fails, the sweep returns the
/// ticket. A claim that was carried out after all refuses it.
pub(super) async fn abandon(shop: &Shop, coupon: &CouponId, Ticket { shard, number }: Ticket) {
    shop.let_claims_rest(coupon);
    let mut transaction = Transaction::new();
    transaction.add(coupons::void_ticket(coupon, shard, number));
    transaction.add(coupons::raise_limit(coupon, shard, 1));
    if let Err(error) = shop.table.try_commit(transaction).await {
        tracing::warn!(%error, %coupon, "a ticket is left to the sweep");
    }
}

/// Voids the tickets of a range that have no claim record, and raises the limit for them: as many in one commit as fit.
/// Returns their number.
pub(super) async fn settle(
    shop: &Shop,
    coupon: &CouponId,
    shard: u16,
    numbers: Range<i64>,
    backoff: &mut Backoff,
) -> Result<u64, Failure> {
    // Each claim record is an action, and so is the counter.
    let batch = i64::try_from(shop.bounds.table.actions.saturating_sub(1)).unwrap_or(i64::MAX).max(1);
    let (mut reclaimed, mut from) = (0_u64, numbers.start);
    while from < numbers.end {
        let stretch = from..numbers.end.min(from.saturating_add(batch));
        let wanted: Vec<Key> = stretch.clone().map(|number| keys::ticket_claim(coupon, shard, number)).collect();
        // A claim record that the read has missed refuses the commit.
        let found = shop.table.get_all(&wanted, Consistency::Eventual, backoff).await?;
        let mut transaction = Transaction::new();
        for (key, number) in wanted.iter().zip(stretch.clone()) {
            if found.get::<ClaimRecord>(key)?.is_none() {
                transaction.add(coupons::void_ticket(coupon, shard, number));
            }
        }
        let orphans = transaction.len();
        if orphans > 0 {
            transaction.add(coupons::raise_limit(coupon, shard, i64::try_from(orphans).unwrap_or(i64::MAX)));
            if let Outcome::Refused(_) = shop.table.commit(transaction, backoff).await? {
                backoff.pause("a ticket was claimed meanwhile").await?;
                continue;
            }
            reclaimed = reclaimed.saturating_add(u64::try_from(orphans).unwrap_or(u64::MAX));
        }
        from = stretch.end;
    }
    Ok(reclaimed)
}
