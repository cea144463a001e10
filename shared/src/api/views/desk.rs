//! The desk.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::desk::DeskLine,
    domain::{
        OrderId, OrderItemId, ProductId, Quantity, UserId,
        order::{LineStatus, OrderLine},
    },
};

/// A line of a paid order, for its seller and admins.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeskLine)]
pub struct DeskLineView {
    /// Its order.
    pub order_id: OrderId,
    /// The line.
    pub item_id: OrderItemId,
    /// The seller; absent for products of the shop itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<UserId>,
    /// Its product.
    pub product_id: ProductId,
    /// The name of the product when it was ordered.
    pub name: String,
    /// Units ordered.
    pub quantity: Quantity,
    /// Units of them that have yet to be shipped.
    pub to_ship: u16,
    /// Its state.
    pub status: LineStatus,
    /// When the order was paid.
    pub paid_at: Timestamp,
}

impl From<DeskLine> for DeskLineView {
    fn from(DeskLine { order_id, item_id, line, to_ship, paid_at, .. }: DeskLine) -> Self {
        let OrderLine { seller_id, product_id, name, quantity, status, .. } = line;
        Self { order_id, item_id, seller_id, product_id, name, quantity, to_ship, status, paid_at }
    }
}
