//! Coupons.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    app::coupons::Remaining,
    domain::{
        CouponId, OrderId, UserId, Won,
        coupon::{CouponKind, CouponStatus, IssuedCoupon, Terms, Validity},
    },
};

/// A campaign.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the campaign")]
pub struct CampaignView {
    pub coupon_id: CouponId,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(flatten)]
    pub terms: TermsView,
    pub total_quantity: i64,
    pub issued_quantity: i64,
    pub remaining_quantity: i64,
    pub issue_from: Timestamp,
    pub issue_until: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_days: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
}

/// What a coupon takes off.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TermsView {
    pub kind: CouponKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_discount: Option<Won>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_order_amount: Option<Won>,
}

impl From<Terms> for TermsView {
    fn from(Terms { kind, value, max_discount, min_order_amount }: Terms) -> Self {
        let value = (kind != CouponKind::FreeShipping).then_some(value);
        Self { kind, value, max_discount, min_order_amount }
    }
}

impl From<Remaining> for CampaignView {
    fn from(Remaining { campaign, remaining }: Remaining) -> Self {
        let (valid_days, valid_until) = match campaign.validity {
            Validity::Days(days) => (Some(days), None),
            Validity::Until(instant) => (None, Some(instant)),
        };
        Self {
            coupon_id: campaign.coupon_id,
            name: campaign.name,
            description: campaign.description,
            terms: campaign.terms.into(),
            total_quantity: campaign.total_quantity,
            issued_quantity: campaign.total_quantity.saturating_sub(remaining),
            remaining_quantity: remaining,
            issue_from: campaign.issue_from,
            issue_until: campaign.issue_until,
            valid_days,
            valid_until,
        }
    }
}

/// A coupon that a user has.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the coupon")]
pub struct IssuedCouponView {
    pub issued_coupon_id: String,
    pub coupon_id: CouponId,
    pub user_id: UserId,
    pub name: String,
    #[serde(flatten)]
    pub terms: TermsView,
    pub status: CouponStatus,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
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
            terms: coupon.terms.into(),
            issued_at: coupon.issued_at,
            expires_at: coupon.expires_at,
            used_at: coupon.used_at,
            order_id: coupon.order_id,
        }
    }
}
