//! Puts up the best of all counts.

use std::collections::BTreeSet;

use super::{Failure, Pace, Progress, after, go_on, snapshot};
use crate::{
    app::{Shop, bestsellers, products},
    domain::{
        ProductId,
        bestseller::{Board, Candidate},
        time::seoul_day,
    },
    store::{
        Consistency, Outcome, Table, Transaction, keys,
        rebuild::{self, List, Phase, Rebuild},
    },
};

/// Looks at some more products that have counts; after the last puts up the best of them, in one write.
pub(super) async fn step(
    shop: &Shop,
    pace: &Pace,
    rebuild: &Rebuild,
    last: Option<&ProductId>,
    best: &[Candidate],
) -> Result<Progress, Failure> {
    let mut board = Board { candidates: best.to_vec(), version: 0 };
    let (mut last, mut more) = (last.cloned(), true);
    for _ in 0..pace.pages {
        let place = last.map(|product| {
            let sk = keys::sales_listed(&product).sk;
            (product, sk)
        });
        let limit = pace.rows.min(Table::MAX_BATCH);
        let (found, there_is_more) = snapshot::products(shop, List::Counted, place.as_ref(), limit).await?;
        let ids: Vec<ProductId> = found.into_iter().map(|(product, _)| product).collect();
        let mut backoff = shop.backoff();
        let counts = bestsellers::counts(shop, &ids, &mut backoff).await?;
        let described = products::describe(shop, &ids, &mut backoff).await?;
        board.update(bestsellers::candidates(&counts, &described), seoul_day(shop.clock.now()));
        last = ids.last().cloned().or(place.map(|(product, _)| product));
        more = there_is_more;
        if !more {
            break;
        }
    }
    if more {
        let now = after(rebuild, Phase::Board { after: last, best: board.candidates });
        return go_on(shop, rebuild, &now).await;
    }
    // With those that are up, as they are now: one of them may have no count any more.
    let up: Option<Board> = shop.table.get(keys::board(), Consistency::Strong).await?;
    let all = up.unwrap_or_default().candidates.into_iter().chain(board.candidates);
    let all: BTreeSet<ProductId> = all.map(|candidate| candidate.product_id).collect();
    bestsellers::refresh(shop, all.into_iter().collect(), &mut shop.backoff()).await?;
    let mut transaction = Transaction::new();
    transaction.add(rebuild::replace(rebuild, &after(rebuild, Phase::Done))?);
    match shop.table.commit(transaction, &mut shop.backoff()).await? {
        Outcome::Committed => Ok(Progress::Finished(rebuild.figures)),
        Outcome::Refused(_) => Ok(Progress::Working),
    }
}
