//! Flash mode: an order reserves units by an update of one shard, ahead of its commit, which then claims them.
//!
//! Each reserved unit has a sequence number of its shard, which never comes again. The first number of a reservation
//! gets a claim record: the commit of the order claims the units by it, or another commit voids the reservation. Both
//! assert that there is none, so that only one of them can succeed.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::OrderId;

/// Units reserved from a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reservation {
    /// The shard's number, from 0.
    pub shard: u16,
    /// The sequence number of the first unit.
    pub from: i64,
    pub units: i64,
}

/// The outcome of the reservation that begins at a sequence number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimRecord {
    pub units: i64,
    /// The order that claimed the units; none if the reservation was voided and the units returned to the stock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
}

/// The sequence numbers of a shard from one version of its product to the next: more than it can ever reserve.
const SEQUENCES_PER_VERSION: i64 = 1_000_000_000_000;

/// The first sequence number of a shard that is added with this version of its product. A shard that was retired and is
/// added again begins after all its earlier numbers.
pub fn first_sequence(version: u64) -> i64 {
    i64::try_from(version.saturating_sub(1)).unwrap_or(i64::MAX).saturating_mul(SEQUENCES_PER_VERSION)
}

/// The first sequence number of the shard with this one.
pub fn first_sequence_beside(place: i64) -> i64 {
    place.saturating_sub(place.checked_rem(SEQUENCES_PER_VERSION).unwrap_or(0))
}

/// The sequence numbers in a range that no claim record covers, and the number after the last one covered or missing. A
/// range begins at a reservation or at a missing number.
pub fn missing<E>(
    stretch: Range<i64>,
    claim: impl Fn(i64) -> Result<Option<ClaimRecord>, E>,
) -> Result<(Vec<i64>, i64), E> {
    let (mut missing, mut place) = (Vec::new(), stretch.start);
    while place < stretch.end {
        let units = match claim(place)? {
            Some(claim) => claim.units.max(1),
            None => {
                missing.push(place);
                1
            }
        };
        place = place.saturating_add(units);
    }
    Ok((missing, place))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, convert::Infallible};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// With reservations of any sizes, some of them claimed, and ranges of any length: exactly the others are
        /// missing.
        #[test]
        fn a_walk_finds_just_the_places_of_unclaimed_draws(
            reservations in proptest::collection::vec((1_i64..10, any::<bool>()), 0..60), length in 1_i64..30,
        ) {
            let (mut claims, mut unclaimed, mut next) = (BTreeMap::new(), Vec::new(), 0);
            for (units, is_claimed) in reservations {
                if is_claimed {
                    claims.insert(next, ClaimRecord { units, order_id: None });
                } else {
                    unclaimed.extend(next..next + units);
                }
                next += units;
            }
            let (mut found, mut place) = (Vec::new(), 0);
            while place < next {
                let stretch = place..next.min(place + length);
                let (more, after) = missing(stretch, |place| Ok::<_, Infallible>(claims.get(&place).cloned())).unwrap();
                prop_assert!(after > place);
                found.extend(more);
                place = after;
            }
            prop_assert_eq!(place, next);
            prop_assert_eq!(found, unclaimed);
        }
    }

    #[test]
    fn a_shard_that_comes_again_has_other_places() {
        assert_eq!(first_sequence(1), 0);
        assert!(first_sequence(3) - first_sequence(2) > super::super::inventory::MAX_UNITS * 100);
        assert!(first_sequence(u64::MAX) > 0);
        assert_eq!(first_sequence_beside(first_sequence(3) + 700), first_sequence(3));
    }
}
