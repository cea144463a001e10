//! What has to change together with an order.

use std::collections::BTreeMap;

use super::{Order, PaymentMethod};
use crate::domain::{CouponId, ProductId, UserId, Won, caps::Held};

/// What a change of an order brings with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference<'a> {
    /// Whose order it is.
    pub user: &'a UserId,
    /// Won that are taken from the balance for it.
    pub payment: Option<Won>,
    /// Won that go back to the balance.
    pub refund: Option<Won>,
    /// What it no longer holds of the user's caps.
    pub released: Option<Held>,
    /// Units that go back to the shelf.
    pub units: BTreeMap<&'a ProductId, i64>,
    /// The coupon that can be used again.
    pub coupon: Option<&'a CouponId>,
}

impl<'a> Difference<'a> {
    /// What an order brings with it that becomes another image of itself.
    pub fn between(old: &'a Order, new: &'a Order) -> Self {
        let from_balance = new.payment == PaymentMethod::Balance;
        let is_paid_now = old.paid_at.is_none() && new.paid_at.is_some();
        let refund = new.refunded.checked_sub(old.refunded).filter(|refund| *refund > Won::ZERO);
        let mut units: BTreeMap<&ProductId, i64> = BTreeMap::new();
        for (old, new) in old.items.iter().zip(&new.items) {
            let back = i64::from(old.live_units()).saturating_sub(i64::from(new.live_units()));
            if back > 0 {
                *units.entry(&old.product_id).or_default() += back;
            }
        }
        let has_ended = new.status.has_nothing() && !old.status.has_nothing();
        Self {
            user: &new.user_id,
            payment: (from_balance && is_paid_now).then_some(new.paid),
            refund: refund.filter(|_| from_balance),
            released: old.held().filter(|_| !new.hold_counted),
            units,
            coupon: old.coupon_id.as_ref().filter(|_| has_ended),
        }
    }
}
