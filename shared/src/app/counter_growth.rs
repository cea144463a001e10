//! Growth of a campaign's counters by the functions that issue its coupons.
//!
//! Nothing is counted while allocations meet nobody. One that does notes it in its instance's memory; after some within a
//! moment the instance reads the campaign and its counters, and adds counters if no other function has just done it. One
//! that finds a counter empty while others are full does it at once.
//!
//! A step is one commit on the version of the campaign that was read: the number of counters, the new counters, and the
//! tickets that others give to them. Run twice, or by many functions at once, one of them takes it. The counters that give
//! have the new version from this commit on and the others soon after, so that every function sees it by its next
//! allocation. Stopped before that, the sweep brings it to them, as any change of a campaign.

use super::{Failure, Shop, shop::Hot, tickets};
use crate::{
    domain::{
        counter_growth::{Cause, Gift, gifts},
        coupon::{Campaign, Counter},
        swept::SweepPlan,
        tickets::RemainingTickets,
    },
    store::{Backoff, Consistency, Key, Outcome, Transaction, coupons, keys},
};

/// Notes that an allocation met others at a counter, and adds counters if this was often enough. Returns whether the
/// campaign has changed since it was read.
///
/// A failure of the growth is no failure of the issue.
pub(super) async fn met_others(shop: &Shop, campaign: &Campaign, backoff: &Backoff) -> bool {
    let hot = Hot::Campaign(campaign.coupon_id.clone());
    shop.note_contention(&hot) && grow(shop, campaign, &hot, Cause::Hot, backoff).await
}

/// Adds counters to a campaign, after an allocation found one of them empty while others are full. Returns whether the
/// campaign has changed since it was read.
pub(super) async fn found_uneven(shop: &Shop, campaign: &Campaign, left: &RemainingTickets, backoff: &Backoff) -> bool {
    let is_worth_it = !planned(shop, campaign, left, Cause::Uneven).is_empty();
    let hot = Hot::Campaign(campaign.coupon_id.clone());
    is_worth_it && shop.note_uneven(&hot) && grow(shop, campaign, &hot, Cause::Uneven, backoff).await
}

fn planned(shop: &Shop, campaign: &Campaign, left: &RemainingTickets, cause: Cause) -> Vec<Gift> {
    let (now, policy, pace) = (shop.clock.now(), &shop.policy.scaling, &shop.bounds.scaling_pace);
    let room = campaign.growth.room(campaign.counters(), now, policy, pace);
    gifts(left, cause, room, shop.bounds.least_tickets)
}

/// Takes a step, unless this instance rests after one that failed: it has met others for as long as it tried.
async fn grow(shop: &Shop, campaign: &Campaign, hot: &Hot, cause: Cause, backoff: &Backoff) -> bool {
    if !shop.may_step(hot) {
        return false;
    }
    match step(shop, campaign, cause, &mut backoff.hurried(shop.bounds.scaling_budget)).await {
        Ok(has_changed) => {
            shop.note_step(hot);
            has_changed
        }
        Err(error) => {
            tracing::warn!(%error, coupon = %campaign.coupon_id, "a hot campaign was not scaled");
            shop.note_step_met_others(hot);
            false
        }
    }
}

/// Reads a campaign with its counters, and adds some if that is due. Returns whether it has changed since it was read.
async fn step(shop: &Shop, known: &Campaign, cause: Cause, backoff: &mut Backoff) -> Result<bool, Failure> {
    let key = keys::campaign(&known.coupon_id);
    let wanted: Vec<Key> = tickets::counters(known).chain([key.clone()]).collect();
    // An outdated read costs nothing but the step, which is refused.
    let found = shop.table.get_all(&wanted, Consistency::Eventual, backoff).await?;
    let Some(campaign) = found.get::<Campaign>(&key)? else { return Ok(false) };
    if campaign.version != known.version {
        return Ok(campaign.version > known.version);
    }
    let mut counters = Vec::new();
    for key in tickets::counters(&campaign) {
        // A change comes to all counters before another one.
        let counter: Option<Counter> = found.get(&key)?;
        let Some(counter) = counter.filter(|counter| counter.version == campaign.version) else { return Ok(false) };
        counters.push(counter);
    }
    let now = shop.clock.now();
    let left = RemainingTickets::new(counters.iter().map(Counter::left).collect());
    let gifts = planned(shop, &campaign, &left, cause);
    if gifts.is_empty() || !campaign.is_open(now) {
        return Ok(false);
    }
    let mut grown =
        Campaign { version: campaign.version.saturating_add(1), sweep: SweepPlan::again(now), ..campaign.clone() };
    grown.growth.scaled_at = Some(now);
    let mut transaction = Transaction::new();
    for Gift { counters, each, .. } in &gifts {
        for _ in 0..*counters {
            transaction.add(coupons::create_counter(&grown.coupon_id, grown.counters(), &added(&grown, *each)));
            grown.growth.added_counters = grown.growth.added_counters.saturating_add(1);
        }
    }
    for gift in &gifts {
        if let Some(counter) = counters.get(usize::from(gift.giver)) {
            transaction.add(coupons::give_tickets(&grown, gift, counter));
        }
    }
    transaction.add(coupons::change_campaign(&campaign, &grown));
    // It is repeated while the counters are throttled, which is what it is to end.
    match shop.table.commit(transaction, backoff).await? {
        Outcome::Committed => {}
        // Another function took a step, the campaign was changed, or too many tickets were allocated meanwhile.
        Outcome::Refused(_) => return Ok(false),
    }
    tracing::info!(coupon = %grown.coupon_id, counters = grown.counters(), "counters were added to a hot campaign");
    tickets::bind_all(shop, &grown, backoff).await?;
    Ok(true)
}

/// A counter that is added with these tickets.
fn added(campaign: &Campaign, tickets: i64) -> Counter {
    let bound = Counter { version: campaign.version, part: Some(0), ..Counter::new(tickets) };
    Counter { issue_until: Some(campaign.issue_until), ..bound }
}
