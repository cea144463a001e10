//! Moves the counts to the rebuild's generation.

use super::{Failure, Pace, Progress, after, commit};
use crate::{
    app::{Shop, bestsellers, readable},
    domain::{ProductId, recount::Balances},
    store::{
        Consistency, Key, Transaction, keys,
        rebuild::{self, List, Phase, Rebuild},
        rows,
        sales::SalesRecord,
        table::Range,
    },
};

/// Returns up to `limit` products of a list after one of them, with their sort keys, and whether there are more.
pub(super) async fn products(
    shop: &Shop,
    list: List,
    after: Option<&(ProductId, String)>,
    limit: usize,
) -> Result<(Vec<(ProductId, String)>, bool), Failure> {
    let (partition, key): (_, fn(&ProductId) -> Key) = match list {
        List::Counted => (keys::SALES, keys::sales),
        List::OnSale => (keys::PRODUCTS, keys::product),
    };
    let place = after.map(|(product, sk)| (key(product), sk.clone()));
    let range = Range::by_time(partition.to_owned()).after_indexed(place);
    let page = shop.table.query::<rows::ByTime>(range, limit).await?;
    let mut found = Vec::new();
    for rows::ByTime { pk, position } in page.records {
        let id = keys::id_of_partition(&pk).and_then(|id| ProductId::try_from(id.to_owned()).ok());
        found.push((id.ok_or(Failure::Internal("a key ends with an id"))?, position));
    }
    Ok((found, page.more))
}

/// Moves some products' counts to this generation, and records their snapshots.
pub(super) async fn step(
    shop: &Shop,
    pace: &Pace,
    rebuild: &Rebuild,
    list: List,
    place: Option<&(ProductId, String)>,
) -> Result<Progress, Failure> {
    let (mut counted, mut place, mut is_over) = (Balances::default(), place.cloned(), false);
    for _ in 0..pace.pages {
        let limit = pace.rows.min(shop.bounds.table.batch_keys);
        let (products, more) = products(shop, list, place.as_ref(), limit).await?;
        take_over(shop, rebuild, list, &products, &mut counted).await?;
        place = products.into_iter().last().or(place);
        is_over = !more;
        if is_over || counted.len() >= pace.products {
            break;
        }
    }
    let phase = match (is_over, list) {
        (false, list) => Phase::Snapshot { list, after: place },
        (true, List::Counted) => Phase::Snapshot { list: List::OnSale, after: None },
        (true, List::OnSale) => {
            let from = shop.clock.now().saturating_add(pace.settle).unwrap_or(rebuild.started_at);
            Phase::Recount { from }
        }
    };
    let now = after(rebuild, phase);
    let mut transaction = Transaction::new();
    transaction.add(rebuild::replace(rebuild, &now));
    now.add_parts(&mut transaction, WRITER, now.revision, counted)?;
    commit(shop, transaction).await
}

/// The writer of the partial sums that come from the counts.
const WRITER: &str = "counts";

/// Adds the snapshots of some products' counts.
async fn take_over(
    shop: &Shop,
    rebuild: &Rebuild,
    list: List,
    products: &[(ProductId, String)],
    counted: &mut Balances,
) -> Result<(), Failure> {
    let mut backoff = shop.backoff();
    let wanted: Vec<Key> = products.iter().map(|(product, _)| keys::sales(product)).collect();
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut backoff).await?;
    for ((product, _), key) in products.iter().zip(&wanted) {
        // One that cannot be read is left to the next rebuild, as its correction is.
        let Some(Some(mut there)) = readable(key, found.get::<SalesRecord>(key).map_err(Failure::from))? else {
            continue;
        };
        // The first list has these, and they are subtracted once.
        if list == List::OnSale && there.is_listed() {
            continue;
        }
        if there.generation < Some(rebuild.generation) {
            let mut backoff = shop.backoff();
            let entered =
                bestsellers::enter_generation(shop, product, there.generation, rebuild.generation, &mut backoff);
            match readable(key, entered.await)?.flatten() {
                Some(now) => there = now,
                None => continue,
            }
        }
        // A later rebuild is under way: this one has been given up.
        if there.generation == Some(rebuild.generation) {
            counted.subtract_counted(product, &there.snapshot(), rebuild.days);
        }
    }
    Ok(())
}
