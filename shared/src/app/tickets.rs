//! Tickets of a campaign: allocated from the user's own counter, or from another if that is empty.

use std::ops::Range;

use futures::{StreamExt, stream};
use jiff::Timestamp;
use serde::de::IgnoredAny;

use super::{Failure, Shop, counter_growth};
use crate::{
    domain::{
        CouponId, Refusal, UserId,
        coupon::{Campaign, ClaimRecord, Counter, CouponState, IssuedCoupon},
        tickets::{RemainingTickets, own_shard},
    },
    store::{Applied, Attempted, Backoff, Consistency, Found, Key, Outcome, StoreError, Transaction, coupons, keys},
};

/// A ticket: the counter shard that it was allocated from, and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) shard: u16,
    pub(super) number: i64,
}

/// The outcome of an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allocated {
    /// A ticket, by a counter of this version of the campaign.
    Ticket { ticket: Ticket, version: u64 },
    /// None: the campaign as it is known is not that of this counter, which may be closed.
    Outdated { shard: u16, counter: Counter },
    /// None: the campaign as it is known has fewer counters.
    Grown,
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
) -> Result<Allocated, Failure> {
    let coupon = &campaign.coupon_id;
    let own = own_shard(user, campaign.counters());
    // What is known of fewer counters than there are would keep this instance from the new ones.
    let is_of_all = |left: &RemainingTickets| left.counters().len() == usize::from(campaign.counters());
    let mut left = shop.cached_counters(coupon).filter(is_of_all);
    loop {
        let choice = left.as_ref().map_or(Some(own), |left| left.choose(own, shop.random.below(u64::MAX)));
        if let Some(shard) = choice {
            let now = shop.clock.now();
            let allocate = coupons::allocate_ticket(coupon, shard, now);
            let applied = match shop.table.apply_or_yield::<Counter>(&allocate, backoff).await? {
                Attempted::Done(applied) => applied,
                Attempted::Contended(_) => {
                    backoff.pause("an allocation met others").await?;
                    if counter_growth::met_others(shop, campaign, backoff).await {
                        return Ok(Allocated::Grown);
                    }
                    continue;
                }
            };
            match applied {
                Applied::Done(counter) => {
                    shop.cache_allocated(coupon, shard, counter.left());
                    let ticket = Ticket { shard, number: counter.next.saturating_sub(1) };
                    return Ok(Allocated::Ticket { ticket, version: counter.version });
                }
                Applied::Refused(Some(counter)) if counter.is_closed(now) => {
                    return Ok(Allocated::Outdated { shard, counter });
                }
                Applied::Refused(Some(_)) => shop.cache_allocated(coupon, shard, 0),
                Applied::Refused(None) => return Err(Failure::Internal("a campaign lacks a counter")),
            }
        }
        let (seen, newer) = look(shop, campaign, user, backoff).await?;
        if let Some((shard, counter)) = newer {
            return Ok(Allocated::Outdated { shard, counter });
        }
        if seen.is_nothing() {
            shop.cache_refusal(coupon, user);
            note_sold_out(shop, campaign, true, backoff).await;
            return Err(Refusal::CouponSoldOut.into());
        }
        if counter_growth::found_uneven(shop, campaign, &seen, backoff).await {
            return Ok(Allocated::Grown);
        }
        left = Some(seen);
        backoff.retry("others allocated the tickets").await?;
    }
}

/// Records in the public list whether a campaign is sold out. If that fails, the sweep does it.
pub(super) async fn note_sold_out(shop: &Shop, campaign: &Campaign, sold_out: bool, backoff: &mut Backoff) {
    if !campaign.has_row {
        return;
    }
    match shop.table.apply::<IgnoredAny>(&coupons::note_sold_out(campaign, sold_out), backoff).await {
        // Refused if it is recorded.
        Ok(Applied::Done(_) | Applied::Refused(_)) => {}
        Err(error) => tracing::warn!(%error, coupon = %campaign.coupon_id, "the public list was not updated"),
    }
}

/// A counter of a later version than the campaign as it is known, if one was found, with its number.
pub(super) fn newer(campaign: &Campaign, found: &Found) -> Result<Option<(u16, Counter)>, StoreError> {
    for (key, shard) in counters(campaign).zip(0..) {
        let counter: Option<Counter> = found.get(&key)?;
        if let Some(counter) = counter.filter(|counter| counter.version > campaign.version) {
            return Ok(Some((shard, counter)));
        }
    }
    Ok(None)
}

/// Brings a counter to the version of its campaign, and returns it. Idempotent; two at once do it once.
pub(super) async fn bind(
    shop: &Shop,
    campaign: &Campaign,
    shard: u16,
    mut counter: Counter,
    backoff: &mut Backoff,
) -> Result<Counter, Failure> {
    while counter.version < campaign.version {
        let bind = coupons::bind_counter(campaign, shard, &counter);
        match shop.table.apply::<Counter>(&bind, backoff).await? {
            Applied::Done(bound) => return Ok(bound),
            Applied::Refused(Some(there)) => counter = there,
            Applied::Refused(None) => return Err(Failure::Internal("a campaign lacks a counter")),
        }
        if counter.version < campaign.version {
            backoff.pause("the counter changed meanwhile").await?;
        }
    }
    Ok(counter)
}

/// Brings all counters of a campaign to its version. If it is paused or has ended, every ticket allocated before is
/// settled: claimed, or voided, so that no request can claim it any more. Returns the number of tickets left.
///
/// Run twice, or by two at once, each counter is brought there once. Stopped half-way, the sweep finishes it.
///
/// # Errors
/// If the table cannot be reached, or the retry budget ends first.
pub(super) async fn bind_all(shop: &Shop, campaign: &Campaign, backoff: &mut Backoff) -> Result<i64, Failure> {
    let wanted: Vec<Key> = counters(campaign).collect();
    let found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;
    let mut steps = Vec::new();
    for (key, shard) in wanted.iter().zip(0..) {
        let counter: Counter = found.get(key)?.ok_or(Failure::Internal("a campaign lacks a counter"))?;
        let mut backoff = backoff.clone();
        steps.push(async move {
            let counter = bind(shop, campaign, shard, counter, &mut backoff).await?;
            if counter.stopped {
                settle_stopped(shop, &campaign.coupon_id, shard, counter, &mut backoff).await?;
            }
            Ok::<_, Failure>(counter.left())
        });
    }
    let mut left = 0_i64;
    let mut steps = stream::iter(steps).buffer_unordered(shop.bounds.sweep_shards_at_once.max(1));
    while let Some(of_counter) = steps.next().await {
        left = left.saturating_add(of_counter?);
    }
    Ok(left)
}

/// Settles all tickets of a counter that allocates no more, part by part. The progress is recorded, so that a repetition
/// goes on from there.
async fn settle_stopped(
    shop: &Shop,
    coupon: &CouponId,
    shard: u16,
    counter: Counter,
    backoff: &mut Backoff,
) -> Result<(), Failure> {
    let (next, mut swept) = (counter.next, counter.swept);
    while swept.to < next {
        backoff.check_time("tickets are being settled")?;
        let end = next.min(swept.to.saturating_add(shop.bounds.sweep_part));
        settle(shop, coupon, shard, swept.to..end, backoff).await?;
        let Some(moved) = swept.moved(end, next, shop.clock.now()) else { return Ok(()) };
        // Refused if a sweep has come further.
        let (Applied::Done(_) | Applied::Refused(_)) =
            shop.table.apply::<Counter>(&coupons::note_swept(coupon, shard, moved), backoff).await?;
        swept = moved;
    }
    Ok(())
}

/// Reads all counters, strongly, and the user's coupon once more, in case the first read missed it. Returns the tickets
/// left, and a counter of a later version than the campaign's, if there is one.
async fn look(
    shop: &Shop,
    campaign: &Campaign,
    user: &UserId,
    backoff: &mut Backoff,
) -> Result<(RemainingTickets, Option<(u16, Counter)>), Failure> {
    let mine = keys::user_coupon(user, &campaign.coupon_id);
    let wanted: Vec<Key> = counters(campaign).chain([mine.clone()]).collect();
    let at = shop.clock.now();
    let found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;
    let (left, newer) = snapshot(shop, campaign, at, &found)?;
    if found.get::<IssuedCoupon>(&mine)?.is_some_and(|mine| mine.state != CouponState::Revoked) {
        return Err(Refusal::CouponAlreadyIssued.into());
    }
    Ok((left, newer))
}

pub(super) fn counters(campaign: &Campaign) -> impl Iterator<Item = Key> {
    (0..campaign.counters()).map(|shard| keys::counter(&campaign.coupon_id, shard))
}

/// The number of counters of a campaign and the tickets left in them, among items that were read. There are further counters
/// if one of them has a later version than the campaign as it is known: then all are read again.
pub(super) async fn left_in(
    shop: &Shop,
    mut campaign: Campaign,
    mut found: Found,
    backoff: &mut Backoff,
) -> Result<(u16, i64), Failure> {
    if newer(&campaign, &found)?.is_some() {
        campaign = super::coupons::read(shop, &campaign.coupon_id).await?;
        let wanted: Vec<Key> = counters(&campaign).collect();
        found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;
    }
    let mut left = 0_i64;
    for key in counters(&campaign) {
        left = left.saturating_add(found.get::<Counter>(&key)?.map_or(0, |counter| counter.left()));
    }
    Ok((campaign.counters(), left))
}

/// Caches a read of all counters that began at this instant. Returns the tickets left, and a counter of a later version than
/// the campaign as it is known, if there is one: there may be further counters then, so that nothing is cached.
pub(super) fn snapshot(
    shop: &Shop,
    campaign: &Campaign,
    at: Timestamp,
    found: &Found,
) -> Result<(RemainingTickets, Option<(u16, Counter)>), StoreError> {
    let tickets = counters(campaign).map(|key| {
        // A counter that the read has missed may have some.
        let counter: Option<Counter> = found.get(&key)?;
        Ok(counter.map_or(1, |counter| counter.left()))
    });
    let left = RemainingTickets::new(tickets.collect::<Result<_, StoreError>>()?);
    let newer = newer(campaign, found)?;
    if newer.is_none() {
        shop.cache_counters(&campaign.coupon_id, at, left.clone());
    }
    Ok((left, newer))
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
