//! Units of an order by line, as requests name them.

use std::collections::BTreeMap;

use deserr::Deserr;
use shared::{
    api::FieldErrors,
    domain::{Invalid, OrderItemId, Quantity, Refusal, order::MAX_LINES, refusal::Entity},
};

/// The most entries: as many as an order has lines.
pub const MAX_ITEMS: usize = MAX_LINES as usize;

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = LineUnits, rename_all = "camelCase")]
pub struct LineUnits {
    /// The line.
    item_id: OrderItemId,
    /// The number of units.
    quantity: Quantity,
}

/// The units by the number of their line, if each line is named once. An unknown line is a refusal, not a wrong field.
pub fn by_line(items: Vec<LineUnits>) -> Result<Result<BTreeMap<usize, u16>, Refusal>, FieldErrors> {
    let mut errors = FieldErrors::default();
    if !(1..=MAX_ITEMS).contains(&items.len()) {
        errors.push("items", Invalid::Count { min: 1, max: MAX_ITEMS });
    }
    let mut units: BTreeMap<usize, u16> = BTreeMap::new();
    let mut unknown = None;
    for (index, LineUnits { item_id, quantity }) in items.into_iter().enumerate() {
        match item_id.number() {
            None => unknown = unknown.or(Some(item_id)),
            Some(number) if units.insert(number, quantity.get()).is_some() => {
                errors.push(format!("items[{index}].itemId"), Invalid::Repeated);
            }
            Some(_) => {}
        }
    }
    errors.check()?;
    Ok(match unknown {
        Some(item_id) => Err(Refusal::not_found(Entity::OrderItem, item_id)),
        None => Ok(units),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(quantities: &[(&str, i64)]) -> Vec<LineUnits> {
        let item = |&(item_id, quantity): &(&str, i64)| LineUnits {
            item_id: OrderItemId::try_from(item_id.to_owned()).unwrap(),
            quantity: Quantity::try_from(quantity).unwrap(),
        };
        quantities.iter().map(item).collect()
    }

    #[test]
    fn each_line_is_named_once() {
        let part = by_line(items(&[("1", 2), ("3", 1)])).unwrap().unwrap();
        assert_eq!(part, BTreeMap::from([(1, 2), (3, 1)]));
        assert!(by_line(items(&[("1", 2), ("1", 1)])).is_err());
        assert!(by_line(items(&[])).is_err());
        assert!(matches!(by_line(items(&[("first", 1)])), Ok(Err(Refusal::NotFound { .. }))));
    }
}
