//! Schemas of the domain's types, for the API reference and the contracts of events. The bounds are those of their
//! parsers.
//!
//! Enums derive their schema, and so do the shapes of bodies and answers. Here are the types that check a string or a
//! number: a derive could not take their bounds from constants.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Ref, RefOr, Schema,
        schema::{AnyOfBuilder, ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, Type},
    },
};

use super::{
    Code, Cursor, Limit, RecentStock,
    cursor::{List, ProductsCursor},
    views::State,
};
use crate::{
    domain::{
        ClaimId, CouponId, DropId, ExportId, OrderId, OrderItemId, OrderSheetId, ParcelId, PaymentId, ProductId,
        Quantity, UserId, WithdrawalId, Won,
        coupon::{AddedQuantity, TotalQuantity, ValidDays},
        drops::DropTicket,
        id,
        inventory::{ShardCount, Units, UnitsChange},
        money::{AdjustmentAmount, ChargeAmount, Payable, PositiveAmount, Price},
        order::{LineStatus, OrderStatus},
        provider::PaymentKey,
        purchase_limit::UnitsPerUser,
        text::{Email, Text},
        tickets::CounterShards,
        time::Instant,
        timed_offer::OfferQuantity,
    },
    platform::trace::TraceId,
};

macro_rules! schemas {
    ($($type:ident: $schema:expr;)+) => {
        $(
            impl PartialSchema for $type {
                fn schema() -> RefOr<Schema> {
                    $schema.into()
                }
            }

            impl ToSchema for $type {
                fn name() -> Cow<'static, str> {
                    Cow::Borrowed(stringify!($type))
                }
            }
        )+
    };
}

schemas! {
    UserId: id("Names a user.", "mina");
    ProductId: id("Names a product.", "hallabong-tea");
    CouponId: id("Names a coupon campaign.", "welcome-5000");
    OrderItemId: id("Names a line within its order.", "1");
    ParcelId: id("Names a parcel within its order.", "1");
    ClaimId: id("Names a claim.", "claim_1_kq3d6s7wz5x2v4mb8n1t9c0rfa");
    OrderSheetId: id("Names an order sheet.", "wz5x2v4mb8n1t9c0rfakq3d6s7");
    OrderId: id("Names an order.", "kq3d6s7wz5x2v4mb8n1t9c0rfa");
    PaymentId: id("Names a payment from outside.", "order_kq3d6s7wz5x2v4mb8n1t9c0rfa");
    WithdrawalId: id("Names a withdrawal.", "c0rfakq3d6s7wz5x2v4mb8n1t9");
    ExportId: id("Names an export.", "x2v4mb8n1t9c0rfakq3d6s7wz5");
    DropId: id("Names a drop.", "black-friday");
    DropTicket: string("A ticket of a drop: opaque, as the entry gave it.")
        .min_length(Some(DropTicket::LENGTH))
        .max_length(Some(DropTicket::LENGTH))
        .pattern(Some("^[A-Za-z0-9_-]+$"));
    PaymentKey: string("The provider's own name of a payment.")
        .min_length(Some(1))
        .max_length(Some(PaymentKey::MAX_LENGTH))
        .examples(["tgen_20261126172042abcd1"]);
    TraceId: string("Names a trace, as in the header `traceparent`.")
        .pattern(Some(TraceId::PATTERN))
        .examples(["4dfb1d320b6e4d3c9a0f5a3f5c1c8d7e"]);

    Won: integer("An amount in Korean won. Below zero only where it is a change, as in a ledger entry of a payment.")
        .examples([12_000]);
    ChargeAmount: bounded("What one charge adds, in won.", ChargeAmount::MIN, ChargeAmount::MAX)
        .multiple_of(Some(ChargeAmount::STEP))
        .examples([50_000]);
    Price: bounded("The price of one unit, or what is taken off it, in won.", Price::MIN, Price::MAX)
        .examples([12_000]);
    AdjustmentAmount: bounded(
        "The amount to add to a balance, or to take off it where below zero; never 0.",
        AdjustmentAmount::MIN,
        AdjustmentAmount::MAX,
    )
    .examples([-3_000]);
    PositiveAmount: bounded("An amount that moves, in won.", PositiveAmount::MIN, PositiveAmount::MAX)
        .examples([50_000]);
    Payable: bounded("What an order comes to, in won.", Payable::MIN, Payable::MAX).examples([27_000]);
    Quantity: bounded("Units of one product in one order.", Quantity::MIN, Quantity::MAX).examples([2]);
    Units: bounded("Units on a new shelf.", Units::MIN, Units::MAX).examples([100]);
    UnitsChange: bounded(
        "Units to add to the stock, or to take off where below zero; never 0.",
        UnitsChange::MIN,
        UnitsChange::MAX,
    )
    .examples([50]);
    ShardCount: bounded(
        "Over how many shards the stock is spread: the more, the more orders a second can take from it.",
        ShardCount::MIN,
        ShardCount::MAX,
    )
    .default(Some(ShardCount::default().get().into()))
    .examples([8]);
    OfferQuantity: bounded("The units that are sold at an offer.", OfferQuantity::MIN, OfferQuantity::MAX).examples([100]);
    UnitsPerUser: bounded("The most units for each user.", UnitsPerUser::MIN, UnitsPerUser::MAX).examples([1]);
    AddedQuantity: bounded("How many coupons are added.", AddedQuantity::MIN, AddedQuantity::MAX).examples([500]);
    TotalQuantity: bounded("How many coupons there are.", TotalQuantity::MIN, TotalQuantity::MAX).examples([1_000]);
    CounterShards: bounded(
        "Over how many counters a campaign is spread.",
        CounterShards::MIN,
        CounterShards::MAX,
    );
    ValidDays: bounded(
        "For how many calendar days in Seoul a coupon is valid, the day of issue being the first.",
        ValidDays::MIN,
        ValidDays::MAX,
    )
    .examples([30]);

    Email: string("An e-mail address.")
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Email)))
        .max_length(Some(Email::MAX_LENGTH))
        .examples(["mina@example.com"]);
    Instant: string("An instant in RFC 3339 to the letter (section 5.6), with any offset; kept to the millisecond.")
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .examples(["2026-12-01T09:00:00+09:00"]);

    Limit: bounded("How many entries of a list to give.", Limit::MIN, Limit::MAX)
        .default(Some(Limit::DEFAULT.into()))
        .examples([Limit::DEFAULT]);
    RecentStock: one_of(&[RecentStock::NAME]);
    // Some names are states of both, so that one schema of the two would be too strict.
    State: AnyOfBuilder::new()
        .description(Some("The state of an order or of one of its lines."))
        .item(Ref::from_schema_name(OrderStatus::name()))
        .item(Ref::from_schema_name(LineStatus::name()));
    Code: string("What went wrong, for programs.").enum_values(Some(Code::ALL.iter().map(|code| code.as_str())));
}

impl<L: List> PartialSchema for Cursor<L> {
    fn schema() -> RefOr<Schema> {
        let example = ProductsCursor::to("", "1795143600000#hallabong-tea").encode();
        string("A place in a list: opaque, as `nextCursor` gave it.").examples([example]).into()
    }
}

impl<L: List> ToSchema for Cursor<L> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Cursor")
    }
}

impl<const MAX: usize, const LONG: bool> PartialSchema for Text<MAX, LONG> {
    fn schema() -> RefOr<Schema> {
        const ONE_LINE: &str = "A text with a visible character, stored and measured in Unicode's Normalization Form C. \
            Control characters and overrides of the text's direction are refused.";
        const LINES: &str = "A text with a visible character, stored and measured in Unicode's Normalization Form C. \
            Overrides of the text's direction are refused, and control characters other than tabs and line breaks.";
        // Something other than white space: a pattern cannot express all of the rule.
        string(if LONG { LINES } else { ONE_LINE })
            .min_length(Some(1))
            .max_length(Some(MAX))
            .pattern(Some("\\S"))
            .into()
    }
}

impl<const MAX: usize, const LONG: bool> ToSchema for Text<MAX, LONG> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("Text{MAX}"))
    }
}

/// A schema by its name, or null: an optional field of a change, which null clears.
pub fn nullable<T: ToSchema>() -> RefOr<Schema> {
    let null = ObjectBuilder::new().schema_type(Type::Null);
    AnyOfBuilder::new()
        .description(Some("Null clears the field."))
        .item(Ref::from_schema_name(T::name()))
        .item(null)
        .into()
}

/// A list of at most so many of a schema by its name, or null: an optional field of a change, which null clears.
pub fn nullable_list<T: ToSchema, const MAX: usize>() -> RefOr<Schema> {
    let null = ObjectBuilder::new().schema_type(Type::Null);
    AnyOfBuilder::new()
        .description(Some("The new list, which replaces the one before. Null clears the field."))
        .item(ArrayBuilder::new().items(Ref::from_schema_name(T::name())).max_items(Some(MAX)))
        .item(null)
        .into()
}

/// A schema by its name, or null, by which a setting follows the demand.
pub fn automatic_or<T: ToSchema>() -> RefOr<Schema> {
    let null = ObjectBuilder::new().schema_type(Type::Null);
    AnyOfBuilder::new().description(Some(PINS)).item(Ref::from_schema_name(T::name())).item(null).into()
}

const PINS: &str = "A value stays until an admin changes it. Null lets it follow the demand. By admins only.";

/// A switch, or null, by which a setting follows the demand.
pub fn automatic_or_switch() -> RefOr<Schema> {
    let (switch, null) =
        (ObjectBuilder::new().schema_type(Type::Boolean), ObjectBuilder::new().schema_type(Type::Null));
    AnyOfBuilder::new().description(Some(PINS)).item(switch).item(null).into()
}

/// A string that is one of these names.
pub fn one_of(names: &[&str]) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names.iter().copied()))
}

fn id(description: &str, example: &str) -> ObjectBuilder {
    string(description).pattern(Some(format!("^[A-Za-z0-9_-]{{1,{}}}$", id::MAX_LENGTH))).examples([example])
}

/// A whole number within bounds, both inclusive.
pub fn bounded(description: &str, min: i64, max: i64) -> ObjectBuilder {
    integer(description).minimum(Some(min)).maximum(Some(max))
}

fn integer(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .description(Some(description))
}

fn string(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description))
}
