//! The budgets of campaigns: the won left in the shards of one, and the won that live discounts of orders have of it, are
//! the whole.
//!
//! In a shop that goes on, a budget that looks wrong is judged by snapshots of its shards and one pass over its orders, as
//! a product is ([`crate::units`]).

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::{
    domain::{
        CouponId, Won,
        budget::BudgetShard,
        coupon::Campaign,
        order::{Order, OrderLine},
    },
    store::{keys, records::Record},
};

use crate::{
    findings::Findings,
    read::ReadError,
    relation::{self, Relation, Selection},
    report::{Invariant, Subject, Violation},
    source::Source,
    units::{self, Judgement, Missing},
};

/// The rule that a violation names.
const BUDGET: &str = "budget, as won left and won spent";

/// The budgets of campaigns.
#[derive(Debug, Default)]
pub(crate) struct Budgets(BTreeMap<CouponId, Budget>);

#[derive(Debug, Default)]
struct Budget {
    /// Known once its campaign was read. The check of a campaign finds one that is missing.
    whole: Option<Won>,
    left: i128,
    spent: i128,
}

impl Budgets {
    pub(crate) fn add_campaign(&mut self, campaign: &Campaign, selection: &Selection) {
        if let Some(whole) = campaign.max_total_discount
            && let Some(budget) = self.of(&campaign.coupon_id, selection)
        {
            budget.whole = Some(whole);
        }
    }

    pub(crate) fn add_shard(&mut self, coupon: &CouponId, shard: BudgetShard, selection: &Selection) {
        if let Some(budget) = self.of(coupon, selection) {
            budget.left += i128::from(shard.left.get());
        }
    }

    pub(crate) fn add_order(&mut self, order: &Order, selection: &Selection) {
        if let Some(coupon) = order.coupon_id.as_ref().filter(|_| order.budget_shards.is_some())
            && let Some(budget) = self.of(coupon, selection)
        {
            // Amounts that do not fit are a finding of the order's own check.
            budget.spent += i128::from(order.live_discount().unwrap_or_default().get());
        }
    }

    fn of(&mut self, coupon: &CouponId, selection: &Selection) -> Option<&mut Budget> {
        selection.has(relation::budget(coupon)).then(|| self.0.entry(coupon.clone()).or_default())
    }

    /// Drops the relations that are not selected.
    pub(crate) fn narrow(&mut self, selection: &Selection) {
        self.0.retain(|coupon, _| selection.has(relation::budget(coupon)));
    }

    /// The memory in use, about, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.0.len() * 200
    }

    pub(crate) fn finish(self, findings: &mut Findings) {
        for (coupon, budget) in self.0 {
            let whole = budget.whole.map_or(0, |whole| i128::from(whole.get()));
            let subject = Subject::Coupon(coupon.clone());
            let mut checks = findings.between(Invariant::Coupons, subject, Relation::Budget(coupon));
            checks.equal(BUDGET, whole, budget.left + budget.spent);
        }
    }
}

/// The snapshots of budgets that look wrong.
#[derive(Debug, Default)]
pub(crate) struct BudgetSnapshots(BTreeMap<CouponId, Vec<Snapshot>>);

/// A budget at one instant between two.
#[derive(Debug)]
struct Snapshot {
    since: Timestamp,
    until: Timestamp,
    /// The whole budget less the won left.
    gone: i128,
    /// The least and the most won that its orders have.
    spent: (i128, i128),
}

impl BudgetSnapshots {
    pub(crate) fn new(coupons: impl IntoIterator<Item = CouponId>) -> Self {
        Self(coupons.into_iter().map(|coupon| (coupon, Vec::new())).collect())
    }

    /// Takes a snapshot of each budget. One that is too busy for a snapshot goes without.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub(crate) async fn take(
        &mut self,
        source: &Source,
        now: &(dyn Fn() -> Timestamp + Send + Sync),
    ) -> Result<(), ReadError> {
        for (coupon, snapshots) in &mut self.0 {
            let key = keys::campaign(coupon);
            let campaign = source.get([key.clone()]).await?.remove(&key).map(Record::read);
            let Some(Ok(Record::Campaign(campaign))) = campaign else { continue };
            let shards = campaign.budget_shards.unwrap_or_default();
            let shards: Vec<_> = (0..shards).map(|shard| keys::budget(coupon, shard)).collect();
            let since = now();
            let Some(items) = source.get_at_once(&shards).await? else { continue };
            let left = items.into_values().map(|item| match Record::read(item) {
                Ok(Record::Budget { budget, .. }) => i128::from(budget.left.get()),
                _ => 0,
            });
            let whole = campaign.max_total_discount.map_or(0, |whole| i128::from(whole.get()));
            snapshots.push(Snapshot { since, until: now(), gone: whole - left.sum::<i128>(), spent: (0, 0) });
        }
        Ok(())
    }

    /// Adds an order that was read after all snapshots.
    pub(crate) fn add(&mut self, order: &Order) {
        let coupon = order.coupon_id.as_ref().filter(|_| order.budget_shards.is_some());
        let Some(snapshots) = coupon.and_then(|coupon| self.0.get_mut(coupon)) else { return };
        let discounts: Vec<i128> = units::live_units(order).iter().map(|live| discount(order, live)).collect();
        for snapshot in snapshots {
            units::add_possible(&mut snapshot.spent, order, &discounts, (snapshot.since, snapshot.until));
        }
    }

    /// Judges each budget.
    pub(crate) fn judge(self) -> impl Iterator<Item = (Subject, Judgement)> {
        self.0.into_iter().map(|(coupon, snapshots)| {
            let mut missing = Missing::UNKNOWN;
            for Snapshot { gone, spent: (least, most), .. } in snapshots {
                missing.add(Some((gone - most, gone - least)));
            }
            let violation = missing.is_wrong().then(|| Violation {
                invariant: Invariant::Coupons,
                subject: Subject::Coupon(coupon.clone()),
                rule: BUDGET.to_owned(),
                expected: "none missing".to_owned(),
                found: missing.to_string(),
            });
            let violations = violation.into_iter().collect();
            (Subject::Coupon(coupon), Judgement { violations, undecided: missing.undecided() })
        })
    }
}

/// The discount that the live units of an order have.
fn discount(order: &Order, live: &[i64]) -> i128 {
    let of_line = |(line, live): (&OrderLine, &i64)| {
        let cancelled = i64::from(line.quantity.get()).saturating_sub(*live);
        let cancelled_quantity = u16::try_from(cancelled).unwrap_or_default();
        let line = OrderLine { cancelled_quantity, ..line.clone() };
        i128::from(line.live_coupon_share().unwrap_or_default().get())
    };
    order.items.iter().zip(live).map(of_line).sum()
}
