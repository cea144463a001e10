//! Ends expired holds: an order that was not paid in time releases its units and its coupon.
//!
//! Each order has a delayed message in a queue, sent because of its own event. If one is lost, or a hold is longer than
//! a message can wait, the sweep finds the order.

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use jiff::SignedDuration;
use lambda_runtime::Error;
use serde::Deserialize;
use shared::{
    app::{Failure, Shop, orders},
    domain::OrderId,
    lambda::{
        queue::{Handled, Message, Queue},
        serve,
    },
    platform::trace::TraceId,
};

/// Serves batches of the queue.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let (shop, queue) = (serve::shop_from_env().await?, Queue::from_env()?);
    serve::events(|batch| handle(&shop, &queue, batch)).await
}

/// The longest time for which a message is deferred. A deferred message counts as in flight, and a queue has 120,000 of
/// these at most: a longer hold is left to the sweep.
const LONGEST_DEFERRAL: SignedDuration = SignedDuration::from_secs(60);

/// The part of an event that identifies its order.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    aggregate_id: String,
}

/// What a message asks for.
enum Expiry {
    Hold(OrderId, Option<TraceId>),
    /// An order sheet, as by an earlier version: its end is left to the sweep.
    Sheet,
}

/// Ends the holds of a batch together. A message that comes too early is deferred to its time.
///
/// # Errors
/// Never: failed messages are listed in the response, and come again.
pub async fn handle(shop: &Shop, queue: &Queue, batch: SqsEvent) -> Result<SqsBatchResponse, Error> {
    Ok(queue.process_together(batch, |messages| end(shop, messages)).await)
}

async fn end(shop: &Shop, messages: Vec<Message>) -> Vec<Result<Handled, Error>> {
    let expiries: Vec<Result<Expiry, Error>> = messages.iter().map(read).collect();
    let holds = expiries.iter().filter_map(|expiry| match expiry {
        Ok(Expiry::Hold(order, trace)) => Some((order.clone(), trace.clone())),
        _ => None,
    });
    let mut ended = orders::end_holds(shop, &holds.collect::<Vec<_>>()).await.into_iter();
    let outcomes = expiries.into_iter().map(|expiry| match expiry? {
        Expiry::Sheet => Ok(Handled::Done),
        Expiry::Hold(order, _) => {
            let ended = ended.next().unwrap_or(Err(Failure::Internal("each hold has a result")));
            outcome(&order, ended)
        }
    });
    outcomes.collect()
}

fn read(message: &Message) -> Result<Expiry, Error> {
    let event = message.event()?;
    match event.detail_type.as_str() {
        "OrderPlaced" => {
            let Header { aggregate_id } = event.read()?;
            Ok(Expiry::Hold(aggregate_id.try_into()?, message.trace()))
        }
        "OrderSheetCreated" => Ok(Expiry::Sheet),
        other => Err(format!("no expiry handles {other}").into()),
    }
}

fn outcome(order: &OrderId, ended: Result<Option<SignedDuration>, Failure>) -> Result<Handled, Error> {
    match ended? {
        None => {
            tracing::info!(order.id = %order, "the hold is settled");
            Ok(Handled::Done)
        }
        Some(left) if left > LONGEST_DEFERRAL => Ok(Handled::Done),
        // If the time has passed meanwhile, the message comes again at once.
        Some(left) => Ok(Handled::Defer(Duration::try_from(left).unwrap_or_default())),
    }
}
