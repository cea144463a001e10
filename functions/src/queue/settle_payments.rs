//! Settles orders by the results of the external payment system.
//!
//! Results arrive at least once, in any order, and at any time. The order and the record of the payment decide the
//! effect of each, in one commit.
//!
//! A result that can never be settled goes to the dead-letter queue at once, with the reason. Retries would hide it for a
//! day, and customers may have paid.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::Error;
use shared::{
    app::{
        Failure, Shop,
        orders::{self, PaymentOutcome},
    },
    domain::Refusal,
    events::{InboundKind, PaymentResult},
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
        Ok((kind, result)) => match settle(shop, kind, &result).await {
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

async fn settle(shop: &Shop, kind: InboundKind, result: &PaymentResult) -> Result<(), Failure> {
    let outcome = match kind {
        InboundKind::PaymentSucceeded => PaymentOutcome::Succeeded,
        InboundKind::PaymentFailed => PaymentOutcome::Failed,
    };
    let status = orders::settle(shop, outcome, result).await?;
    let (order_id, payment_id) = (result.order_id.as_str(), result.payment_id.as_str());
    tracing::info!(order.id = order_id, payment.id = payment_id, payment.status = ?status, "{} settled", kind.as_str());
    Ok(())
}

/// The result in a message.
fn read(message: &Message) -> Result<(InboundKind, PaymentResult), Error> {
    let event = message.event()?;
    let kind = InboundKind::from_name(&event.detail_type)
        .ok_or_else(|| format!("{} is no result of a payment", event.detail_type))?;
    let result = event.read().map_err(|error| format!("it is no result of a payment: {error}"))?;
    Ok((kind, result))
}

/// The reason of a failure that no retry can mend: an unknown order, an amount that no order has, or the id of another
/// payment. The order is read strongly, so one that is missing was never acknowledged to anybody.
fn final_reason(failure: &Failure) -> Option<String> {
    match failure {
        Failure::Refused(refusal @ Refusal::NotFound { id, .. }) => Some(format!("{refusal}: {id}")),
        Failure::Invalid(field, why) => Some(format!("{field}: {why}")),
        _ => None,
    }
}
