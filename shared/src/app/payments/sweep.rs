//! The sweep of payments: questions to the provider that are open, and money on its way back.

use jiff::Timestamp;

use super::{
    confirm::{ask, may_ask_again},
    provider,
    refund::{RefundWord, ToSend, send, send_open},
    settle::{Word, replace, settle},
};
use crate::{
    app::{
        Failure, Shop,
        expiry::{self, Expired, Place},
        orders,
        sweeps::SweepStep,
    },
    domain::{
        OrderId, PaymentId,
        order::Refund,
        provider::ProviderState,
        session::{SessionStatus, pause_since},
        time::after_business_time,
    },
    store::{Consistency, keys, orders::OrderRecord, sessions::SessionRecord},
};

/// A part of the sessions of a bucket (below [`keys::EXPIRY_BUCKETS`]) that were to be looked at by an instant.
///
/// # Errors
/// If the table cannot be reached.
pub async fn open_sessions(
    shop: &Shop,
    bucket: u16,
    until: Timestamp,
    after: Option<Place>,
) -> Result<Expired<PaymentId>, Failure> {
    expiry::expired(shop, keys::sessions(bucket), until, after, keys::session).await
}

/// A part of the orders of a bucket (below [`keys::EXPIRY_BUCKETS`]) whose open refunds were to be looked at by an instant.
///
/// # Errors
/// If the table cannot be reached.
pub async fn open_refunds(
    shop: &Shop,
    bucket: u16,
    until: Timestamp,
    after: Option<Place>,
) -> Result<Expired<OrderId>, Failure> {
    expiry::expired(shop, keys::refunds(bucket), until, after, keys::order).await
}

/// Asks the provider about a session that waits for its word, sends money back that is on its way, and plans the next look.
///
/// Run twice, or at the same time as itself, it settles once. Stopped anywhere, the next run does the rest.
///
/// # Errors
/// If the table cannot be reached.
pub async fn sweep_session(shop: &Shop, id: PaymentId) -> Result<SweepStep, Failure> {
    let record = super::read(shop, &id).await?.ok_or(Failure::Internal("a session that is listed exists"))?;
    let now = shop.clock.now();
    if record.session.look_at.is_none_or(|at| at > now) {
        return Ok(SweepStep::default());
    }
    let version = record.session.version;
    let record = if record.session.provider == provider(shop)?.name() {
        let record = if record.session.has_money() { record } else { ask_about(shop, record).await? };
        report_overdue(shop, send_open(shop, record).await?).await?
    } else {
        tracing::error!(payment.id = id.as_str(), "a payment is open at a provider that the shop no longer uses");
        record
    };
    let corrected = u64::from(record.session.version != version);
    if record.session.look_at.is_some_and(|at| at <= now) {
        let later = record.session.look_later(shop.clock.now());
        // Refused if the session changed meanwhile, and was planned anew.
        let _ = replace(shop, &record, later, &mut shop.backoff()).await?;
    }
    Ok(SweepStep { corrected, more: false })
}

/// Settles a session by a look-up. Money that the provider was asked for and has not taken is asked for again, while its
/// purpose stands.
async fn ask_about(shop: &Shop, record: SessionRecord) -> Result<SessionRecord, Failure> {
    let provider = provider(shop)?;
    let payment = match provider.look_up(&record.session.payment_id).await {
        Ok(payment) => payment,
        Err(error) => {
            tracing::warn!(%error, payment.id = record.session.payment_id.as_str(), "a payment could not be looked up");
            return Ok(record);
        }
    };
    let is_open = payment.as_ref().is_none_or(|payment| payment.state == ProviderState::Open);
    if record.session.is_confirming() && is_open && may_ask_again(shop, &record.session).await? {
        return ask(shop, provider, record).await;
    }
    let record = match payment {
        Some(payment) if !is_open => settle(shop, record, &Word::Payment(payment)).await?,
        _ => settle(shop, record, &Word::Nothing).await?,
    };
    if record.session.status != SessionStatus::Declined {
        return Ok(record);
    }
    // The time of its deposit is over, and nothing came.
    let done = record.session.looked_enough();
    let _ = replace(shop, &record, done.clone(), &mut shop.backoff()).await?;
    Ok(SessionRecord::new(done, record.payload))
}

/// Reports the refunds of a session that have had no result for too long.
async fn report_overdue(shop: &Shop, record: SessionRecord) -> Result<SessionRecord, Failure> {
    let (now, patience) = (shop.clock.now(), shop.policy.payments.refund_patience);
    let is_late = |at: Timestamp| after_business_time(at, patience) <= now;
    let late = record.session.open_refunds().find(|refund| !refund.is_overdue && is_late(refund.at));
    let Some(after) = late.and_then(|refund| record.session.refund_overdue(&refund.refund_id, now)) else {
        return Ok(record);
    };
    tracing::error!(payment.id = after.payment_id.as_str(), "a refund is overdue");
    metrics::counter!("RefundsOverdue").increment(1);
    let reported = SessionRecord::new(after.clone(), record.payload.clone());
    let _ = replace(shop, &record, after, &mut shop.backoff()).await?;
    Ok(reported)
}

/// Sends money of an order back through the provider of its session, reports refunds that are overdue, and plans the next
/// look.
///
/// Run twice, or at the same time as itself, it sends once: the provider knows the refund by its id.
///
/// # Errors
/// If the table cannot be reached.
pub async fn sweep_refunds(shop: &Shop, id: OrderId) -> Result<SweepStep, Failure> {
    let order_key = keys::order(&id);
    let session_id = PaymentId::from_order(&id).ok_or(Failure::Internal("an order has an id of a session"))?;
    let session_key = keys::session(&session_id);
    let wanted = [order_key.clone(), session_key.clone()];
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut shop.backoff()).await?;
    let record: Option<OrderRecord> = found.get(&order_key)?;
    let order = record.ok_or(Failure::Internal("an order that is listed exists"))?.order;
    let session: Option<SessionRecord> = found.get(&session_key)?;
    let (now, patience) = (shop.clock.now(), shop.policy.payments.refund_patience);
    let open: Vec<Refund> = order.refunds().into_iter().filter(Refund::is_open).collect();
    let (mut corrected, mut left) = (0, Vec::new());
    for refund in open {
        let word = match &session {
            Some(record) if refund.payment_id.as_ref() == Some(&session_id) => {
                send_by_session(shop, record, &refund).await?
            }
            _ => RefundWord::Unknown,
        };
        match word {
            RefundWord::Unknown => {
                if !refund.is_overdue && refund.overdue_at(patience) <= now {
                    orders::report_overdue(shop, &id, &refund.refund_id).await?;
                    corrected += 1;
                }
                left.push(refund);
            }
            word => {
                orders::settle_refund(shop, &id, &refund.attempt_id(), word == RefundWord::Succeeded).await?;
                corrected += 1;
            }
        }
    }
    let looks = left.iter().filter_map(|refund| {
        let is_ours = refund.payment_id.as_ref() == Some(&session_id);
        if is_ours { now.checked_add(pause_since(refund.at, now)).ok() } else { Some(refund.overdue_at(patience)) }
    });
    // An order that changed is in the list still, and is planned by the next run.
    if let (0, Some(seen), Some(at)) = (corrected, order.refunds_look_at, looks.filter(|at| *at > now).min()) {
        orders::plan_refunds_look(shop, &id, (seen, at)).await?;
    }
    Ok(SweepStep { corrected, more: false })
}

async fn send_by_session(shop: &Shop, record: &SessionRecord, refund: &Refund) -> Result<RefundWord, Failure> {
    let (provider, session) = (provider(shop)?, &record.session);
    let Some(payment_key) = session.payment_key.as_ref().filter(|_| session.provider == provider.name()) else {
        tracing::error!(refund.id = refund.refund_id, "a refund is open at a provider that the shop no longer uses");
        return Ok(RefundWord::Unknown);
    };
    let (payment, attempt_id, amount) = (&session.payment_id, refund.attempt_id(), refund.amount);
    Ok(send(provider, &ToSend { payment, payment_key, attempt_id, amount, is_repeated: true }).await)
}
