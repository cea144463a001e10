//! Counts what the table's stream tells was sold, and keeps the bestsellers.

use aws_lambda_events::{
    dynamodb::{Event, EventRecord},
    streams::DynamoDbEventResponse,
};
use lambda_runtime::Error;
use shared::{
    app::{
        Shop,
        bestsellers::{self, SalesChange},
    },
    runtime::serve::stream_checkpoint,
    store::{StoreError, stream},
};

/// Counts a batch. A record that cannot be read ends the batch there, so that Lambda isolates it and puts it aside.
///
/// # Errors
/// Where the table gives no answer: the batch comes again, and what it counted already does not count twice.
pub async fn handle(shop: &Shop, batch: Event) -> Result<DynamoDbEventResponse, Error> {
    let mut changes = Vec::new();
    let mut unreadable = None;
    for record in &batch.records {
        match changes_of(record) {
            Ok(found) => changes.extend(found),
            Err(error) => {
                tracing::error!(%error, "a stream record cannot be read");
                unreadable = Some(record);
                break;
            }
        }
    }
    bestsellers::fold(shop, changes).await?;
    Ok(stream_checkpoint(unreadable))
}

fn changes_of(record: &EventRecord) -> Result<Vec<SalesChange>, StoreError> {
    let described = stream::product_change(record)?.map(SalesChange::Described);
    let sold = stream::order_change(record)?.and_then(|(old, new)| SalesChange::of_order(old.as_ref(), &new));
    Ok(described.into_iter().chain(sold).collect())
}
