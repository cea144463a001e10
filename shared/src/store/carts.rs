//! Carts: all of a user's in one item.

use super::{Action, keys};
use crate::domain::{ProductId, Quantity, UserId, cart::Cart};

/// Adds a user's cart with what is put into it first; refused where there is one.
pub fn create(user: &UserId, cart: &Cart) -> Action {
    Action::create(keys::cart(user), cart)
}

/// Adds units to what is in a cart of the product; refused where there is no cart, or no room in it for
/// `max_items` products. Sent twice it
/// adds twice: only for [`Table::apply_once`](super::Table::apply_once) and for transactions.
pub fn add(user: &UserId, product: &ProductId, quantity: Quantity, max_items: u16) -> Action {
    let update = "SET #items.#product = if_not_exists(#items.#product, :none) + :quantity, #version = #version + :one";
    Action::update(keys::cart(user), update)
        .when(
            "#items.#product <= :room \
             OR (attribute_exists(#pk) AND attribute_not_exists(#items.#product) AND size(#items) < :max)",
        )
        .named("#product", product.as_str())
        .value(":none", 0)
        .value(":quantity", quantity)
        .value(":one", 1)
        .value(":room", Quantity::MAX.saturating_sub(quantity.get().into()))
        .value(":max", max_items)
}

/// Takes a product out of a cart; refused where it is not in it.
pub fn remove(user: &UserId, product: &ProductId) -> Action {
    Action::update(keys::cart(user), "REMOVE #items.#product SET #version = #version + :one")
        .when("attribute_exists(#items.#product)")
        .named("#product", product.as_str())
        .value(":one", 1)
}

/// Makes a cart that is still as it was seen what it is now, with the version after the one seen.
pub fn replace(user: &UserId, seen: &Cart, now: &Cart) -> Action {
    Action::update(keys::cart(user), "SET #items = :items, #version = :version, #lastOrder = :order")
        .when("#version = :seen")
        .value(":items", &now.items)
        .value(":version", now.version)
        .value(":order", &now.last_order)
        .value(":seen", seen.version)
}
