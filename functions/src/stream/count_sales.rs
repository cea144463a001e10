//! Counts the units sold in the changes of the table's stream, and keeps the bestsellers.

use aws_lambda_events::{dynamodb::EventRecord, streams::DynamoDbEventResponse};
use lambda_runtime::Error;
use shared::{
    app::{
        Shop,
        bestsellers::{self, SalesChange},
    },
    lambda::{
        serve,
        stream::{Batch, StreamDeadLetters},
    },
    store::{StoreError, stream},
};

/// Serves batches of the stream.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let (shop, dead_letters) = (serve::shop_from_env().await?, StreamDeadLetters::from_env()?);
    serve::events(|batch| handle(&shop, &dead_letters, batch)).await
}

/// Counts a batch. A record goes to the dead letters if it cannot be read itself, or if it needs a stored item that cannot
/// be read. Neither stops another record.
///
/// # Errors
/// If the table cannot be reached: the batch comes again, and nothing in it counts twice.
pub async fn handle(
    shop: &Shop,
    dead_letters: &StreamDeadLetters,
    batch: Batch,
) -> Result<DynamoDbEventResponse, Error> {
    let parsed = dead_letters.read(&batch, changes_of).await;
    let changes: Vec<&SalesChange> = parsed.changes.iter().flat_map(|(_, changes)| changes).collect();
    let unreadable = bestsellers::fold(shop, &changes).await?;
    let mut aside = Vec::new();
    for (place, changes) in &parsed.changes {
        let reason = changes.iter().find_map(|change| unreadable.reason_for(change));
        aside.extend(reason.map(|reason| (*place, reason.to_owned())));
    }
    let failed = dead_letters.set_aside(&batch, &aside).await;
    // Reading stopped after all records that were read.
    Ok(batch.checkpoint(failed.or(parsed.stopped_at)))
}

fn changes_of(record: &EventRecord) -> Result<Vec<SalesChange>, StoreError> {
    let described = stream::product_change(record)?.map(SalesChange::Described);
    let sold =
        stream::order_change(record)?.and_then(|change| SalesChange::from_order(change.old.as_ref(), &change.new));
    Ok(described.into_iter().chain(sold).collect())
}
