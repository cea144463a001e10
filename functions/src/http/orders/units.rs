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

/// Units by their line, or the refusal of an unknown line.
pub type Units<K> = Result<BTreeMap<K, u16>, Refusal>;

/// The units by the number of their line, if each line is named once. An unknown line is a refusal, not a wrong field.
pub fn by_line(items: Vec<LineUnits>) -> Result<Units<usize>, FieldErrors> {
    let items = items.into_iter().map(|LineUnits { item_id, quantity }| (item_id, (), quantity));
    let units = by_line_and(items.collect(), MAX_ITEMS)?;
    Ok(units.map(|units| units.into_iter().map(|((number, ()), units)| (number, units)).collect()))
}

/// The units by the number of their line and something else, if each pair is named once, of at most `max` entries. An
/// unknown line is a refusal, not a wrong field.
pub fn by_line_and<T: Ord>(
    items: Vec<(OrderItemId, T, Quantity)>,
    max: usize,
) -> Result<Units<(usize, T)>, FieldErrors> {
    let mut errors = FieldErrors::default();
    if !(1..=max).contains(&items.len()) {
        errors.push("items", Invalid::Count { min: 1, max });
    }
    let mut units = BTreeMap::new();
    let mut unknown = None;
    for (index, (item_id, other, quantity)) in items.into_iter().enumerate() {
        match item_id.number() {
            None => unknown = unknown.or(Some(item_id)),
            Some(number) if units.insert((number, other), quantity.get()).is_some() => {
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
