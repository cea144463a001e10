//! The lines of an order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{
    ProductId, Quantity, UserId, Won, is_zero,
    pricing::PricedLine,
    purchase_limit::LimitPeriod,
    states::{LineState, LineStatus},
    timed_offer::QuotaUse,
};

/// One product of an order, at the price of that moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderLine {
    pub product_id: ProductId,
    /// Its seller; the shop itself, if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<UserId>,
    /// The name of the product when it was ordered.
    pub name: String,
    /// Units ordered.
    pub quantity: Quantity,
    /// Units of them cancelled or returned since.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cancelled_quantity: u16,
    /// Units that were scrapped: they came back unfit for sale, or never arrived. Exchanged ones are not cancelled.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub scrapped: u32,
    pub unit_price: Won,
    #[serde(default, skip_serializing_if = "Won::is_zero")]
    pub unit_discount: Won,
    /// This line's part of the coupon's discount.
    #[serde(default, skip_serializing_if = "Won::is_zero")]
    pub coupon_share: Won,
    /// Whether it is outside the scope of the order's coupon.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outside_scope: bool,
    pub status: LineStatus,
    /// The counter of the product's purchase limit that has its live units, if the product had a limit at the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<LimitPeriod>,
    /// Its units of the quota of a timed offer, if it was ordered at one that has a quota.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaUse>,
}

/// The amounts of a stored line overflow, which the bounds of prices and quantities exclude: the record is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the amounts of a stored line are inconsistent")]
pub struct InconsistentAmounts;

impl From<&OrderLine> for LineState {
    fn from(line: &OrderLine) -> Self {
        Self { status: line.status, cancelled: line.cancelled_quantity, returned: 0 }
    }
}

impl OrderLine {
    /// The price and quantity of the sale.
    pub fn priced(&self) -> PricedLine {
        let Self { unit_price, unit_discount, quantity, outside_scope, .. } = *self;
        PricedLine { unit_price, unit_discount, quantity, outside_scope }
    }

    /// (unit price − unit discount) × quantity; nothing if the amounts of a stored line are inconsistent.
    pub fn amount(&self) -> Option<Won> {
        self.priced().amount()
    }

    /// The refund due for the units cancelled or returned so far: that part of the line's amount less its part of the
    /// coupon, rounded down. For all units it is the whole; nothing if the amounts of a stored line are inconsistent.
    pub fn refundable(&self) -> Option<Won> {
        let net = i128::from(self.amount()?.checked_sub(self.coupon_share)?.get());
        let part = net * i128::from(self.cancelled_quantity) / i128::from(self.quantity.get());
        i64::try_from(part).ok().map(Won::new)
    }

    /// The amount of the live units without the coupon; nothing if the amounts of a stored line are inconsistent.
    pub fn live_amount(&self) -> Option<Won> {
        let unit = self.unit_price.checked_sub(self.unit_discount)?.get();
        unit.checked_mul(self.live_units().into()).map(Won::new)
    }

    /// The part of the coupon that the live units have: their amount less the amount that was paid for them.
    pub fn live_coupon_share(&self) -> Option<Won> {
        let paid = self.amount()?.checked_sub(self.coupon_share)?.checked_sub(self.refundable()?)?;
        self.live_amount()?.checked_sub(paid)
    }

    /// Returns cancelled units to the quota that they were ordered of, if its offer still runs.
    pub(super) fn return_to_quota(&mut self, units: u16, at: Timestamp) {
        if let Some(quota) = self.quota.as_mut().filter(|quota| at < quota.until) {
            quota.units = quota.units.saturating_sub(units);
        }
    }

    /// Cancels all units of a line that was never paid.
    pub fn end_unpaid(&mut self, at: Timestamp) {
        self.return_to_quota(self.live_units(), at);
        self.status = LineStatus::Cancelled;
        self.cancelled_quantity = self.quantity.get();
    }

    /// Units that the customer still gets or has.
    pub fn live_units(&self) -> u16 {
        self.quantity.get().saturating_sub(self.cancelled_quantity)
    }

    /// Whether a unit cost nothing at the order. A coupon makes no difference.
    pub fn is_free(&self) -> bool {
        self.unit_price == self.unit_discount
    }

    /// The live units that count as sold: free ones do not.
    pub fn counted_units(&self) -> u16 {
        if self.is_free() { 0 } else { self.live_units() }
    }
}
