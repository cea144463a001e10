//! Keeps counts at the keys of the index by sales that follow from their units and their products' descriptions.

use std::collections::BTreeSet;

use futures::future::join_all;

use crate::{
    app::{Failure, Shop},
    domain::{
        ProductId,
        product::{Product, SaleStatus},
    },
    store::{
        Applied, Backoff, Consistency, Key, Outcome, Transaction, keys, products,
        sales::{self, OfferSummary, SalesRecord},
    },
};

/// Moves the counts of these products to their keys. A product that is off sale has none.
///
/// Run twice, or concurrently with itself or with counting, each write finds the records that it was derived from, or
/// is derived anew. If the function dies half-way, the repetition of its batch or the next refresh does the rest.
pub(in crate::app) async fn rank(
    shop: &Shop,
    products: BTreeSet<ProductId>,
    backoff: &mut Backoff,
) -> Result<(), Failure> {
    let mut left: Vec<ProductId> = products.into_iter().collect();
    while !left.is_empty() {
        let mut again = Vec::new();
        // The count and the description of each.
        for part in left.chunks((shop.bounds.table.batch_keys / 2).max(1)) {
            let looks = look(shop, part, backoff).await?;
            let placed = join_all(looks.iter().map(|look| place(shop, look))).await;
            for (look, placed) in looks.iter().zip(placed) {
                if placed? == Placed::Overtaken {
                    again.push(look.id.clone());
                }
            }
        }
        if !again.is_empty() {
            backoff.pause("others count the same products").await?;
        }
        left = again;
    }
    Ok(())
}

/// A product's count and its description as they were read.
struct CountedProduct {
    id: ProductId,
    sales: SalesRecord,
    product: Option<Product>,
}

/// Reads the products that have counts. A count that cannot be read is reported and left out: it would keep all others
/// from their keys.
async fn look(shop: &Shop, ids: &[ProductId], backoff: &mut Backoff) -> Result<Vec<CountedProduct>, Failure> {
    let wanted: Vec<Key> = ids.iter().flat_map(|id| [keys::sales(id), keys::product(id)]).collect();
    let found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;
    let mut looks = Vec::new();
    for id in ids {
        let read = || Ok::<_, Failure>((found.get(&keys::sales(id))?, found.get(&keys::product(id))?));
        match read() {
            Ok((Some(sales), product)) => looks.push(CountedProduct { id: id.clone(), sales, product }),
            Ok((None, _)) => {}
            Err(error) => tracing::error!(%error, product.id = %id, "a count cannot be ranked"),
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
