//! Settles orders by the results of the external payment system.
//!
//! Results arrive at least once, in any order, and at any time. The order and the record of the payment decide the
//! effect of each, in one commit.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::Error;
use shared::{
    app::{
        Shop,
        orders::{self, PaymentOutcome},
    },
    events::{InboundKind, PaymentResult},
    lambda::{
        queue::{Handled, Message, Queue},
        serve,
    },
};

/// Serves batches of the queue.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let (shop, queue) = (serve::shop_from_env().await?, Queue::from_env()?);
    serve::events(|batch| handle(&shop, &queue, batch)).await
}

/// Settles the results of a batch, each independently.
///
/// # Errors
/// Never: failed messages are listed in the response, and come again.
pub async fn handle(shop: &Shop, queue: &Queue, batch: SqsEvent) -> Result<SqsBatchResponse, Error> {
    Ok(queue.process(batch, 1, |message| settle(shop, message)).await)
}

async fn settle(shop: &Shop, message: Message) -> Result<Handled, Error> {
    let event = message.event()?;
    let outcome = match InboundKind::from_name(&event.detail_type) {
        Some(InboundKind::PaymentSucceeded) => PaymentOutcome::Succeeded,
        Some(InboundKind::PaymentFailed) => PaymentOutcome::Failed,
        None => return Err(format!("{} is no result of a payment", event.detail_type).into()),
    };
    let result: PaymentResult = event.read()?;
    let status = orders::settle(shop, outcome, &result).await?;
    let (order_id, payment_id) = (result.order_id.as_str(), result.payment_id.as_str());
    tracing::info!(order.id = order_id, payment.id = payment_id, payment.status = ?status, "{} settled", event.detail_type);
    Ok(Handled::Done)
}
