//! Sees to orders and order sheets when their time is up: an order that was not paid gives back what it holds, a sheet
//! that was not ordered is noted as abandoned.
//!
//! Each order and sheet has a message in a queue that delays it, put there by its own event. Should one get lost, the
//! sweep finds what is overdue.

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

/// What is needed of an event to see to what it is about.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    aggregate_id: String,
}

/// Sees to what the messages of a batch are about, each for itself; what comes too early comes again in time.
///
/// # Errors
/// Never: what fails is named, and comes again.
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
    // Meanwhile nothing may be left of it: then it comes again at once.
    Ok(Handled::Defer(Duration::try_from(left).unwrap_or_default()))
}
