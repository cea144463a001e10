//! Keeps the desk's rows of orders and lines, by which sellers and admins list them.
//!
//! The relay sends one message for the changes of an order in a batch of the stream. A row is written from the order as it
//! is now, under the condition that no later version has written it. So messages may come in any order and twice.

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use jiff::SignedDuration;
use lambda_runtime::Error;
use shared::{
    app::{Shop, desk},
    lambda::{
        queue::{Handled, Message, Queue},
        serve,
    },
};

use crate::desk_messages::{HEARTBEAT_SEEN, HeartbeatSeen, OUTDATED_ROWS, OutdatedRows};

/// The number of orders of a batch that are handled at a time.
const AT_ONCE: usize = 10;

/// The age at which a heartbeat counts as come through. The queue keeps no order: by then, earlier messages are handled, or
/// they have failed and come again.
const HEARTBEAT_AGE: SignedDuration = SignedDuration::from_secs(10);

/// Serves batches of the queue.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let (shop, queue) = (serve::shop_from_env().await?, Queue::from_env()?);
    serve::events(|batch| handle(&shop, &queue, batch)).await
}

/// Writes the rows that the messages of a batch name.
///
/// # Errors
/// Never: failed messages are listed in the response, and come again.
pub async fn handle(shop: &Shop, queue: &Queue, batch: SqsEvent) -> Result<SqsBatchResponse, Error> {
    Ok(queue.process(batch, AT_ONCE, |message| update(shop, message)).await)
}

async fn update(shop: &Shop, message: Message) -> Result<Handled, Error> {
    let event = message.event()?;
    match event.detail_type.as_str() {
        OUTDATED_ROWS => {
            let OutdatedRows { order_id, change, .. } = event.read()?;
            if !desk::update(shop, &order_id, &change).await? {
                return Err(format!("there is no order {order_id}").into());
            }
            Ok(Handled::Done)
        }
        HEARTBEAT_SEEN => {
            let HeartbeatSeen { at } = event.read()?;
            let left = HEARTBEAT_AGE.saturating_sub(shop.clock.now().duration_since(at));
            if left.is_positive() {
                return Ok(Handled::Defer(Duration::try_from(left).unwrap_or_default()));
            }
            desk::note_heartbeat(shop, at).await?;
            Ok(Handled::Done)
        }
        other => Err(format!("the desk handles no {other}").into()),
    }
}
