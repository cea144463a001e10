//! Settles orders, refunds and withdrawals by the results of the external payment system.
//!
//! Results arrive at least once, in any order, and at any time. The order, the record of the payment or the withdrawal
//! decides the effect of each, in one commit.
//!
//! A result that can never be settled goes to the dead-letter queue at once, with the reason. Retries would hide it for a
//! day, and customers may have paid.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::Error;
use shared::{
    app::{
        Failure, Shop,
        orders::{self, PaymentOutcome},
        withdrawals,
    },
    domain::{Refusal, order::Actor, withdrawal::WithdrawalStatus},
    events::{InboundKind, PaymentResult, RefundResult, WithdrawalResult},
    lambda::{
        dead_letters::DeadLetters,
        queue::{Handled, Message, Queue},
        serve,
    },
};

/// Serves batches of the queue.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let (shop, queue, dead_letters) = (serve::shop_from_env().await?, Queue::from_env()?, DeadLetters::from_env()?);
    serve::events(|batch| handle(&shop, &queue, &dead_letters, batch)).await
}

/// Settles the results of a batch, each independently.
///
/// # Errors
/// Never: failed messages are listed in the response, and come again.
pub async fn handle(
    shop: &Shop,
    queue: &Queue,
    dead_letters: &DeadLetters,
    batch: SqsEvent,
) -> Result<SqsBatchResponse, Error> {
    Ok(queue.process(batch, 1, |message| process(shop, dead_letters, message)).await)
}

async fn process(shop: &Shop, dead_letters: &DeadLetters, message: Message) -> Result<Handled, Error> {
    let reason = match read(&message) {
        Ok(result) => match settle(shop, &result).await {
            Ok(()) => return Ok(Handled::Done),
            Err(failure) => match final_reason(&failure) {
                Some(reason) => reason,
                None => return Err(failure.into()),
            },
        },
        Err(error) => error.to_string(),
    };
    dead_letters.send(message.body, &reason).await?;
    tracing::error!("a result of a payment can never be settled and was put aside");
    Ok(Handled::Done)
}

/// A result of money outside.
enum Outside {
    Payment(PaymentOutcome, PaymentResult),
    /// Whether the money is back.
    Refund(bool, RefundResult),
    Withdrawal(WithdrawalStatus, WithdrawalResult),
}

async fn settle(shop: &Shop, result: &Outside) -> Result<(), Failure> {
    match result {
        Outside::Payment(outcome, result) => {
            let status = orders::settle(shop, *outcome, result).await?;
            let (order_id, payment_id) = (result.order_id.as_str(), result.payment_id.as_str());
            tracing::info!(order.id = order_id, payment.id = payment_id, payment.status = ?status, "a payment is settled");
        }
        Outside::Refund(is_success, result) => {
            orders::settle_refund(shop, &result.order_id, &result.refund_id, *is_success).await?;
            let (order_id, refund_id) = (result.order_id.as_str(), result.refund_id.as_str());
            tracing::info!(order.id = order_id, refund.id = refund_id, is_success, "a refund is settled");
        }
        Outside::Withdrawal(status, result) => {
            withdrawals::settle(shop, &result.withdrawal_id, *status, Actor::System).await?;
            tracing::info!(withdrawal.id = result.withdrawal_id.as_str(), ?status, "a withdrawal is settled");
        }
    }
    Ok(())
}

/// The result in a message.
fn read(message: &Message) -> Result<Outside, Error> {
    let event = message.event()?;
    let kind = InboundKind::from_name(&event.detail_type)
        .ok_or_else(|| format!("{} is no result of a payment", event.detail_type))?;
    let result = match kind {
        InboundKind::PaymentSucceeded => event.read().map(|result| Outside::Payment(PaymentOutcome::Succeeded, result)),
        InboundKind::PaymentFailed => event.read().map(|result| Outside::Payment(PaymentOutcome::Failed, result)),
        InboundKind::RefundSucceeded => event.read().map(|result| Outside::Refund(true, result)),
        InboundKind::RefundFailed => event.read().map(|result| Outside::Refund(false, result)),
        InboundKind::WithdrawalPaidOut => {
            event.read().map(|result| Outside::Withdrawal(WithdrawalStatus::PaidOut, result))
        }
        InboundKind::WithdrawalReturned => {
            event.read().map(|result| Outside::Withdrawal(WithdrawalStatus::Returned, result))
        }
    };
    Ok(result.map_err(|error| format!("it is no result of a payment: {error}"))?)
}

/// The reason of a failure that no retry can mend: an unknown order, an amount that no order has, or the id of another
/// payment. Likewise an unknown refund or withdrawal, or a withdrawal that is back already. All are read strongly, so one
/// that is missing was never acknowledged to anybody.
fn final_reason(failure: &Failure) -> Option<String> {
    match failure {
        Failure::Refused(refusal @ Refusal::NotFound { id, .. }) => Some(format!("{refusal}: {id}")),
        Failure::Refused(refusal @ Refusal::WithdrawalStateConflict { .. }) => Some(refusal.to_string()),
        Failure::Invalid(field, why) => Some(format!("{field}: {why}")),
        _ => None,
    }
}
