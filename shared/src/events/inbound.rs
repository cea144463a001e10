//! The events that the shop takes from other systems.
//!
//! An inbound event is the detail of an entry on the bus, without an envelope. Its kind is the entry's `detail-type`.

use utoipa::{
    ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, SchemaType},
    },
};

use super::{Described, PaymentResult, RefundResult, WithdrawalResult};

/// The kind of an inbound event. The names are those on the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InboundKind {
    PaymentSucceeded,
    PaymentFailed,
    RefundSucceeded,
    RefundFailed,
    WithdrawalPaidOut,
    WithdrawalReturned,
}

impl InboundKind {
    pub const ALL: &[Self] = &[
        Self::PaymentSucceeded,
        Self::PaymentFailed,
        Self::RefundSucceeded,
        Self::RefundFailed,
        Self::WithdrawalPaidOut,
        Self::WithdrawalReturned,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::PaymentSucceeded => "PaymentSucceeded",
            Self::PaymentFailed => "PaymentFailed",
            Self::RefundSucceeded => "RefundSucceeded",
            Self::RefundFailed => "RefundFailed",
            Self::WithdrawalPaidOut => "WithdrawalPaidOut",
            Self::WithdrawalReturned => "WithdrawalReturned",
        }
    }

    /// The kind with this name; nothing if the shop takes none of it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// The version of its contract. Producers do not send it: they may use whatever any version of it accepts.
    pub fn version(self) -> u16 {
        1
    }

    /// The description and the shape of its events, for their contract. No function calls it.
    pub fn described(self) -> Described {
        let about = match self {
            Self::PaymentSucceeded => "The external payment system has the money of a payment.",
            Self::PaymentFailed => "A payment failed at the external payment system. No money moved.",
            Self::RefundSucceeded => "The money of a refund is back where it came from.",
            Self::RefundFailed => "The money of a refund could not be sent back.",
            Self::WithdrawalPaidOut => "The money of a withdrawal is on the user's account at the bank.",
            Self::WithdrawalReturned => "The money of a withdrawal could not be paid out, or came back.",
        };
        match self {
            Self::PaymentSucceeded | Self::PaymentFailed => described::<PaymentResult>(about),
            Self::RefundSucceeded | Self::RefundFailed => described::<RefundResult>(about),
            Self::WithdrawalPaidOut | Self::WithdrawalReturned => described::<WithdrawalResult>(about),
        }
    }
}

fn described<T: ToSchema>(about: &'static str) -> Described {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    Described { about, shape: traced(T::schema()), parts }
}

/// The shape with the field that any event may have, and that no handler reads itself.
fn traced(shape: RefOr<Schema>) -> RefOr<Schema> {
    let RefOr::T(Schema::Object(mut shape)) = shape else { return shape };
    // Without a type: a malformed trace must not cost a payment.
    let trace = ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .description(Some(
            "The `traceId` of the request: the work on this event continues it. Anything else is ignored.",
        ))
        .examples(["4dfb1d320b6e4d3c9a0f5a3f5c1c8d7e"]);
    shape.properties.insert("traceId".to_owned(), RefOr::T(trace.into()));
    RefOr::T(Schema::Object(shape))
}
