//! Orders with delivered lines that the shop is to confirm: an item beside the order, so that only a delivery pays for it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Action, keys};
use crate::domain::OrderId;

/// The next confirmation of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedConfirmation {
    pub order_id: OrderId,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
}

/// Plans the next confirmation of an order, in place of an earlier plan; without an instant there is none. Only for a
/// transaction that asserts the order's version.
pub fn plan(order: &OrderId, at: Option<Timestamp>) -> Action {
    match at {
        Some(at) => {
            let planned = PlannedConfirmation { order_id: order.clone(), at };
            Action::put(keys::confirmation(order), &planned).index_by_expiry(keys::confirmation_by_expiry(order, at))
        }
        None => Action::delete(keys::confirmation(order)),
    }
}
