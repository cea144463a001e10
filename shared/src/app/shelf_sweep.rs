//! What is left undone on the shelves of products with several shards or in flash mode: the sweep does it.
//!
//! It brings a new offer to shards that have not got it (whoever changed it has died), gives back units that were drawn and
//! never claimed, and levels shards once some have far less than others. Each is a commit of its own that may be repeated.

use super::{
    Failure, Shop, draws,
    due::{self, Overdue, Place},
    rounds::SweepStep,
    shelves,
};
use crate::{
    domain::{
        ProductId,
        product::Product,
        stock::{self, Shard},
    },
    store::{Applied, Consistency, Outcome, Transaction, keys, products, stock as shelf},
};

/// A part of the products whose shelves are to be swept, from a place on.
///
/// # Errors
/// If the table cannot be reached.
pub async fn shelves(shop: &Shop, after: Option<Place>) -> Result<Overdue<ProductId>, Failure> {
    due::overdue(shop, keys::SHELVES.to_owned(), after, keys::product).await
}

/// Sweeps a part of a product's shelf. Where there will be nothing to do any more, it leaves the list.
///
/// Run twice, or by two at once, all is done once. Stopped anywhere, the next sweep does the rest.
///
/// # Errors
/// If the table cannot be reached.
pub async fn sweep(shop: &Shop, id: ProductId) -> Result<SweepStep, Failure> {
    let mut backoff = shop.backoff();
    let product: Option<Product> = shop.table.get(keys::product(&id), Consistency::Strong).await?;
    let product = product.ok_or(Failure::Broken("a product that is listed exists"))?;
    let shards = shelves::read(shop, &id, product.stock_shards, &mut backoff).await?;
    let (mut done, mut all_swept) = (SweepStep::default(), true);
    for (shard, number) in shards.iter().zip(0..) {
        if shard.offer != product.offer {
            shelves::set_offer(shop, &product, number, &mut backoff).await?;
        }
        done = done.and(sweep_shard(shop, &id, number, shard).await?);
        all_swept &= shard.swept.reaches(shard.drawn);
    }
    let remaining: Vec<i64> = shards.iter().map(|shard| shard.remaining).collect();
    if stock::is_uneven(&remaining) {
        shelves::level(shop, &id, &mut backoff).await?;
    }
    if all_swept && !product.needs_sweep() {
        let mut transaction = Transaction::new();
        let version = product.version.saturating_add(1);
        transaction.add(products::replace(&product, &Product { sweep_from: None, version, ..product.clone() })?);
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
    let (reclaimed, to) = draws::settle(shop, product, number, all.start..end, &mut backoff).await?;
    if let Some(swept) = shard.swept.moved(to, shard.drawn, now) {
        let note = shelf::note_swept(product, number, swept)?;
        // Refused where another sweep has come further.
        match shop.table.apply::<Shard>(&note, &mut backoff).await? {
            Applied::Done(_) | Applied::Refused(_) => {}
        }
    }
    Ok(SweepStep { mended: reclaimed, more: to < all.end })
}
