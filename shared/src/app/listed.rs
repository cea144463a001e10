//! The things of a user, in the index by time.

use serde::de::DeserializeOwned;

use super::{Failure, Shop, balance, readable};
use crate::{
    domain::{UserId, desk::Period},
    store::{
        Consistency, Key,
        desk::PlaceRange,
        rows,
        table::{Page, Range},
    },
};

/// Reads a part of a user's list of a period, newest first, each thing by its key, and the position of the next part, if there is one.
/// A thing that cannot be read is left out.
///
/// # Errors
/// [`crate::domain::Refusal::NotFound`] if the list is empty and the user is unknown.
pub(super) async fn newest_first<I: TryFrom<String>, R: DeserializeOwned>(
    shop: &Shop,
    user: &UserId,
    (list, key): (String, impl Fn(&I) -> Key),
    period: Period,
    after: Option<String>,
    limit: usize,
) -> Result<(Vec<R>, Option<String>), Failure> {
    let places = PlaceRange::newest_first(period, after.as_deref());
    let page = if places.is_empty() {
        Page { records: Vec::new(), more: false }
    } else {
        let range = Range::by_time(list).newest_first().between(&places.first, &places.last);
        shop.table.query::<rows::ByTime>(range, limit).await?
    };
    if page.records.is_empty() {
        balance::get(shop, user).await?;
    }
    let next = page.records.last().filter(|_| page.more).map(|row| row.position.clone());
    let ids = page.records.iter().map(|row| row.id::<I>().ok_or(Failure::Internal("an index key ends with an id")));
    let wanted: Vec<Key> = ids.map(|id| id.map(|id| key(&id))).collect::<Result<_, _>>()?;
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut shop.backoff()).await?;
    let mut records = Vec::new();
    for key in &wanted {
        records.extend(readable(key, found.get::<R>(key).map_err(Failure::from))?.flatten());
    }
    Ok((records, next))
}
