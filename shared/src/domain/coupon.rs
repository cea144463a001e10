//! Coupons: campaigns with a fixed number of them, and the discount of one on an order.

use std::ops::Range;

use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    CouponId, DropId, ETag, OrderId, UserId, Won,
    bounded::bounded,
    counter_growth::CounterGrowth,
    invalid::named,
    is_zero,
    scope::Scope,
    spread::spread,
    swept::{SweepPlan, Swept},
    time,
};

/// The discount of a coupon, and its conditions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    #[serde(flatten)]
    pub discount: Discount,
    /// The minimum of the goods within the scope, less their own discounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_order_amount: Option<Won>,
    /// The goods that the discount is on; all, if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
}

impl From<Discount> for Terms {
    /// The discount, without conditions.
    fn from(discount: Discount) -> Self {
        Self { discount, min_order_amount: None, scope: None }
    }
}

/// The discount of a coupon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredDiscount", into = "StoredDiscount")]
pub enum Discount {
    /// This many won, up to the price of the goods.
    Fixed(Won),
    /// A share of the goods, up to the cap.
    Rate { percent: Percent, cap: Option<Won> },
    /// The shipping fee.
    FreeShipping,
}

bounded! {
    /// A share in percent.
    Percent(i64): 1, 100
}

impl Discount {
    pub fn kind(self) -> CouponKind {
        match self {
            Self::Fixed(_) => CouponKind::Fixed,
            Self::Rate { .. } => CouponKind::Rate,
            Self::FreeShipping => CouponKind::FreeShipping,
        }
    }
}

/// A discount as records have it: flat, with the fields of all kinds.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredDiscount {
    kind: CouponKind,
    /// Won for [`CouponKind::Fixed`], percent for [`CouponKind::Rate`], 0 for [`CouponKind::FreeShipping`].
    #[serde(default, skip_serializing_if = "is_zero")]
    value: i64,
    /// The cap of a rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_discount: Option<Won>,
}

impl From<Discount> for StoredDiscount {
    fn from(discount: Discount) -> Self {
        let (value, max_discount) = match discount {
            Discount::Fixed(amount) => (amount.get(), None),
            Discount::Rate { percent, cap } => (percent.get(), cap),
            Discount::FreeShipping => (0, None),
        };
        Self { kind: discount.kind(), value, max_discount }
    }
}

impl TryFrom<StoredDiscount> for Discount {
    type Error = &'static str;

    fn try_from(StoredDiscount { kind, value, max_discount }: StoredDiscount) -> Result<Self, Self::Error> {
        match (kind, value, max_discount) {
            (CouponKind::Fixed, 1.., None) => Ok(Self::Fixed(Won::new(value))),
            (CouponKind::Rate, _, cap) => match Percent::try_from(value) {
                Ok(percent) => Ok(Self::Rate { percent, cap }),
                Err(_) => Err("a rate that is no percentage"),
            },
            (CouponKind::FreeShipping, 0, None) => Ok(Self::FreeShipping),
            (CouponKind::Fixed | CouponKind::FreeShipping, ..) => Err("a discount with a value or cap not of its kind"),
        }
    }
}

/// The rule by which a coupon's discount is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CouponKind {
    /// A fixed number of won.
    Fixed,
    /// A share of the goods, in percent.
    Rate,
    /// The shipping fee.
    FreeShipping,
}

named!(CouponKind { "FIXED" => Fixed, "RATE" => Rate, "FREE_SHIPPING" => FreeShipping });

/// The end of the validity of an issued coupon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Validity {
    /// The end of the n-th Seoul day, the day of issue being the first.
    #[serde(rename = "validDays")]
    Days(u16),
    /// This instant.
    #[serde(rename = "validUntil", with = "jiff::fmt::serde::timestamp::millisecond::required")]
    Until(Timestamp),
}

impl Validity {
    /// The end of the validity of a coupon issued at this instant.
    fn expiry(&self, issued_at: Timestamp) -> Result<Timestamp, jiff::Error> {
        match *self {
            Self::Until(instant) => Ok(instant),
            Self::Days(days) => {
                time::start_of_seoul_day(time::seoul_day(issued_at).checked_add(i64::from(days).days())?)
            }
        }
    }

    /// Whether coupons are issued at this instant, by the window of their issue: only those that can still be used.
    fn is_issued(&self, window: Range<Timestamp>, now: Timestamp) -> bool {
        window.contains(&now) && self.expiry(now).is_ok_and(|expiry| now < expiry)
    }
}

bounded! {
    /// The number of coupons of a campaign.
    TotalQuantity(i64): 1, 10_000_000
}

bounded! {
    /// A number of coupons to add to a campaign.
    AddedQuantity(i64): 0, 10_000_000
}

bounded! {
    /// The number of Seoul days for which a coupon is valid: at most about ten years.
    ValidDays(u16): 1, 3_650
}

/// The state of a campaign, as an admin sets it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CampaignStatus {
    /// Issues coupons within its window.
    #[default]
    Active,
    /// Issues none until it is ACTIVE again.
    Paused,
    /// Issues none any more. Final.
    Ended,
}

named!(CampaignStatus { "ACTIVE" => Active, "PAUSED" => Paused, "ENDED" => Ended });

impl CampaignStatus {
    pub fn is_active(&self) -> bool {
        *self == Self::Active
    }
}

/// A campaign: `total_quantity` coupons, first come first served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Campaign {
    pub coupon_id: CouponId,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(flatten)]
    pub terms: Terms,
    pub total_quantity: i64,
    /// The start of the issue.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub issue_from: Timestamp,
    /// The end of the issue, exclusive.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub issue_until: Timestamp,
    pub validity: Validity,
    /// The number of counters over which the total is spread. There may be more ([`Self::counters`]).
    pub counter_shards: u16,
    #[serde(flatten)]
    pub growth: CounterGrowth,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
    /// Absent in a record of the first stage.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub updated_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "CampaignStatus::is_active")]
    pub status: CampaignStatus,
    /// The number of its changes. A counter has the version that it was last brought to.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub version: u64,
    /// The total before coupons were added, if some were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_quantity: Option<i64>,
    /// The drop that guards it, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drop_id: Option<DropId>,
    /// Whether the public list has a row of it while it is ACTIVE. Campaigns of an earlier version get one by the sweep.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_row: bool,
    /// The most that all its coupons together take off; no bound, if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_total_discount: Option<Won>,
    /// The number of shards over which that budget is spread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_shards: Option<u16>,
    /// The sweep of its tickets. One without a plan, as of an earlier version, is looked at from its start on.
    #[serde(flatten)]
    pub sweep: SweepPlan,
}

/// The seconds after a campaign's end in which a ticket may still be allocated: a function lives 10, and clocks differ
/// by some.
const LAST_ALLOCATION_SECONDS: i64 = 30;

impl Campaign {
    /// The instant of the last change, or of the creation if the record has none.
    pub fn last_updated(&self) -> Timestamp {
        self.updated_at.unwrap_or(self.created_at)
    }

    /// The entity tag of the campaign's public fields, without its counters.
    pub fn etag(&self) -> ETag {
        let Self { coupon_id, name, description, terms, total_quantity, validity, counter_shards, .. } = self;
        let instants = [self.issue_from, self.issue_until, self.created_at, self.last_updated()];
        let instants = instants.map(Timestamp::as_millisecond);
        let quantities = json!([total_quantity, counter_shards]);
        let fields = json!([coupon_id, name, description, terms, quantities, validity, instants]);
        // The tag of an ACTIVE campaign stays that of earlier versions.
        ETag::from_fields(&if self.status.is_active() { fields } else { json!([fields, self.status]) })
    }

    /// Whether it issues coupons at this instant: ACTIVE, within its window, and only coupons that can still be used.
    /// Campaigns of the first stage may have a `validUntil` that passes while they issue.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.status.is_active() && self.validity.is_issued(self.issue_from..self.issue_until, now)
    }

    /// The number of all its counters. Those that were added later have no part of the total, but tickets of others.
    pub fn counters(&self) -> u16 {
        self.counter_shards.saturating_add(self.growth.added_counters)
    }

    /// The part of the total that each of the first counters has.
    pub fn parts(&self) -> Vec<i64> {
        spread(self.total_quantity, self.counter_shards)
    }

    /// The part of the total that a counter has; none if it was added later.
    pub fn part_of(&self, counter: u16) -> i64 {
        self.parts().get(usize::from(counter)).copied().unwrap_or(0)
    }

    /// The part of the total that each of the first counters had before coupons were added.
    fn first_parts(&self) -> Vec<i64> {
        spread(self.first_quantity.unwrap_or(self.total_quantity), self.counter_shards)
    }

    /// The part of the budget that each of its shards begins with; none without a budget.
    pub fn budget_parts(&self) -> Vec<Won> {
        let parts = self.max_total_discount.zip(self.budget_shards);
        let parts = parts.map(|(budget, shards)| spread(budget.get(), shards)).unwrap_or_default();
        parts.into_iter().map(Won::new).collect()
    }

    /// Whether no ticket can be allocated any more: a request that began just before the end has had enough time.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.issue_until.checked_add(LAST_ALLOCATION_SECONDS.seconds()).is_ok_and(|over| over <= now)
    }

    /// The end of the validity of a coupon issued now.
    ///
    /// # Errors
    /// If it is beyond the range of an instant.
    pub fn expiry(&self, issued_at: Timestamp) -> Result<Timestamp, jiff::Error> {
        self.validity.expiry(issued_at)
    }

    /// An instant after the issue and the validity of all its coupons.
    ///
    /// # Errors
    /// If it is beyond the range of an instant.
    pub fn last_expiry(&self) -> Result<Timestamp, jiff::Error> {
        Ok(self.expiry(self.issue_until)?.max(self.issue_until))
    }
}

/// The row of a campaign in the public list: its description, and whether its coupons are gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CampaignRow {
    pub coupon_id: CouponId,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(flatten)]
    pub terms: Terms,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub issue_from: Timestamp,
    /// The end of the issue, exclusive.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub issue_until: Timestamp,
    pub validity: Validity,
    /// Whether no ticket was left when the counters were last looked at. Only a hint: tickets come back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sold_out: bool,
}

impl CampaignRow {
    /// The row of a campaign with coupons left.
    pub fn new(campaign: &Campaign) -> Self {
        let Campaign { coupon_id, name, description, terms, issue_from, issue_until, validity, .. } = campaign.clone();
        Self { coupon_id, name, description, terms, issue_from, issue_until, validity, sold_out: false }
    }

    /// Whether the campaign issues coupons at this instant, as [`Campaign::is_open`]. Only ACTIVE campaigns have a row.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.validity.is_issued(self.issue_from..self.issue_until, now)
    }
}

/// A shard of a campaign's counter: it allocates tickets, and each ticket below the limit gets one claim record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counter {
    /// The next ticket.
    pub next: i64,
    /// The end of the tickets, exclusive: the shard's part of the total, plus one for each voided claim, and those that it
    /// got from another counter less those that it gave.
    pub limit: i64,
    /// The progress of the sweep.
    #[serde(default)]
    pub swept: Swept,
    /// The coupons of tickets below this one are marked as expired if they are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub expired_to: i64,
    /// The version of the campaign that it was last brought to.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub version: u64,
    /// Its part of the campaign's total at that version. Without one it has its first part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<i64>,
    /// Whether it allocates no ticket, since the campaign is paused or has ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
    /// The end of the issue at that version, exclusive. Without one the campaign still has its first end.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub issue_until: Option<Timestamp>,
}

impl Counter {
    /// A counter of this many tickets.
    pub fn new(tickets: i64) -> Self {
        Self {
            next: 0,
            limit: tickets,
            swept: Swept::default(),
            expired_to: 0,
            version: 0,
            part: None,
            stopped: false,
            issue_until: None,
        }
    }

    /// Whether it allocates no ticket at this instant, however many are left.
    pub fn is_closed(&self, now: Timestamp) -> bool {
        self.stopped || self.issue_until.is_some_and(|until| until <= now)
    }

    /// Its part of the campaign's total at the version that it was last brought to, by its number.
    pub fn part_in(&self, campaign: &Campaign, number: u16) -> i64 {
        let first = || campaign.first_parts().get(usize::from(number)).copied().unwrap_or(0);
        self.part.unwrap_or_else(first)
    }

    /// The number of tickets left.
    pub fn left(&self) -> i64 {
        self.limit.saturating_sub(self.next)
    }
}

/// The outcome of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimRecord {
    /// The user with the coupon; none if the ticket was orphaned and the claim voided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
}

/// The stored state of an issued coupon. Its expiry follows from the time; the mark for it is written later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CouponState {
    /// Can be used while it is valid.
    Usable,
    Used,
    /// Its validity has ended, and the mark is written.
    Expired,
    Revoked,
}

/// The state of an issued coupon as anyone sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CouponStatus {
    /// Can be used now.
    Usable,
    /// Paid for an order.
    Used,
    /// Its validity has ended.
    Expired,
    /// Taken back.
    Revoked,
}

/// A coupon of a user. It carries its terms, so that its use needs no read of the campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IssuedCoupon {
    /// The id of this one coupon.
    pub issued_coupon_id: String,
    pub coupon_id: CouponId,
    pub user_id: UserId,
    pub name: String,
    /// The description of the campaign at the issue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(flatten)]
    pub terms: Terms,
    /// The number of shards of its campaign's budget, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_shards: Option<u16>,
    /// Its state, without the passing of time.
    pub state: CouponState,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub issued_at: Timestamp,
    /// The end of its validity, exclusive.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub expires_at: Timestamp,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub used_at: Option<Timestamp>,
    /// The order that used it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub revoked_at: Option<Timestamp>,
    /// The number of revoked coupons that the user had of the campaign before this one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reissues: u64,
}

impl IssuedCoupon {
    /// The state at this instant.
    pub fn status(&self, now: Timestamp) -> CouponStatus {
        match self.state {
            CouponState::Used => CouponStatus::Used,
            CouponState::Revoked => CouponStatus::Revoked,
            CouponState::Expired => CouponStatus::Expired,
            CouponState::Usable if now >= self.expires_at => CouponStatus::Expired,
            CouponState::Usable => CouponStatus::Usable,
        }
    }

    /// Checks that it can be used at this instant, independent of the order.
    ///
    /// # Errors
    /// The reason why it cannot.
    pub fn usable(&self, now: Timestamp) -> Result<(), CouponProblem> {
        match self.status(now) {
            CouponStatus::Usable => Ok(()),
            CouponStatus::Used => Err(CouponProblem::Used),
            CouponStatus::Expired => Err(CouponProblem::Expired),
            CouponStatus::Revoked => Err(CouponProblem::Revoked),
        }
    }
}

/// The reason why a coupon cannot be used for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CouponProblem {
    /// The user has no such coupon.
    NotOwned,
    /// It was used for an order.
    Used,
    /// Its validity has ended.
    Expired,
    /// It was revoked.
    Revoked,
    /// No line of the order is within the coupon's scope.
    NotInScope,
    /// The goods within the scope are below the coupon's minimum.
    OrderTooSmall,
    /// Shipping is free already.
    ShippingAlreadyFree,
    /// It would give no discount.
    NothingToDiscount,
    /// Its discount is above what is left of the campaign's budget.
    BudgetExceeded { left: Won },
}

impl CouponProblem {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotOwned => "NOT_OWNED",
            Self::Used => "USED",
            Self::Expired => "EXPIRED",
            Self::Revoked => "REVOKED",
            Self::NotInScope => "NOT_IN_SCOPE",
            Self::OrderTooSmall => "MIN_ORDER_AMOUNT",
            Self::ShippingAlreadyFree => "SHIPPING_ALREADY_FREE",
            Self::NothingToDiscount => "NOTHING_TO_DISCOUNT",
            Self::BudgetExceeded { .. } => "BUDGET_EXCEEDED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn campaign(validity: Validity) -> Campaign {
        Campaign {
            coupon_id: CouponId::try_from("welcome".to_owned()).unwrap(),
            name: "Welcome".to_owned(),
            description: None,
            terms: Discount::Fixed(Won::new(1_000)).into(),
            total_quantity: 10,
            issue_from: at("2026-11-01T00:00:00Z"),
            issue_until: at("2026-12-01T00:00:00Z"),
            validity,
            counter_shards: 1,
            growth: CounterGrowth::default(),
            created_at: at("2026-10-01T00:00:00Z"),
            updated_at: None,
            status: CampaignStatus::Active,
            version: 0,
            first_quantity: None,
            drop_id: None,
            has_row: true,
            max_total_discount: None,
            budget_shards: None,
            sweep: SweepPlan::default(),
        }
    }

    #[test]
    fn a_campaign_is_open_from_its_first_instant_to_just_before_its_last() {
        let campaign = campaign(Validity::Days(1));
        assert!(!campaign.is_open(at("2026-10-31T23:59:59.999Z")));
        assert!(campaign.is_open(at("2026-11-01T00:00:00Z")));
        assert!(campaign.is_open(at("2026-11-30T23:59:59.999Z")));
        assert!(!campaign.is_open(at("2026-12-01T00:00:00Z")));
    }

    #[test]
    fn a_campaign_that_is_not_active_is_closed() {
        let open = at("2026-11-20T00:00:00Z");
        for (status, is_open) in
            [(CampaignStatus::Active, true), (CampaignStatus::Paused, false), (CampaignStatus::Ended, false)]
        {
            assert_eq!(Campaign { status, ..campaign(Validity::Days(1)) }.is_open(open), is_open, "{status:?}");
        }
    }

    #[test]
    fn coupons_are_added_to_the_parts_of_the_first_counters() {
        let before = Campaign { counter_shards: 3, ..campaign(Validity::Days(1)) };
        assert_eq!((before.parts(), before.first_parts()), (vec![4, 3, 3], vec![4, 3, 3]));
        let growth = CounterGrowth { added_counters: 2, ..CounterGrowth::default() };
        let after = Campaign { total_quantity: 15, first_quantity: Some(10), growth, ..before };
        assert_eq!((after.parts(), after.first_parts()), (vec![5, 5, 5], vec![4, 3, 3]));
        assert_eq!(after.counters(), 5, "those that were added have no part");
    }

    #[test]
    fn a_counter_is_closed_once_it_is_stopped_or_the_issue_has_ended() {
        let (now, end) = (at("2026-11-20T00:00:00Z"), at("2026-11-20T00:00:00.001Z"));
        let counter = Counter::new(7);
        assert!(!counter.is_closed(now));
        assert!(Counter { stopped: true, ..counter }.is_closed(now));
        let until = |instant| Counter { issue_until: Some(instant), ..counter };
        assert!(until(now).is_closed(now) && !until(end).is_closed(now));
    }

    #[test]
    fn a_campaign_whose_coupons_have_expired_is_closed() {
        let campaign = campaign(Validity::Until(at("2026-11-20T00:00:00Z")));
        assert!(campaign.is_open(at("2026-11-19T23:59:59.999Z")));
        assert!(!campaign.is_open(at("2026-11-20T00:00:00Z")));
    }

    #[test]
    fn the_day_of_issue_is_the_first_valid_day() {
        // 23:30 in Seoul: half an hour of the first day is left.
        let issued = at("2026-11-20T14:30:00Z");
        assert_eq!(campaign(Validity::Days(1)).expiry(issued).unwrap(), at("2026-11-20T15:00:00Z"));
        assert_eq!(campaign(Validity::Days(7)).expiry(issued).unwrap(), at("2026-11-26T15:00:00Z"));
    }

    /// A coupon that can be used before 30 November.
    fn coupon() -> IssuedCoupon {
        let campaign = campaign(Validity::Until(at("2026-11-30T00:00:00Z")));
        IssuedCoupon {
            issued_coupon_id: "c1".to_owned(),
            coupon_id: campaign.coupon_id.clone(),
            user_id: UserId::try_from("mina".to_owned()).unwrap(),
            name: campaign.name.clone(),
            description: None,
            terms: campaign.terms,
            budget_shards: None,
            state: CouponState::Usable,
            issued_at: at("2026-11-20T00:00:00Z"),
            expires_at: at("2026-11-30T00:00:00Z"),
            used_at: None,
            order_id: None,
            revoked_at: None,
            reissues: 0,
        }
    }

    #[test]
    fn expiry_is_to_the_instant() {
        assert_eq!(coupon().usable(at("2026-11-29T23:59:59.999Z")), Ok(()));
        assert_eq!(coupon().usable(at("2026-11-30T00:00:00Z")), Err(CouponProblem::Expired));
    }

    #[test]
    fn a_coupon_that_was_used_expired_or_revoked_stays_so_at_any_time() {
        for (state, status, problem) in [
            (CouponState::Used, CouponStatus::Used, CouponProblem::Used),
            (CouponState::Expired, CouponStatus::Expired, CouponProblem::Expired),
            (CouponState::Revoked, CouponStatus::Revoked, CouponProblem::Revoked),
        ] {
            let coupon = IssuedCoupon { state, ..coupon() };
            for now in ["2026-11-20T00:00:00Z", "2026-12-30T00:00:00Z"].map(at) {
                assert_eq!((coupon.status(now), coupon.usable(now)), (status, Err(problem)), "{state:?} {now}");
            }
        }
    }

    #[test]
    fn a_campaign_is_over_when_the_last_function_has_had_time_to_draw() {
        let campaign = campaign(Validity::Days(1));
        assert!(!campaign.is_over(at("2026-12-01T00:00:29.999Z")));
        assert!(campaign.is_over(at("2026-12-01T00:00:30Z")));
    }

    #[test]
    fn the_last_coupon_expires_with_the_campaign_or_after_it() {
        for (validity, last) in [
            // Issued on the morning of 1 December in Seoul, that day included.
            (Validity::Days(1), "2026-12-01T15:00:00Z"),
            (Validity::Days(7), "2026-12-07T15:00:00Z"),
            (Validity::Until(at("2026-12-24T00:00:00Z")), "2026-12-24T00:00:00Z"),
            (Validity::Until(at("2026-11-20T00:00:00Z")), "2026-12-01T00:00:00Z"),
        ] {
            assert_eq!(campaign(validity).last_expiry().unwrap(), at(last), "{validity:?}");
        }
    }

    #[test]
    fn a_campaign_without_a_change_was_last_updated_at_its_creation() {
        let campaign = campaign(Validity::Days(1));
        assert_eq!(campaign.last_updated(), campaign.created_at);
        let changed = Campaign { updated_at: Some(at("2026-10-02T00:00:00Z")), ..campaign };
        assert_eq!(changed.last_updated(), at("2026-10-02T00:00:00Z"));
    }

    #[test]
    fn the_tag_of_a_campaign_changes_with_each_described_field() {
        let described = campaign(Validity::Days(1));
        let changes: [fn(&mut Campaign); 11] = [
            |campaign| campaign.status = CampaignStatus::Paused,
            |campaign| campaign.coupon_id = CouponId::try_from("other".to_owned()).unwrap(),
            |campaign| campaign.name.push('!'),
            |campaign| campaign.description = Some(String::new()),
            |campaign| campaign.terms.discount = Discount::Fixed(Won::new(1_001)),
            |campaign| campaign.total_quantity += 1,
            |campaign| campaign.counter_shards += 1,
            |campaign| campaign.validity = Validity::Days(2),
            |campaign| campaign.issue_from += 1.second(),
            |campaign| campaign.issue_until += 1.second(),
            |campaign| campaign.updated_at = Some(campaign.created_at + 1.second()),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut changed = described.clone();
            change(&mut changed);
            assert_ne!(changed.etag(), described.etag(), "change {number}");
        }
        assert_eq!(described.clone().etag(), described.etag());
    }

    #[test]
    fn a_counter_has_the_tickets_below_its_limit_left() {
        let counter = Counter::new(7);
        assert_eq!((counter.next, counter.limit, counter.swept), (0, 7, Swept::default()));
        for (next, left) in [(0, 7), (5, 2), (7, 0)] {
            assert_eq!(Counter { next, ..Counter::new(7) }.left(), left, "next {next}");
        }
    }

    #[test]
    fn records_of_coupons_leave_out_what_is_zero() {
        let has = |record: serde_json::Value, name: &str| record.get(name).is_some();
        for number in [0, 1] {
            let counter = Counter { expired_to: number, ..Counter::new(7) };
            assert_eq!(has(json!(counter), "expiredTo"), number != 0);
            let terms = Terms { discount: Discount::Fixed(Won::new(number)), ..coupon().terms };
            assert_eq!(has(json!(terms), "value"), number != 0);
            let coupon = IssuedCoupon { reissues: number.unsigned_abs(), ..coupon() };
            assert_eq!(has(json!(coupon), "reissues"), number != 0);
        }
    }

    #[test]
    fn a_record_has_the_fields_of_its_discount() {
        let percent = Percent::try_from(15).unwrap();
        for (discount, record) in [
            (Discount::Fixed(Won::new(1_000)), json!({ "kind": "FIXED", "value": 1_000 })),
            (Discount::Rate { percent, cap: None }, json!({ "kind": "RATE", "value": 15 })),
            (
                Discount::Rate { percent, cap: Some(Won::new(500)) },
                json!({ "kind": "RATE", "value": 15, "maxDiscount": 500 }),
            ),
            (Discount::FreeShipping, json!({ "kind": "FREE_SHIPPING" })),
        ] {
            let coupon = IssuedCoupon { terms: Terms { discount, ..coupon().terms }, ..coupon() };
            let stored: serde_dynamo::Item = serde_dynamo::to_item(&coupon).unwrap();
            assert_eq!(serde_dynamo::from_item::<_, IssuedCoupon>(stored).unwrap(), coupon);
            assert_eq!(json!(discount), record);
        }
    }

    #[test]
    fn a_record_with_a_discount_that_makes_no_sense_is_refused() {
        for discount in [
            json!({}),
            json!({ "kind": "GIFT", "value": 1 }),
            json!({ "kind": "FIXED" }),
            json!({ "kind": "FIXED", "value": -1 }),
            json!({ "kind": "FIXED", "value": 1, "maxDiscount": 1 }),
            json!({ "kind": "RATE" }),
            json!({ "kind": "RATE", "value": 101, "maxDiscount": 1 }),
            json!({ "kind": "FREE_SHIPPING", "value": 1 }),
            json!({ "kind": "FREE_SHIPPING", "maxDiscount": 1 }),
        ] {
            assert!(serde_json::from_value::<Terms>(discount.clone()).is_err(), "{discount}");
        }
    }
}
