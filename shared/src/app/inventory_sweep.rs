//! The sweep of the inventory of products with several shards or in flash mode. Each repair is a commit of its own that
//! may be repeated:
//!
//! - a shard that lacks a new offer gets it (the function that changed it has died);
//! - orphaned reservations are released;
//! - shards are evened out once some have far less than others.

use futures::{StreamExt, stream};
use jiff::Timestamp;
use serde::de::IgnoredAny;

use super::{
    Failure, Shop,
    expiry::{self, Expired, Place},
    inventory::{self, Shrinking},
    products::commit_change,
    reservations,
    sweeps::SweepStep,
};
use crate::{
    domain::{
        ProductId,
        inventory::{Shard, is_uneven},
        product::Product,
        scaling::Scale,
        swept::SweepPlan,
    },
    store::{Applied, Backoff, Consistency, Outcome, Transaction, keys, products, shards},
};

/// A part of the products with inventory that was to be swept by an instant, from a position on.
///
/// # Errors
/// If the table cannot be reached.
pub async fn inventory(shop: &Shop, until: Timestamp, after: Option<Place>) -> Result<Expired<ProductId>, Failure> {
    expiry::expired(shop, keys::INVENTORY.to_owned(), until, after, keys::product).await
}

/// Sweeps a part of each shard of a product's inventory, evens the shards out, and plans the next look. Once there is
/// nothing left to sweep, the product leaves the list.
///
/// Run twice, or by two at once, all is done once. Stopped anywhere, the next sweep does the rest. Each step has a retry
/// budget of its own: a busy shard keeps neither the other shards nor the evening out waiting.
///
/// # Errors
/// If the table cannot be reached.
pub async fn sweep(shop: &Shop, id: ProductId) -> Result<SweepStep, Failure> {
    let product: Option<Product> = shop.table.get(keys::product(&id), Consistency::Strong).await?;
    let product = product.ok_or(Failure::Internal("a product that is listed exists"))?;
    let shards = inventory::read(shop, &id, product.stock_shards, &mut shop.backoff()).await?;
    let all_swept = shards.iter().all(|shard| shard.swept.reaches(shard.next));
    let remaining: Vec<i64> = shards.iter().map(|shard| shard.remaining).collect();
    let is_level = !is_uneven(&remaining);
    let is_idle = all_swept && is_level && shards.iter().all(|shard| shard.offer == product.offer);

    let steps = shards.iter().zip(0..).map(|(shard, number)| sweep_shard(shop, &product, number, shard));
    let steps: Vec<_> = steps.collect();
    let mut steps = stream::iter(steps).buffer_unordered(shop.bounds.sweep_shards_at_once.max(1));
    let (mut done, mut failed) = (SweepStep::default(), None);
    while let Some(step) = steps.next().await {
        match step {
            Ok(step) => done = done.and(step),
            Err(failure) => failed = Some(failure),
        }
    }
    if !is_level && let Err(failure) = inventory::level(shop, &id, &mut shop.backoff()).await {
        failed = Some(failure);
    }
    let (now, scale) = (shop.clock.now(), product.scale());
    let cooled = scale.cooled(now, &shop.policy.scaling, &shop.bounds.scaling_pace);
    if let Some(cooled) = cooled
        && let Err(failure) = cool(shop, &product, cooled).await
    {
        failed = Some(failure);
    }
    if all_swept && failed.is_none() && cooled.is_none() && !product.needs_sweep() {
        let mut transaction = Transaction::new();
        let version = product.version.saturating_add(1);
        let without = Product { sweep: SweepPlan::default(), version, ..product.clone() };
        transaction.add(products::replace(&product, &without));
        match shop.table.commit(transaction, &mut shop.backoff()).await? {
            Outcome::Committed | Outcome::Refused(_) => {}
        }
    } else {
        let now = shop.clock.now();
        let is_idle = is_idle && cooled.is_none() && failed.is_none();
        let next = if done.more { SweepPlan::again(now) } else { product.sweep.after_look(now, is_idle) };
        // Refused if another sweep, or a change of the product, has planned it.
        let plan = products::plan_sweep(&id, product.sweep, next);
        let _: Applied<IgnoredAny> = shop.table.apply(&plan, &mut shop.backoff()).await?;
    }
    failed.map_or(Ok(done), Err)
}

/// Takes a product that has cooled one step back.
async fn cool(shop: &Shop, product: &Product, cooled: Scale) -> Result<(), Failure> {
    let id = &product.product_id;
    if cooled.shards == product.stock_shards {
        let version = product.version.saturating_add(1);
        let now = Product { version, ..product.clone() }.at_scale(cooled).swept_from(shop.clock.now());
        // Refused if it was changed meanwhile: the next look decides anew.
        let _ = commit_change(shop, product, &now, Transaction::new(), &mut shop.backoff()).await?;
        return Ok(());
    }
    let why = Shrinking::Cooled(product, shop.clock.now());
    inventory::shrink(shop, id, cooled.shards, why, &mut shop.backoff()).await
}

/// Plans a look at a product for soon, before units are reserved that may be orphaned, or because its shards are uneven.
/// If that fails, the repair waits for the look that is planned, an hour at most.
pub(super) async fn hasten(shop: &Shop, product: &Product, backoff: &mut Backoff) {
    let Some(plan) = product.sweep.hastened(shop.clock.now()) else { return };
    let id = &product.product_id;
    match shop.table.apply::<IgnoredAny>(&products::hasten_sweep(id, plan), backoff).await {
        // Refused if it comes as soon already.
        Ok(Applied::Done(_) | Applied::Refused(_)) => shop.cache_product_plan(id, plan),
        Err(error) => tracing::warn!(%error, product = %id, "the sweep of the inventory was not hastened"),
    }
}

async fn sweep_shard(shop: &Shop, product: &Product, number: u16, shard: &Shard) -> Result<SweepStep, Failure> {
    let (id, now) = (&product.product_id, shop.clock.now());
    if shard.offer != product.offer {
        inventory::set_offer(shop, product, number, &mut shop.backoff()).await?;
    }
    let Some(all) = shard.swept.due(now, shop.bounds.claim_grace) else {
        return Ok(SweepStep::default());
    };
    let mut backoff = shop.backoff();
    let end = all.end.min(all.start.saturating_add(shop.bounds.sweep_part));
    let (reclaimed, to) = reservations::settle(shop, id, number, all.start..end, &mut backoff).await?;
    if let Some(swept) = shard.swept.moved(to, shard.next, now) {
        let note = shards::note_swept(id, number, swept);
        // Refused if another sweep has come further.
        match shop.table.apply::<Shard>(&note, &mut backoff).await? {
            Applied::Done(_) | Applied::Refused(_) => {}
        }
    }
    Ok(SweepStep { corrected: reclaimed, more: to < all.end })
}
