//! The events of claims: references only. The customer's words are personal data, which no event carries.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{EventKind, ShippingItem};
use crate::domain::{
    ClaimId, OrderId, UserId,
    order::{ClaimReason, ClaimRefund, ClaimStatus, ClaimType, HistoryEntry, HistoryEvent, Order},
};

/// A claim as others see it, as the change left it that the event is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimSnapshot {
    /// The claim.
    pub claim_id: ClaimId,
    /// Its order.
    pub order_id: OrderId,
    /// The orderer.
    pub user_id: UserId,
    /// The seller of its lines; the shop itself, if there is none.
    pub seller_id: Option<UserId>,
    /// The wish.
    #[serde(rename = "type")]
    pub kind: ClaimType,
    /// The reason.
    pub reason: ClaimReason,
    /// Its state.
    pub status: ClaimStatus,
    /// The units.
    pub items: Vec<ShippingItem>,
    /// The money that it brought back, once a return is complete.
    pub refund: Option<ClaimRefund>,
}

impl ClaimSnapshot {
    /// The claim that an entry is about, with the kinds of its events.
    pub(super) fn of(order: &Order, entry: &HistoryEntry) -> Vec<(EventKind, Self)> {
        let Some(snapshot) = entry.claim.and_then(|number| Self::new(order, number)) else { return Vec::new() };
        let kind = match entry.event {
            HistoryEvent::ClaimRequested => Some(EventKind::ClaimRequested),
            HistoryEvent::ClaimAccepted | HistoryEvent::ClaimRefused => Some(EventKind::ClaimDecided),
            HistoryEvent::ClaimWithdrawn => Some(EventKind::ClaimWithdrawn),
            HistoryEvent::ClaimReceived => Some(EventKind::ClaimReceived),
            // The parcel of a replacement completes it, or not.
            _ => None,
        };
        let is_completed = snapshot.status == ClaimStatus::Completed;
        let completed = is_completed.then_some(EventKind::ClaimCompleted);
        kind.into_iter().chain(completed).map(|kind| (kind, snapshot.clone())).collect()
    }

    fn new(order: &Order, number: usize) -> Option<Self> {
        let claim = order.claim(number)?;
        let items = claim.items.iter().filter_map(|item| {
            let line = order.line(item.line)?;
            let (product_id, name) = (line.product_id.clone(), line.name.clone());
            Some(ShippingItem { item_id: item.line.to_string(), product_id, name, quantity: item.units })
        });
        let first = claim.items.first().and_then(|item| order.line(item.line));
        Some(Self {
            claim_id: order.claim_id(number)?,
            order_id: order.order_id.clone(),
            user_id: order.user_id.clone(),
            seller_id: first.and_then(|line| line.seller_id.clone()),
            kind: claim.kind,
            reason: claim.reason,
            status: claim.status,
            items: items.collect(),
            refund: claim.refund,
        })
    }
}
