//! Coupons.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::coupons::Remaining,
    domain::{
        CouponId, DropId, OrderId, ProductId, UserId, Won,
        coupon::{CampaignRow, CampaignStatus, CouponKind, CouponStatus, Discount, IssuedCoupon, Terms, Validity},
        scope::Scope,
    },
};

/// A campaign.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CouponCampaign)]
pub struct CampaignView {
    /// The campaign.
    pub coupon_id: CouponId,
    /// Its name.
    pub name: String,
    /// Its description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its state, as an admin sets it. Only an ACTIVE campaign issues coupons, within its window.
    pub status: CampaignStatus,
    /// The discount of its coupons.
    #[serde(flatten)]
    pub terms: TermsView,
    /// The number of coupons.
    pub total_quantity: i64,
    /// The number of issued coupons. It includes orphaned tickets until a sweep reclaims them, within some two minutes.
    pub issued_quantity: i64,
    /// The number of coupons left.
    pub remaining_quantity: i64,
    /// The number of counters over which the coupons are spread.
    pub counter_shards: u16,
    /// The most that all its coupons together take off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_total_discount: Option<Won>,
    /// The won left of that budget: orders spend them, and what is cancelled or returned gives its part back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_left: Option<Won>,
    /// The start of the issue.
    pub issue_from: Timestamp,
    /// The end of the issue, exclusive.
    pub issue_until: Timestamp,
    /// The number of days in Seoul for which a coupon is valid, the day of issue being the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_days: Option<u16>,
    /// The end of the validity of a coupon, exclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// The drop that guards it, if there is one. While that is enabled, an issue needs a ticket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop_id: Option<DropId>,
    /// The instant of its creation.
    pub created_at: Timestamp,
    /// The instant of the last change.
    pub updated_at: Timestamp,
}

/// The discount of a coupon.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CouponTerms)]
pub struct TermsView {
    /// The rule of the discount.
    pub kind: CouponKind,
    /// Won for `FIXED`, percent for `RATE`; `FREE_SHIPPING` has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<i64>,
    /// The most that a `RATE` takes off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_discount: Option<Won>,
    /// The minimum of an order: goods less their own discounts, those within the scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_order_amount: Option<Won>,
    /// The goods that the discount is on; all, if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeView>,
}

/// The goods that the discount of a coupon is on: one of the three.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CouponScope)]
pub struct ScopeView {
    /// These products.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_ids: Option<BTreeSet<ProductId>>,
    /// Products of these categories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub categories: Option<BTreeSet<String>>,
    /// Products of these sellers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_ids: Option<BTreeSet<UserId>>,
}

impl From<Scope> for ScopeView {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::ProductIds(ids) => Self { product_ids: Some(ids), ..Self::default() },
            Scope::Categories(names) => Self { categories: Some(names), ..Self::default() },
            Scope::SellerIds(ids) => Self { seller_ids: Some(ids), ..Self::default() },
        }
    }
}

impl From<Terms> for TermsView {
    fn from(Terms { discount, min_order_amount, scope }: Terms) -> Self {
        let (value, max_discount) = match discount {
            Discount::Fixed(amount) => (Some(amount.get()), None),
            Discount::Rate { percent, cap } => (Some(percent.get()), cap),
            Discount::FreeShipping => (None, None),
        };
        Self { kind: discount.kind(), value, max_discount, min_order_amount, scope: scope.map(ScopeView::from) }
    }
}

impl From<Remaining> for CampaignView {
    fn from(Remaining { campaign, remaining, budget_left }: Remaining) -> Self {
        let ((valid_days, valid_until), counter_shards) = (split(campaign.validity), campaign.counters());
        Self {
            updated_at: campaign.last_updated(),
            coupon_id: campaign.coupon_id,
            name: campaign.name,
            description: campaign.description,
            status: campaign.status,
            terms: campaign.terms.into(),
            total_quantity: campaign.total_quantity,
            issued_quantity: campaign.total_quantity.saturating_sub(remaining),
            remaining_quantity: remaining,
            counter_shards,
            max_total_discount: campaign.max_total_discount,
            budget_left,
            issue_from: campaign.issue_from,
            issue_until: campaign.issue_until,
            valid_days,
            valid_until,
            drop_id: campaign.drop_id,
            created_at: campaign.created_at,
        }
    }
}

/// A campaign that issues coupons now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OpenCampaign)]
pub struct OpenCampaignView {
    /// The campaign.
    pub coupon_id: CouponId,
    /// Its name.
    pub name: String,
    /// Its description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The discount of its coupons.
    #[serde(flatten)]
    pub terms: TermsView,
    /// The start of the issue.
    pub issue_from: Timestamp,
    /// The end of the issue, exclusive.
    pub issue_until: Timestamp,
    /// The number of days in Seoul for which a coupon is valid, the day of issue being the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_days: Option<u16>,
    /// The end of the validity of a coupon, exclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// Whether all coupons were gone at the last look, some two minutes ago at most. Coupons may come back after it.
    pub sold_out: bool,
}

impl From<CampaignRow> for OpenCampaignView {
    fn from(row: CampaignRow) -> Self {
        let (valid_days, valid_until) = split(row.validity);
        Self {
            coupon_id: row.coupon_id,
            name: row.name,
            description: row.description,
            terms: row.terms.into(),
            issue_from: row.issue_from,
            issue_until: row.issue_until,
            valid_days,
            valid_until,
            sold_out: row.sold_out,
        }
    }
}

/// The days or the end of a validity.
fn split(validity: Validity) -> (Option<u16>, Option<Timestamp>) {
    match validity {
        Validity::Days(days) => (Some(days), None),
        Validity::Until(instant) => (None, Some(instant)),
    }
}

/// A coupon of a user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IssuedCoupon)]
pub struct IssuedCouponView {
    /// The id of this one coupon.
    pub issued_coupon_id: String,
    /// The campaign.
    pub coupon_id: CouponId,
    /// The owner.
    pub user_id: UserId,
    /// The name of the campaign.
    pub name: String,
    /// The description of the campaign at the issue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its discount.
    #[serde(flatten)]
    pub terms: TermsView,
    /// Its state at this instant.
    pub status: CouponStatus,
    /// The instant of its issue.
    pub issued_at: Timestamp,
    /// The end of its validity, exclusive.
    pub expires_at: Timestamp,
    /// The instant of its use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
    /// The order that used it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
}

impl IssuedCouponView {
    /// The coupon as it is at this instant.
    pub fn at(now: Timestamp, coupon: IssuedCoupon) -> Self {
        Self {
            status: coupon.status(now),
            issued_coupon_id: coupon.issued_coupon_id,
            coupon_id: coupon.coupon_id,
            user_id: coupon.user_id,
            name: coupon.name,
            description: coupon.description,
            terms: coupon.terms.into(),
            issued_at: coupon.issued_at,
            expires_at: coupon.expires_at,
            used_at: coupon.used_at,
            order_id: coupon.order_id,
        }
    }
}
