//! Parsing of fields: all faults are found, not only the first.

use std::ops::ControlFlow;

use deserr::{DeserializeError, Deserr, ErrorKind, IntoValue, MergeWithError, Value, ValueKind, ValuePointerRef};

use super::{Cursor, Language, cursor::List, envelope::FieldError};
use crate::domain::{
    ClaimId, CouponId, DropId, Invalid, OrderId, OrderItemId, OrderSheetId, ParcelId, Patch, PaymentId, ProductId,
    Quantity, UserId, WithdrawalId, bounded,
    coupon::{AddedQuantity, CampaignStatus, CouponKind, TotalQuantity, ValidDays},
    drops::DropTicket,
    export::ExportKind,
    invalid::Kind,
    inventory::{ShardCount, Units, UnitsChange},
    money::{AdjustmentAmount, ChargeAmount, Payable, PositiveAmount, Price},
    order::{ClaimReason, ClaimStatus, ClaimType, LineStatus, OrderStatus, ParcelStatus, PayBy, Tender, UnitCondition},
    product::{InitialStatus, SaleStatus},
    provider::PaymentKey,
    purchase_limit::{UnitsPerUser, Within},
    text::{Email, Text},
    tickets::CounterShards,
    time::Instant,
    timed_offer::OfferQuantity,
    user::{UserKind, UserStatus},
    withdrawal::WithdrawalStatus,
};

/// The wrong fields of a request, each with its fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<(String, Invalid)>);

impl FieldErrors {
    /// One wrong field.
    pub fn one(field: impl Into<String>, invalid: Invalid) -> Self {
        Self(vec![(field.into(), invalid)])
    }

    /// Adds a wrong field.
    pub fn push(&mut self, field: impl Into<String>, invalid: Invalid) {
        self.0.push((field.into(), invalid));
    }

    /// Succeeds if no field is wrong.
    ///
    /// # Errors
    /// If any is: all of them.
    pub fn check(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(field, _)| field.as_str())
    }

    pub(super) fn sentences(&self, language: Language) -> Vec<FieldError> {
        let sentence = |(field, invalid): &(String, Invalid)| FieldError {
            field: field.clone(),
            message: super::messages::of_field(invalid, language),
        };
        self.0.iter().map(sentence).collect()
    }
}

/// Returns both values, or the faults of both.
///
/// # Errors
/// If either is wrong: the faults of both together.
pub fn both<A, B>(a: Result<A, FieldErrors>, b: Result<B, FieldErrors>) -> Result<(A, B), FieldErrors> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(mut a), Err(b)) => {
            a.0.extend(b.0);
            Err(a)
        }
        (Err(errors), Ok(_)) | (Ok(_), Err(errors)) => Err(errors),
    }
}

impl DeserializeError for FieldErrors {
    fn error<V: IntoValue>(
        self_: Option<Self>,
        error: ErrorKind<V>,
        location: ValuePointerRef,
    ) -> ControlFlow<Self, Self> {
        let (field, invalid) = match error {
            ErrorKind::IncorrectValueKind { actual: Value::Null, .. } => (field_path(location), Invalid::Required),
            ErrorKind::IncorrectValueKind { accepted, .. } => (field_path(location), Invalid::NotA(kind(accepted))),
            ErrorKind::MissingField { field } => (field_path(location.push_key(field)), Invalid::Required),
            ErrorKind::UnknownKey { key, .. } => (field_path(location.push_key(key)), Invalid::Unknown),
            // Our own types give these errors; the rest are numbers too large for any field.
            ErrorKind::UnknownValue { .. } | ErrorKind::BadSequenceLen { .. } | ErrorKind::Unexpected { .. } => {
                (field_path(location), Invalid::NotA(Kind::Integer))
            }
        };
        let mut errors = self_.unwrap_or_default();
        errors.push(field, invalid);
        ControlFlow::Continue(errors)
    }
}

impl MergeWithError<Self> for FieldErrors {
    fn merge(self_: Option<Self>, other: Self, _location: ValuePointerRef) -> ControlFlow<Self, Self> {
        let mut errors = self_.unwrap_or_default();
        errors.0.extend(other.0);
        ControlFlow::Continue(errors)
    }
}

impl MergeWithError<Invalid> for FieldErrors {
    fn merge(self_: Option<Self>, invalid: Invalid, location: ValuePointerRef) -> ControlFlow<Self, Self> {
        let mut errors = self_.unwrap_or_default();
        errors.push(field_path(location), invalid);
        ControlFlow::Continue(errors)
    }
}

fn kind(accepted: &[ValueKind]) -> Kind {
    match accepted.first() {
        Some(ValueKind::Integer | ValueKind::NegativeInteger | ValueKind::Float) => Kind::Integer,
        Some(ValueKind::Boolean) => Kind::Boolean,
        Some(ValueKind::Sequence) => Kind::List,
        Some(ValueKind::Map) => Kind::Object,
        Some(ValueKind::String | ValueKind::Null) | None => Kind::String,
    }
}

/// The path of a field, such as `items[0].quantity`; `body` for the whole body.
pub fn field_path(location: ValuePointerRef) -> String {
    match location {
        ValuePointerRef::Origin => "body".to_owned(),
        ValuePointerRef::Key { key, prev: ValuePointerRef::Origin } => key.to_owned(),
        ValuePointerRef::Key { key, prev } => format!("{}.{key}", field_path(*prev)),
        ValuePointerRef::Index { index, prev } => format!("{}[{index}]", field_path(*prev)),
    }
}

/// Lets a type of the domain be the type of a field: the JSON type first, then the domain's own rule.
macro_rules! field {
    ($raw:ty => $($type:ty),+ $(,)?) => {
        $(impl Deserr<FieldErrors> for $type {
            fn deserialize_from_value<V: IntoValue>(
                value: Value<V>,
                location: ValuePointerRef,
            ) -> Result<Self, FieldErrors> {
                let raw = <$raw as Deserr<FieldErrors>>::deserialize_from_value(value, location)?;
                Self::try_from(raw).map_err(|invalid| FieldErrors::one(field_path(location), invalid))
            }
        })+
    };
}

field!(
    String => UserId, ProductId, CouponId, OrderId, OrderItemId, OrderSheetId, ParcelId, Email, Instant, UserKind,
    UserStatus, SaleStatus, InitialStatus, Within, CampaignStatus, CouponKind, LineStatus, ParcelStatus, OrderStatus, PayBy, Limit,
    RecentStock, PaymentId, PaymentKey, WithdrawalId, WithdrawalStatus, Tender,
    ClaimId, ClaimType, ClaimStatus, ClaimReason, UnitCondition, ExportKind, DropId, DropTicket,
);
field!(i64 => ChargeAmount, AdjustmentAmount, PositiveAmount, Payable, Price, Quantity, Units, UnitsChange, ShardCount, UnitsPerUser, OfferQuantity, TotalQuantity, AddedQuantity, ValidDays, CounterShards);

impl<const MAX: usize, const LONG: bool> Deserr<FieldErrors> for Text<MAX, LONG> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef) -> Result<Self, FieldErrors> {
        let text = <String as Deserr<FieldErrors>>::deserialize_from_value(value, location)?;
        Self::try_from(text).map_err(|invalid| FieldErrors::one(field_path(location), invalid))
    }
}

impl<L: List> Deserr<FieldErrors> for Cursor<L> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef) -> Result<Self, FieldErrors> {
        let text = <String as Deserr<FieldErrors>>::deserialize_from_value(value, location)?;
        Self::try_from(text).map_err(|invalid| FieldErrors::one(field_path(location), invalid))
    }
}

/// The number of entries to return: 1 to 100, by default 20.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(usize);

impl Limit {
    pub const MIN: i64 = 1;
    pub const MAX: i64 = 100;
    pub const DEFAULT: usize = 20;

    pub fn get(self) -> usize {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(Self::DEFAULT)
    }
}

impl TryFrom<String> for Limit {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let number = bounded::in_range(text.parse().map_err(|_| Invalid::NotA(Kind::Integer))?, Self::MIN, Self::MAX)?;
        usize::try_from(number).map(Self).map_err(|_| Invalid::NotA(Kind::Integer))
    }
}

/// The query parameter `stock`, which has one value: stock may be up to a second old, and is cached for the rest of
/// that second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecentStock;

impl RecentStock {
    pub const NAME: &'static str = "recent";
}

impl TryFrom<String> for RecentStock {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        if text == Self::NAME { Ok(Self) } else { Err(Invalid::OneOf(vec![Self::NAME])) }
    }
}

/// A field of a change that can be left out, but not be null: it always has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotNull<T>(Option<T>);

impl<T> NotNull<T> {
    pub fn get(self) -> Option<T> {
        self.0
    }

    /// Whether the request has the field.
    pub fn is_named(&self) -> bool {
        self.0.is_some()
    }
}

impl<T> Default for NotNull<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Deserr<FieldErrors>> Deserr<FieldErrors> for NotNull<T> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef) -> Result<Self, FieldErrors> {
        if matches!(value, Value::Null) {
            return Err(FieldErrors::one(field_path(location), Invalid::Required));
        }
        T::deserialize_from_value(value, location).map(|value| Self(Some(value)))
    }
}

impl<T: Deserr<FieldErrors>> Deserr<FieldErrors> for Patch<T> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef) -> Result<Self, FieldErrors> {
        match value {
            Value::Null => Ok(Self::Clear),
            value => T::deserialize_from_value(value, location).map(Self::Set),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserr)]
    #[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
    #[expect(dead_code, reason = "what is wrong with it is looked at, never what is right")]
    struct Line {
        product_id: ProductId,
        quantity: Quantity,
    }

    #[derive(Debug, Deserr)]
    #[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
    #[expect(dead_code, reason = "what is wrong with it is looked at, never what is right")]
    struct Body {
        user_id: UserId,
        #[deserr(default)]
        amount: Option<ChargeAmount>,
        #[deserr(default)]
        items: Option<Vec<Line>>,
    }

    fn errors(json: &str) -> Vec<(String, Invalid)> {
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        let result: Result<Body, FieldErrors> = deserr::deserialize(value);
        result.unwrap_err().0
    }

    #[test]
    fn every_bad_field_is_named() {
        let found = errors(
            r#"{"userId":"a b","amount":150,"extra":1,"items":[{"productId":"tea","quantity":0},{"quantity":"1"}]}"#,
        );
        let mut fields: Vec<_> = found.iter().map(|(field, _)| field.as_str()).collect();
        fields.sort_unstable();
        assert_eq!(
            fields,
            ["amount", "extra", "items[0].quantity", "items[1].productId", "items[1].quantity", "userId"]
        );
    }

    #[test]
    fn a_number_is_an_integer() {
        for bad in ["1.5", "\"1000\"", "true", "[]", "{}", "9223372036854775808", "1e30", "100.0"] {
            let found = errors(&format!(r#"{{"userId":"mina","amount":{bad}}}"#));
            assert_eq!(found, [("amount".to_owned(), Invalid::NotA(Kind::Integer))], "{bad}");
        }
    }

    #[test]
    fn missing_and_null_are_required() {
        assert_eq!(errors("{}"), [("userId".to_owned(), Invalid::Required)]);
        assert_eq!(errors(r#"{"userId":null}"#), [("userId".to_owned(), Invalid::Required)]);
        assert_eq!(errors("[]"), [("body".to_owned(), Invalid::NotA(Kind::Object))]);
    }

    #[test]
    fn absent_null_and_a_value_are_three_things() {
        #[derive(Debug, Deserr)]
        #[deserr(error = FieldErrors, deny_unknown_fields)]
        struct Change {
            #[deserr(default)]
            phone: Patch<Quantity>,
            #[deserr(default)]
            name: NotNull<Quantity>,
        }
        let read = |json: &str| -> Result<Change, FieldErrors> {
            deserr::deserialize(serde_json::from_str::<serde_json::Value>(json).unwrap())
        };
        let change = read("{}").unwrap();
        assert!(change.phone.is_keep() && !change.name.is_named());
        assert_eq!(read(r#"{"phone":null}"#).unwrap().phone, Patch::Clear);
        assert_eq!(read(r#"{"phone":2,"name":3}"#).unwrap().phone.map(Quantity::get), Patch::Set(2));
        assert_eq!(read(r#"{"name":null}"#).unwrap_err().0, [("name".to_owned(), Invalid::Required)]);
        let both = read(r#"{"name":0,"phone":"x"}"#).unwrap_err();
        assert_eq!(both.names().count(), 2);
    }

    #[test]
    fn a_limit_is_1_to_100() {
        assert_eq!(Limit::try_from("100".to_owned()).unwrap().get(), 100);
        for bad in ["0", "101", "-1", "x", "", "1.0", "99999999999999999999"] {
            assert!(Limit::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
    }
}
