//! The release of orphaned reservations.
//!
//! The release of a reservation and its claim by an order both assert that there is no claim record. It therefore does
//! not matter which of them comes late, or how many functions try.

use std::ops::Range;

use super::{Failure, Shop};
use crate::{
    domain::{
        ProductId,
        reservations::{self, ClaimRecord, Reservation},
    },
    store::{Backoff, Consistency, Key, Outcome, Transaction, keys, shards},
};

/// Releases a reservation of this function that no order claims. Nothing happens if it has a claim record: it was
/// claimed, or released already.
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

/// Releases the reservations in a range of a shard's sequence numbers that have no claim record. Returns the number of
/// their units, and the sequence number up to which everything has its claim record now.
///
/// Without a claim record the size of a reservation is unknown. Each missing sequence number is therefore voided by
/// itself, so that the function that reserved them finds one wherever its reservation began.
pub(super) async fn settle(
    shop: &Shop,
    product: &ProductId,
    shard: u16,
    places: Range<i64>,
    backoff: &mut Backoff,
) -> Result<(u64, i64), Failure> {
    // As many claim records as fit a transaction beside the shard.
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
