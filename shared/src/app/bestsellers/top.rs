//! Reads the bestsellers from the index by sales.

use std::collections::HashMap;

use futures::future::join_all;

use crate::{
    app::{Failure, Shop, inventory, products::Listed, readable},
    domain::{
        ProductId,
        bestseller::{Listing, Rank, Ranking, SHOWN},
        product::{Product, SaleStatus},
        time::seoul_day,
    },
    store::{
        Backoff, Consistency, Key, StoreError,
        keys::{self, RANK_BUCKETS},
        rows,
        table::Range,
    },
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bestseller {
    pub listed: Listed,
    /// Units sold in the window.
    pub sold: i64,
}

/// The bestsellers of today, exact as of the counts, and at most as old as the shop's bounds let an instance cache
/// them.
///
/// In a steady state it takes one round trip for the tops of all lists, and one for the products shown. Right after
/// midnight, until the keys are refreshed, it may take some more: a key is an upper bound then.
///
/// # Errors
/// If the table cannot be reached.
pub async fn top(shop: &Shop) -> Result<Vec<Bestseller>, Failure> {
    if let Some(cached) = shop.cached_bestsellers() {
        return Ok(cached);
    }
    let (at, mut backoff) = (shop.clock.now(), shop.backoff());
    let mut lists = Lists { read_to: vec![None; usize::from(RANK_BUCKETS)], shards: HashMap::new() };
    let mut ranking = Ranking::new(seoul_day(at), lists.read_to.len());
    let mut best: Vec<Bestseller> = Vec::new();
    for _ in 0..shop.bounds.rank_rounds {
        let missing = SHOWN.saturating_sub(best.len());
        let to_read = ranking.to_read(missing);
        if !to_read.is_empty() {
            lists.read_on(shop, &mut ranking, to_read).await?;
            continue;
        }
        let certain = ranking.take(missing);
        if certain.is_empty() {
            shop.cache_bestsellers(at, best.clone());
            return Ok(best);
        }
        // The index lags; the product does not. A product that has just gone off sale makes room for the next.
        best.extend(lists.describe(shop, certain, &mut backoff).await?);
    }
    Err(StoreError::Busy("the ranks are not refreshed".to_owned()).into())
}

/// The lists of the index, as far as they have been read.
struct Lists {
    /// The last key that was read of each.
    read_to: Vec<Option<(Key, String)>>,
    /// The number of shards of a product's stock, if there are several.
    shards: HashMap<ProductId, u16>,
}

impl Lists {
    /// Reads the next page of each of these lists, concurrently.
    async fn read_on(&mut self, shop: &Shop, ranking: &mut Ranking, lists: Vec<usize>) -> Result<(), Failure> {
        let pages = lists.iter().map(|list| {
            let after = self.read_to.get(*list).cloned().flatten();
            let bounds = &shop.bounds;
            let limit = if after.is_none() { bounds.first_rank_page } else { bounds.next_rank_page };
            shop.table.query::<rows::BySales>(Range::by_sales(keys::ranked(*list)).after_indexed(after), limit)
        });
        for (list, page) in lists.iter().zip(join_all(pages).await) {
            let page = page?;
            if let (Some(row), Some(place)) = (page.records.last(), self.read_to.get_mut(*list)) {
                *place = Some((Key { pk: row.pk.clone(), sk: row.sk.clone() }, row.position.clone()));
            }
            let listings: Vec<Listing> = page.records.iter().filter_map(|row| self.listing(row)).collect();
            ranking.add(*list, &listings, page.more);
        }
        Ok(())
    }

    fn listing(&mut self, row: &rows::BySales) -> Option<Listing> {
        let listing = keys::listing_of_index_key(&row.position);
        match &listing {
            Some(listing) => {
                let id = listing.bound.product_id.clone();
                self.shards.extend(row.stock_shards.map(|shards| (id, shards)));
            }
            None => tracing::error!(item.pk = row.pk, "a place in the index by sales cannot be read"),
        }
        listing
    }

    /// Returns the products on sale among these, as they are, in one round trip.
    async fn describe(&self, shop: &Shop, ranks: Vec<Rank>, backoff: &mut Backoff) -> Result<Vec<Bestseller>, Failure> {
        let mut wanted = Vec::new();
        for Rank { product_id, .. } in &ranks {
            let shards = self.shards.get(product_id).copied().unwrap_or(1);
            wanted.push(keys::product(product_id));
            wanted.extend((0..shards).map(|shard| keys::stock(product_id, shard)));
        }
        let found = shop.table.get_all(&wanted, Consistency::Eventual, backoff).await?;
        let mut best = Vec::new();
        for Rank { product_id, units, .. } in ranks {
            let key = keys::product(&product_id);
            let product = readable(&key, found.get::<Product>(&key).map_err(Failure::from))?.flatten();
            let Some(product) = product.filter(|product| product.offer.status == SaleStatus::OnSale) else {
                continue;
            };
            let shards = inventory::among_or_read(shop, &found, &product_id, product.stock_shards, backoff).await;
            let Some(shards) = readable(&key, shards)? else { continue };
            let (name, offer, stock) = (product.name, product.offer, inventory::total(&shards));
            best.push(Bestseller { listed: Listed { product_id, name, offer, stock }, sold: units });
        }
        Ok(best)
    }
}
