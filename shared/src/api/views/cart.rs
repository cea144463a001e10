//! Carts.

use serde::Serialize;
use utoipa::ToSchema;

use super::ShownStatus;
use crate::{
    app::cart::{LiveCart, LiveItem},
    domain::{ProductId, Quantity, Won},
};

/// A cart at current prices. It reserves nothing: an order decides about stock and price.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Cart)]
pub struct CartView {
    /// The items, in the order of the ids: at most 50 products, or more in a cart filled by the first stage.
    pub items: Vec<CartItemView>,
    /// The sum of the amounts.
    pub total: Won,
}

/// A product in a cart.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CartItem)]
pub struct CartItemView {
    /// The id of the item, which is the product's id.
    pub item_id: ProductId,
    /// The product.
    pub product_id: ProductId,
    /// The name of the product; its id if the product is not shown any more.
    pub name: String,
    /// The price of a unit now; 0 for a product that is not shown any more.
    pub price: Won,
    /// The discount on each unit now, without timed offers.
    pub discount: Won,
    /// Units in the cart.
    pub quantity: Quantity,
    /// Units in stock now; 0 for a product that is not shown any more.
    pub stock: i64,
    /// Whether it can be bought now. A product that is not shown any more is `DISCONTINUED`; `HIDDEN` does not occur.
    pub status: ShownStatus,
    /// (price − discount) × quantity; 0 if the status is `DISCONTINUED`.
    pub amount: Won,
}

impl From<LiveCart> for CartView {
    fn from(LiveCart { items, total }: LiveCart) -> Self {
        Self { items: items.into_iter().map(CartItemView::from).collect(), total }
    }
}

impl From<LiveItem> for CartItemView {
    fn from(LiveItem { product_id, name, offer, stock, quantity, amount }: LiveItem) -> Self {
        Self {
            item_id: product_id.clone(),
            product_id,
            name,
            price: offer.price,
            discount: offer.discount,
            quantity,
            stock,
            status: ShownStatus::of(&offer, stock),
            amount,
        }
    }
}
