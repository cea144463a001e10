//! The payments of an order.

use jiff::Timestamp;

use super::{change::read, life::buyer};
use crate::{
    app::{Caller, Failure, Shop},
    domain::{
        OrderId, Won,
        order::{Order, OrderStatus, Payment, PaymentMethod, PaymentStatus},
    },
    store::{keys, table::Range},
};

/// A payment of an order, by whatever method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderPayment {
    /// Names the payment: for one from the balance, its entry in the ledger.
    pub payment_id: String,
    /// The order.
    pub order_id: OrderId,
    /// How it was paid.
    pub method: PaymentMethod,
    /// How much.
    pub amount: Won,
    /// What became of it.
    pub status: PaymentStatus,
    /// When that was noted.
    pub at: Timestamp,
}

/// The payments of an order, to who ordered and to admins.
///
/// # Errors
/// [`crate::domain::Refusal::NotFound`]; [`crate::domain::Refusal::Forbidden`] to who sells some of it.
pub async fn payments(shop: &Shop, caller: &Caller, id: &OrderId) -> Result<Vec<OrderPayment>, Failure> {
    let order = read(shop, id).await?.order;
    buyer(caller, &order)?;
    let range = Range::of_partition(keys::order_partition(id), keys::PAYMENT_PREFIX);
    let noted = shop.table.query::<Payment>(range, shop.bounds.payments_listed).await?;
    // Money from outside can come for an order that is not waiting for it: then it is listed as asked back.
    let external = noted.records.into_iter().map(|payment| external(&order, payment));
    Ok(from_balance(&order).into_iter().chain(external).collect())
}

/// The payment from the balance: there is one, once there was money or was found to be too little.
fn from_balance(order: &Order) -> Option<OrderPayment> {
    if order.payment != PaymentMethod::Balance {
        return None;
    }
    let status = match order.status {
        OrderStatus::PaymentFailed => PaymentStatus::Failed,
        _ => order.payment_status()?,
    };
    Some(OrderPayment {
        payment_id: order.order_id.to_string(),
        method: order.payment,
        amount: order.payable,
        status,
        at: order.paid_at.unwrap_or(order.created_at),
        order_id: order.order_id.clone(),
    })
}

fn external(order: &Order, payment: Payment) -> OrderPayment {
    let status = match (payment.status, order.payment_status()) {
        // What was paid back since is the order's to know.
        (PaymentStatus::Paid, Some(status)) => status,
        (noted, _) => noted,
    };
    OrderPayment {
        payment_id: payment.payment_id.to_string(),
        order_id: payment.order_id,
        method: PaymentMethod::External,
        amount: payment.amount,
        status,
        at: payment.at,
    }
}
