//! The payments of an order.

use std::fmt;

use jiff::Timestamp;

use super::{change::read, life::buyer};
use crate::{
    app::{Caller, Failure, Shop},
    domain::{
        Invalid, OrderId, PaymentId, Won,
        order::{Order, OrderStatus, Payment, PaymentMethod, PaymentStatus, Tender, TenderAmount},
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

/// A position in the list of an order's payments. The part of the balance is the first, the one in the order's session
/// follows, then those that the external payment system reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentPlace {
    Balance,
    Session,
    /// After this payment of the external system.
    External(PaymentId),
}

/// No payment has these ids.
const BALANCE_PLACE: &str = "#";
const SESSION_PLACE: &str = "#session";

impl fmt::Display for PaymentPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Balance => BALANCE_PLACE,
            Self::Session => SESSION_PLACE,
            Self::External(payment) => payment.as_str(),
        })
    }
}

impl TryFrom<String> for PaymentPlace {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        match text.as_str() {
            BALANCE_PLACE => Ok(Self::Balance),
            SESSION_PLACE => Ok(Self::Session),
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
    let own = [
        (PaymentPlace::Balance, from_balance(&order).filter(|_| after.is_none())),
        (PaymentPlace::Session, by_session(&order).filter(|_| matches!(after, None | Some(PaymentPlace::Balance)))),
    ];
    let own = own.into_iter().filter_map(|(place, payment)| Some((place, payment?)));
    let (places, mut listed): (Vec<PaymentPlace>, Vec<OrderPayment>) = own.unzip();
    if listed.len() > limit {
        listed.truncate(limit);
        return Ok((listed, places.into_iter().take(limit).next_back()));
    }
    let after = match after {
        Some(PaymentPlace::External(payment)) => Some(keys::payment(id, &payment).sk),
        Some(PaymentPlace::Balance | PaymentPlace::Session) | None => None,
    };
    let range = Range::of_partition(keys::order_partition(id), keys::PAYMENT_PREFIX).after(after);
    let room = limit.saturating_sub(listed.len());
    // If the order's own have taken all the room, one is read to know whether there are more.
    let noted = shop.table.query::<Payment>(range, room.max(1)).await?;
    let is_full = room == 0 && !noted.records.is_empty();
    let last = noted.records.last().map(|payment| PaymentPlace::External(payment.payment_id.clone()));
    let next = if is_full { places.into_iter().next_back() } else { last.filter(|_| noted.more) };
    // External money can arrive for an order that does not wait for it: it is then listed with its return requested.
    listed.extend(noted.records.into_iter().take(room).map(|payment| external(&order, payment)));
    Ok((listed, next))
}

/// The payment from the balance: there is one once the balance paid the order or its part, or was too low for it.
fn from_balance(order: &Order) -> Option<OrderPayment> {
    let (amount, status) = match order.payment {
        PaymentMethod::Balance if order.status == OrderStatus::PaymentFailed => {
            (order.amounts.payable, PaymentStatus::Failed)
        }
        PaymentMethod::Balance => (order.amounts.payable, order.payment_status()?),
        PaymentMethod::External => tender(order, Tender::Balance)?,
    };
    let paid_at = order.paid_at.filter(|_| order.payment == PaymentMethod::Balance);
    Some(OrderPayment {
        payment_id: order.order_id.to_string(),
        method: PaymentMethod::Balance,
        amount,
        status,
        at: paid_at.unwrap_or(order.created_at),
        order_id: order.order_id.clone(),
    })
}

/// The payment in the order's session, once it paid the order.
fn by_session(order: &Order) -> Option<OrderPayment> {
    let payment = order.payment_id.as_ref().filter(|payment| order.session_id().as_ref() == Some(*payment))?;
    let (amount, status) = tender(order, Tender::External)?;
    Some(OrderPayment {
        payment_id: payment.to_string(),
        order_id: order.order_id.clone(),
        method: PaymentMethod::External,
        amount,
        status,
        at: order.paid_at?,
    })
}

/// The amount and the state of a tender of an order.
fn tender(order: &Order, of: Tender) -> Option<(Won, PaymentStatus)> {
    let TenderAmount { amount, refunded, .. } = order.tenders().into_iter().find(|tender| tender.to == of)?;
    let status = match refunded {
        Won::ZERO => PaymentStatus::Paid,
        refunded if refunded < amount => PaymentStatus::PartiallyRefunded,
        _ => PaymentStatus::Refunded,
    };
    Some((amount, status))
}

fn external(order: &Order, payment: Payment) -> OrderPayment {
    let status = match (payment.status, tender(order, Tender::External)) {
        // The order has the refunds since.
        (PaymentStatus::Paid, Some((_, status))) => status,
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
