//! The events of parcels and of the lines that move with them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{EventKind, ShippingItem};
use crate::domain::{
    OrderId, ProductId, UserId,
    order::{Change, HistoryEntry, LineStatus, Order, ParcelStatus},
};

/// A parcel as others see it. The recipient is personal data, which no event carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParcelSnapshot {
    /// The order.
    pub order_id: OrderId,
    /// The parcel within its order.
    pub parcel_id: String,
    /// The orderer.
    pub user_id: UserId,
    /// Its seller; the shop itself, if there is none.
    pub seller_id: Option<UserId>,
    /// Its state.
    pub status: ParcelStatus,
    /// The units in it.
    pub items: Vec<ShippingItem>,
    /// The carrier.
    pub carrier: Option<String>,
    /// The number by which the carrier tracks it.
    pub tracking_number: Option<String>,
}

/// A line that moved to another state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LineChange {
    /// The order.
    pub order_id: OrderId,
    /// The line within its order.
    pub item_id: String,
    /// The orderer.
    pub user_id: UserId,
    /// Its seller; the shop itself, if there is none.
    pub seller_id: Option<UserId>,
    /// The product.
    pub product_id: ProductId,
    /// Its state.
    pub status: LineStatus,
}

impl ParcelSnapshot {
    /// The parcel that an entry is about, with the kind of its event.
    pub(super) fn of(order: &Order, entry: &HistoryEntry) -> Option<(EventKind, Self)> {
        let number = entry.parcel?;
        let parcel = order.parcel(number)?;
        let kind = match parcel.status {
            ParcelStatus::Shipped => EventKind::ParcelShipped,
            ParcelStatus::InDelivery => EventKind::ParcelInDelivery,
            ParcelStatus::Delivered => EventKind::ParcelDelivered,
        };
        let items = parcel.items.iter().filter_map(|item| {
            let line = order.line(item.line)?;
            let (product_id, name) = (line.product_id.clone(), line.name.clone());
            Some(ShippingItem { item_id: item.line.to_string(), product_id, name, quantity: item.units })
        });
        let snapshot = Self {
            order_id: order.order_id.clone(),
            parcel_id: number.to_string(),
            user_id: order.user_id.clone(),
            seller_id: order.seller_of(parcel).cloned(),
            status: parcel.status,
            items: items.collect(),
            carrier: parcel.label.as_ref().map(|label| label.carrier.clone()),
            tracking_number: parcel.label.as_ref().map(|label| label.tracking_number.clone()),
        };
        Some((kind, snapshot))
    }
}

impl LineChange {
    /// The move of a line to another state, with the kind of its event, if it has one. Cancellations are told by
    /// `OrderRefunded`.
    pub(super) fn of(order: &Order, change: Change) -> Option<(EventKind, Self)> {
        let Change::Line { number, from, to, .. } = change else { return None };
        if from == Some(to) {
            return None;
        }
        let kind = match to {
            LineStatus::Shipped => EventKind::LineShipped,
            LineStatus::Delivered => EventKind::LineDelivered,
            LineStatus::PurchaseConfirmed => EventKind::PurchaseConfirmed,
            LineStatus::ReturnRequested => EventKind::ReturnRequested,
            LineStatus::Returned => EventKind::LineReturned,
            LineStatus::ExchangeRequested => EventKind::ExchangeRequested,
            LineStatus::Exchanged => EventKind::LineExchanged,
            LineStatus::PendingPayment
            | LineStatus::Paid
            | LineStatus::Preparing
            | LineStatus::InDelivery
            | LineStatus::CancelRequested
            | LineStatus::CancelInProgress
            | LineStatus::Cancelled
            | LineStatus::ReturnInProgress
            | LineStatus::ExchangeInProgress => return None,
        };
        let line = order.line(number)?;
        let change = Self {
            order_id: order.order_id.clone(),
            item_id: number.to_string(),
            user_id: order.user_id.clone(),
            seller_id: line.seller_id.clone(),
            product_id: line.product_id.clone(),
            status: to,
        };
        Some((kind, change))
    }
}
