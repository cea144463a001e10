//! Orders.

use serde::{Deserialize, Serialize};

use super::{Action, StoreError, keys};
use crate::domain::{OrderId, order::Order};

/// An order as it is stored: with the digest of the request that made it, so that a repeat can be told from another
/// request with the same key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderRecord {
    /// The order.
    #[serde(flatten)]
    pub order: Order,
    /// The digest of the request's payload.
    pub payload: String,
}

/// Adds an order; refused where there is one of this id already.
///
/// # Errors
/// Where the record cannot be written as an item.
pub fn create(record: &OrderRecord) -> Result<Action, StoreError> {
    let order = &record.order;
    let place = keys::order_by_time(&order.user_id, order.created_at, &order.order_id);
    Ok(Action::create(keys::order(&order.order_id), record)?.listed(place))
}

/// Asserts that there is no order of this id.
pub fn check_absent(order: &OrderId) -> Action {
    Action::check_absent(keys::order(order))
}
