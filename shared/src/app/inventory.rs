//! Inventory: reads all shards of a product, and changes their number while it sells.
//!
//! Units move from shard to shard in commits of their own, each with its part of the number received: if it stops
//! half-way, the total stock is unchanged.

use futures::{StreamExt, stream};
use jiff::Timestamp;

use super::{Failure, Shop, products::described, reservations, shop::SoldOut};
use crate::{
    domain::{
        ProductId, Refusal,
        inventory::{Move, Shard, Take, even_moves},
        product::Product,
        refusal::Entity,
        swept::Swept,
    },
    store::{Applied, Backoff, Consistency, Found, Key, Outcome, Transaction, keys, products, shards},
};

/// Returns every shard of a product that should have this many, in order, read strongly; fewer if it has fewer by now.
pub(super) async fn read(
    shop: &Shop,
    product: &ProductId,
    count: u16,
    backoff: &mut Backoff,
) -> Result<Vec<Shard>, Failure> {
    let mut count = count;
    loop {
        let found = shop.table.get_all(&keys_of(product, count), Consistency::Strong, backoff).await?;
        if let Some(shards) = among(&found, product, count)? {
            return Ok(shards);
        }
        count = described(shop, product).await?.stock_shards;
        backoff.pause("the stock lacks a shard").await?;
    }
}

/// Reads the shards of a product again until no units have moved between them since the read before, which is given at
/// first. This read is for refusals: it does not miss units on their way from one shard to another.
///
/// A move, and nothing else but a restock, changes the number of units that a shard has received. If no shard's has
/// changed from one read to the next, no units moved while the second was under way. A transaction of reads would be
/// refused for as long as a product sells fast.
pub(super) async fn read_settled(
    shop: &Shop,
    product: &ProductId,
    before: Vec<Shard>,
    backoff: &mut Backoff,
) -> Result<Vec<Shard>, Failure> {
    let received = |shards: &[Shard]| -> Vec<i64> { shards.iter().map(|shard| shard.received).collect() };
    let (mut before, mut count) = (received(&before), u16::try_from(before.len()).unwrap_or(u16::MAX));
    loop {
        let mut wanted = keys_of(product, count);
        wanted.push(keys::product(product));
        let found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;
        let described: Option<Product> = found.get(&keys::product(product))?;
        count = described.ok_or_else(|| Refusal::not_found(Entity::Product, product))?.stock_shards;
        match among(&found, product, count)? {
            Some(shards) if received(&shards) == before => return Ok(shards),
            Some(shards) => before = received(&shards),
            None => before.clear(),
        }
        backoff.pause("units moved between the shards").await?;
    }
}

pub(super) fn keys_of(product: &ProductId, count: u16) -> Vec<Key> {
    (0..count).map(|number| keys::stock(product, number)).collect()
}

/// The shards of a product among the records read, in order, if all of them are.
pub(super) fn among(found: &Found, product: &ProductId, count: u16) -> Result<Option<Vec<Shard>>, Failure> {
    let shards: Result<Option<Vec<Shard>>, _> =
        (0..count).map(|number| found.get(&keys::stock(product, number))).collect();
    Ok(shards?)
}

/// The shards of a product that should have `count`, from the records read, or read if some are missing.
pub(super) async fn among_or_read(
    shop: &Shop,
    found: &Found,
    product: &ProductId,
    count: u16,
    backoff: &mut Backoff,
) -> Result<Vec<Shard>, Failure> {
    match among(found, product, count)? {
        Some(shards) => Ok(shards),
        None => read(shop, product, count, backoff).await,
    }
}

/// Units in all shards together.
pub(super) fn total(shards: &[Shard]) -> i64 {
    shards.iter().fold(0, |sum, shard| sum.saturating_add(shard.remaining))
}

/// Whether a product that was seen sold out still is. The cache answers for a moment, and after that one eventual read,
/// before anything is tried. Every other product counts as in stock.
pub(super) async fn is_sold_out(
    shop: &Shop,
    product: &ProductId,
    count: u16,
    backoff: &mut Backoff,
) -> Result<bool, Failure> {
    match shop.product_sold_out(product) {
        SoldOut::NotKnown => return Ok(false),
        SoldOut::Is(_) => return Ok(true),
        SoldOut::Was => {}
    }
    let at = shop.clock.now();
    let found = shop.table.get_all(&keys_of(product, count), Consistency::Eventual, backoff).await?;
    let nothing_left = among(&found, product, count)?.is_some_and(|shards| total(&shards) == 0);
    if nothing_left {
        shop.cache_product_sold_out(product, at);
    } else {
        shop.invalidate_product_sold_out(product);
    }
    Ok(nothing_left)
}

/// Sets the offer of a shard to that of this product, unless it has that of a later version.
pub(super) async fn set_offer(
    shop: &Shop,
    product: &Product,
    shard: u16,
    backoff: &mut Backoff,
) -> Result<(), Failure> {
    let change = shards::set_offer(&product.product_id, shard, &product.offer, product.version);
    match shop.table.apply::<Shard>(&change, backoff).await? {
        Applied::Done(_) | Applied::Refused(_) => Ok(()),
    }
}

/// The reason to retire shards.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shrinking<'p> {
    /// An admin asked for fewer.
    ByHand,
    /// The product, as it was seen, has cooled. It ends early if that has become hot since, or was changed otherwise than by
    /// this step; the last commit notes the instant.
    Cooled(&'p Product, Timestamp),
}

impl Shrinking<'_> {
    fn may_go_on(self, product: &Product) -> bool {
        match self {
            Self::ByHand => true,
            Self::Cooled(seen, _) => product.scaling == seen.scaling && product.flash == seen.flash,
        }
    }
}

/// Retires shards until there are no more than `count`: the last one first, its units moved before it.
///
/// An order that knows more shards than there are finds its shard gone, and reads them anew.
pub(super) async fn shrink(
    shop: &Shop,
    id: &ProductId,
    count: u16,
    why: Shrinking<'_>,
    backoff: &mut Backoff,
) -> Result<(), Failure> {
    loop {
        let product = described(shop, id).await?;
        if !why.may_go_on(&product) {
            return Ok(());
        }
        let Some(last) = product.stock_shards.checked_sub(1).filter(|last| *last >= count.max(1)) else {
            return Ok(());
        };
        let target_shard = last.checked_rem(count).unwrap_or(0);
        let shard: Option<Shard> = shop.table.get(keys::stock(id, last), Consistency::Strong).await?;
        let Some(shard) = shard else {
            backoff.pause("the stock has lost a shard meanwhile").await?;
            continue;
        };
        let mut transaction = Transaction::new();
        if shard.remaining > 0 {
            transaction.add(shards::withdraw(id, Take { shard: last, units: shard.remaining }));
            transaction.add(shards::move_in(id, target_shard, shard.remaining, shard.remaining));
        } else if !shard.swept.reaches(shard.next) {
            settle_now(shop, id, last, &shard, backoff).await?;
            continue;
        } else {
            let version = product.version.saturating_add(1);
            let mut now = Product { stock_shards: last, version, ..product.clone() }.swept_from(shop.clock.now());
            if let Shrinking::Cooled(_, at) = why
                && last == count
            {
                now.scaling.scaled_at = Some(at);
            }
            transaction.add(products::replace(&product, &now));
            transaction.add(shards::retire(id, last, &shard));
            transaction.add(shards::move_in(id, target_shard, 0, shard.received));
        }
        if let Outcome::Refused(_) = shop.table.commit(transaction, backoff).await? {
            backoff.pause("the stock changed meanwhile").await?;
        }
    }
}

/// Sweeps a shard that is to be retired without waiting for orders that are about to claim reservations: they reserve
/// others.
async fn settle_now(
    shop: &Shop,
    id: &ProductId,
    number: u16,
    shard: &Shard,
    backoff: &mut Backoff,
) -> Result<(), Failure> {
    let (_, to) = reservations::settle(shop, id, number, shard.swept.to..shard.next, backoff).await?;
    let swept = Swept { to, seen: to, at: shop.clock.now() };
    let note = shards::note_swept(id, number, swept);
    match shop.table.apply::<Shard>(&note, backoff).await? {
        Applied::Done(_) => Ok(()),
        Applied::Refused(_) => Ok(backoff.pause("another sweep is at the shard").await?),
    }
}

/// Moves the units of these takes to the shard of the first, in one commit, to be taken from there now. Nothing is
/// moved if some of them were taken meanwhile.
pub(super) async fn gather(
    shop: &Shop,
    id: &ProductId,
    takes: &[Take],
    backoff: &mut Backoff,
) -> Result<Option<Take>, Failure> {
    let Some((to, others)) = takes.split_first() else { return Ok(None) };
    let mut gathered = *to;
    // Each giving shard is an action, and so is the receiving one.
    for others in others.chunks(shop.bounds.table.actions.saturating_sub(1).max(1)) {
        let units = others.iter().map(|take| take.units).sum();
        let mut transaction = Transaction::new();
        for &take in others {
            transaction.add(shards::withdraw(id, take));
        }
        transaction.add(shards::move_in(id, to.shard, units, units));
        match shop.table.commit(transaction, backoff).await? {
            Outcome::Committed => gathered.units = gathered.units.saturating_add(units),
            Outcome::Refused(_) => return Ok(None),
        }
    }
    Ok(Some(gathered))
}

/// Evens out the units over all shards, as far as sales let it: all that a shard gives moves in one commit, and what comes
/// too late is left out.
pub(super) async fn level(shop: &Shop, id: &ProductId, backoff: &mut Backoff) -> Result<(), Failure> {
    let count = described(shop, id).await?.stock_shards;
    level_shards(shop, id, count, backoff).await
}

/// The same for a product that is known to have this many shards. The commits run side by side: when shards have doubled,
/// no two of them share one. A shard under a rush hardly lets a commit through, so that one has to do for it.
pub(super) async fn level_shards(
    shop: &Shop,
    id: &ProductId,
    count: u16,
    backoff: &mut Backoff,
) -> Result<(), Failure> {
    let shards = read(shop, id, count, backoff).await?;
    let remaining: Vec<i64> = shards.iter().map(|shard| shard.remaining).collect();
    let mut moves = Vec::new();
    let even = even_moves(&remaining);
    // The giving shard is an action, and so is each receiving one.
    let most = shop.bounds.table.actions.saturating_sub(1).max(1);
    let of_shards = even.chunk_by(|one, other| one.from == other.from).flat_map(|of_shard| of_shard.chunks(most));
    for of_shard in of_shards {
        let Some(&Move { from, .. }) = of_shard.first() else { continue };
        let units = of_shard.iter().fold(0_i64, |sum, to| sum.saturating_add(to.units));
        let mut transaction = Transaction::new();
        transaction.add(shards::withdraw(id, Take { shard: from, units }));
        for &Move { to, units, .. } in of_shard {
            transaction.add(shards::move_in(id, to, units, units));
        }
        let mut backoff = backoff.clone();
        moves.push(async move { shop.table.commit(transaction, &mut backoff).await });
    }
    let mut moves = stream::iter(moves).buffer_unordered(shop.bounds.moves_at_once.max(1));
    let mut failed = None;
    while let Some(moved) = moves.next().await {
        match moved {
            Ok(Outcome::Committed | Outcome::Refused(_)) => {}
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(()), |error| Err(error.into()))
}
