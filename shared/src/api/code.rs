//! The codes of answers.

use lambda_http::http::StatusCode;
use serde::{Serialize, Serializer};

/// One table: a code, its name in an answer, and its status.
macro_rules! codes {
    ($($code:ident => $name:literal, $status:ident;)+) => {
        /// The code of a failure, for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($code,)+
        }

        impl Code {
            pub const ALL: &[Self] = &[$(Self::$code),+];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)+
                }
            }

            pub fn status(self) -> StatusCode {
                match self {
                    $(Self::$code => StatusCode::$status,)+
                }
            }
        }
    };
}

codes! {
    InvalidRequest => "INVALID_REQUEST", BAD_REQUEST;
    Unauthenticated => "UNAUTHENTICATED", UNAUTHORIZED;
    BalanceNotEnough => "BALANCE_NOT_ENOUGH", PAYMENT_REQUIRED;
    Forbidden => "FORBIDDEN", FORBIDDEN;
    EntityNotFound => "ENTITY_NOT_FOUND", NOT_FOUND;
    MethodNotAllowed => "METHOD_NOT_ALLOWED", METHOD_NOT_ALLOWED;
    StockNotEnough => "STOCK_NOT_ENOUGH", CONFLICT;
    CouponSoldOut => "COUPON_SOLD_OUT", CONFLICT;
    CouponAlreadyIssued => "COUPON_ALREADY_ISSUED", CONFLICT;
    CouponNotUsable => "COUPON_NOT_USABLE", CONFLICT;
    CouponNotIssuable => "COUPON_NOT_ISSUABLE", CONFLICT;
    ProductNotOnSale => "PRODUCT_NOT_ON_SALE", CONFLICT;
    PriceChanged => "PRICE_CHANGED", CONFLICT;
    OrderStateConflict => "ORDER_STATE_CONFLICT", CONFLICT;
    AddressRequired => "ADDRESS_REQUIRED", CONFLICT;
    PaymentAmountMismatch => "PAYMENT_AMOUNT_MISMATCH", CONFLICT;
    OrderSheetExpired => "ORDER_SHEET_EXPIRED", CONFLICT;
    UserNotActive => "USER_NOT_ACTIVE", CONFLICT;
    AlreadyExists => "ALREADY_EXISTS", CONFLICT;
    LimitExceeded => "LIMIT_EXCEEDED", CONFLICT;
    PreconditionFailed => "PRECONDITION_FAILED", PRECONDITION_FAILED;
    PayloadTooLarge => "PAYLOAD_TOO_LARGE", PAYLOAD_TOO_LARGE;
    UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE", UNSUPPORTED_MEDIA_TYPE;
    IdempotencyKeyReused => "IDEMPOTENCY_KEY_REUSED", UNPROCESSABLE_ENTITY;
    TooManyRequests => "TOO_MANY_REQUESTS", TOO_MANY_REQUESTS;
    InternalServerError => "INTERNAL_SERVER_ERROR", INTERNAL_SERVER_ERROR;
    TryAgain => "TRY_AGAIN", SERVICE_UNAVAILABLE;
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
