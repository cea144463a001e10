//! The table's stream: which change a record tells of.

use aws_lambda_events::dynamodb::EventRecord;
use serde::de::DeserializeOwned;
use serde_dynamo::{AttributeValue, Item};

use super::{StoreError, orders::OrderRecord, sheets::SheetRecord};
use crate::domain::{ProductId, order::Order, product::Product, sheet::OrderSheet};

/// The images of an order before and after a change, if the record is of an order.
///
/// # Errors
/// Where an image is not of an order's shape.
pub fn order_change(record: &EventRecord) -> Result<Option<(Option<Order>, Order)>, StoreError> {
    if sort_key(record) != Some("ORDER") {
        return Ok(None);
    }
    let new: Option<OrderRecord> = image(&record.change.new_image)?;
    let old: Option<OrderRecord> = image(&record.change.old_image)?;
    Ok(new.map(|new| (old.map(|old| old.order), new.order)))
}

/// The images of an order sheet before and after a change, if the record is of a sheet.
///
/// # Errors
/// Where an image is not of a sheet's shape.
pub fn sheet_change(record: &EventRecord) -> Result<Option<(Option<OrderSheet>, OrderSheet)>, StoreError> {
    if sort_key(record) != Some("SHEET") {
        return Ok(None);
    }
    let new: Option<SheetRecord> = image(&record.change.new_image)?;
    let old: Option<SheetRecord> = image(&record.change.old_image)?;
    Ok(new.map(|new| (old.map(|old| old.sheet), new.sheet)))
}

/// The product whose description changed, if the record is of a product.
///
/// # Errors
/// Where the image is not of a product's shape.
pub fn product_change(record: &EventRecord) -> Result<Option<ProductId>, StoreError> {
    if sort_key(record) != Some("PRODUCT") {
        return Ok(None);
    }
    let new: Option<Product> = image(&record.change.new_image)?;
    Ok(new.map(|product| product.product_id))
}

/// What the records of a batch tell, read one by one up to the first that cannot be read, and that one. There the batch
/// ends, so that Lambda isolates the record and puts it aside.
pub fn read<T, I: IntoIterator<Item = T>>(
    records: &[EventRecord],
    of_record: impl Fn(&EventRecord) -> Result<I, StoreError>,
) -> (Vec<T>, Option<&EventRecord>) {
    let mut told = Vec::new();
    for record in records {
        match of_record(record) {
            Ok(found) => told.extend(found),
            Err(error) => {
                tracing::error!(%error, "a stream record cannot be read");
                return (told, Some(record));
            }
        }
    }
    (told, None)
}

fn sort_key(record: &EventRecord) -> Option<&str> {
    match record.change.keys.get("sk") {
        Some(AttributeValue::S(sk)) => Some(sk),
        _ => None,
    }
}

fn image<R: DeserializeOwned>(item: &Item) -> Result<Option<R>, StoreError> {
    if item.is_empty() {
        return Ok(None);
    }
    Ok(Some(serde_dynamo::from_item(item.clone())?))
}
