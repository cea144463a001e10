//! Moves every count to its key in the index by sales: as the last step of a rebuild, and after each midnight, when all
//! keys have become upper bounds.

use std::time::Duration;

use tokio::time::Instant;

use super::{Failure, Pace, Progress, after, go_on, snapshot};
use crate::{
    app::{Shop, bestsellers, readable},
    domain::{ProductId, bestseller::first_window},
    store::{
        Consistency, Outcome, Transaction, keys,
        ranks::{self, OldBoard, Refresh},
        rebuild::{self, List, Phase, Rebuild},
    },
};

/// Ranks some more products that have counts.
pub(super) async fn step(
    shop: &Shop,
    pace: &Pace,
    rebuild: &Rebuild,
    last: Option<&ProductId>,
) -> Result<Progress, Failure> {
    let mut place = Some(last.cloned());
    for _ in 0..pace.pages {
        let Some(after) = place else { break };
        place = rank_some(shop, after, pace.rows).await?.map(Some);
    }
    if let Some(reached) = place {
        return go_on(shop, rebuild, &after(rebuild, Phase::Rank { after: reached })).await;
    }
    let mut transaction = Transaction::new();
    transaction.add(rebuild::replace(rebuild, &after(rebuild, Phase::Done)));
    match shop.table.commit(transaction, &mut shop.backoff()).await? {
        Outcome::Committed => Ok(Progress::Finished(rebuild.figures)),
        Outcome::Refused(_) => Ok(Progress::Working),
    }
}

/// Ranks up to `limit` products after a given one. Returns the last of them, if there are more.
async fn rank_some(shop: &Shop, after: Option<ProductId>, limit: usize) -> Result<Option<ProductId>, Failure> {
    let place = after.map(|product| {
        let sk = keys::sales_listed(&product).sk;
        (product, sk)
    });
    let (found, more) =
        snapshot::products(shop, List::Counted, place.as_ref(), limit.min(shop.bounds.table.batch_keys)).await?;
    let last = found.last().map(|(product, _)| product.clone());
    let products = found.into_iter().map(|(product, _)| product).collect();
    bestsellers::rank(shop, products, &mut shop.backoff()).await?;
    Ok(last.filter(|_| more))
}

/// Makes the keys of all counts exact for the day that has begun, and returns whether it is done.
///
/// It does the same once a leaderboard of the first stage is found, whose counts have no keys yet: the leaderboard is
/// removed when all have. Only the speed of reading depends on it: a key that was not refreshed is an upper bound, and
/// a reader looks below it. Two concurrent runs do the same twice. One that dies is followed by the next, within a
/// minute, from the recorded progress.
///
/// # Errors
/// If the table cannot be reached.
pub async fn refresh_ranks(shop: &Shop, budget: Duration) -> Result<bool, Failure> {
    let started = Instant::now();
    loop {
        let wanted = [keys::ranks_refreshed(), keys::board()];
        let found = shop.table.get_all(&wanted, Consistency::Eventual, &mut shop.backoff()).await?;
        let refresh = found.get::<Refresh>(&keys::ranks_refreshed()).map_err(Failure::from);
        let refresh = readable(&keys::ranks_refreshed(), refresh)?;
        let (mut is_lost, mut seen) = (refresh.is_none(), refresh.flatten());
        // Without its version a leaderboard cannot be told from another. It stays, and the refresh of each midnight ranks
        // all counts anyway.
        let board = readable(&keys::board(), found.get::<OldBoard>(&keys::board()).map_err(Failure::from))?.flatten();
        let day = first_window(shop.clock.now());
        let same = seen.as_ref().filter(|seen| seen.day == day && seen.board == board);
        if same.is_some_and(|seen| seen.is_done) {
            return Ok(true);
        }
        let (mut after, mut is_done) = (same.and_then(|seen| seen.after.clone()), false);
        loop {
            for _ in 0..shop.bounds.ranks_noted.max(1) {
                after = rank_some(shop, after, shop.bounds.table.batch_keys).await?;
                is_done = after.is_none();
                if is_done || started.elapsed() > budget {
                    break;
                }
            }
            let revision = seen.as_ref().map_or(0, |seen| seen.revision).saturating_add(1);
            let now = Refresh { day, after: after.clone(), is_done, board: board.filter(|_| !is_done), revision };
            let mut transaction = Transaction::new();
            let replace = ranks::replace(seen.as_ref(), &now);
            transaction.add(if is_lost { ranks::replace_unreadable(&now) } else { replace });
            // A function of the first stage that has counted since has stored another: then all begins anew.
            if let Some(board) = board.filter(|_| is_done) {
                transaction.add(ranks::remove_board(board));
            }
            match shop.table.commit(transaction, &mut shop.backoff()).await? {
                Outcome::Committed if is_done => {
                    tracing::info!(%day, "the ranks of the bestsellers are refreshed");
                    return Ok(true);
                }
                Outcome::Committed if started.elapsed() <= budget => (is_lost, seen) = (false, Some(now)),
                Outcome::Committed | Outcome::Refused(_) => break,
            }
        }
        if started.elapsed() > budget {
            return Ok(false);
        }
    }
}
