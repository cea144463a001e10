//! The results of refunds of orders.

use jiff::Timestamp;
use serde::de::IgnoredAny;

use super::{AuthorizedOrder, change::change};
use crate::{
    app::{Caller, Failure, RequestKey, Role, Shop},
    domain::{
        OrderId, Refusal,
        order::{Actor, RefundStatus, Tender},
        refusal::Entity,
    },
    store::{Applied, orders as store},
};

/// Records the result of a refund, named by the id of one of its attempts.
///
/// Idempotent: the first result counts, but a success counts after a failure.
///
/// # Errors
/// [`Refusal::NotFound`]; if the table cannot be reached.
pub async fn settle_refund(shop: &Shop, id: &OrderId, refund: &str, is_success: bool) -> Result<(), Failure> {
    let settled = change(shop, id, None, None, |order, now| {
        order.refund(refund).ok_or_else(|| Refusal::not_found(Entity::Refund, refund))?;
        Ok(order.refund_settled(refund, is_success, now))
    });
    let order = settled.await?;
    if order.refund(refund).is_some_and(|refund| refund.status == RefundStatus::Failed) {
        metrics::counter!("RefundsFailed").increment(1);
        tracing::error!(order.id = %id, refund.id = refund, "a refund failed");
    }
    Ok(())
}

/// Reports an open refund as overdue, once.
///
/// # Errors
/// If the table cannot be reached.
pub async fn report_overdue(shop: &Shop, id: &OrderId, refund: &str) -> Result<(), Failure> {
    let patience = shop.policy.payments.refund_patience;
    let reported = change(shop, id, None, None, |order, now| Ok(order.refund_overdue(refund, patience, now)));
    reported.await?;
    metrics::counter!("RefundsOverdue").increment(1);
    tracing::error!(order.id = %id, refund.id = refund, "a refund is overdue");
    Ok(())
}

/// Sends a failed refund again, to where its money came from or to the balance.
///
/// Run twice with one key it is sent once. Without one, the second run finds that it has not failed.
///
/// # Errors
/// [`Refusal::Forbidden`] unless an admin asks, [`Refusal::NotFound`], [`Refusal::RefundStateConflict`].
pub async fn retry_refund(
    shop: &Shop,
    caller: &Caller,
    id: &OrderId,
    (refund, to): (&str, Option<Tender>),
    key: &RequestKey,
) -> Result<AuthorizedOrder, Failure> {
    if caller.role != Role::Admin {
        return Err(Refusal::Forbidden.into());
    }
    let order = change(shop, id, None, Some(key), |order, now| {
        order.retry_refund(refund, to.unwrap_or(Tender::External), Actor::Admin, now).map(Some)
    });
    super::life::authorize(shop, caller, order.await?)
}

/// Plans the sweep's next look at an order's open refunds; nothing happens if it has been planned anew meanwhile.
pub(in crate::app) async fn plan_refunds_look(
    shop: &Shop,
    id: &OrderId,
    (seen, at): (Timestamp, Timestamp),
) -> Result<(), Failure> {
    let plan = store::plan_refunds_look(id, seen, at);
    let _: Applied<IgnoredAny> = shop.table.apply(&plan, &mut shop.backoff()).await?;
    Ok(())
}
