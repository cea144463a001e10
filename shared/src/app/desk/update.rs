//! The desk's rows, brought to the present state of their order.
//!
//! A message names rows that are outdated; the order itself decides what they become. So messages may come in any order,
//! twice, late, or after the function stopped half-way: each row ends in the state of the order's last version.

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::de::IgnoredAny;

use crate::{
    app::{Failure, Shop},
    domain::{OrderId, desk::DeskChange},
    store::{Applied, Consistency, desk, keys, orders::OrderRecord},
};

/// Writes those rows of an order that a change names. Returns whether there is such an order.
///
/// # Errors
/// If the table cannot be reached, or the order cannot be read.
pub async fn update(shop: &Shop, id: &OrderId, change: &DeskChange) -> Result<bool, Failure> {
    let record: Option<OrderRecord> = shop.table.get(keys::order(id), Consistency::Strong).await?;
    let Some(OrderRecord { order, .. }) = record else { return Ok(false) };
    let writes = desk::rows(&order, change).into_iter().map(|(key, row)| async move {
        let write = desk::write(key, &row);
        // A row of a later version is as good: its writer read the order after this one.
        let (Applied::Done(IgnoredAny) | Applied::Refused(_)) = shop.table.apply(&write, &mut shop.backoff()).await?;
        Ok::<_, Failure>(())
    });
    stream::iter(writes).buffer_unordered(shop.bounds.desk_rows_at_once.max(1)).try_collect::<()>().await?;
    Ok(true)
}

/// Notes a heartbeat that came through the stream and the queue.
///
/// # Errors
/// If the table cannot be reached.
pub async fn note_heartbeat(shop: &Shop, at: Timestamp) -> Result<(), Failure> {
    let (Applied::Done(IgnoredAny) | Applied::Refused(_)) =
        shop.table.apply(&desk::note_heartbeat(at), &mut shop.backoff()).await?;
    Ok(())
}
