//! The sweep of the inventory of products with several shards or in flash mode. Each repair is a commit of its own that
//! may be repeated:
//!
//! - a shard that lacks a new offer gets it (the function that changed it has died);
//! - orphaned reservations are released;
//! - shards are evened out once some have far less than others.

use super::{
    Failure, Shop,
    expiry::{self, Expired, Place},
    inventory, reservations,
    sweeps::SweepStep,
};
use crate::{
    domain::{
        ProductId,
        inventory::{Shard, is_uneven},
        product::Product,
    },
    store::{Applied, Consistency, Outcome, Transaction, keys, products, shards},
};

/// A part of the products with inventory to be swept, from a position on.
///
/// # Errors
/// If the table cannot be reached.
pub async fn inventory(shop: &Shop, after: Option<Place>) -> Result<Expired<ProductId>, Failure> {
    expiry::expired(shop, keys::INVENTORY.to_owned(), after, keys::product).await
}

/// Sweeps a part of a product's inventory. Once there is nothing left to sweep, the product leaves the list.
///
/// Run twice, or by two at once, all is done once. Stopped anywhere, the next sweep does the rest.
///
/// # Errors
/// If the table cannot be reached.
pub async fn sweep(shop: &Shop, id: ProductId) -> Result<SweepStep, Failure> {
    let mut backoff = shop.backoff();
    let product: Option<Product> = shop.table.get(keys::product(&id), Consistency::Strong).await?;
    let product = product.ok_or(Failure::Internal("a product that is listed exists"))?;
    let shards = inventory::read(shop, &id, product.stock_shards, &mut backoff).await?;
    let (mut done, mut all_swept) = (SweepStep::default(), true);
    for (shard, number) in shards.iter().zip(0..) {
        if shard.offer != product.offer {
            inventory::set_offer(shop, &product, number, &mut backoff).await?;
        }
        done = done.and(sweep_shard(shop, &id, number, shard).await?);
        all_swept &= shard.swept.reaches(shard.next);
    }
    let remaining: Vec<i64> = shards.iter().map(|shard| shard.remaining).collect();
    if is_uneven(&remaining) {
        inventory::level(shop, &id, &mut backoff).await?;
    }
    if all_swept && !product.needs_sweep() {
        let mut transaction = Transaction::new();
        let version = product.version.saturating_add(1);
        transaction.add(products::replace(&product, &Product { sweep_from: None, version, ..product.clone() }));
        match shop.table.commit(transaction, &mut backoff).await? {
            Outcome::Committed | Outcome::Refused(_) => {}
        }
    }
    Ok(done)
}

async fn sweep_shard(shop: &Shop, product: &ProductId, number: u16, shard: &Shard) -> Result<SweepStep, Failure> {
    let now = shop.clock.now();
    let Some(all) = shard.swept.due(now, shop.bounds.claim_grace) else {
        return Ok(SweepStep::default());
    };
    let mut backoff = shop.backoff();
    let end = all.end.min(all.start.saturating_add(shop.bounds.sweep_part));
    let (reclaimed, to) = reservations::settle(shop, product, number, all.start..end, &mut backoff).await?;
    if let Some(swept) = shard.swept.moved(to, shard.next, now) {
        let note = shards::note_swept(product, number, swept);
        // Refused if another sweep has come further.
        match shop.table.apply::<Shard>(&note, &mut backoff).await? {
            Applied::Done(_) | Applied::Refused(_) => {}
        }
    }
    Ok(SweepStep { corrected: reclaimed, more: to < all.end })
}
