//! Scaling of a hot product by the functions that sell it.
//!
//! Nothing is counted while a product sells without contention. A sale that meets others at a shard notes that in its
//! instance's memory. After some within a moment the instance reads the product again, so that it sees new shards at once,
//! and takes the next step if no other function has just taken one.
//!
//! A step is one commit on the version of the product that was read: run twice, or by many functions at once, one of them
//! takes it. It stores the new number of shards together with the shards, and moves units from the fullest shard to them. Each
//! shard that has too many then gives some in a commit of its own. If it stops half-way, orders that find their shard
//! empty even the shards out, as the next step and the sweep do. If the answer is lost, the repetition carries the same token.

use super::{Failure, Shop, inventory, products::commit_change, shop::Hot};
use crate::{
    domain::{
        ProductId,
        inventory::{Shard, Take, is_uneven},
        product::{Product, SaleStatus},
    },
    store::{Attempted, Backoff, Consistency, Outcome, Transaction, keys, products, shards},
};

/// Notes that a sale met others at a shard, and reads the product again if this was often enough. Returns the product as
/// the instance knows it then.
///
/// A failure of the scaling is no failure of the sale.
pub(super) async fn met_others(shop: &Shop, id: &ProductId, backoff: &Backoff) -> Option<Product> {
    if !shop.note_contention(&Hot::Product(id.clone())) {
        // The instance may know more than this request, which may have begun long ago.
        return shop.cached_product(id);
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
    if !is_uneven(&remaining) || !is_worth_it || !shop.note_uneven(&Hot::Product(id.clone())) {
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
    let hot = Hot::Product(id.clone());
    if !product.scale().may_heat(now, policy, pace) || !shop.may_step(&hot) {
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
    let chance = shop.random.below(u64::MAX);
    match shop.table.commit_or_yield(step(&product, &next, &shards, chance), backoff).await? {
        Attempted::Done(Outcome::Committed) => shop.cache_product(&next),
        // Another function took a step, or the product was changed.
        Attempted::Done(Outcome::Refused(_)) => {
            shop.note_step(&hot);
            return Ok(Some(product));
        }
        // The shard is too busy, and another sale that meets others tries again.
        Attempted::Contended(_) => {
            shop.note_step_met_others(&hot);
            return Ok(Some(product));
        }
    }
    shop.note_step(&hot);
    tracing::info!(product = %id, shards = next.stock_shards, flash = next.flash, "a hot product was scaled");
    if next.stock_shards > product.stock_shards && product.stock_shards > 1 {
        inventory::level_shards(shop, id, next.stock_shards, backoff).await?;
    }
    Ok(Some(next))
}

/// The commit of a step. New shards get an even part of a full one, so that no order finds them empty. Other shards are
/// left out: each one more under a rush would make the commit less likely. `chance` (any number) chooses among the shards
/// that are half as full as the fullest at least, so that functions do not all wait for the same one.
fn step(product: &Product, next: &Product, shards: &[Shard], chance: u64) -> Transaction {
    let id = &product.product_id;
    let mut transaction = Transaction::new();
    transaction.add(products::replace(product, next));
    let added = next.stock_shards.saturating_sub(product.stock_shards);
    if added == 0 {
        return transaction;
    }
    let most = shards.iter().map(|shard| shard.remaining).max().unwrap_or(0);
    let is_full = |(shard, _): &(&Shard, u16)| shard.remaining >= most.saturating_sub(most / 2);
    let full: Vec<(&Shard, u16)> = shards.iter().zip(0..).filter(is_full).collect();
    let chosen = u64::try_from(full.len()).ok().and_then(|count| chance.checked_rem(count));
    let giver = chosen.and_then(|chosen| full.get(usize::try_from(chosen).ok()?));
    let (remaining, giver) = giver.map_or((0, 0), |(shard, number)| (shard.remaining, *number));
    let each = remaining.checked_div(i64::from(added).saturating_add(1)).unwrap_or(0).max(0);
    let units = each.saturating_mul(i64::from(added));
    if units > 0 {
        transaction.add(shards::withdraw(id, Take { shard: giver, units }));
    }
    for number in product.stock_shards..next.stock_shards {
        transaction.add(shards::create(id, number, &Shard::new(each, next.offer, next.version)));
    }
    transaction
}
