//! The desk: lists for sellers and admins, with products and fields that the public does not see.
//!
//! The index or a seller's list gives the entries; each entry is read by its key, strongly. A list can be late to have
//! an entry, and never shows an outdated one.

mod claims;
mod lines;
mod update;

pub use claims::{DeskClaim, claims};
pub use lines::{DeskLine, DeskPart, LineFilter, lines, orders};
pub use update::{note_heartbeat, update};

use std::collections::BTreeSet;

use futures::future::join_all;

use super::{
    Failure, Shop,
    coupons::{self, Remaining},
    inventory,
    products::Stocked,
    readable, tickets,
};
use crate::{
    domain::{
        ProductId, UserId,
        coupon::Campaign,
        product::{Product, SaleStatus},
    },
    store::{
        Consistency, Key, StoreError, keys, rows,
        sellers::{self, SellerProduct},
        table::Range,
    },
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<T> {
    /// The entries, in the order of their creation.
    pub items: Vec<T>,
    /// The position after which the next part begins, if there is one.
    pub next: Option<String>,
}

/// Positions of a list, and the one after which it goes on.
struct Places {
    found: Vec<String>,
    next: Option<String>,
}

/// Returns up to `limit` products after a position: of a seller or of all, with a sale status or any. There are fewer
/// if they have many shards, or others have another status; `next` is the position to go on from, if there is more.
///
/// # Errors
/// If the table cannot be reached.
pub async fn products(
    shop: &Shop,
    seller: Option<&UserId>,
    status: Option<SaleStatus>,
    after: Option<String>,
    limit: usize,
) -> Result<Part<Stocked>, Failure> {
    let places = match seller {
        Some(seller) => seller_places(shop, seller, after, limit).await?,
        None => {
            let lists = status.map_or(SaleStatus::ALL.to_vec(), |status| vec![status]);
            let lists = lists.into_iter().map(keys::products);
            let after = after.map(|place| Ok::<_, Failure>((keys::product(&id_at(&place)?), place))).transpose()?;
            merged(shop, lists, after, limit).await?
        }
    };
    described(shop, places, status).await
}

/// The positions of a seller's products. The list is part of the table, not of an index: a product that was created is
/// in it.
async fn seller_places(
    shop: &Shop,
    seller: &UserId,
    after: Option<String>,
    limit: usize,
) -> Result<Places, StoreError> {
    let after = after.map(|place| keys::seller_product_at(seller, &place).sk);
    let page = shop.table.query::<SellerProduct>(sellers::products_of(seller, after), limit).await?;
    let place = |listed: &SellerProduct| keys::time_and_id(listed.created_at, listed.product_id.as_str());
    let found: Vec<String> = page.records.iter().map(place).collect();
    let next = found.last().filter(|_| page.more).cloned();
    Ok(Places { found, next })
}

/// Reads lists of the index by time concurrently and merges them by position.
///
/// No position is taken from beyond the end of a list that was not read to its end: the next position of that list
/// could be before it.
async fn merged(
    shop: &Shop,
    lists: impl Iterator<Item = &'static str>,
    after: Option<(Key, String)>,
    limit: usize,
) -> Result<Places, StoreError> {
    let pages = lists.map(|list| {
        shop.table.query::<rows::ByTime>(Range::by_time(list.to_owned()).after_indexed(after.clone()), limit)
    });
    let mut read = Vec::new();
    for page in join_all(pages).await {
        let page = page?;
        read.push((page.records.into_iter().map(|row| row.position).collect(), page.more));
    }
    Ok(merge(read, false, limit))
}

/// Merges the first positions of several lists, each with whether the list goes on.
fn merge(lists: Vec<(Vec<String>, bool)>, newest_first: bool, limit: usize) -> Places {
    let is_up_to = |place: &String, end: &String| if newest_first { place >= end } else { place <= end };
    let ends = lists.iter().filter(|(_, more)| *more).filter_map(|(places, _)| places.last());
    let read_to = if newest_first { ends.max() } else { ends.min() }.cloned();
    let found: BTreeSet<String> = lists.into_iter().flat_map(|(places, _)| places).collect();
    let mut found: Vec<String> =
        found.into_iter().filter(|it| read_to.as_ref().is_none_or(|to| is_up_to(it, to))).collect();
    if newest_first {
        found.reverse();
    }
    let more = read_to.is_some() || found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).cloned();
    Places { found, next }
}

/// The products at these positions, with their stock. If a sale status is given, only those that have it.
async fn described(shop: &Shop, places: Places, status: Option<SaleStatus>) -> Result<Part<Stocked>, Failure> {
    let mut backoff = shop.backoff();
    let ids: Vec<ProductId> = ids(&places)?;
    // Most products have one shard, so that nothing is left to be read.
    let first: Vec<Key> = ids.iter().flat_map(|id| [keys::product(id), keys::stock(id, 0)]).collect();
    let mut found = shop.table.get_all(&first, Consistency::Strong, &mut backoff).await?;
    let listed = |id: &ProductId| -> Result<Option<Product>, Failure> {
        let key = keys::product(id);
        let product = readable(&key, found.get::<Product>(&key).map_err(Failure::from))?.flatten();
        Ok(product.filter(|it| status.is_none_or(|status| it.offer.status == status)))
    };
    let listed = ids.iter().map(listed).collect::<Result<_, _>>()?;
    let (products, next) = cut(places, listed, |product: &Product| product.stock_shards, shop.bounds.list_shards);

    let others = |product: &Product| {
        let id = product.product_id.clone();
        (1..product.stock_shards).map(move |number| keys::stock(&id, number))
    };
    let others: Vec<Key> = products.iter().flat_map(others).collect();
    found.extend(shop.table.get_all(&others, Consistency::Strong, &mut backoff).await?);

    let mut items = Vec::new();
    for product in products {
        let (id, count) = (&product.product_id, product.stock_shards);
        let shards = inventory::among_or_read(shop, &found, id, count, &mut backoff).await;
        let Some(shards) = readable(&keys::product(id), shards)? else { continue };
        items.push(Stocked { stock: inventory::total(&shards), product });
    }
    Ok(Part { items, next })
}

/// Returns up to `limit` campaigns after a position, with the number of coupons left. There are fewer if they have many
/// counters; `next` is the position to go on from, if there is more.
///
/// # Errors
/// If the table cannot be reached.
pub async fn campaigns(shop: &Shop, after: Option<String>, limit: usize) -> Result<Part<Remaining>, Failure> {
    let after = after.map(|place| Ok::<_, Failure>((keys::campaign(&id_at(&place)?), place))).transpose()?;
    let places = merged(shop, std::iter::once(keys::CAMPAIGNS), after, limit).await?;
    let mut backoff = shop.backoff();
    let wanted: Vec<Key> = ids(&places)?.iter().map(keys::campaign).collect();
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut backoff).await?;
    let listed = wanted.iter().map(|key| readable(key, found.get(key).map_err(Failure::from)).map(Option::flatten));
    let listed = listed.collect::<Result<_, _>>()?;
    let (campaigns, next) = cut(places, listed, Campaign::counters, shop.bounds.list_shards);

    let counters: Vec<Key> = campaigns.iter().flat_map(coupons::counts).collect();
    let found = shop.table.get_all(&counters, Consistency::Strong, &mut backoff).await?;
    let mut items = Vec::new();
    for campaign in campaigns {
        let key = keys::campaign(&campaign.coupon_id);
        let remaining = match tickets::newer(&campaign, &found) {
            // Some of its tickets may be in counters that were added since.
            Ok(Some(_)) => coupons::get(shop, &campaign.coupon_id).await,
            _ => coupons::with_counts(campaign, &found),
        };
        items.extend(readable(&key, remaining)?);
    }
    Ok(Part { items, next })
}

/// The records at these positions, and the position after which the next part begins. The part ends before its shards
/// exceed the bound, but has a record in any case.
fn cut<T>(
    Places { found, next }: Places,
    records: Vec<Option<T>>,
    shards_of: impl Fn(&T) -> u16,
    most_shards: usize,
) -> (Vec<T>, Option<String>) {
    let mut part: Vec<T> = Vec::new();
    let (mut shards, mut before) = (0_usize, None);
    for (place, record) in found.into_iter().zip(records) {
        if let Some(record) = record {
            shards = shards.saturating_add(shards_of(&record).into());
            if shards > most_shards && !part.is_empty() {
                return (part, before);
            }
            part.push(record);
        }
        before = Some(place);
    }
    (part, next)
}

fn ids<I: TryFrom<String>>(places: &Places) -> Result<Vec<I>, Failure> {
    places.found.iter().map(|place| id_at(place)).collect()
}

fn id_at<I: TryFrom<String>>(place: &str) -> Result<I, Failure> {
    keys::id_at(place).ok_or(Failure::Internal("a place by time ends with an id"))
}
