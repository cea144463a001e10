//! The payments of an order.

use std::fmt;

use jiff::Timestamp;

use super::{change::read, life::buyer};
use crate::{
    app::{Caller, Failure, Shop},
    domain::{
        Invalid, OrderId, PaymentId, Won,
        order::{Order, OrderStatus, Payment, PaymentMethod, PaymentStatus},
    },
    store::{keys, table::Range},
};

/// A payment of an order, from the balance or external.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderPayment {
    /// The id of the payment; for one from the balance, the id of its ledger entry.
    pub payment_id: String,
    pub order_id: OrderId,
    pub method: PaymentMethod,
    pub amount: Won,
    pub status: PaymentStatus,
    /// The instant at which it was recorded.
    pub at: Timestamp,
}

/// A position in the list of an order's payments. The payment from the balance is the first; external ones follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentPlace {
    Balance,
    /// After this external payment.
    External(PaymentId),
}

/// No payment has this id.
const BALANCE_PLACE: &str = "#";

impl fmt::Display for PaymentPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Balance => BALANCE_PLACE,
            Self::External(payment) => payment.as_str(),
        })
    }
}

impl TryFrom<String> for PaymentPlace {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        match text.as_str() {
            BALANCE_PLACE => Ok(Self::Balance),
            _ => PaymentId::try_from(text).map(Self::External).map_err(|_| Invalid::Cursor),
        }
    }
}

/// Returns a part of an order's payments, for its orderer and admins: up to `limit` after a position, by default
/// [`Bounds::payments_listed`]. The position of the next part comes with it, if there is one.
///
/// [`Bounds::payments_listed`]: crate::app::Bounds::payments_listed
///
/// # Errors
/// [`crate::domain::Refusal::NotFound`]; [`crate::domain::Refusal::Forbidden`] for a seller of a line.
pub async fn payments(
    shop: &Shop,
    caller: &Caller,
    id: &OrderId,
    after: Option<PaymentPlace>,
    limit: Option<usize>,
) -> Result<(Vec<OrderPayment>, Option<PaymentPlace>), Failure> {
    let order = read(shop, id).await?.order;
    buyer(caller, &order)?;
    let limit = limit.unwrap_or(shop.bounds.payments_listed);
    let mut listed: Vec<OrderPayment> = from_balance(&order).filter(|_| after.is_none()).into_iter().collect();
    let after = match after {
        Some(PaymentPlace::External(payment)) => Some(keys::payment(id, &payment).sk),
        Some(PaymentPlace::Balance) | None => None,
    };
    let range = Range::of_partition(keys::order_partition(id), keys::PAYMENT_PREFIX).after(after);
    let room = limit.saturating_sub(listed.len());
    // If the first one has taken all the room, one is read to know whether there are more.
    let noted = shop.table.query::<Payment>(range, room.max(1)).await?;
    let is_full = room == 0 && !noted.records.is_empty();
    let last = noted.records.last().map(|payment| PaymentPlace::External(payment.payment_id.clone()));
    let next = if is_full { Some(PaymentPlace::Balance) } else { last.filter(|_| noted.more) };
    // External money can arrive for an order that does not wait for it: it is then listed with its return requested.
    listed.extend(noted.records.into_iter().take(room).map(|payment| external(&order, payment)));
    Ok((listed, next))
}

/// The payment from the balance: there is one once the balance paid the order, or was too low for it.
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
        amount: order.amounts.payable,
        status,
        at: order.paid_at.unwrap_or(order.created_at),
        order_id: order.order_id.clone(),
    })
}

fn external(order: &Order, payment: Payment) -> OrderPayment {
    let status = match (payment.status, order.payment_status()) {
        // The order has the refunds since.
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
