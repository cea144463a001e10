//! Keeps counts at the keys of the index by sales that follow from their units and their products' descriptions.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use super::count::reason;
use crate::{
    app::{Failure, Shop},
    domain::{
        ProductId,
        product::{Product, SaleStatus},
    },
    store::{
        Applied, Backoff, Consistency, Key, Outcome, StoreError, Transaction, keys, products,
        sales::{self, OfferSummary, SalesRecord},
    },
};

/// Moves the counts of these products to their keys. A product that is off sale has none.
///
/// Run twice, or concurrently with itself or with counting, each write finds the records that it was derived from, or
/// is derived anew. If the function dies half-way, the repetition of its batch or the next refresh does the rest.
///
/// Returns the products that cannot be ranked, with the reason: a record of theirs cannot be read. They keep no other from
/// its key.
pub(in crate::app) async fn rank(
    shop: &Shop,
    products: BTreeSet<ProductId>,
    backoff: &mut Backoff,
) -> Result<BTreeMap<ProductId, String>, Failure> {
    let mut left: Vec<ProductId> = products.into_iter().collect();
    let (mut unranked, mut overtaken) = (BTreeMap::new(), BTreeMap::new());
    while !left.is_empty() {
        let mut again = BTreeMap::new();
        // The count and the description of each.
        for part in left.chunks((shop.bounds.table.batch_keys / 2).max(1)) {
            let looks = look(shop, part, &mut unranked, backoff).await?;
            // Records that are as they were when they refused their own conditions would refuse each later write.
            let (stuck, looks): (Vec<_>, Vec<_>) =
                looks.into_iter().partition(|look| overtaken.get(&look.id) == Some(look));
            for CountedProduct { id, .. } in stuck {
                note(&mut unranked, id, &keys::sales, &StoreError::contradictory());
            }
            let placed = join_all(looks.iter().map(|look| place(shop, look))).await;
            for (look, placed) in looks.into_iter().zip(placed) {
                match placed {
                    Ok(Placed::Done) => {}
                    Ok(Placed::Overtaken) => drop(again.insert(look.id.clone(), look)),
                    Err(Failure::Store(error)) if error.is_of_item() => {
                        note(&mut unranked, look.id, &keys::sales, &error);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        if !again.is_empty() {
            backoff.pause("others count the same products").await?;
        }
        left = again.keys().cloned().collect();
        overtaken = again;
    }
    Ok(unranked)
}

/// Notes that a product cannot be ranked because of one of its records.
fn note(
    unranked: &mut BTreeMap<ProductId, String>,
    id: ProductId,
    key: &impl Fn(&ProductId) -> Key,
    error: &StoreError,
) {
    tracing::error!(%error, product.id = %id, "a count cannot be ranked");
    unranked.insert(id.clone(), reason(&key(&id), error));
}

/// A product's count and its description as they were read.
#[derive(Debug, PartialEq)]
struct CountedProduct {
    id: ProductId,
    sales: SalesRecord,
    product: Option<Product>,
}

/// Reads the products that have counts. One with an unreadable record is noted and left out.
async fn look(
    shop: &Shop,
    ids: &[ProductId],
    unranked: &mut BTreeMap<ProductId, String>,
    backoff: &mut Backoff,
) -> Result<Vec<CountedProduct>, Failure> {
    let wanted: Vec<Key> = ids.iter().flat_map(|id| [keys::sales(id), keys::product(id)]).collect();
    let found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;
    let mut looks = Vec::new();
    for id in ids {
        match (found.get(&keys::sales(id)), found.get(&keys::product(id))) {
            (Ok(Some(sales)), Ok(product)) => looks.push(CountedProduct { id: id.clone(), sales, product }),
            (Ok(None), _) => {}
            (Err(error), _) => note(unranked, id.clone(), &keys::sales, &error),
            (_, Err(error)) => note(unranked, id.clone(), &keys::product, &error),
        }
    }
    Ok(looks)
}

/// The result of moving a count to its key.
#[derive(Debug, PartialEq, Eq)]
enum Placed {
    /// It is there.
    Done,
    /// It, or its product, has changed since it was read.
    Overtaken,
}

async fn place(shop: &Shop, look: &CountedProduct) -> Result<Placed, Failure> {
    let CountedProduct { id, sales, product } = look;
    let now = shop.clock.now();
    let summary = OfferSummary {
        off_sale: product.as_ref().is_none_or(|product| product.offer.status != SaleStatus::OnSale),
        stock_shards: product.as_ref().map(|product| product.stock_shards).filter(|shards| *shards > 1),
    };
    if sales.summary == summary && sales.rank_place() == sales.place_of(id, summary, now) {
        return Ok(Placed::Done);
    }
    let (action, mut backoff) = (sales::rank(id, sales, summary, now), shop.backoff());
    if sales.summary == summary {
        return Ok(match shop.table.apply::<SalesRecord>(&action, &mut backoff).await? {
            Applied::Done(_) => Placed::Done,
            Applied::Refused(_) => Placed::Overtaken,
        });
    }
    // Otherwise an older description could replace a newer one.
    let mut transaction = Transaction::new();
    transaction.add(products::check_unchanged(id, product.as_ref()));
    transaction.add(action);
    Ok(match shop.table.commit(transaction, &mut backoff).await? {
        Outcome::Committed => Placed::Done,
        Outcome::Refused(_) => Placed::Overtaken,
    })
}
