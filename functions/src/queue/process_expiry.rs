//! Handles expired orders and order sheets: an unpaid order releases its hold, an unordered sheet is marked as
//! abandoned.
//!
//! Each order and sheet has a delayed message in a queue, sent because of its own event. If one is lost, the sweep
//! finds the expired thing.

use std::time::Duration;

use aws_lambda_events::{
    eventbridge::EventBridgeEvent,
    sqs::{SqsBatchResponse, SqsEvent},
};
use lambda_runtime::Error;
use serde::{Deserialize, Serialize};
use shared::{
    app::{Shop, orders, sheets},
    lambda::{
        Config,
        queue::{Handled, Queue},
        serve,
    },
};

/// Serves batches of the queue.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let (shop, queue) = (serve::open_shop(&Config::from_env()?).await?, Queue::from_env()?);
    serve::events(|batch| handle(&shop, &queue, batch)).await
}

/// The part of an event that identifies its order or sheet.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    aggregate_id: String,
}

/// Handles the messages of a batch, each independently; a message that comes too early is deferred to its time.
///
/// # Errors
/// Never: failed messages are listed in the response, and come again.
pub async fn handle(shop: &Shop, queue: &Queue, batch: SqsEvent) -> Result<SqsBatchResponse, Error> {
    Ok(queue.process(batch, |body| end(shop, body)).await)
}

async fn end(shop: &Shop, body: String) -> Result<Handled, Error> {
    let event: EventBridgeEvent<Header> = serde_json::from_str(&body)?;
    let id = event.detail.aggregate_id;
    let left = match event.detail_type.as_str() {
        "OrderPlaced" => orders::end_hold(shop, &id.clone().try_into()?).await?,
        "OrderSheetCreated" => sheets::abandon(shop, &id.clone().try_into()?).await?,
        other => return Err(format!("nothing is due for {other}").into()),
    };
    let Some(left) = left else {
        tracing::info!(aggregate.id = id, "{} settled", event.detail_type);
        return Ok(Handled::Done);
    };
    // If the time has passed meanwhile, the message comes again at once.
    Ok(Handled::Defer(Duration::try_from(left).unwrap_or_default()))
}
