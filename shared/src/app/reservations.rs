//! Units that were drawn from a shelf and came to nothing go back to it.
//!
//! Going back and being claimed by an order both need the slot of the units to be absent, so it does not matter who comes
//! late, or how many are at it.

use std::ops::Range;

use super::{Failure, Shop};
use crate::{
    domain::{
        ProductId,
        reservations::{self, ClaimRecord, Reservation},
    },
    store::{Backoff, Consistency, Key, Outcome, Transaction, keys, shards},
};

/// Gives back units that this function drew and nobody claims. Where they have a slot they came to something, or went back
/// already.
pub(super) async fn give_back(
    shop: &Shop,
    product: &ProductId,
    reservation: Reservation,
    backoff: &mut Backoff,
) -> Result<(), Failure> {
    let mut transaction = Transaction::new();
    transaction.add(shards::void(product, reservation));
    transaction.add(shards::give_back(product, reservation.shard, reservation.units));
    match shop.table.commit(transaction, backoff).await? {
        Outcome::Committed => shop.invalidate_product_sold_out(product),
        Outcome::Refused(_) => {}
    }
    Ok(())
}

/// Gives back what was drawn in a stretch of a shard's places and has no slot; how many units that were, and up to which
/// place everything has its slot now.
///
/// Where nothing is there it is not known how many units were drawn from a place on: each missing place gets a slot of its
/// own, so that whoever drew them meets it wherever the draw began.
pub(super) async fn settle(
    shop: &Shop,
    product: &ProductId,
    shard: u16,
    places: Range<i64>,
    backoff: &mut Backoff,
) -> Result<(u64, i64), Failure> {
    // As many slots as fit a transaction beside the shard.
    let batch = i64::try_from(shop.bounds.table.actions.saturating_sub(1)).unwrap_or(i64::MAX);
    let (mut given_back, mut place) = (0_u64, places.start);
    while place < places.end {
        let stretch = place..places.end.min(place.saturating_add(batch));
        let wanted: Vec<Key> = stretch.clone().map(|place| keys::unit_claim(product, shard, place)).collect();
        let found = shop.table.get_all(&wanted, Consistency::Eventual, backoff).await?;
        let claim = |place| found.get::<ClaimRecord>(&keys::unit_claim(product, shard, place));
        let (missing, next) = reservations::missing(stretch, claim)?;
        if !missing.is_empty() {
            let units = missing.len();
            let mut transaction = Transaction::new();
            for from in missing {
                transaction.add(shards::void(product, Reservation { shard, from, units: 1 }));
            }
            transaction.add(shards::give_back(product, shard, i64::try_from(units).unwrap_or(i64::MAX)));
            match shop.table.commit(transaction, backoff).await? {
                Outcome::Committed => given_back = given_back.saturating_add(u64::try_from(units).unwrap_or(u64::MAX)),
                Outcome::Refused(_) => {
                    backoff.pause("reserved units were claimed meanwhile").await?;
                    continue;
                }
            }
        }
        place = next;
    }
    Ok((given_back, place))
}
