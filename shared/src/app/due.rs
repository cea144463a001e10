//! What is due: things whose time is up, found by the index that lists them until they are seen to.

use jiff::Timestamp;
use serde::Deserialize;

use super::{Failure, Shop};
use crate::store::{keys, table::Range};

/// A place in the index by due.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct IndexRow {
    by_due_sk: String,
}

/// The ids of things that were due before now and since when, the oldest first: up to `limit` of each bucket.
pub(super) async fn overdue<I: TryFrom<String>>(
    shop: &Shop,
    partition: impl Fn(u16) -> String,
    limit: usize,
) -> Result<Vec<(Timestamp, I)>, Failure> {
    let mut overdue: Vec<(Timestamp, I)> = Vec::new();
    for bucket in 0..keys::DUE_BUCKETS {
        let range = Range::due_before(partition(bucket), shop.clock.now());
        let page = shop.table.query::<IndexRow>(range, limit).await?;
        for row in page.records {
            let (at, id) =
                keys::due_of_index_key(&row.by_due_sk).ok_or(Failure::Broken("an index key has an instant"))?;
            let id = I::try_from(id.to_owned()).map_err(|_| Failure::Broken("an index key ends with an id"))?;
            overdue.push((at, id));
        }
    }
    overdue.sort_by_key(|(at, _)| *at);
    Ok(overdue)
}
