//! The effects of a change of an order: the other records that change with it.

use std::collections::BTreeMap;

use super::{Order, PaymentMethod};
use crate::domain::{CouponId, ProductId, UserId, Won, caps::Held, purchase_limit::LimitPeriod, timed_offer::QuotaId};

/// The effects of a change of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderEffects<'a> {
    pub user: &'a UserId,
    /// Won taken from the balance.
    pub payment: Option<Won>,
    /// Won refunded to the balance.
    pub refund: Option<Won>,
    /// The part of the user's caps that it no longer uses.
    pub released: Option<Held>,
    /// The part that it begins to use of the caps for deposits, or no longer uses.
    pub deposit: Option<DepositHold>,
    /// Units that return to the stock.
    pub units: BTreeMap<&'a ProductId, i64>,
    /// Units taken from the stock, for exchanges.
    pub taken: BTreeMap<&'a ProductId, i64>,
    /// Units that no longer count on purchase limits.
    pub limits: BTreeMap<(&'a ProductId, LimitPeriod), i64>,
    /// Units that return to quotas of timed offers, by the part that has them.
    pub quotas: BTreeMap<(&'a ProductId, QuotaId, u16), i64>,
    /// The coupon that can be used again.
    pub coupon: Option<&'a CouponId>,
    /// Won that return to the budget of the coupon's campaign.
    pub budget: Option<BudgetReturn<'a>>,
}

/// Won of a discount that return to the budget that they were taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetReturn<'a> {
    pub coupon: &'a CouponId,
    pub shards: u16,
    pub amount: Won,
}

impl<'a> BudgetReturn<'a> {
    /// The won that a change of an order gives up of its coupon's discount, if a budget paid for it.
    fn between(before: &'a Order, after: &Order) -> Option<Self> {
        let (coupon, shards) = before.coupon_id.as_ref().zip(before.budget_shards)?;
        let amount = before.live_discount()?.checked_sub(after.live_discount()?)?;
        (amount > Won::ZERO).then_some(Self { coupon, shards, amount })
    }
}

/// A change of the units that wait for deposits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DepositHold {
    Begins(Held),
    Ends(Held),
}

impl<'a> OrderEffects<'a> {
    /// The part that it no longer uses of the caps for deposits.
    pub fn deposit_ended(&self) -> Option<Held> {
        match self.deposit {
            Some(DepositHold::Ends(held)) => Some(held),
            Some(DepositHold::Begins(_)) | None => None,
        }
    }

    /// The effects of a change from one state of an order to another.
    pub fn between(before: &'a Order, after: &'a Order) -> Self {
        let from_balance = after.payment == PaymentMethod::Balance;
        let is_paid_now = before.paid_at.is_none() && after.paid_at.is_some();
        let refund = after.returned_to_balance().checked_sub(before.returned_to_balance());
        let deposit = match (before.held_for_deposit(), after.held_for_deposit()) {
            (None, Some(held)) => Some(DepositHold::Begins(held)),
            (Some(held), None) => Some(DepositHold::Ends(held)),
            (None, None) | (Some(_), Some(_)) => None,
        };
        let mut units: BTreeMap<&ProductId, i64> = BTreeMap::new();
        for (line, number) in before.items.iter().zip(1..) {
            let back = before.off_shelf(number).saturating_sub(after.off_shelf(number));
            let sum = units.entry(&line.product_id).or_default();
            *sum = sum.saturating_add(back);
        }
        units.retain(|_, back| *back != 0);
        let taken = units.extract_if(.., |_, back| *back < 0).map(|(product, back)| (product, back.saturating_neg()));
        let taken = taken.collect();
        let mut limits: BTreeMap<(&ProductId, LimitPeriod), i64> = BTreeMap::new();
        for (line, now) in before.items.iter().zip(&after.items) {
            let gone = i64::from(line.live_units()).saturating_sub(now.live_units().into());
            if let Some(period) = line.limit.filter(|_| gone > 0) {
                let sum = limits.entry((&line.product_id, period)).or_default();
                *sum = sum.saturating_add(gone);
            }
        }
        let mut quotas: BTreeMap<(&ProductId, QuotaId, u16), i64> = BTreeMap::new();
        for (line, now) in before.items.iter().zip(&after.items) {
            if let (Some(had), Some(has)) = (line.quota, now.quota)
                && has.units < had.units
            {
                let sum = quotas.entry((&line.product_id, had.id, had.part)).or_default();
                *sum = sum.saturating_add(i64::from(had.units).saturating_sub(has.units.into()));
            }
        }
        let has_ended = after.status.is_void() && !before.status.is_void();
        Self {
            user: &after.user_id,
            payment: (from_balance && is_paid_now).then_some(after.paid),
            refund: refund.filter(|refund| *refund > Won::ZERO),
            released: before.held().filter(|_| !after.hold_counted),
            deposit,
            units,
            taken,
            limits,
            quotas,
            coupon: before.coupon_id.as_ref().filter(|_| has_ended),
            budget: BudgetReturn::between(before, after),
        }
    }
}
