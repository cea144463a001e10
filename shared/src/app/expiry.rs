//! Expired things, found by the expiry index, which lists them until they are handled.

use jiff::Timestamp;

use super::{Failure, Shop};
use crate::store::{Key, keys, rows, table::Range};

/// A part of the expired things, the oldest first, and the position of the next part, if there is one.
#[derive(Debug)]
pub struct Expired<I> {
    /// Ids, each with the instant of its expiry.
    pub items: Vec<(Timestamp, I)>,
    /// The position to go on from.
    pub next: Option<Place>,
}

/// A position in the expiry index.
#[derive(Debug, Clone)]
pub struct Place(pub(super) Key, pub(super) String);

/// A page of the things in a partition of the index that expired before an instant, from a position on.
pub(super) async fn expired<I: TryFrom<String>>(
    shop: &Shop,
    partition: String,
    until: Timestamp,
    after: Option<Place>,
    key: impl Fn(&I) -> Key,
) -> Result<Expired<I>, Failure> {
    let after = after.map(|Place(key, sk)| (key, sk));
    let range = Range::expired_before(partition, until).after_indexed(after);
    let page = shop.table.query::<rows::ByExpiry>(range, shop.bounds.expired_page).await?;
    let (mut items, mut last) = (Vec::new(), None);
    for rows::ByExpiry { position } in page.records {
        let (at, id) = keys::expiry_of_index_key(&position).ok_or(Failure::Internal("an index key has an instant"))?;
        let id = I::try_from(id.to_owned()).map_err(|_| Failure::Internal("an index key ends with an id"))?;
        last = Some(Place(key(&id), position.clone()));
        items.push((at, id));
    }
    Ok(Expired { items, next: last.filter(|_| page.more) })
}
