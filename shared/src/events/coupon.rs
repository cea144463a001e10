//! Events of coupons.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Event, EventData, EventKind};
use crate::domain::{
    CouponId, UserId,
    coupon::{CouponState, IssuedCoupon},
};

/// A user's coupon as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CouponSnapshot {
    /// Names this very coupon to its user.
    pub issued_coupon_id: String,
    /// The campaign that it is of.
    pub coupon_id: CouponId,
    /// The owner.
    pub user_id: UserId,
    /// The instant of its issue.
    pub issued_at: Timestamp,
    /// From this instant on it cannot be used.
    pub expires_at: Timestamp,
    /// The instant of its revocation.
    pub revoked_at: Option<Timestamp>,
}

/// The event of a change of a user's coupon that issued or revoked it. Its use is in the events of the order.
///
/// A user has one coupon of a campaign at a time: campaign and user together name the aggregate. The coupon's own id
/// derives from the request's key, which is deleted after a while. A replacement of a revoked coupon goes on with the
/// sequence.
pub fn from_coupon_change(old: Option<&IssuedCoupon>, new: &IssuedCoupon) -> Option<Event> {
    let (kind, step, occurred_at) = match (old.map(|old| old.state), new.state) {
        (None | Some(CouponState::Revoked), CouponState::Usable) => (EventKind::CouponIssued, 1, new.issued_at),
        (Some(CouponState::Usable), CouponState::Revoked) => {
            // Coupons revoked before the instant was recorded have none.
            (EventKind::CouponRevoked, 2, new.revoked_at.unwrap_or(new.issued_at))
        }
        _ => return None,
    };
    let sequence = new.reissues.saturating_mul(2).saturating_add(step);
    let snapshot = CouponSnapshot {
        issued_coupon_id: new.issued_coupon_id.clone(),
        coupon_id: new.coupon_id.clone(),
        user_id: new.user_id.clone(),
        issued_at: new.issued_at,
        expires_at: new.expires_at,
        revoked_at: new.revoked_at,
    };
    // No id has a colon, so no two pairs have the same name.
    let aggregate_id = format!("{}:{}", new.coupon_id, new.user_id);
    Some(Event::new(kind, aggregate_id, sequence, "", occurred_at, EventData::Coupon(snapshot)))
}
