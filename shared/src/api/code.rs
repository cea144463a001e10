//! The codes of answers.

use lambda_http::http::StatusCode;

/// What went wrong, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the codes of the API, explained by their messages")]
pub enum Code {
    InvalidRequest,
    Unauthenticated,
    BalanceNotEnough,
    Forbidden,
    EntityNotFound,
    MethodNotAllowed,
    StockNotEnough,
    CouponSoldOut,
    CouponAlreadyIssued,
    CouponNotUsable,
    CouponNotIssuable,
    ProductNotOnSale,
    UserNotActive,
    AlreadyExists,
    LimitExceeded,
    PayloadTooLarge,
    UnsupportedMediaType,
    IdempotencyKeyReused,
    InternalServerError,
    TryAgain,
}

impl Code {
    /// The code's name in an answer.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "INVALID_REQUEST",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::BalanceNotEnough => "BALANCE_NOT_ENOUGH",
            Self::Forbidden => "FORBIDDEN",
            Self::EntityNotFound => "ENTITY_NOT_FOUND",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::StockNotEnough => "STOCK_NOT_ENOUGH",
            Self::CouponSoldOut => "COUPON_SOLD_OUT",
            Self::CouponAlreadyIssued => "COUPON_ALREADY_ISSUED",
            Self::CouponNotUsable => "COUPON_NOT_USABLE",
            Self::CouponNotIssuable => "COUPON_NOT_ISSUABLE",
            Self::ProductNotOnSale => "PRODUCT_NOT_ON_SALE",
            Self::UserNotActive => "USER_NOT_ACTIVE",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::IdempotencyKeyReused => "IDEMPOTENCY_KEY_REUSED",
            Self::InternalServerError => "INTERNAL_SERVER_ERROR",
            Self::TryAgain => "TRY_AGAIN",
        }
    }

    /// The status that goes with it.
    pub fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::BalanceNotEnough => StatusCode::PAYMENT_REQUIRED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::EntityNotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::StockNotEnough
            | Self::CouponSoldOut
            | Self::CouponAlreadyIssued
            | Self::CouponNotUsable
            | Self::CouponNotIssuable
            | Self::ProductNotOnSale
            | Self::UserNotActive
            | Self::AlreadyExists
            | Self::LimitExceeded => StatusCode::CONFLICT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::IdempotencyKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::InternalServerError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TryAgain => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}
