//! Failures as a caller sees them: the message for outside, never the one inside.

use std::iter;

use serde_json::{Value, json};

use super::{Code, FieldErrors};
use crate::{
    app::Failure,
    domain::{
        Refusal,
        coupon::CouponProblem,
        id::bucket,
        product::SaleWindow,
        refusal::{Entity, OpenBusiness},
    },
    store::StoreError,
};

#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("fields are invalid")]
    Fields(FieldErrors),
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The body exceeds [`MAX_BODY_BYTES`](super::MAX_BODY_BYTES).
    #[error("the body is too large")]
    TooLarge,
    /// The `Content-Type` of the body is not JSON.
    #[error("the body is not application/json")]
    NotJson,
    /// The path has other methods.
    #[error("method not allowed")]
    MethodNotAllowed(Vec<&'static str>),
}

impl From<FieldErrors> for ApiError {
    fn from(errors: FieldErrors) -> Self {
        Self::Fields(errors)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::Failed(refusal.into())
    }
}

impl ApiError {
    /// Turns a failure that is about a field into one of fields.
    pub(super) fn by_field(self) -> Self {
        match self {
            Self::Failed(Failure::Invalid(field, invalid)) => Self::Fields(FieldErrors::one(field, invalid)),
            other => other,
        }
    }

    pub fn code(&self) -> Code {
        match self {
            Self::Fields(_) | Self::Failed(Failure::Invalid(..)) => Code::InvalidRequest,
            Self::TooLarge => Code::PayloadTooLarge,
            Self::NotJson => Code::UnsupportedMediaType,
            Self::MethodNotAllowed(_) => Code::MethodNotAllowed,
            Self::Failed(Failure::Refused(refusal)) => code_of(refusal),
            Self::Failed(Failure::Store(StoreError::Busy(_))) => Code::TryAgain,
            Self::Failed(Failure::Store(_) | Failure::Internal(_)) => Code::InternalServerError,
        }
    }

    /// Figures that help to understand the failure.
    pub fn details(&self) -> Option<Value> {
        let Self::Failed(Failure::Refused(refusal)) = self else {
            return None;
        };
        match refusal {
            Refusal::NotFound { entity, id } => Some(match entity {
                Entity::User => json!({ "userId": id }),
                Entity::Product => json!({ "productId": id }),
                Entity::Coupon => json!({ "couponId": id }),
                Entity::Order => json!({ "orderId": id }),
                Entity::OrderItem => json!({ "itemId": id }),
                Entity::Parcel => json!({ "parcelId": id }),
                Entity::Claim => json!({ "claimId": id }),
                Entity::OrderSheet => json!({ "orderSheetId": id }),
                Entity::Payment => json!({ "paymentId": id }),
                Entity::Refund => json!({ "refundId": id }),
                Entity::Withdrawal => json!({ "withdrawalId": id }),
                Entity::Export => json!({ "exportId": id }),
                Entity::Drop => json!({ "dropId": id }),
                Entity::Path => return None,
            }),
            Refusal::NotOnSale { product_id } => Some(json!({ "productId": product_id })),
            Refusal::OutsideSaleWindow { product_id, window: SaleWindow { from, until } } => {
                let instants = [("saleFrom", *from), ("saleUntil", *until)];
                let instants = instants.into_iter().filter_map(|(name, at)| Some((name.to_owned(), json!(at?))));
                let product = ("productId".to_owned(), json!(product_id));
                Some(Value::Object(iter::once(product).chain(instants).collect()))
            }
            Refusal::StockNotEnough { product_id, requested, available } => {
                Some(json!({ "productId": product_id, "requested": requested, "available": available }))
            }
            Refusal::BalanceNotEnough { order_id: Some(order_id), payable, balance } => {
                Some(json!({ "orderId": order_id, "payable": payable, "balance": balance }))
            }
            Refusal::BalanceNotEnough { order_id: None, payable, balance } => {
                Some(json!({ "payable": payable, "balance": balance }))
            }
            Refusal::PriceChanged { product_id, quoted, current, offer_left } => Some(match offer_left {
                None => json!({ "productId": product_id, "quoted": quoted, "current": current }),
                Some(left) => {
                    json!({ "productId": product_id, "quoted": quoted, "current": current, "offerLeft": left })
                }
            }),
            Refusal::PayableChanged { quoted, current } => Some(json!({ "quoted": quoted, "current": current })),
            Refusal::OrderStateConflict { order_id, status, allowed } => {
                Some(json!({ "orderId": order_id, "status": status, "allowed": allowed }))
            }
            Refusal::LineStateConflict { order_id, item_id, status, allowed } => {
                Some(json!({ "orderId": order_id, "itemId": item_id, "status": status, "allowed": allowed }))
            }
            Refusal::ParcelStateConflict { order_id, parcel_id, status, allowed } => {
                Some(json!({ "orderId": order_id, "parcelId": parcel_id, "status": status, "allowed": allowed }))
            }
            Refusal::ClaimStateConflict { claim_id, status, allowed } => {
                Some(json!({ "claimId": claim_id, "status": status, "allowed": allowed }))
            }
            Refusal::UnitsNotClaimable { order_id, item_id, status, requested, available, allowed } => Some(json!({
                "orderId": order_id,
                "itemId": item_id,
                "status": status,
                "requested": requested,
                "available": available,
                "allowed": allowed,
            })),
            Refusal::UnitsNotAccounted { order_id, item_id, claimed, named } => {
                Some(json!({ "orderId": order_id, "itemId": item_id, "claimed": claimed, "named": named }))
            }
            Refusal::ClaimRefundChanged { quoted, current } => {
                Some(json!({ "quoted": quoted, "current": current.total, "refund": current }))
            }
            Refusal::RefundStateConflict { refund_id, status } => {
                Some(json!({ "refundId": refund_id, "status": status, "allowed": [] }))
            }
            Refusal::PaymentStateConflict { payment_id, status, allowed } => {
                Some(json!({ "paymentId": payment_id, "status": status, "allowed": allowed }))
            }
            Refusal::PaymentAmountMismatch { payment_id, amount, named } => {
                Some(json!({ "paymentId": payment_id, "amount": amount, "named": named }))
            }
            Refusal::WithdrawalStateConflict { withdrawal_id, status } => {
                Some(json!({ "withdrawalId": withdrawal_id, "status": status, "allowed": [] }))
            }
            Refusal::RefundTooHigh { payment_id, requested, available } => {
                Some(json!({ "paymentId": payment_id, "requested": requested, "available": available }))
            }
            Refusal::UnitsNotLeft { order_id, item_id, requested, available } => {
                Some(json!({ "orderId": order_id, "itemId": item_id, "requested": requested, "available": available }))
            }
            Refusal::SheetOrdered { order_sheet_id, order_id } => {
                Some(json!({ "orderSheetId": order_sheet_id, "orderId": order_id }))
            }
            Refusal::SheetExpired { order_sheet_id } => Some(json!({ "orderSheetId": order_sheet_id })),
            Refusal::AddressRequired { missing } => Some(json!({ "missing": missing })),
            Refusal::AddressSettled { order_id, status } => {
                Some(json!({ "orderId": order_id, "status": status, "allowed": [] }))
            }
            Refusal::OpenBusiness(OpenBusiness { orders, claims, payments, refunds, balance }) => Some(json!({
                "orders": orders, "claims": claims, "payments": payments, "refunds": refunds, "balance": balance,
            })),
            Refusal::CouponNotUsable { coupon_id, reason } => {
                let reason_name = reason.as_str();
                Some(match reason {
                    CouponProblem::BudgetExceeded { left } => {
                        json!({ "couponId": coupon_id, "reason": reason_name, "budgetLeft": left })
                    }
                    _ => json!({ "couponId": coupon_id, "reason": reason_name }),
                })
            }
            Refusal::CampaignStateConflict { coupon_id, status } => {
                Some(json!({ "couponId": coupon_id, "status": status, "allowed": [] }))
            }
            Refusal::AlreadyExists(entity) => Some(match entity {
                Entity::User => json!({ "field": "userId" }),
                Entity::Product => json!({ "field": "productId" }),
                Entity::Coupon => json!({ "field": "couponId" }),
                Entity::Drop => json!({ "field": "dropId" }),
                Entity::Order
                | Entity::OrderItem
                | Entity::Parcel
                | Entity::Claim
                | Entity::OrderSheet
                | Entity::Payment
                | Entity::Refund
                | Entity::Withdrawal
                | Entity::Export
                | Entity::Path => return None,
            }),
            Refusal::EmailTaken => Some(json!({ "field": "email" })),
            Refusal::LimitExceeded { limit, max } | Refusal::TooManyRequests { limit, max, .. } => {
                Some(json!({ "limit": limit, "max": max }))
            }
            Refusal::NotAdmitted { drop_id, problem, .. } => {
                Some(json!({ "dropId": drop_id, "reason": problem.as_str() }))
            }
            Refusal::PurchaseLimitExceeded { product_id, limit, left } => Some(json!({
                "limit": "perUser",
                "max": limit.per_user,
                "productId": product_id,
                "within": limit.within,
                "left": left,
            })),
            Refusal::Unauthenticated
            | Refusal::Forbidden
            | Refusal::UserNotActive
            | Refusal::CouponSoldOut
            | Refusal::CouponAlreadyIssued
            | Refusal::CouponNotIssuable
            | Refusal::PreconditionFailed
            | Refusal::IdempotencyKeyReused => None,
        }
    }

    /// The seconds until a retry, if one may help. Requests that found the shop busy at the same time are spread by
    /// their ids: those that came together would else come together again.
    pub(super) fn retry_after_s(&self, request_id: &str) -> Option<i64> {
        match self {
            Self::Failed(Failure::Refused(
                Refusal::TooManyRequests { retry_after_s, .. } | Refusal::NotAdmitted { retry_after_s, .. },
            )) => Some(*retry_after_s),
            Self::Failed(Failure::Store(StoreError::Busy(_))) => Some(1 + i64::from(bucket(request_id, BUSY_SPREAD_S))),
            _ => None,
        }
    }

    /// The cause that an operator should know and a caller should not.
    pub(crate) fn inside(&self) -> Option<String> {
        match self {
            Self::Failed(failure @ (Failure::Store(_) | Failure::Internal(_))) => Some(failure.to_string()),
            _ => None,
        }
    }
}

/// The seconds over which the retries of a busy shop are spread.
const BUSY_SPREAD_S: u16 = 3;

fn code_of(refusal: &Refusal) -> Code {
    match refusal {
        Refusal::NotFound { .. } => Code::EntityNotFound,
        Refusal::Unauthenticated => Code::Unauthenticated,
        Refusal::Forbidden => Code::Forbidden,
        Refusal::UserNotActive => Code::UserNotActive,
        Refusal::NotOnSale { .. } | Refusal::OutsideSaleWindow { .. } => Code::ProductNotOnSale,
        Refusal::StockNotEnough { .. } => Code::StockNotEnough,
        Refusal::BalanceNotEnough { .. } => Code::BalanceNotEnough,
        Refusal::PriceChanged { .. } | Refusal::PayableChanged { .. } | Refusal::ClaimRefundChanged { .. } => {
            Code::PriceChanged
        }
        Refusal::OrderStateConflict { .. }
        | Refusal::LineStateConflict { .. }
        | Refusal::ParcelStateConflict { .. }
        | Refusal::ClaimStateConflict { .. }
        | Refusal::UnitsNotClaimable { .. }
        | Refusal::UnitsNotAccounted { .. }
        | Refusal::RefundStateConflict { .. }
        | Refusal::PaymentStateConflict { .. }
        | Refusal::WithdrawalStateConflict { .. }
        | Refusal::CampaignStateConflict { .. }
        | Refusal::RefundTooHigh { .. }
        | Refusal::UnitsNotLeft { .. }
        | Refusal::SheetOrdered { .. }
        | Refusal::AddressSettled { .. }
        | Refusal::OpenBusiness(_) => Code::OrderStateConflict,
        Refusal::AddressRequired { .. } => Code::AddressRequired,
        Refusal::PaymentAmountMismatch { .. } => Code::PaymentAmountMismatch,
        Refusal::SheetExpired { .. } => Code::OrderSheetExpired,
        Refusal::CouponNotUsable { .. } => Code::CouponNotUsable,
        Refusal::CouponSoldOut => Code::CouponSoldOut,
        Refusal::CouponAlreadyIssued => Code::CouponAlreadyIssued,
        Refusal::CouponNotIssuable => Code::CouponNotIssuable,
        Refusal::AlreadyExists(_) | Refusal::EmailTaken => Code::AlreadyExists,
        Refusal::PreconditionFailed => Code::PreconditionFailed,
        Refusal::LimitExceeded { .. } | Refusal::PurchaseLimitExceeded { .. } => Code::LimitExceeded,
        Refusal::TooManyRequests { .. } | Refusal::NotAdmitted { .. } => Code::TooManyRequests,
        Refusal::IdempotencyKeyReused => Code::IdempotencyKeyReused,
    }
}
