//! Events of order sheets.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Envelope, Event, EventData, EventKind};
use crate::domain::{
    OrderSheetId, UserId, Won,
    sheet::{OrderSheet, SheetState},
};

/// The version of [`SheetSnapshot`].
const VERSION: u16 = 1;

/// An order sheet as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the sheet")]
pub struct SheetSnapshot {
    pub order_sheet_id: OrderSheetId,
    pub user_id: UserId,
    pub payable: Won,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// The event of a change of a sheet: that it was drawn up, or abandoned. That it was ordered is for the order to tell.
pub fn from_sheet_change(old: Option<&OrderSheet>, new: &OrderSheet) -> Option<Event> {
    let (kind, sequence, occurred_at) = match (old.map(|old| old.state), new.state) {
        (None, SheetState::Open) => (EventKind::OrderSheetCreated, 1, new.created_at),
        (Some(SheetState::Open), SheetState::Abandoned) => (EventKind::OrderSheetAbandoned, 2, new.expires_at),
        _ => return None,
    };
    let snapshot = SheetSnapshot {
        order_sheet_id: new.order_sheet_id.clone(),
        user_id: new.user_id.clone(),
        payable: new.payable,
        created_at: new.created_at,
        expires_at: new.expires_at,
    };
    Some(Envelope {
        event_id: format!("{}-{sequence}", new.order_sheet_id),
        kind,
        version: VERSION,
        occurred_at,
        aggregate_id: new.order_sheet_id.to_string(),
        sequence,
        data: EventData::Sheet(snapshot),
    })
}
