//! Events of order sheets.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Event, EventData, EventKind};
use crate::domain::{
    OrderSheetId, UserId, Won,
    sheet::{OrderSheet, SheetState},
};

/// An order sheet as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SheetSnapshot {
    /// The sheet.
    pub order_sheet_id: OrderSheetId,
    /// The owner.
    pub user_id: UserId,
    /// The price of the order.
    pub payable: Won,
    /// The instant of its creation.
    pub created_at: Timestamp,
    /// From this instant on it cannot be ordered.
    pub expires_at: Timestamp,
}

/// The event of a change of a sheet that created or abandoned it. Its order has events of its own.
pub fn from_sheet_change(old: Option<&OrderSheet>, new: &OrderSheet) -> Option<Event> {
    let (kind, sequence, occurred_at) = match (old.map(|old| old.state), new.state) {
        (None, SheetState::Open) => (EventKind::OrderSheetCreated, 1, new.created_at),
        (Some(SheetState::Open), SheetState::Abandoned) => (EventKind::OrderSheetAbandoned, 2, new.expires_at),
        _ => return None,
    };
    let snapshot = SheetSnapshot {
        order_sheet_id: new.order_sheet_id.clone(),
        user_id: new.user_id.clone(),
        payable: new.amounts.payable,
        created_at: new.created_at,
        expires_at: new.expires_at,
    };
    let aggregate_id = new.order_sheet_id.to_string();
    Some(Event::new(kind, aggregate_id, sequence, "", occurred_at, EventData::Sheet(snapshot)))
}
