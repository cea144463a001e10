//! Orders and their payments.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Action, keys};
use crate::{
    domain::{
        OrderId,
        order::{Order, OrderStatus, Payment, PaymentClaim, PaymentStatus},
    },
    platform::trace::{self, TraceId},
};

/// An order as it is stored: with the digest of the request that created it, so that a repeat can be told from another
/// request with the same key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "StoredOrder")]
pub struct OrderRecord {
    #[serde(flatten)]
    pub order: Order,
    pub payload: String,
    /// The trace of its last change; each event keeps the trace of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
}

/// An order as any version of the shop stored it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredOrder {
    #[serde(flatten)]
    order: Order,
    payload: String,
    #[serde(default)]
    trace_id: Option<TraceId>,
}

impl From<StoredOrder> for OrderRecord {
    fn from(StoredOrder { mut order, payload, trace_id }: StoredOrder) -> Self {
        // The first stage left the lines of a refused payment pending for ever.
        if order.status == OrderStatus::PaymentFailed {
            let at = order.created_at;
            order.items.iter_mut().for_each(|line| line.end_unpaid(at));
        }
        Self { order: order.with_implied_parcels(), payload, trace_id }
    }
}

impl OrderRecord {
    /// The record of an order that the current trace creates or changes.
    pub fn new(order: Order, payload: String) -> Self {
        Self { order, payload, trace_id: trace::current() }
    }
}

/// Adds an order; refused if there is one with this id.
pub fn create(record: &OrderRecord) -> Action {
    indexed(Action::create(keys::order(&record.order.order_id), record), &record.order)
}

/// Replaces an order that still has the version that was read.
pub fn replace(seen: &Order, record: &OrderRecord) -> Action {
    let put = Action::put(keys::order(&record.order.order_id), record);
    indexed(put, &record.order).when("#version = :seen").value(":seen", seen.version)
}

/// Plans the sweep's next look at the open refunds of an order; refused if it has been planned since it was read.
pub fn plan_refunds_look(id: &OrderId, seen: Timestamp, at: Timestamp) -> Action {
    Action::move_in_index(keys::order(id), keys::BY_EXPIRY, keys::refunds_by_expiry(id, at))
        .and_also(", #refundsLookAt = :at")
        .value(":at", at.as_millisecond())
        .when("#refundsLookAt = :seen")
        .value(":seen", seen.as_millisecond())
}

/// Every order is listed with those of its user. A pending one is in the expiry index by the end of its hold, one with
/// open refunds by the sweep's next look.
fn indexed(action: Action, order: &Order) -> Action {
    let listed = action.index_by_time(keys::order_by_time(&order.user_id, order.created_at, &order.order_id));
    match (order.hold_expires_at, order.refunds_look_at) {
        (Some(end), _) => listed.index_by_expiry(keys::hold_by_expiry(&order.order_id, end)),
        (None, Some(at)) => listed.index_by_expiry(keys::refunds_by_expiry(&order.order_id, at)),
        (None, None) => listed,
    }
}

/// Asserts that an order still has the version that was read.
pub fn check_version(seen: &Order) -> Action {
    Action::check(keys::order(&seen.order_id)).when("#version = :seen").value(":seen", seen.version)
}

pub fn check_absent(order: &OrderId) -> Action {
    Action::check_absent(keys::order(order))
}

/// Records the outcome of a payment; refused if there is one already.
pub fn note_payment(payment: &Payment) -> Action {
    Action::create(keys::payment(&payment.order_id, &payment.payment_id), payment)
}

/// Claims a payment for its order; refused if another order claimed it. Idempotent.
pub fn claim_payment(payment: &Payment) -> Action {
    let claim = PaymentClaim { order_id: payment.order_id.clone() };
    Action::put(keys::payment_claim(&payment.payment_id), &claim)
        .when("attribute_not_exists(#pk) OR #orderId = :order")
        .value(":order", &payment.order_id)
}

/// Records that a payment reported as failed has succeeded after all.
pub fn correct_payment(payment: &Payment) -> Action {
    let put = Action::put(keys::payment(&payment.order_id, &payment.payment_id), payment);
    put.when("#status = :failed").value(":failed", PaymentStatus::Failed)
}
