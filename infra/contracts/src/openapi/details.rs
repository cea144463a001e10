//! The details of failures, a schema for each code that has them.
//!
//! `ApiError::details` makes them value by value, so no derive knows their shape. Every answer in a test is compared with
//! these schemas (`tests/src/contract.rs`): a detail that none describes fails the test.
//!
//! One schema stands for all refusals with a code. Those of `ORDER_STATE_CONFLICT` name different things, so its fields
//! are optional. A schema for each refusal was rejected: nothing in an answer would say which of them it follows.

use shared::api::Code;
use utoipa::openapi::{
    Ref, RefOr, Schema,
    schema::{Array, Object, ObjectBuilder, Type},
};

/// The shape of a detail.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Text,
    Texts,
    Won,
    Number,
    /// The money of a claim.
    ClaimRefund,
}

use Shape::{ClaimRefund, Number, Text, Texts, Won};

/// A detail: its name, its shape, its meaning.
pub(crate) type Detail = (&'static str, Shape, &'static str);

/// The details of a code.
pub(crate) struct Details {
    /// Details of each failure with the code.
    pub(crate) always: &'static [Detail],
    /// Details of some.
    pub(crate) sometimes: &'static [Detail],
}

impl Details {
    /// Whether each failure with the code has details.
    pub(crate) fn are_certain(&self) -> bool {
        !self.always.is_empty()
    }

    pub(crate) fn schema(&self) -> RefOr<Schema> {
        let all = self.always.iter().chain(self.sometimes);
        let object = all
            .fold(ObjectBuilder::new(), |object, (name, shape, meaning)| object.property(*name, shape.schema(meaning)));
        self.always.iter().fold(object, |object, (name, ..)| object.required(*name)).into()
    }
}

impl Shape {
    /// The type in Python.
    pub(crate) fn python(self) -> &'static str {
        match self {
            Text => "str",
            Texts => "list[str]",
            Won | Number => "int",
            ClaimRefund => "dict[str, int]",
        }
    }

    fn schema(self, meaning: &str) -> RefOr<Schema> {
        let described = |kind| ObjectBuilder::new().schema_type(kind).description(Some(meaning));
        let referred = |name: &str| {
            let mut reference = Ref::from_schema_name(name);
            reference.description = meaning.to_owned();
            reference
        };
        match self {
            Text => described(Type::String).into(),
            Number => described(Type::Integer).into(),
            Won => referred("Won").into(),
            ClaimRefund => referred("ClaimRefund").into(),
            Texts => {
                let mut list = Array::new(Object::with_type(Type::String));
                list.description = Some(meaning.to_owned());
                RefOr::T(Schema::Array(list))
            }
        }
    }
}

/// The details of a code, if it has any.
pub(crate) fn of(code: Code) -> Option<Details> {
    let (always, sometimes): (&[Detail], &[Detail]) = match code {
        Code::EntityNotFound => (&[], MISSING),
        Code::BalanceNotEnough => (
            &[("payable", Won, "The amount to pay."), ("balance", Won, "The balance.")],
            &[("orderId", Text, "The order kept as `PAYMENT_FAILED`.")],
        ),
        Code::StockNotEnough => (
            &[
                ("productId", Text, "The product."),
                ("requested", Number, "The units requested."),
                ("available", Number, "The units available."),
            ],
            &[],
        ),
        Code::CouponNotUsable => (
            &[
                ("couponId", Text, "The coupon."),
                ("reason", Text, "The reason, such as `USED` or `EXPIRED`. New ones may appear."),
            ],
            &[("budgetLeft", Won, "The won left of the campaign's budget, if the discount is above it.")],
        ),
        Code::ProductNotOnSale => (
            &[("productId", Text, "The product.")],
            &[
                ("saleFrom", Text, "The begin of its sale, if it is sold at another time."),
                ("saleUntil", Text, "The end of its sale, if it is sold at another time."),
            ],
        ),
        Code::PriceChanged => (
            &[("quoted", Won, "The figure that the caller expected."), ("current", Won, "The current figure.")],
            &[
                ("productId", Text, "The product, if a price of a unit differs."),
                ("offerLeft", Number, "The units left at the timed offer that runs, if they are too few for the line."),
                ("refund", ClaimRefund, "The current preview, if the refund of a claim differs."),
            ],
        ),
        Code::OrderStateConflict => (&[], CONFLICT),
        Code::AddressRequired => (&[("missing", Texts, "The missing fields of the address.")], &[]),
        Code::PaymentAmountMismatch => (
            &[
                ("paymentId", Text, "The payment session."),
                ("amount", Won, "The amount to pay."),
                ("named", Won, "The amount that the caller named."),
            ],
            &[],
        ),
        Code::OrderSheetExpired => (&[("orderSheetId", Text, "The order sheet.")], &[]),
        Code::AlreadyExists => (&[], &[("field", Text, "The field whose value is taken.")]),
        Code::LimitExceeded => (
            LIMIT,
            &[
                ("productId", Text, "The product, if its purchase limit is exceeded: the limit is `perUser`."),
                ("within", Text, "The time within which that limit counts: `EVER` or `DAY`."),
                ("left", Number, "The units of it that the user may still order."),
            ],
        ),
        Code::TooManyRequests => (&[], WAIT),
        Code::InvalidRequest
        | Code::Unauthenticated
        | Code::Forbidden
        | Code::MethodNotAllowed
        | Code::CouponSoldOut
        | Code::CouponAlreadyIssued
        | Code::CouponNotIssuable
        | Code::UserNotActive
        | Code::PreconditionFailed
        | Code::PayloadTooLarge
        | Code::UnsupportedMediaType
        | Code::IdempotencyKeyReused
        | Code::InternalServerError
        | Code::TryAgain => return None,
    };
    Some(Details { always, sometimes })
}

/// The id of the missing thing, under the name of its kind.
const MISSING: &[Detail] = &[
    ("userId", Text, "The user."),
    ("productId", Text, "The product."),
    ("couponId", Text, "The coupon."),
    ("orderId", Text, "The order."),
    ("itemId", Text, "The line of the order."),
    ("parcelId", Text, "The parcel."),
    ("claimId", Text, "The claim."),
    ("orderSheetId", Text, "The order sheet."),
    ("paymentId", Text, "The payment session."),
    ("refundId", Text, "The refund."),
    ("withdrawalId", Text, "The withdrawal."),
    ("exportId", Text, "The export."),
    ("dropId", Text, "The drop."),
];

const LIMIT: &[Detail] = &[("limit", Text, "The name of the limit."), ("max", Number, "The most that it allows.")];

const WAIT: &[Detail] = &[
    ("limit", Text, "The name of the limit, if the user has asked for too much."),
    ("max", Number, "The most that it allows."),
    ("dropId", Text, "The drop, if its line has not admitted the user."),
    ("reason", Text, "The reason, such as `TICKET_MISSING` or `TICKET_WAITING`. New ones may appear."),
];

const CONFLICT: &[Detail] = &[
    ("couponId", Text, "The coupon."),
    ("orderId", Text, "The order."),
    ("itemId", Text, "The line of the order."),
    ("parcelId", Text, "The parcel."),
    ("claimId", Text, "The claim."),
    ("refundId", Text, "The refund."),
    ("paymentId", Text, "The payment session."),
    ("withdrawalId", Text, "The withdrawal."),
    ("orderSheetId", Text, "The order sheet."),
    ("status", Text, "Its present state."),
    ("allowed", Texts, "The states or actions that its state allows."),
    ("requested", Number, "The units, or the won, requested."),
    ("available", Number, "The units, or the won, available."),
    ("claimed", Number, "The units of the claim."),
    ("named", Number, "The units that the receipt names."),
    ("orders", Number, "Open orders of the user."),
    ("claims", Number, "Open claims of the user."),
    ("payments", Number, "Open payment sessions of the user."),
    ("refunds", Number, "Open refunds of the user."),
    ("balance", Won, "The balance of the user."),
];
