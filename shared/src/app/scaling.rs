//! Scaling of a hot product by the functions that sell it.
//!
//! Nothing is counted while a product sells without contention. A sale that meets others at a shard notes that in its
//! instance's memory. After some within a moment the instance reads the product again, so that it sees new shards at once,
//! and takes the next step if no other function has just taken one.
//!
//! A step is one commit on the version of the product that was read: run twice, or by many functions at once, one of them
//! takes it. It stores the new number of shards together with the shards, which are empty at first. Units then move by
//! twos in commits of their own. If it stops half-way, orders find units in other shards, and the next step or the sweep
//! evens them out. If the answer is lost, the repetition carries the same token.

use super::{Failure, Shop, inventory, products::commit_change};
use crate::{
    domain::{
        ProductId,
        inventory::{Shard, is_uneven},
        product::{Product, SaleStatus},
    },
    store::{Backoff, Consistency, Transaction, keys},
};

/// Notes that a sale met others at a shard. Returns the product as it is now, if this was often enough to read it again.
///
/// A failure of the scaling is no failure of the sale.
pub(super) async fn met_others(shop: &Shop, id: &ProductId, backoff: &Backoff) -> Option<Product> {
    if !shop.note_contention(id) {
        return None;
    }
    match look(shop, id, &mut backoff.hurried(shop.bounds.scaling_budget)).await {
        Ok(product) => product,
        Err(error) => {
            tracing::warn!(%error, product = %id, "a hot product was not scaled");
            None
        }
    }
}

/// Evens out the shards of a product that scales, after an order found its own empty while others have units: moves of a
/// step may have come too late. One function at a time does it, and at most once for each look of its instance.
pub(super) async fn found_uneven(shop: &Shop, id: &ProductId, shards: &[Shard], backoff: &Backoff) {
    let remaining: Vec<i64> = shards.iter().map(|shard| shard.remaining).collect();
    let is_worth_it = inventory::total(shards) >= i64::try_from(shards.len()).unwrap_or(i64::MAX).saturating_mul(2);
    if !is_uneven(&remaining) || !is_worth_it || !shop.note_uneven(id) {
        return;
    }
    if let Err(error) = level(shop, id, &mut backoff.hurried(shop.bounds.scaling_budget)).await {
        tracing::warn!(%error, product = %id, "the shards of a product were not evened out");
    }
}

async fn level(shop: &Shop, id: &ProductId, backoff: &mut Backoff) -> Result<(), Failure> {
    let key = keys::product(id);
    let found = shop.table.get_all(std::slice::from_ref(&key), Consistency::Eventual, backoff).await?;
    let Some(product) = found.get::<Product>(&key)? else { return Ok(()) };
    let now = shop.clock.now();
    let Some(scale) = product.scale().marked(now, &shop.bounds.scaling_pace) else { return Ok(()) };
    let next =
        Product { version: product.version.saturating_add(1), ..product.clone() }.at_scale(scale).swept_from(now);
    match commit_change(shop, &product, &next, Transaction::new(), backoff).await? {
        Some(_) => Ok(()),
        None => inventory::level_shards(shop, id, next.stock_shards, backoff).await,
    }
}

/// Reads a hot product, and takes the next step if one is due.
async fn look(shop: &Shop, id: &ProductId, backoff: &mut Backoff) -> Result<Option<Product>, Failure> {
    let key = keys::product(id);
    // An outdated read costs nothing but the step, which is refused.
    let found = shop.table.get_all(std::slice::from_ref(&key), Consistency::Eventual, backoff).await?;
    let Some(product) = found.get::<Product>(&key)? else { return Ok(None) };
    if product.offer.status != SaleStatus::OnSale {
        shop.invalidate_product(id);
        return Ok(None);
    }
    shop.cache_product(&product);
    let (now, policy, pace) = (shop.clock.now(), &shop.policy.scaling, &shop.bounds.scaling_pace);
    if !product.scale().may_heat(now, policy, pace) {
        return Ok(Some(product));
    }
    let shards =
        shop.table.get_all(&inventory::keys_of(id, product.stock_shards), Consistency::Eventual, backoff).await?;
    let Some(shards) = inventory::among(&shards, id, product.stock_shards)? else { return Ok(Some(product)) };
    let Some(scale) = product.scale().heated(inventory::total(&shards), now, policy, pace) else {
        return Ok(Some(product));
    };
    let next =
        Product { version: product.version.saturating_add(1), ..product.clone() }.at_scale(scale).swept_from(now);
    if commit_change(shop, &product, &next, Transaction::new(), backoff).await?.is_some() {
        // Another function took a step, or the product was changed.
        return Ok(Some(product));
    }
    shop.cache_product(&next);
    tracing::info!(product = %id, shards = next.stock_shards, flash = next.flash, "a hot product was scaled");
    let remaining: Vec<i64> = shards.iter().map(|shard| shard.remaining).collect();
    if next.stock_shards > product.stock_shards || is_uneven(&remaining) {
        inventory::level_shards(shop, id, next.stock_shards, backoff).await?;
    }
    Ok(Some(next))
}
