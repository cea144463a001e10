//! The sweep of orphaned tickets: their function died before it claimed them, or the answer to their allocation was
//! lost.
//!
//! Each counter records how far tickets had been allocated at an instant, and before which ticket all have claim
//! records. A ticket that was allocated a while ago and has no claim record is orphaned: it is voided and the limit
//! raised, in one commit. That commit and the one of a claim both assert that there is no claim record. It therefore
//! does not matter which of them comes late, or how many sweeps run.

use super::{
    Failure, Shop,
    expiry::{self, Expired, Place},
    sweeps::SweepStep,
    tickets::{self, Ticket},
};
use crate::{
    domain::{
        CouponId,
        coupon::{Campaign, ClaimRecord, Counter},
    },
    store::{Applied, Consistency, coupons, keys},
};

/// A part of the campaigns with tickets to be swept, from a position on.
///
/// # Errors
/// If the table cannot be reached.
pub async fn campaigns(shop: &Shop, after: Option<Place>) -> Result<Expired<CouponId>, Failure> {
    expiry::expired(shop, keys::CAMPAIGNS.to_owned(), after, keys::campaign).await
}

/// Sweeps a part of a campaign's tickets. Once all of them have claim records and none can be allocated any more, the
/// expiry index lists the campaign for the expiry of its coupons instead.
///
/// Run twice, or by two at once, each ticket is reclaimed once. Stopped anywhere, the next sweep looks up some claim
/// records again.
///
/// # Errors
/// If the table cannot be reached.
pub async fn sweep(shop: &Shop, coupon: CouponId) -> Result<SweepStep, Failure> {
    let campaign: Option<Campaign> = shop.table.get(keys::campaign(&coupon), Consistency::Strong).await?;
    let campaign = campaign.ok_or(Failure::Internal("a campaign that is listed exists"))?;
    // Checked before the read: the next sweep sees tickets allocated in between.
    let is_over = campaign.is_over(shop.clock.now());
    let wanted: Vec<_> = tickets::counters(&campaign).collect();
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut shop.backoff()).await?;
    let (mut done, mut all_swept) = (SweepStep::default(), true);
    for (key, shard) in wanted.iter().zip(0..) {
        let counter: Counter = found.get(key)?.ok_or(Failure::Internal("a campaign lacks a counter"))?;
        done = done.and(sweep_counter(shop, &coupon, shard, &counter).await?);
        all_swept &= counter.swept.reaches(counter.next);
    }
    if is_over && all_swept {
        let expiry = campaign.last_expiry().map_err(|_| Failure::Internal("a coupon's expiry is an instant"))?;
        // Refused if another sweep has done it.
        let leave = coupons::await_expiry(&coupon, expiry);
        match shop.table.apply::<Campaign>(&leave, &mut shop.backoff()).await? {
            Applied::Done(_) | Applied::Refused(_) => {}
        }
    }
    Ok(done)
}

async fn sweep_counter(shop: &Shop, coupon: &CouponId, shard: u16, counter: &Counter) -> Result<SweepStep, Failure> {
    let now = shop.clock.now();
    let Some(all) = counter.swept.due(now, shop.bounds.claim_grace) else {
        return Ok(SweepStep::default());
    };
    let end = all.end.min(all.start.saturating_add(shop.bounds.sweep_part));
    let numbers: Vec<i64> = (all.start..end).collect();
    let mut reclaimed = 0_u64;
    for batch in numbers.chunks(shop.bounds.table.batch_keys) {
        let mut backoff = shop.backoff();
        let claims: Vec<_> = batch.iter().map(|&number| keys::ticket_claim(coupon, shard, number)).collect();
        // A claim record that the read has missed refuses the void.
        let found = shop.table.get_all(&claims, Consistency::Eventual, &mut backoff).await?;
        for (claim, &number) in claims.iter().zip(batch) {
            if found.get::<ClaimRecord>(claim)?.is_none() {
                let is_orphaned = tickets::reclaim(shop, coupon, Ticket { shard, number }, &mut backoff).await?;
                reclaimed = reclaimed.saturating_add(u64::from(is_orphaned));
            }
        }
    }
    if let Some(swept) = counter.swept.moved(end, counter.next, now) {
        let note = coupons::note_swept(coupon, shard, swept);
        // Refused if another sweep has come further.
        match shop.table.apply::<Counter>(&note, &mut shop.backoff()).await? {
            Applied::Done(_) | Applied::Refused(_) => {}
        }
    }
    Ok(SweepStep { corrected: reclaimed, more: end < all.end })
}
