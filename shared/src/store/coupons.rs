//! Coupon campaigns, their counters and claim records, and the coupons issued to users.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Action, Key,
    keys::{self, BY_EXPIRY, BY_TIME},
    swept,
};
use crate::{
    domain::{
        CouponId, OrderId, UserId, Won,
        budget::{BudgetShard, Spend},
        counter_growth::Gift,
        coupon::{Campaign, CampaignRow, ClaimRecord, Counter, CouponState, IssuedCoupon},
        swept::{SweepPlan, Swept},
    },
    platform::trace::{self, TraceId},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CouponRecord {
    #[serde(flatten)]
    pub coupon: IssuedCoupon,
    /// The trace of the request that issued or revoked the coupon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
}

/// Adds a campaign, and lists it for the sweep of tickets from its first instant until [`await_expiry`].
pub fn create_campaign(campaign: &Campaign) -> Action {
    let action = Action::create(keys::campaign(&campaign.coupon_id), campaign);
    let action = action.index_by_time(keys::campaign_by_time(campaign.created_at, &campaign.coupon_id));
    action.index_by_expiry(keys::campaign_by_sweep(
        &campaign.coupon_id,
        campaign.sweep.from.unwrap_or(campaign.issue_from),
    ))
}

/// Adds a campaign to the list of all campaigns; refused if it is in it.
pub fn set_listed(campaign: &Campaign) -> Action {
    let (id, list) = (&campaign.coupon_id, BY_TIME.pk);
    let action = Action::move_in_index(keys::campaign(id), BY_TIME, keys::campaign_by_time(campaign.created_at, id));
    action.when(format!("attribute_exists(#pk) AND attribute_not_exists(#{list})"))
}

/// Changes a campaign, and plans a look of the sweep at once, which finishes the change if its request dies. Refused if
/// the campaign has changed since.
pub fn change_campaign(before: &Campaign, after: &Campaign) -> Action {
    let coupon = &after.coupon_id;
    let description = if after.description.is_some() { ", #description = :description" } else { "" };
    let first = if after.first_quantity.is_some() { ", #firstQuantity = :first" } else { "" };
    let guard = if after.drop_id.is_some() { ", #dropId = :dropId" } else { "" };
    let forget = if after.description.is_none() { " REMOVE #description" } else { "" };
    let grown =
        if after.growth.scaled_at.is_some() { ", #addedCounters = :addedCounters, #scaledAt = :scaledAt" } else { "" };
    let fields = "#status = :status, #version = :version, #totalQuantity = :total, #issueUntil = :until, \
                  #updatedAt = :updatedAt, #hasRow = :hasRow";
    let place = |from| keys::campaign_by_sweep(coupon, from);
    let plan = swept::plan(keys::campaign(coupon), after.sweep, place);
    let mut update = plan.and_also(&format!(", {fields}{description}{first}{guard}{grown}{forget}"));
    if let Some(description) = &after.description {
        update = update.value(":description", description);
    }
    if let Some(quantity) = after.first_quantity {
        update = update.value(":first", quantity);
    }
    if let Some(drop) = &after.drop_id {
        update = update.value(":dropId", drop);
    }
    if let Some(scaled_at) = after.growth.scaled_at {
        update =
            update.value(":addedCounters", after.growth.added_counters).value(":scaledAt", scaled_at.as_millisecond());
    }
    unless_changed(update.when("attribute_exists(#pk)"), before.version)
        .value(":status", after.status)
        .value(":version", after.version)
        .value(":total", after.total_quantity)
        .value(":until", after.issue_until.as_millisecond())
        .value(":updatedAt", after.last_updated().as_millisecond())
        .value(":hasRow", after.has_row)
}

/// Asserts also that the item still has the version that was seen. Items without a version have version 0.
fn unless_changed(action: Action, version: u64) -> Action {
    let condition = action.condition.clone().unwrap_or_default();
    match version {
        0 => action.when(format!("{condition} AND attribute_not_exists(#version)")),
        _ => action.when(format!("{condition} AND #version = :seenVersion")).value(":seenVersion", version),
    }
}

/// The changes of the public list by a change of a campaign: the row moves, comes or goes.
pub fn change_row(before: &Campaign, after: &Campaign) -> Vec<Action> {
    let row = |campaign: &Campaign| {
        let is_listed = campaign.has_row && campaign.status.is_active();
        is_listed.then(|| keys::campaign_row(&campaign.coupon_id, campaign.issue_until))
    };
    let put = |key: Key| Action::put(key, &CampaignRow::new(after));
    match (row(before), row(after)) {
        (Some(old), Some(new)) if old == new => vec![put(new).when("attribute_exists(#pk)")],
        (old, new) => {
            let gone = old.map(|old| Action::delete(old).when("attribute_exists(#pk)"));
            gone.into_iter().chain(new.map(|new| put(new).when("attribute_not_exists(#pk)"))).collect()
        }
    }
}

/// Adds the row of a campaign to the public list.
pub fn create_row(campaign: &Campaign) -> Action {
    Action::create(keys::campaign_row(&campaign.coupon_id, campaign.issue_until), &CampaignRow::new(campaign))
}

/// Records in the public list whether a campaign is sold out; refused if it is recorded, or the campaign has no row.
pub fn note_sold_out(campaign: &Campaign, sold_out: bool) -> Action {
    let other = "attribute_not_exists(#soldOut) OR #soldOut <> :soldOut";
    // A row without the attribute says that coupons are left.
    let other = if sold_out { other } else { "#soldOut <> :soldOut" };
    Action::update(keys::campaign_row(&campaign.coupon_id, campaign.issue_until), "SET #soldOut = :soldOut")
        .when(format!("attribute_exists(#pk) AND ({other})"))
        .value(":soldOut", sold_out)
}

/// Plans the next look of the sweep of tickets; refused if another was planned since, the campaign has changed, or is no
/// longer swept.
pub fn plan_sweep(seen: &Campaign, next: SweepPlan) -> Action {
    let seen_from = seen.sweep.from.map(|from| from.as_millisecond());
    let plan = swept_by(&seen.coupon_id, next, "attribute_not_exists(#sweepFrom) OR #sweepFrom = :seen");
    unless_changed(plan, seen.version).value(":seen", seen_from)
}

/// Plans a look of the sweep of tickets for sooner; refused if it is to come as soon.
pub fn hasten_sweep(coupon: &CouponId, next: SweepPlan) -> Action {
    swept_by(coupon, next, "#sweepFrom > :from")
}

fn swept_by(coupon: &CouponId, next: SweepPlan, condition: &str) -> Action {
    let place = |from| keys::campaign_by_sweep(coupon, from);
    let update = swept::plan(keys::campaign(coupon), next, place);
    update.when(format!("#{} = :list AND ({condition})", BY_EXPIRY.pk))
}

/// Moves a campaign from the sweep of tickets to the expiry of coupons, which begins at `from`. Refused if it was moved
/// before, or has changed.
pub fn await_expiry(seen: &Campaign, from: Timestamp) -> Action {
    let coupon = &seen.coupon_id;
    let place = keys::campaign_by_expiry(coupon, from);
    let update = Action::move_in_index(keys::campaign(coupon), BY_EXPIRY, place)
        .when(format!("#{} = :swept", BY_EXPIRY.pk))
        .value(":swept", keys::CAMPAIGNS);
    unless_changed(update, seen.version)
}

/// Removes a campaign from the expiry of coupons. Refused if it is not there: a change of it may have returned it to the
/// sweep of tickets.
pub fn leave_sweeps(coupon: &CouponId) -> Action {
    let (pk, sk) = (BY_EXPIRY.pk, BY_EXPIRY.sk);
    Action::update(keys::campaign(coupon), format!("REMOVE #{pk}, #{sk}"))
        .when(format!("#{pk} = :list"))
        .value(":list", keys::EXPIRIES)
}

pub fn create_counter(coupon: &CouponId, shard: u16, counter: &Counter) -> Action {
    Action::create(keys::counter(coupon, shard), counter)
}

pub fn create_budget(coupon: &CouponId, shard: u16, left: Won) -> Action {
    Action::create(keys::budget(coupon, shard), &BudgetShard { left })
}

/// Takes won of a campaign's budget for the discount of an order. Only for a transaction that also uses the coupon.
pub fn spend_budget(coupon: &CouponId, Spend { shard, amount }: Spend) -> Action {
    Action::update(keys::budget(coupon, shard), "SET #left = #left - :amount")
        .when("#left >= :amount")
        .value(":amount", amount)
}

/// Returns won to a campaign's budget. Only for a transaction that also takes them from the discount of an order. The only
/// condition is that the shard exists: what was spent finds room.
pub fn return_to_budget(coupon: &CouponId, Spend { shard, amount }: Spend) -> Action {
    Action::update(keys::budget(coupon, shard), "SET #left = #left + :amount")
        .when("attribute_exists(#pk)")
        .value(":amount", amount)
}

/// Allocates the next ticket of a counter shard. Refused if none is left, the campaign is paused or has ended, or its
/// issue is over. Sent twice it orphans a ticket, which the sweep reclaims; it never allocates one ticket twice.
pub fn allocate_ticket(coupon: &CouponId, shard: u16, now: Timestamp) -> Action {
    let is_open = "attribute_not_exists(#stopped) AND (attribute_not_exists(#issueUntil) OR #issueUntil > :now)";
    Action::update(keys::counter(coupon, shard), "SET #next = #next + :one")
        .when(format!("#next < #limit AND {is_open}"))
        .value(":one", 1)
        .value(":now", now.as_millisecond())
}

/// Brings a counter shard to the version of its campaign: whether it allocates tickets, until when, and the added ones.
/// Refused if the counter has changed its version since it was `seen`, so that it adds tickets once.
pub fn bind_counter(campaign: &Campaign, shard: u16, seen: &Counter) -> Action {
    let (before, after) = (seen.part_in(campaign, shard), campaign.part_of(shard));
    let (stop, resume) =
        if campaign.status.is_active() { ("", " REMOVE #stopped") } else { (", #stopped = :stopped", "") };
    let fields = "#limit = #limit + :added, #part = :part, #version = :version, #issueUntil = :until";
    let update = Action::update(keys::counter(&campaign.coupon_id, shard), format!("SET {fields}{stop}{resume}"));
    let update = if campaign.status.is_active() { update } else { update.value(":stopped", true) };
    unless_changed(update.when("attribute_exists(#pk)"), seen.version)
        .value(":added", after.saturating_sub(before))
        .value(":part", after)
        .value(":version", campaign.version)
        .value(":until", campaign.issue_until.as_millisecond())
}

/// Takes the tickets that a counter gives to new ones, and brings it to the version of the campaign that has them. Refused
/// if it has changed its version since it was `seen`, or has allocated too many tickets. Goes together with the creation
/// of the new counters.
pub fn give_tickets(campaign: &Campaign, gift: &Gift, seen: &Counter) -> Action {
    let update = "SET #limit = #limit - :given, #version = :version, #part = :part, #issueUntil = :until";
    let update = Action::update(keys::counter(&campaign.coupon_id, gift.giver), update);
    // The limit has risen since, if anything.
    let update = update.when("attribute_exists(#pk) AND #limit >= :seenLimit AND #next <= :mostNext");
    unless_changed(update, seen.version)
        .value(":given", gift.tickets())
        .value(":seenLimit", seen.limit)
        .value(":mostNext", seen.limit.saturating_sub(gift.tickets()))
        .value(":version", campaign.version)
        .value(":part", seen.part_in(campaign, gift.giver))
        .value(":until", campaign.issue_until.as_millisecond())
}

/// Claims a ticket for a user; refused if it was claimed or voided before.
pub fn claim_ticket(coupon: &CouponId, shard: u16, ticket: i64, user: &UserId) -> Action {
    Action::create(keys::ticket_claim(coupon, shard, ticket), &ClaimRecord { user_id: Some(user.clone()) })
}

/// Voids the claim of an orphaned ticket; goes together with [`raise_limit`].
pub fn void_ticket(coupon: &CouponId, shard: u16, ticket: i64) -> Action {
    Action::create(keys::ticket_claim(coupon, shard, ticket), &ClaimRecord { user_id: None })
}

/// Allows as many more tickets as were voided.
pub fn raise_limit(coupon: &CouponId, shard: u16, tickets: i64) -> Action {
    Action::update(keys::counter(coupon, shard), "SET #limit = #limit + :tickets")
        .when("attribute_exists(#pk)")
        .value(":tickets", tickets)
}

/// Records the progress of the sweep of a counter shard; refused if another sweep has come further.
pub fn note_swept(coupon: &CouponId, shard: u16, swept: Swept) -> Action {
    swept::note(keys::counter(coupon, shard), swept)
}

/// Records that the coupons of a counter shard up to a ticket (exclusive) were marked as expired; refused if another
/// run has come as far.
pub fn note_expired(coupon: &CouponId, shard: u16, to: i64) -> Action {
    let not_further = "attribute_not_exists(#expiredTo) OR #expiredTo < :to";
    Action::update(keys::counter(coupon, shard), "SET #expiredTo = :to")
        .when(format!("attribute_exists(#pk) AND ({not_further})"))
        .value(":to", to)
}

/// Marks a coupon as expired; refused if it is not usable, or its validity has not ended.
pub fn expire(user: &UserId, coupon: &CouponId, now: Timestamp) -> Action {
    Action::update(keys::user_coupon(user, coupon), "SET #state = :expired")
        .when("#state = :usable AND #expiresAt <= :now")
        .value(":expired", CouponState::Expired)
        .value(":usable", CouponState::Usable)
        .value(":now", now.as_millisecond())
}

/// Gives a user a coupon; refused if they have one of this campaign.
pub fn give(coupon: &IssuedCoupon) -> Action {
    let record = CouponRecord { coupon: coupon.clone(), trace_id: trace::current() };
    Action::create(keys::user_coupon(&coupon.user_id, &coupon.coupon_id), &record)
}

/// Gives a user a coupon in the place of a revoked one of the same campaign; goes together with [`keep_replaced`].
pub fn give_again(coupon: &IssuedCoupon, revoked: &IssuedCoupon) -> Action {
    let record = CouponRecord { coupon: coupon.clone(), trace_id: trace::current() };
    Action::put(keys::user_coupon(&coupon.user_id, &coupon.coupon_id), &record)
        .when("#state = :revoked AND #issuedCouponId = :seen")
        .value(":revoked", CouponState::Revoked)
        .value(":seen", &revoked.issued_coupon_id)
}

/// Keeps a revoked coupon beside its replacement, so that its idempotency key still finds it.
pub fn keep_replaced(revoked: &IssuedCoupon) -> Action {
    let IssuedCoupon { user_id, coupon_id, issued_coupon_id, .. } = revoked;
    Action::create(keys::replaced_coupon(user_id, coupon_id, issued_coupon_id), revoked)
}

/// Uses a coupon for an order; refused if it is not usable.
pub fn spend(user: &UserId, coupon: &CouponId, order: &OrderId, now: Timestamp) -> Action {
    let update = "SET #state = :used, #usedAt = :now, #orderId = :order";
    if_usable(Action::update(keys::user_coupon(user, coupon), update), now)
        .value(":used", CouponState::Used)
        .value(":order", order)
}

/// Gives back a coupon used for this order. It can be used again while it is valid.
pub fn give_back(user: &UserId, coupon: &CouponId, order: &OrderId) -> Action {
    Action::update(keys::user_coupon(user, coupon), "SET #state = :usable REMOVE #usedAt, #orderId")
        .when("#state = :used AND #orderId = :order")
        .value(":usable", CouponState::Usable)
        .value(":used", CouponState::Used)
        .value(":order", order)
}

/// Revokes a coupon; refused if it is not usable.
pub fn revoke(coupon: &IssuedCoupon, now: Timestamp) -> Action {
    let IssuedCoupon { user_id, coupon_id, issued_coupon_id, .. } = coupon;
    let update = Action::update(keys::user_coupon(user_id, coupon_id), "SET #state = :revoked, #revokedAt = :now");
    let update = update.traced().when("#issuedCouponId = :id AND #state = :usable AND #expiresAt > :now");
    update
        .value(":id", issued_coupon_id)
        .value(":usable", CouponState::Usable)
        .value(":now", now.as_millisecond())
        .value(":revoked", CouponState::Revoked)
}

/// Asserts that a coupon is there and revoked.
pub fn check_revoked(coupon: &IssuedCoupon) -> Action {
    let IssuedCoupon { user_id, coupon_id, issued_coupon_id, .. } = coupon;
    Action::check(keys::user_coupon(user_id, coupon_id))
        .when("#issuedCouponId = :id AND #state = :revoked")
        .value(":id", issued_coupon_id)
        .value(":revoked", CouponState::Revoked)
}

fn if_usable(action: Action, now: Timestamp) -> Action {
    action
        .when("#state = :usable AND #expiresAt > :now")
        .value(":usable", CouponState::Usable)
        .value(":now", now.as_millisecond())
}
