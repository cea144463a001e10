//! The cart: the products that a user intends to order. It holds neither stock nor prices.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{OrderId, ProductId, Quantity, Refusal};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cart {
    /// The number of units of each product, in the order of their ids.
    pub items: BTreeMap<ProductId, Quantity>,
    /// Counts the changes, for optimistic locking.
    pub version: u64,
    /// The last order made of the cart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_order: Option<OrderId>,
}

impl Cart {
    /// A cart with its first item.
    pub fn with(product: ProductId, quantity: Quantity) -> Self {
        Self { items: BTreeMap::from([(product, quantity)]), version: 1, last_order: None }
    }

    /// Refuses units beyond the bounds of a cart.
    ///
    /// # Errors
    /// [`Refusal::LimitExceeded`] beyond `max_items` products, or [`Quantity::MAX`] units of one.
    pub fn check_room(&self, product: &ProductId, quantity: Quantity, max_items: u16) -> Result<(), Refusal> {
        let there = match self.items.get(product) {
            Some(there) => i64::from(there.get()),
            None if self.items.len() >= usize::from(max_items) => {
                return Err(Refusal::LimitExceeded { limit: "cartItems", max: max_items.into() });
            }
            None => 0,
        };
        if there.saturating_add(quantity.get().into()) > Quantity::MAX {
            return Err(Refusal::LimitExceeded { limit: "cartQuantity", max: Quantity::MAX });
        }
        Ok(())
    }

    /// The cart after an order of these lines: of each product the units beyond those ordered. A product without units
    /// left leaves the cart, and a line of a product that is not in it has no effect.
    #[must_use]
    pub fn ordered(&self, order: &OrderId, lines: &[(ProductId, Quantity)]) -> Self {
        let mut items = self.items.clone();
        for (product, quantity) in lines {
            if let Some(there) = items.remove(product)
                && let Ok(left) = Quantity::try_from(i64::from(there.get()).saturating_sub(quantity.get().into()))
            {
                items.insert(product.clone(), left);
            }
        }
        Self { items, version: self.version.saturating_add(1), last_order: Some(order.clone()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(id: &str) -> ProductId {
        ProductId::try_from(id.to_owned()).unwrap()
    }

    fn units(number: i64) -> Quantity {
        Quantity::try_from(number).unwrap()
    }

    fn lines(lines: &[(&str, i64)]) -> Vec<(ProductId, Quantity)> {
        lines.iter().map(|&(id, quantity)| (product(id), units(quantity))).collect()
    }

    fn cart(items: &[(&str, i64)]) -> Cart {
        Cart { items: lines(items).into_iter().collect(), version: 7, last_order: None }
    }

    fn refused(limit: &'static str, max: i64) -> Result<(), Refusal> {
        Err(Refusal::LimitExceeded { limit, max })
    }

    #[test]
    fn a_cart_begins_with_its_first_item() {
        let first = Cart { items: lines(&[("tea", 3)]).into_iter().collect(), version: 1, last_order: None };
        assert_eq!(Cart::with(product("tea"), units(3)), first);
    }

    #[test]
    fn a_product_has_at_most_999_units() {
        let cart = cart(&[("tea", 990)]);
        assert_eq!(cart.check_room(&product("tea"), units(9), 100), Ok(()));
        assert_eq!(cart.check_room(&product("tea"), units(10), 100), refused("cartQuantity", 999));
        assert_eq!(cart.check_room(&product("cup"), units(999), 100), Ok(()));
    }

    #[test]
    fn a_cart_has_at_most_so_many_products() {
        let names: Vec<String> = (0..100).map(|number| format!("p{number}")).collect();
        let items: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        assert_eq!(cart(&items[1..]).check_room(&product("tea"), units(1), 100), Ok(()));
        assert_eq!(cart(&items).check_room(&product("tea"), units(1), 100), refused("cartItems", 100));
        assert_eq!(cart(&items).check_room(&product("p0"), units(998), 100), Ok(()));
    }

    #[test]
    fn ordering_takes_out_just_what_is_ordered() {
        let seen = cart(&[("cup", 1), ("pot", 5), ("tea", 3)]);
        let ordered = lines(&[("cup", 2), ("jug", 1), ("tea", 1)]);
        let order = OrderId::try_from("order".to_owned()).unwrap();
        let left = |items: &[(&str, i64)]| Cart { version: 8, last_order: Some(order.clone()), ..cart(items) };
        assert_eq!(seen.ordered(&order, &ordered), left(&[("pot", 5), ("tea", 2)]));
        assert_eq!(seen.ordered(&order, &[]), left(&[("cup", 1), ("pot", 5), ("tea", 3)]));
    }
}
