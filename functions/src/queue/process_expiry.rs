//! Handles expired orders and order sheets: an unpaid order releases its hold, an unordered sheet is marked as
//! abandoned.
//!
//! Each order and sheet has a delayed message in a queue, sent because of its own event. If one is lost, the sweep
//! finds the expired thing.

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::Error;
use serde::Deserialize;
use shared::{
    app::{Shop, orders, sheets},
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

/// The part of an event that identifies its order or sheet.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    aggregate_id: String,
}

/// Handles the messages of a batch, each independently; a message that comes too early is deferred to its time.
///
/// # Errors
/// Never: failed messages are listed in the response, and come again.
pub async fn handle(shop: &Shop, queue: &Queue, batch: SqsEvent) -> Result<SqsBatchResponse, Error> {
    Ok(queue.process(batch, |message| end(shop, message)).await)
}

async fn end(shop: &Shop, message: Message) -> Result<Handled, Error> {
    let event = message.event()?;
    let Header { aggregate_id: id } = event.read()?;
    let left = match event.detail_type.as_str() {
        "OrderPlaced" => orders::end_hold(shop, &id.clone().try_into()?).await?,
        "OrderSheetCreated" => sheets::abandon(shop, &id.clone().try_into()?).await?,
        other => return Err(format!("no expiry handles {other}").into()),
    };
    let Some(left) = left else {
        tracing::info!(aggregate.id = id, "{} settled", event.detail_type);
        return Ok(Handled::Done);
    };
    // If the time has passed meanwhile, the message comes again at once.
    Ok(Handled::Defer(Duration::try_from(left).unwrap_or_default()))
}
