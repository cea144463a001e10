//! Creates payment sessions.

use jiff::Timestamp;

use super::checkout;
use crate::{
    app::{Caller, Failure, RequestKey, Shop, accounts, caps::Paced, orders},
    domain::{
        OrderId, PaymentId, UserId,
        money::ChargeAmount,
        order::Order,
        session::{PaymentSession, Purpose},
    },
    store::{
        Consistency, Outcome, Transaction, keys,
        orders::OrderRecord,
        sessions::{self, SessionRecord},
    },
};

/// A payment that is wanted.
#[derive(Debug, Clone)]
pub enum NewPayment {
    /// The balance of a user is to be topped up.
    TopUp { user_id: UserId, amount: ChargeAmount },
    /// An order is to be paid.
    Order(OrderId),
}

/// The session of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    pub session: PaymentSession,
    /// Whether the request created it, now or when it was first sent.
    pub is_new: bool,
}

/// Creates the session of a payment. No money moves, and the provider is not asked.
///
/// Run twice with one key, a top-up has one session: its id derives from the key. An order has one session in any case:
/// its id derives from the order's.
///
/// # Errors
/// [`NotFound`] if the shop has no provider. For a top-up [`NotFound`], [`UserNotActive`] or [`TooManyRequests`]; for an order [`NotFound`], [`Forbidden`] for a
/// seller of a line, and [`OrderStateConflict`] if it does not wait for money from outside.
///
/// [`NotFound`]: crate::domain::Refusal::NotFound
/// [`UserNotActive`]: crate::domain::Refusal::UserNotActive
/// [`TooManyRequests`]: crate::domain::Refusal::TooManyRequests
/// [`Forbidden`]: crate::domain::Refusal::Forbidden
/// [`OrderStateConflict`]: crate::domain::Refusal::OrderStateConflict
pub async fn create(shop: &Shop, caller: &Caller, wanted: &NewPayment, key: &RequestKey) -> Result<Created, Failure> {
    match wanted {
        NewPayment::TopUp { user_id, amount } => {
            match for_top_up(shop, caller, (user_id, *amount), key).await {
                // The user may have been suspended since the first sending.
                Err(Failure::Refused(refusal)) if key.given => match super::read(shop, &key.id(None)?).await? {
                    Some(first) => replayed(first, key),
                    None => Err(refusal.into()),
                },
                other => other,
            }
        }
        NewPayment::Order(order) => for_order(shop, caller, order, key).await,
    }
}

async fn for_top_up(
    shop: &Shop,
    caller: &Caller,
    (user, amount): (&UserId, ChargeAmount),
    key: &RequestKey,
) -> Result<Created, Failure> {
    checkout(shop)?;
    accounts::read_account(shop, user).await?;
    shop.check_pace(Paced::Charge, caller, user)?;
    let (id, now): (PaymentId, Timestamp) = (key.id(None)?, shop.clock.now());
    let end = now.checked_add(shop.policy.payments.session);
    let end = end.map_err(|_| Failure::Internal("a session ends at an instant"))?;
    let (purpose, name) = ((Purpose::TopUp, amount.won()), checkout(shop)?.provider);
    let session = PaymentSession::new(id, user.clone(), purpose, name, (now, end));
    let created = match put(shop, session, key).await? {
        Put::New(session) => Created { session, is_new: true },
        Put::There(first) => replayed(first, key)?,
    };
    shop.count_pace(Paced::Charge, user);
    Ok(created)
}

async fn for_order(shop: &Shop, caller: &Caller, id: &OrderId, key: &RequestKey) -> Result<Created, Failure> {
    checkout(shop)?;
    let payment = PaymentId::from_order(id).ok_or(Failure::Internal("an order has an id of a session"))?;
    let (order_key, session_key) = (keys::order(id), keys::session(&payment));
    let wanted = [order_key.clone(), session_key.clone()];
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut shop.backoff()).await?;
    let order = orders::payable_by(shop, caller, id, found.get::<OrderRecord>(&order_key)?)?;
    if let Some(there) = found.get::<SessionRecord>(&session_key)? {
        return Ok(Created { session: there.session, is_new: false });
    }
    let session = session_of(shop, payment, &order)?;
    Ok(match put(shop, session, key).await? {
        Put::New(session) => Created { session, is_new: true },
        Put::There(first) => Created { session: first.session, is_new: false },
    })
}

fn session_of(shop: &Shop, payment: PaymentId, order: &Order) -> Result<PaymentSession, Failure> {
    let end = order.hold_expires_at.ok_or(Failure::Internal("a pending order has a hold"))?;
    let (purpose, amount) = (Purpose::Order { order_id: order.order_id.clone() }, order.external_amount());
    let (user, name) = (order.user_id.clone(), checkout(shop)?.provider);
    let session = PaymentSession::new(payment, user, (purpose, amount), name, (shop.clock.now(), end));
    let first_item = order.items.first().map(|line| line.name.clone());
    Ok(PaymentSession { first_item, more_items: order.items.len().saturating_sub(1), ..session })
}

enum Put {
    New(PaymentSession),
    There(SessionRecord),
}

async fn put(shop: &Shop, session: PaymentSession, key: &RequestKey) -> Result<Put, Failure> {
    let record = SessionRecord::new(session, key.payload.clone());
    let mut transaction = Transaction::new();
    let create = transaction.add(sessions::create(&record));
    match shop.table.commit(transaction, &mut shop.backoff()).await? {
        Outcome::Committed => Ok(Put::New(record.session)),
        Outcome::Refused(failures) => {
            let there = failures.of::<SessionRecord>(create)?.flatten();
            there.map(Put::There).ok_or(Failure::Internal("a session is put unless there is one"))
        }
    }
}

fn replayed(first: SessionRecord, key: &RequestKey) -> Result<Created, Failure> {
    key.check_payload(&first.payload)?;
    Ok(Created { session: first.session, is_new: true })
}
