//! Builds the files of exports, a step a message, and deletes those of erased users.
//!
//! The change of a running export leads to a message with its version, by the stream and the relay. A step that is taken
//! changes the version, so its message does nothing when it comes again.

mod format;

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use jiff::SignedDuration;
use lambda_runtime::Error;
use shared::{
    app::{Shop, exports},
    lambda::{
        queue::{Handled, Message, Queue},
        serve,
    },
};

use self::format::Files;
use crate::{
    export_messages::{EXPORT_DUE, ExportDue, USER_ERASED, UserErased},
    exports_bucket,
};

/// The messages of a batch that are handled at a time: a step may take megabytes of memory.
const AT_ONCE: usize = 1;

/// The time after an erasure in which a step that began before it can still write a part: longer than a function lives.
const LAST_WRITES: SignedDuration = SignedDuration::from_mins(10);

/// Serves batches of the queue.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let shop = exports_bucket::with_bucket(serve::shop_from_env().await?)?;
    let queue = Queue::from_env()?;
    serve::events(|batch| handle(&shop, &queue, batch)).await
}

/// Takes the steps that the messages of a batch name.
///
/// # Errors
/// Never: failed messages are listed in the response, and come again.
pub async fn handle(shop: &Shop, queue: &Queue, batch: SqsEvent) -> Result<SqsBatchResponse, Error> {
    Ok(queue.process(batch, AT_ONCE, |message| step(shop, message)).await)
}

async fn step(shop: &Shop, message: Message) -> Result<Handled, Error> {
    let event = message.event()?;
    match event.detail_type.as_str() {
        EXPORT_DUE => {
            let ExportDue { export_id, version, .. } = event.read()?;
            exports::advance(shop, &export_id, version, &Files).await?;
            Ok(Handled::Done)
        }
        USER_ERASED => {
            let UserErased { user_id, at } = event.read()?;
            exports::erase(shop, &user_id).await?;
            let left = LAST_WRITES.saturating_sub(shop.clock.now().duration_since(at));
            if left.is_positive() {
                return Ok(Handled::Defer(Duration::try_from(left).unwrap_or_default()));
            }
            Ok(Handled::Done)
        }
        other => Err(format!("exports handle no {other}").into()),
    }
}
