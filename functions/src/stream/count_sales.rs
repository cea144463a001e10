//! Counts the units sold in the changes of the table's stream, and keeps the bestsellers.

use aws_lambda_events::{dynamodb::EventRecord, streams::DynamoDbEventResponse};
use lambda_runtime::Error;
use shared::{
    app::{
        Shop,
        bestsellers::{self, SalesChange},
    },
    lambda::{dead_letters::DeadLetters, serve, stream::Batch},
    store::{StoreError, stream},
};

/// Serves batches of the stream.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn serve() -> Result<(), Error> {
    let (shop, dead_letters) = (serve::shop_from_env().await?, DeadLetters::from_env()?);
    serve::events(|batch| handle(&shop, &dead_letters, batch)).await
}

/// Counts a batch. An unreadable record goes to the dead-letter queue.
///
/// # Errors
/// If the table cannot be reached: the batch comes again, and nothing in it counts twice.
pub async fn handle(shop: &Shop, dead_letters: &DeadLetters, batch: Batch) -> Result<DynamoDbEventResponse, Error> {
    let parsed = dead_letters.read(&batch, changes_of).await;
    bestsellers::fold(shop, parsed.changes.into_iter().flat_map(|(_, changes)| changes).collect()).await?;
    Ok(batch.checkpoint(parsed.stopped_at))
}

fn changes_of(record: &EventRecord) -> Result<Vec<SalesChange>, StoreError> {
    let described = stream::product_change(record)?.map(SalesChange::Described);
    let sold =
        stream::order_change(record)?.and_then(|change| SalesChange::from_order(change.old.as_ref(), &change.new));
    Ok(described.into_iter().chain(sold).collect())
}
