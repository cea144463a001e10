//! The events for the delivery system.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::EventKind;
use crate::domain::{
    OrderId, ProductId, UserId,
    order::{HistoryEntry, HistoryEvent, Order, OrderLine},
};

/// What a seller is to ship of an order, or is not to ship any more. Who gets it is the user: name and address are
/// personal data, which the delivery system looks up and no event carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShippingInstruction {
    /// The order.
    pub order_id: OrderId,
    /// Who gets it.
    pub user_id: UserId,
    /// Who ships it, if not the shop itself.
    pub seller_id: Option<UserId>,
    /// The path of the API at which the address is: the one of the moment of reading. Absent in messages of earlier
    /// versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ship_to: Option<String>,
    /// What of it.
    pub items: Vec<ShippingItem>,
}

/// Units of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShippingItem {
    /// The line.
    pub item_id: String,
    /// The product.
    pub product_id: ProductId,
    /// Its name.
    pub name: String,
    /// The number of units.
    pub quantity: u16,
}

impl ShippingInstruction {
    /// The instructions that follow from a history entry: one for each seller.
    pub(super) fn of(order: &Order, entry: &HistoryEntry) -> Vec<(EventKind, Self)> {
        let (kind, units): (EventKind, Vec<(usize, u16)>) = match entry.event {
            HistoryEvent::Paid => {
                let all = order.items.iter().zip(1..).map(|(line, number)| (number, line.quantity.get()));
                (EventKind::ShippingRequested, all.collect())
            }
            // An order that ends unpaid names no lines: nothing of it was to be shipped.
            HistoryEvent::Cancelled => {
                let units = entry.lines.iter().map(|step| (step.number, step.units));
                (EventKind::ShippingCancelled, units.collect())
            }
            _ => return Vec::new(),
        };
        let mut by_seller: BTreeMap<Option<&UserId>, Vec<ShippingItem>> = BTreeMap::new();
        for (number, quantity) in units {
            if let Some(line) = order.line(number) {
                by_seller.entry(line.seller_id.as_ref()).or_default().push(item(line, number, quantity));
            }
        }
        let instruction = |(seller_id, items): (Option<&UserId>, Vec<ShippingItem>)| Self {
            order_id: order.order_id.clone(),
            user_id: order.user_id.clone(),
            seller_id: seller_id.cloned(),
            ship_to: Some(format!("/orders/{}/ship-to", order.order_id)),
            items,
        };
        by_seller.into_iter().map(|group| (kind, instruction(group))).collect()
    }
}

fn item(line: &OrderLine, number: usize, quantity: u16) -> ShippingItem {
    ShippingItem { item_id: number.to_string(), product_id: line.product_id.clone(), name: line.name.clone(), quantity }
}
