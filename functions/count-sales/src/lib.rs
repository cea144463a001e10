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

/// Counts a batch, up to a record that cannot be read.
///
/// # Errors
/// Where the table gives no answer: the batch comes again, and what it counted already does not count twice.
pub async fn handle(shop: &Shop, batch: Event) -> Result<DynamoDbEventResponse, Error> {
    let (changes, unreadable) = stream::read(&batch.records, changes_of);
    bestsellers::fold(shop, changes).await?;
    Ok(stream_checkpoint(unreadable))
}

fn changes_of(record: &EventRecord) -> Result<Vec<SalesChange>, StoreError> {
    let described = stream::product_change(record)?.map(SalesChange::Described);
    let sold = stream::order_change(record)?.and_then(|(old, new)| SalesChange::of_order(old.as_ref(), &new));
    Ok(described.into_iter().chain(sold).collect())
}
