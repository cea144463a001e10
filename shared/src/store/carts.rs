//! Carts: one item holds the whole cart of a user.

use super::{Action, keys};
use crate::domain::{ProductId, Quantity, UserId, cart::Cart};

/// Adds a user's cart with its first product; refused if there is a cart.
pub fn create(user: &UserId, cart: &Cart) -> Action {
    Action::create(keys::cart(user), cart)
}

/// Adds units of a product to a cart; refused if there is no cart, or it has `max_items` other products.
///
/// Not idempotent: only for [`Table::apply_once`](super::Table::apply_once) and for transactions.
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

/// Removes a product from a cart; refused if the cart does not have it.
pub fn remove(user: &UserId, product: &ProductId) -> Action {
    Action::update(keys::cart(user), "REMOVE #items.#product SET #version = #version + :one")
        .when("attribute_exists(#items.#product)")
        .named("#product", product.as_str())
        .value(":one", 1)
}

/// Replaces a cart that still has the version that was read. The new one has the next version.
pub fn replace(user: &UserId, seen: &Cart, now: &Cart) -> Action {
    Action::update(keys::cart(user), "SET #items = :items, #version = :version, #lastOrder = :order")
        .when("#version = :seen")
        .value(":items", &now.items)
        .value(":version", now.version)
        .value(":order", &now.last_order)
        .value(":seen", seen.version)
}
