//! Coupon campaigns, their counters and slots, and the coupons that users have.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Action,
    keys::{self, BY_EXPIRY, BY_TIME},
    swept,
};
use crate::{
    domain::{
        CouponId, OrderId, UserId,
        coupon::{Campaign, ClaimRecord, Counter, CouponState, IssuedCoupon},
        swept::Swept,
    },
    platform::trace::{self, TraceId},
};

/// A user's coupon as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CouponRecord {
    /// The coupon.
    #[serde(flatten)]
    pub coupon: IssuedCoupon,
    /// The trace that issued it, or took it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
}

/// Adds a campaign, and lists it for the sweep of tickets, from its first instant until [`await_expiry`].
pub fn create_campaign(campaign: &Campaign) -> Action {
    let action = Action::create(keys::campaign(&campaign.coupon_id), campaign);
    let action = action.index_by_time(keys::campaign_by_time(campaign.created_at, &campaign.coupon_id));
    action.index_by_expiry(keys::campaign_by_start(&campaign.coupon_id, campaign.issue_from))
}

/// Gives a campaign its place in the list of all campaigns; refused where it has one.
pub fn set_listed(campaign: &Campaign) -> Action {
    let (id, list) = (&campaign.coupon_id, BY_TIME.pk);
    let action = Action::move_in_index(keys::campaign(id), BY_TIME, keys::campaign_by_time(campaign.created_at, id));
    action.when(format!("attribute_exists(#pk) AND attribute_not_exists(#{list})"))
}

/// Takes a campaign from the list of those whose tickets are swept to the list of those whose coupons expire, `from` an
/// instant on. Refused where it was taken off before.
pub fn await_expiry(coupon: &CouponId, from: Timestamp) -> Action {
    Action::move_in_index(keys::campaign(coupon), BY_EXPIRY, keys::campaign_by_expiry(coupon, from))
        .when(format!("#{} = :swept", BY_EXPIRY.pk))
        .value(":swept", keys::CAMPAIGNS)
}

/// Lets the sweeps pass a campaign by from now on. Twice is as good as once.
pub fn leave_sweeps(coupon: &CouponId) -> Action {
    let (pk, sk) = (BY_EXPIRY.pk, BY_EXPIRY.sk);
    Action::update(keys::campaign(coupon), format!("REMOVE #{pk}, #{sk}")).when(format!("attribute_exists(#{pk})"))
}

/// Adds a shard of a campaign's counter.
pub fn create_counter(coupon: &CouponId, shard: u16, counter: &Counter) -> Action {
    Action::create(keys::counter(coupon, shard), counter)
}

/// Draws the next ticket of a counter shard. Sent twice it burns a ticket, which is reclaimed; it never gives one
/// ticket to two.
pub fn allocate_ticket(coupon: &CouponId, shard: u16) -> Action {
    Action::update(keys::counter(coupon, shard), "SET #next = #next + :one").when("#next < #limit").value(":one", 1)
}

/// Claims a ticket's slot; refused where it was claimed or made void before.
pub fn claim_ticket(coupon: &CouponId, shard: u16, ticket: i64, user: &UserId) -> Action {
    Action::create(keys::ticket_claim(coupon, shard, ticket), &ClaimRecord { user_id: Some(user.clone()) })
}

/// Makes a burnt ticket's slot void; goes together with [`raise_limit`].
pub fn void_ticket(coupon: &CouponId, shard: u16, ticket: i64) -> Action {
    Action::create(keys::ticket_claim(coupon, shard, ticket), &ClaimRecord { user_id: None })
}

/// Lets one more ticket be drawn in the place of a void one.
pub fn raise_limit(coupon: &CouponId, shard: u16) -> Action {
    Action::update(keys::counter(coupon, shard), "SET #limit = #limit + :one")
        .when("attribute_exists(#pk)")
        .value(":one", 1)
}

/// Notes how far a counter shard was swept; refused where another sweep has come further.
pub fn note_swept(coupon: &CouponId, shard: u16, swept: Swept) -> Action {
    swept::note(keys::counter(coupon, shard), swept)
}

/// Notes before which ticket of a counter shard coupons were marked as expired; refused where another has come as far.
pub fn note_expired(coupon: &CouponId, shard: u16, to: i64) -> Action {
    let not_further = "attribute_not_exists(#expiredTo) OR #expiredTo < :to";
    Action::update(keys::counter(coupon, shard), "SET #expiredTo = :to")
        .when(format!("attribute_exists(#pk) AND ({not_further})"))
        .value(":to", to)
}

/// Marks a coupon as expired; refused where it is not.
pub fn expire(user: &UserId, coupon: &CouponId, now: Timestamp) -> Action {
    Action::update(keys::user_coupon(user, coupon), "SET #state = :expired")
        .when("#state = :usable AND #expiresAt <= :now")
        .value(":expired", CouponState::Expired)
        .value(":usable", CouponState::Usable)
        .value(":now", now.as_millisecond())
}

/// Gives a user the coupon; refused where they have one of this campaign.
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

/// Keeps a revoked coupon beside the one that takes its place, so that its key still finds it.
pub fn keep_replaced(revoked: &IssuedCoupon) -> Action {
    let IssuedCoupon { user_id, coupon_id, issued_coupon_id, .. } = revoked;
    Action::create(keys::replaced_coupon(user_id, coupon_id, issued_coupon_id), revoked)
}

/// Uses a coupon for an order.
pub fn spend(user: &UserId, coupon: &CouponId, order: &OrderId, now: Timestamp) -> Action {
    let update = "SET #state = :used, #usedAt = :now, #orderId = :order";
    if_usable(Action::update(keys::user_coupon(user, coupon), update), now)
        .value(":used", CouponState::Used)
        .value(":order", order)
}

/// Gives a coupon back that was used for this order: it can be used again, if it is still valid.
pub fn give_back(user: &UserId, coupon: &CouponId, order: &OrderId) -> Action {
    Action::update(keys::user_coupon(user, coupon), "SET #state = :usable REMOVE #usedAt, #orderId")
        .when("#state = :used AND #orderId = :order")
        .value(":usable", CouponState::Usable)
        .value(":used", CouponState::Used)
        .value(":order", order)
}

/// Asserts that a coupon could be used.
pub fn check_usable(user: &UserId, coupon: &CouponId, now: Timestamp) -> Action {
    if_usable(Action::check(keys::user_coupon(user, coupon)), now)
}

/// Revokes a coupon that is still usable.
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

/// Asserts that a coupon is still there, revoked.
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
