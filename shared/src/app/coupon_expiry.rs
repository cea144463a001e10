//! The expiry of coupons. A coupon is expired from its instant on. When the last of a campaign is, unused ones are
//! marked, for readers of the table or its stream.

use futures::{StreamExt, stream};
use jiff::Timestamp;

use super::{
    Failure, Shop,
    expiry::{self, Expired, Place},
    readable,
    sweeps::SweepStep,
    tickets,
};
use crate::{
    domain::{
        CouponId, UserId,
        coupon::{Campaign, ClaimRecord, Counter, CouponState, IssuedCoupon},
    },
    store::{Applied, Consistency, coupons, keys},
};

/// A part of the campaigns of which all coupons had expired by an instant, from a position on.
///
/// # Errors
/// If the table cannot be reached.
pub async fn campaigns(shop: &Shop, until: Timestamp, after: Option<Place>) -> Result<Expired<CouponId>, Failure> {
    expiry::expired(shop, keys::EXPIRIES.to_owned(), until, after, keys::campaign).await
}

/// Marks a part of a campaign's coupons. Once all are marked, the campaign leaves the list.
///
/// Run twice, or by two at once, each coupon is marked once. Stopped anywhere, the next looks at some coupons again. An
/// order cancelled later gives its coupon back without a mark: it is expired all the same.
///
/// # Errors
/// If the table cannot be reached.
pub async fn mark(shop: &Shop, coupon: CouponId) -> Result<SweepStep, Failure> {
    let campaign: Option<Campaign> = shop.table.get(keys::campaign(&coupon), Consistency::Strong).await?;
    let campaign = campaign.ok_or(Failure::Internal("a campaign that is listed exists"))?;
    let wanted: Vec<_> = tickets::counters(&campaign).collect();
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut shop.backoff()).await?;
    for (key, shard) in wanted.iter().zip(0..) {
        let counter: Counter = found.get(key)?.ok_or(Failure::Internal("a campaign lacks a counter"))?;
        if counter.expired_to < counter.next {
            let corrected = mark_of_counter(shop, &coupon, shard, &counter).await?;
            return Ok(SweepStep { corrected, more: true });
        }
    }
    // Refused if another run has done it.
    match shop.table.apply::<Campaign>(&coupons::leave_sweeps(&coupon), &mut shop.backoff()).await? {
        Applied::Done(_) | Applied::Refused(_) => Ok(SweepStep::default()),
    }
}

async fn mark_of_counter(shop: &Shop, coupon: &CouponId, shard: u16, counter: &Counter) -> Result<u64, Failure> {
    let end = counter.next.min(counter.expired_to.saturating_add(shop.bounds.sweep_part));
    let numbers: Vec<i64> = (counter.expired_to..end).collect();
    let mut corrected = 0_u64;
    for batch in numbers.chunks(shop.bounds.table.batch_keys) {
        let mut backoff = shop.backoff();
        let claims: Vec<_> = batch.iter().map(|&number| keys::ticket_claim(coupon, shard, number)).collect();
        // The claim records have been there since the campaign's end, as the sweep of tickets made sure.
        let found = shop.table.get_all(&claims, Consistency::Eventual, &mut backoff).await?;
        // An unreadable one keeps no other from its mark: it is expired all the same.
        let claim = |key| readable(key, found.get::<ClaimRecord>(key).map_err(Failure::from)).map(Option::flatten);
        let claims = claims.iter().map(claim).collect::<Result<Vec<_>, _>>()?;
        let users: Vec<UserId> = claims.into_iter().flatten().filter_map(|claim| claim.user_id).collect();
        let theirs: Vec<_> = users.iter().map(|user| keys::user_coupon(user, coupon)).collect();
        let found = shop.table.get_all(&theirs, Consistency::Eventual, &mut backoff).await?;
        let mut usable = Vec::new();
        for (key, user) in theirs.iter().zip(&users) {
            let issued = readable(key, found.get::<IssuedCoupon>(key).map_err(Failure::from))?.flatten();
            if issued.is_some_and(|issued| issued.state == CouponState::Usable) {
                usable.push(user);
            }
        }
        let mut marks = Vec::new();
        for user in usable {
            let (expire, mut backoff) = (coupons::expire(user, coupon, shop.clock.now()), backoff.clone());
            marks.push(async move { shop.table.apply::<IssuedCoupon>(&expire, &mut backoff).await });
        }
        let mut marks = stream::iter(marks).buffer_unordered(shop.bounds.sweep_shards_at_once.max(1));
        while let Some(mark) = marks.next().await {
            match mark? {
                Applied::Done(_) => corrected = corrected.saturating_add(1),
                Applied::Refused(_) => {}
            }
        }
    }
    let note = coupons::note_expired(coupon, shard, end);
    // Refused if another run has come as far.
    match shop.table.apply::<Counter>(&note, &mut shop.backoff()).await? {
        Applied::Done(_) | Applied::Refused(_) => Ok(corrected),
    }
}
