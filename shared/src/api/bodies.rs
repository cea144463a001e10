//! Parts of bodies that several endpoints share.

use std::borrow::Cow;

use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Ref, RefOr, Schema, schema::AnyOfBuilder},
};

use super::FieldErrors;
use crate::{
    app::{
        orders::{Item, OrderSource},
        products::NewLimit,
    },
    domain::{
        CouponId, Invalid, OrderSheetId, ProductId, Quantity,
        address::{Address, AddressLine, Postcode},
        money::Price,
        order::MAX_LINES,
        purchase_limit::{UnitsPerUser, Within},
        text::{Category, Line, Name, Phone, Text},
        time::Instant,
        timed_offer::{MAX_OFFERS, NewOffer, OfferQuantity, overlapping},
        user::Seller,
    },
};

/// A seller's business.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewSeller, rename_all = "camelCase")]
pub struct SellerBody {
    /// The name of the business.
    pub business_name: Name,
    /// Its registration number.
    pub registration_number: Name,
    /// The contact of its support.
    pub contact: Phone,
    /// Its postal address.
    pub address: Line,
    /// The goods that it sells.
    pub category: Category,
}

impl From<SellerBody> for Seller {
    fn from(body: SellerBody) -> Self {
        Self {
            business_name: body.business_name.into_string(),
            registration_number: body.registration_number.into_string(),
            contact: body.contact.into_string(),
            address: body.address.into_string(),
            category: body.category.into_string(),
        }
    }
}

/// A postal address: an object, or a text that is its first line.
#[derive(Debug)]
pub struct AddressBody(AddressFields);

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewAddress, rename_all = "camelCase")]
pub struct AddressFields {
    /// The recipient; by default the user.
    #[deserr(default)]
    name: Option<Name>,
    /// The recipient's telephone number; by default the user's.
    #[deserr(default)]
    phone: Option<Phone>,
    /// The postcode.
    #[deserr(default)]
    postcode: Option<Postcode>,
    /// Street and number.
    line1: AddressLine,
    /// Building, floor, room.
    #[deserr(default)]
    line2: Option<AddressLine>,
    /// A note to the carrier.
    #[deserr(default)]
    note: Option<AddressLine>,
}

impl Deserr<FieldErrors> for AddressBody {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, FieldErrors> {
        if !matches!(value, Value::String(_)) {
            return AddressFields::deserialize_from_value(value, location).map(Self);
        }
        let line1 = AddressLine::deserialize_from_value(value, location)?;
        Ok(Self(AddressFields { name: None, phone: None, postcode: None, line1, line2: None, note: None }))
    }
}

impl PartialSchema for AddressBody {
    fn schema() -> RefOr<Schema> {
        AnyOfBuilder::new()
            .description(Some("An address; a text is its first line."))
            .item(Ref::from_schema_name(AddressFields::name()))
            .item(Ref::from_schema_name(AddressLine::name()))
            .into()
    }
}

impl ToSchema for AddressBody {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("AddressOrText")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((AddressFields::name().into_owned(), AddressFields::schema()));
        schemas.push((AddressLine::name().into_owned(), AddressLine::schema()));
        AddressFields::schemas(schemas);
    }
}

impl From<AddressBody> for Address {
    fn from(AddressBody(fields): AddressBody) -> Self {
        Self {
            name: fields.name.map(Text::into_string),
            phone: fields.phone.map(Text::into_string),
            postcode: fields.postcode.map(Text::into_string),
            line1: Some(fields.line1.into_string()),
            line2: fields.line2.map(Text::into_string),
            note: fields.note.map(Text::into_string),
        }
    }
}

/// A purchase limit.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewPurchaseLimit, rename_all = "camelCase")]
pub struct PurchaseLimitBody {
    /// The most units that a user may order.
    per_user: UnitsPerUser,
    /// The time within which the units count.
    within: Within,
}

impl From<PurchaseLimitBody> for NewLimit {
    fn from(PurchaseLimitBody { per_user, within }: PurchaseLimitBody) -> Self {
        Self { per_user, within }
    }
}

/// A timed offer: a discount that replaces that of the product for a time.
#[derive(Debug, Clone, Copy, Deserr, ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewTimedOffer, rename_all = "camelCase")]
pub struct TimedOfferBody {
    /// The discount on each unit, at most its price.
    discount: Price,
    /// The instant from which it counts.
    from: Instant,
    /// The instant from which it counts no longer: after `from`.
    until: Instant,
    /// The units that are sold at it; without it, all. An offer that begins at the same instant as one before goes on with
    /// its units, and has at least as many.
    #[deserr(default)]
    quantity: Option<OfferQuantity>,
}

/// The timed offers of a product.
///
/// # Errors
/// If there are too many, one ends before it begins, or one overlaps another.
pub fn timed_offers(bodies: &[TimedOfferBody]) -> Result<Vec<NewOffer>, FieldErrors> {
    let mut errors = FieldErrors::default();
    if bodies.len() > MAX_OFFERS {
        errors.push("offers", Invalid::Count { min: 0, max: MAX_OFFERS });
    }
    let offer = |body: &TimedOfferBody| NewOffer {
        discount: body.discount.won(),
        from: body.from.timestamp(),
        until: body.until.timestamp(),
        quantity: body.quantity.map(OfferQuantity::get),
    };
    let offers: Vec<NewOffer> = bodies.iter().map(offer).collect();
    for (index, _) in offers.iter().enumerate().filter(|(_, offer)| offer.until <= offer.from) {
        errors.push(format!("offers[{index}].until"), Invalid::After("from"));
    }
    if let Some(index) = overlapping(&offers) {
        errors.push(format!("offers[{index}].from"), Invalid::Overlaps);
    }
    errors.check()?;
    Ok(offers)
}

/// Units of a product.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewOrderItem, rename_all = "camelCase")]
pub struct ItemBody {
    /// The product.
    pub product_id: ProductId,
    /// The number of units.
    pub quantity: Quantity,
    /// The price of a unit less its discount, as far as the customer knows: at another price nothing is ordered.
    #[deserr(default)]
    pub expected_price: Option<Price>,
}

/// The source of an order's items: one of three fields of a request.
///
/// # Errors
/// If the request has none of them or several, or the items are wrong.
pub fn source(
    items: Option<Vec<ItemBody>>,
    from_cart: Option<bool>,
    order_sheet_id: Option<OrderSheetId>,
    coupon_id: Option<CouponId>,
) -> Result<OrderSource, FieldErrors> {
    match (items, from_cart.unwrap_or_default(), order_sheet_id) {
        (None, false, None) => Err(FieldErrors::one("items", Invalid::Required)),
        (Some(items), false, None) => Ok(OrderSource::Items { items: merge(items)?, coupon_id }),
        (None, true, None) => Ok(OrderSource::Cart { coupon_id }),
        (None, false, Some(_)) if coupon_id.is_some() => {
            Err(FieldErrors::one("couponId", Invalid::Excludes("orderSheetId")))
        }
        (None, false, Some(sheet)) => Ok(OrderSource::Sheet(sheet)),
        (Some(_), true, _) => Err(FieldErrors::one("fromCart", Invalid::Excludes("items"))),
        (Some(_), false, Some(_)) => Err(FieldErrors::one("orderSheetId", Invalid::Excludes("items"))),
        (None, true, Some(_)) => Err(FieldErrors::one("orderSheetId", Invalid::Excludes("fromCart"))),
    }
}

/// Merges lines of the same product: a product named twice is ordered once, with both quantities.
///
/// # Errors
/// If there are no lines or too many, a line has too many units, or one product has two expected prices.
fn merge(items: Vec<ItemBody>) -> Result<Vec<Item>, FieldErrors> {
    let mut lines: Vec<Item> = Vec::new();
    let mut errors = FieldErrors::default();
    for (index, ItemBody { product_id, quantity, expected_price }) in items.into_iter().enumerate() {
        let expected_price = expected_price.map(Price::won);
        let Some(line) = lines.iter_mut().find(|line| line.product_id == product_id) else {
            lines.push(Item { product_id, quantity, expected_price });
            continue;
        };
        match Quantity::try_from(i64::from(line.quantity.get()) + i64::from(quantity.get())) {
            Ok(sum) => line.quantity = sum,
            Err(invalid) => errors.push(format!("items[{index}].quantity"), invalid),
        }
        if expected_price.is_some_and(|price| line.expected_price.is_some_and(|other| other != price)) {
            errors.push(format!("items[{index}].expectedPrice"), Invalid::Repeated);
        }
        line.expected_price = line.expected_price.or(expected_price);
    }
    let max = usize::from(MAX_LINES);
    if !(1..=max).contains(&lines.len()) {
        errors.push("items", Invalid::Count { min: 1, max });
    }
    errors.check()?;
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(quantities: &[(&str, i64)]) -> Vec<ItemBody> {
        let item = |&(product, quantity): &(&str, i64)| ItemBody {
            expected_price: None,
            product_id: ProductId::try_from(product.to_owned()).unwrap(),
            quantity: Quantity::try_from(quantity).unwrap(),
        };
        quantities.iter().map(item).collect()
    }

    #[test]
    fn it_is_said_in_one_place_what_is_ordered() {
        let sheet = || OrderSheetId::try_from("sheet".to_owned()).ok();
        let coupon = || CouponId::try_from("welcome".to_owned()).ok();
        let tea = || Some(items(&[("tea", 1)]));
        assert!(matches!(source(tea(), None, None, coupon()), Ok(OrderSource::Items { .. })));
        assert!(matches!(source(tea(), Some(false), None, None), Ok(OrderSource::Items { .. })));
        assert_eq!(source(None, Some(true), None, coupon()), Ok(OrderSource::Cart { coupon_id: coupon() }));
        assert!(matches!(source(None, None, sheet(), None), Ok(OrderSource::Sheet(_))));

        let excluded = |field: &str, other| Err(FieldErrors::one(field, Invalid::Excludes(other)));
        assert_eq!(source(None, None, None, None), Err(FieldErrors::one("items", Invalid::Required)));
        assert_eq!(source(tea(), Some(true), None, None), excluded("fromCart", "items"));
        assert_eq!(source(tea(), None, sheet(), None), excluded("orderSheetId", "items"));
        assert_eq!(source(None, Some(true), sheet(), None), excluded("orderSheetId", "fromCart"));
        assert_eq!(source(None, None, sheet(), coupon()), excluded("couponId", "orderSheetId"));
    }

    #[test]
    fn a_product_named_twice_is_one_line() {
        let lines = merge(items(&[("tea", 1), ("cup", 1), ("tea", 2)])).unwrap();
        let lines: Vec<_> = lines.iter().map(|line| (line.product_id.as_str(), line.quantity.get())).collect();
        assert_eq!(lines, [("tea", 3), ("cup", 1)]);
    }

    #[test]
    fn a_merged_quantity_is_bounded_too() {
        assert!(merge(items(&[("tea", 999), ("tea", 1)])).is_err());
    }

    #[test]
    fn one_to_fifty_products() {
        assert!(merge(Vec::new()).is_err());
        let names: Vec<String> = (0..51).map(|number| format!("p{number}")).collect();
        let all: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        assert!(merge(items(&all[..50])).is_ok());
        assert!(merge(items(&all)).is_err());
    }
}
