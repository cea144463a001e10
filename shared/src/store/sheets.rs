//! Order sheets.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Action,
    keys::{self, BY_EXPIRY},
};
use crate::{
    domain::{
        OrderId, OrderSheetId,
        sheet::{OrderSheet, SheetState},
    },
    platform::trace::{self, TraceId},
};

/// An order sheet as it is stored: with the digest of the request that created it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SheetRecord {
    #[serde(flatten)]
    pub sheet: OrderSheet,
    pub payload: String,
    /// The trace of its last change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
}

impl SheetRecord {
    /// The record of a sheet that the current trace creates.
    pub fn new(sheet: OrderSheet, payload: String) -> Self {
        Self { sheet, payload, trace_id: trace::current() }
    }
}

/// The time for which a sheet is kept after its validity: longer than a repeat of its request must find it.
const KEPT_SECONDS: i64 = 7 * 24 * 60 * 60;

/// Adds a sheet to the table and to the expiry index; refused if there is one with this id.
pub fn create(record: &SheetRecord) -> Action {
    let sheet = &record.sheet;
    let action = Action::create(keys::sheet(&sheet.order_sheet_id), record);
    action
        .index_by_expiry(keys::sheet_by_expiry(&sheet.order_sheet_id, sheet.expires_at))
        .expires_at(sheet.expires_at.as_second().saturating_add(KEPT_SECONDS))
}

/// Marks a sheet as ordered; refused if its validity has ended or another order was faster.
pub fn order(sheet: &OrderSheetId, order: &OrderId, now: Timestamp) -> Action {
    let update = format!("SET #state = :ordered, #orderId = :order {}", leave_expiry_index());
    if_open(Action::update(keys::sheet(sheet), update), now)
        .value(":ordered", SheetState::Ordered)
        .value(":order", order)
}

/// Marks a sheet as abandoned: its validity ended before it was ordered. Idempotent.
pub fn abandon(sheet: &OrderSheetId, now: Timestamp) -> Action {
    Action::update(keys::sheet(sheet), format!("SET #state = :abandoned {}", leave_expiry_index()))
        .traced()
        .when("#state = :open AND #expiresAt <= :now")
        .value(":abandoned", SheetState::Abandoned)
        .value(":open", SheetState::Open)
        .value(":now", now.as_millisecond())
}

/// The clause that removes a sheet from the expiry index.
fn leave_expiry_index() -> String {
    format!("REMOVE #{}, #{}", BY_EXPIRY.pk, BY_EXPIRY.sk)
}

fn if_open(action: Action, now: Timestamp) -> Action {
    action
        .when("#state = :open AND #expiresAt > :now")
        .value(":open", SheetState::Open)
        .value(":now", now.as_millisecond())
}
