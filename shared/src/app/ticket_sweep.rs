//! The sweep of orphaned tickets: their function died before it claimed them, or the answer to their allocation was
//! lost.
//!
//! Each counter records how far tickets had been allocated at an instant, and before which ticket all have claim
//! records. A ticket that was allocated a while ago and has no claim record is orphaned: it is voided and the limit
//! raised, in one commit. That commit and the one of a claim both assert that there is no claim record. It therefore
//! does not matter which of them comes late, or how many sweeps run.
//!
//! The sweep also finishes changes of a campaign whose request died: it brings the counters to the campaign's version,
//! and settles the tickets of a campaign that issues no more.

use futures::{StreamExt, stream};
use jiff::Timestamp;
use serde::de::IgnoredAny;

use super::{
    Failure, Shop,
    expiry::{self, Expired, Place},
    sweeps::SweepStep,
    tickets,
};
use crate::{
    domain::{
        CouponId,
        coupon::{Campaign, CampaignRow, Counter},
        swept::SweepPlan,
    },
    store::{Applied, Backoff, Consistency, Outcome, Transaction, coupons, keys},
};

/// A part of the campaigns with tickets that were to be swept by an instant, from a position on.
///
/// # Errors
/// If the table cannot be reached.
pub async fn campaigns(shop: &Shop, until: Timestamp, after: Option<Place>) -> Result<Expired<CouponId>, Failure> {
    expiry::expired(shop, keys::CAMPAIGNS.to_owned(), until, after, keys::campaign).await
}

/// Sweeps a part of the tickets of each counter, and plans the next look. Once all tickets have claim records and none
/// can be allocated any more, the expiry index lists the campaign for the expiry of its coupons instead.
///
/// Run twice, or by two at once, each ticket is reclaimed once. Stopped anywhere, the next sweep looks up some claim
/// records again. A busy counter does not keep the others waiting.
///
/// # Errors
/// If the table cannot be reached.
pub async fn sweep(shop: &Shop, coupon: CouponId) -> Result<SweepStep, Failure> {
    let campaign: Option<Campaign> = shop.table.get(keys::campaign(&coupon), Consistency::Strong).await?;
    let campaign = campaign.ok_or(Failure::Internal("a campaign that is listed exists"))?;
    // Checked before the read: the next sweep sees tickets allocated in between.
    let is_over = campaign.is_over(shop.clock.now());
    let campaign = if campaign.has_row { campaign } else { list_publicly(shop, campaign).await? };
    let row = keys::campaign_row(&coupon, campaign.issue_until);
    let wanted: Vec<_> = tickets::counters(&campaign).collect();
    let all: Vec<_> = wanted.iter().cloned().chain([row.clone()]).collect();
    let found = shop.table.get_all(&all, Consistency::Strong, &mut shop.backoff()).await?;
    let mut counters: Vec<(u16, Counter)> = Vec::new();
    for (key, shard) in wanted.iter().zip(0..) {
        counters.push((shard, found.get(key)?.ok_or(Failure::Internal("a campaign lacks a counter"))?));
    }
    let is_settled = |counter: &Counter| {
        let is_bound = counter.version >= campaign.version;
        is_bound && counter.swept.reaches(counter.next)
    };
    let all_swept = counters.iter().all(|(_, counter)| is_settled(counter));
    let is_sold_out = counters.iter().all(|(_, counter)| counter.left() <= 0);
    if found.get::<CampaignRow>(&row)?.is_some_and(|row| row.sold_out != is_sold_out) {
        tickets::note_sold_out(shop, &campaign, is_sold_out, &mut shop.backoff()).await;
    }
    let steps = counters.iter().map(|(shard, counter)| sweep_counter(shop, &campaign, *shard, *counter));
    let steps: Vec<_> = steps.collect();
    let mut steps = stream::iter(steps).buffer_unordered(shop.bounds.sweep_shards_at_once.max(1));
    let (mut done, mut failed) = (SweepStep::default(), None);
    while let Some(step) = steps.next().await {
        match step {
            Ok(step) => done = done.and(step),
            Err(failure) => failed = Some(failure),
        }
    }
    let change = if is_over && all_swept {
        let expiry = campaign.last_expiry().map_err(|_| Failure::Internal("a coupon's expiry is an instant"))?;
        coupons::await_expiry(&campaign, expiry)
    } else {
        let now = shop.clock.now();
        let is_idle = all_swept && failed.is_none();
        let next = if done.more { SweepPlan::again(now) } else { campaign.sweep.after_look(now, is_idle) };
        coupons::plan_sweep(&campaign, next)
    };
    // Refused if another sweep has done it, or the campaign has changed.
    let _: Applied<IgnoredAny> = shop.table.apply(&change, &mut shop.backoff()).await?;
    failed.map_or(Ok(done), Err)
}

/// Plans a look at a campaign for soon, before tickets of it are allocated that may be orphaned. If that fails, an
/// orphan waits for the look that is planned, an hour at most.
pub(super) async fn hasten(shop: &Shop, campaign: &Campaign, backoff: &mut Backoff) {
    let Some(plan) = campaign.sweep.hastened(shop.clock.now()) else { return };
    let hasten = coupons::hasten_sweep(&campaign.coupon_id, plan);
    match shop.table.apply::<IgnoredAny>(&hasten, backoff).await {
        // Refused if it comes as soon already.
        Ok(Applied::Done(_) | Applied::Refused(_)) => shop.cache_campaign_plan(&campaign.coupon_id, plan),
        Err(error) => tracing::warn!(%error, coupon = %campaign.coupon_id, "the sweep of tickets was not hastened"),
    }
}

/// Adds the row of a campaign of an earlier version to the public list.
async fn list_publicly(shop: &Shop, campaign: Campaign) -> Result<Campaign, Failure> {
    let listed = Campaign { has_row: true, version: campaign.version.saturating_add(1), ..campaign.clone() };
    let mut transaction = Transaction::new();
    transaction.add(coupons::change_campaign(&campaign, &listed));
    coupons::change_row(&campaign, &listed).into_iter().for_each(|action| {
        transaction.add(action);
    });
    match shop.table.commit(transaction, &mut shop.backoff()).await? {
        Outcome::Committed => Ok(listed),
        // A change of the campaign came first, and lists it.
        Outcome::Refused(_) => Ok(campaign),
    }
}

async fn sweep_counter(shop: &Shop, campaign: &Campaign, shard: u16, counter: Counter) -> Result<SweepStep, Failure> {
    let (coupon, now) = (&campaign.coupon_id, shop.clock.now());
    let counter = tickets::bind(shop, campaign, shard, counter, &mut shop.backoff()).await?;
    // Tickets of a counter that allocates no more are settled at once: no coupon may come of them.
    let all = if counter.stopped {
        counter.swept.to..counter.next
    } else {
        match counter.swept.due(now, shop.bounds.claim_grace) {
            Some(all) => all,
            None => return Ok(SweepStep::default()),
        }
    };
    let end = all.end.min(all.start.saturating_add(shop.bounds.sweep_part));
    let corrected = tickets::settle(shop, coupon, shard, all.start..end, &mut shop.backoff()).await?;
    if let Some(swept) = counter.swept.moved(end, counter.next, now) {
        let note = coupons::note_swept(coupon, shard, swept);
        // Refused if another sweep has come further.
        match shop.table.apply::<Counter>(&note, &mut shop.backoff()).await? {
            Applied::Done(_) | Applied::Refused(_) => {}
        }
    }
    Ok(SweepStep { corrected, more: end < all.end })
}
