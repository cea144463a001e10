//! What is due: things whose time is up, found by the index that lists them until they are seen to.

use jiff::Timestamp;
use serde::Deserialize;

use super::{Failure, Shop};
use crate::store::{Key, keys, table::Range};

/// A place in the index by due.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct IndexRow {
    by_due_sk: String,
}

/// A part of what is overdue: ids and since when, the oldest first, and where the next part begins, if there is one.
#[derive(Debug)]
pub struct Overdue<I> {
    /// What is overdue.
    pub items: Vec<(Timestamp, I)>,
    /// The place to go on from.
    pub next: Option<Place>,
}

/// A place in the list of what is due.
#[derive(Debug, Clone)]
pub struct Place(pub(super) Key, pub(super) String);

/// A page of things of a partition of the index that were due before now, from a place on.
pub(super) async fn overdue<I: TryFrom<String>>(
    shop: &Shop,
    partition: String,
    after: Option<Place>,
    key: impl Fn(&I) -> Key,
) -> Result<Overdue<I>, Failure> {
    let after = after.map(|Place(key, sk)| (key, sk));
    let range = Range::due_before(partition, shop.clock.now()).after_indexed(after);
    let page = shop.table.query::<IndexRow>(range, shop.bounds.due_page).await?;
    let (mut items, mut last) = (Vec::new(), None);
    for IndexRow { by_due_sk } in page.records {
        let (at, id) = keys::due_of_index_key(&by_due_sk).ok_or(Failure::Broken("an index key has an instant"))?;
        let id = I::try_from(id.to_owned()).map_err(|_| Failure::Broken("an index key ends with an id"))?;
        last = Some(Place(key(&id), by_due_sk.clone()));
        items.push((at, id));
    }
    Ok(Overdue { items, next: last.filter(|_| page.more) })
}
