//! Inventory: a product's stock, spread over shards so that many orders can take from it at once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Invalid,
    bounded::{bounded, in_range},
    product::Offer,
    reservations,
    spread::spread,
    swept::Swept,
};

pub use super::scaling::MAX_SHARDS;

/// The most units in the stock of a product.
pub const MAX_UNITS: i64 = 1_000_000_000;

bounded! {
    /// The stock of a new product.
    Units(i64): 0, MAX_UNITS
}

/// Units to add to the stock, or to take from it if below zero: anything but 0, up to [`MAX_UNITS`] either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitsChange(i64);

impl UnitsChange {
    /// The most units taken away, as a number below zero.
    pub const MIN: i64 = -MAX_UNITS;
    /// The most units added.
    pub const MAX: i64 = MAX_UNITS;

    pub fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for UnitsChange {
    type Error = Invalid;

    fn try_from(units: i64) -> Result<Self, Invalid> {
        if units == 0 {
            return Err(Invalid::Empty);
        }
        in_range(units, Self::MIN, Self::MAX).map(Self)
    }
}

bounded! {
    /// The number of shards of a product's stock, by default 1.
    ShardCount(u16): 1, MAX_SHARDS as i64
}

impl Default for ShardCount {
    fn default() -> Self {
        Self(1)
    }
}

/// One part of a product's stock, with everything that the condition of a sale needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shard {
    pub remaining: i64,
    /// Units ever received here, less those withdrawn by hand: the start of a recount of the orders.
    pub received: i64,
    /// The offer that a sale must match.
    #[serde(flatten)]
    pub offer: Offer,
    /// The version of the product that the offer is of, so that an older one never replaces it.
    #[serde(default)]
    pub offer_version: u64,
    /// The sequence number of the next reserved unit (see [`reservations`](super::reservations)). Its growth is the
    /// number of units reserved.
    #[serde(default, rename = "drawn")]
    pub next: i64,
    /// The progress of the sweep over the sequence numbers before that.
    #[serde(default)]
    pub swept: Swept,
}

impl Shard {
    /// A shard of this many units, with the offer of this version of its product.
    pub fn new(units: i64, offer: Offer, version: u64) -> Self {
        let next = reservations::first_sequence(version);
        let swept = Swept::beginning_at(next);
        Self { remaining: units, received: units, offer, offer_version: version, next, swept }
    }
}

/// The units a second of a shard from which on flash mode is worth its price. A transaction holds the shard for some 20 ms,
/// so that one in ten would meet another.
const RUSH: i64 = 5;

/// Whether the shards have reserved so many units a second since the sweep last saw them that transactions would meet.
pub fn is_rushed(shards: &[Shard], now: Timestamp) -> bool {
    let a_second = shards.iter().fold(0_i64, |sum, shard| {
        let reserved = shard.next.saturating_sub(shard.swept.seen).max(0);
        let ms = i64::try_from(now.duration_since(shard.swept.at).as_millis()).unwrap_or(i64::MAX).max(1_000);
        sum.saturating_add(reserved.saturating_mul(1_000) / ms)
    });
    a_second >= i64::try_from(shards.len()).unwrap_or(i64::MAX).saturating_mul(RUSH)
}

/// Units taken from one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Take {
    /// The shard's number, from 0.
    pub shard: u16,
    pub units: i64,
}

/// Chooses the shards for `wanted` units, given the stock of each shard in the order of their numbers. `None` if the
/// stock is insufficient.
///
/// If single shards have enough, the first of them going round from `preferred` gives all, which spreads orders evenly.
/// Otherwise the fullest shards give all they have until there is enough, which touches the fewest. For no units wanted
/// no shard is chosen.
pub fn allocate(wanted: i64, remaining: &[i64], preferred: u16) -> Option<Vec<Take>> {
    if wanted == 0 {
        return Some(Vec::new());
    }
    let shards: Vec<Take> = remaining.iter().zip(0..).map(|(&units, shard)| Take { shard, units }).collect();
    let (before, from) = shards.split_at(usize::from(preferred).min(shards.len()));
    if let Some(whole) = from.iter().chain(before).find(|shard| shard.units >= wanted) {
        return Some(vec![Take { units: wanted, ..*whole }]);
    }
    let mut fullest = shards;
    fullest.sort_by_key(|shard| std::cmp::Reverse(shard.units));
    let mut missing = wanted;
    let mut takes = Vec::new();
    for shard in fullest.into_iter().filter(|shard| shard.units > 0) {
        let units = shard.units.min(missing);
        takes.push(Take { units, ..shard });
        missing -= units;
        if missing == 0 {
            return Some(takes);
        }
    }
    None
}

/// Units to move from one shard to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    pub from: u16,
    pub to: u16,
    pub units: i64,
}

/// The moves after which all shards have an even part of the stock: fewer than there are shards, and none if it is
/// even.
pub fn even_moves(remaining: &[i64]) -> Vec<Move> {
    let count = u16::try_from(remaining.len()).unwrap_or(u16::MAX);
    let total = remaining.iter().fold(0_i64, |sum, units| sum.saturating_add(*units));
    let mut surplus: Vec<i64> = remaining.iter().zip(spread(total, count)).map(|(has, part)| has - part).collect();
    // A part that is one unit larger than another is even enough, and not worth a move.
    if remaining.iter().max().zip(remaining.iter().min()).is_none_or(|(most, least)| most - least <= 1) {
        return Vec::new();
    }
    let mut moves = Vec::new();
    let mut giver = 0;
    for taker in 0..surplus.len() {
        while let Some(missing) = surplus.get(taker).map(|surplus| -surplus).filter(|missing| *missing > 0) {
            let Some(gives) = surplus.get(giver).copied() else { return moves };
            if gives <= 0 {
                giver += 1;
                continue;
            }
            let units = gives.min(missing);
            if let (Ok(from), Ok(to)) = (u16::try_from(giver), u16::try_from(taker)) {
                moves.push(Move { from, to, units });
            }
            for (shard, change) in [(giver, -units), (taker, units)] {
                if let Some(surplus) = surplus.get_mut(shard) {
                    *surplus += change;
                }
            }
        }
    }
    moves
}

/// Whether some shard has less than half of its even part, so that orders are likely to find it short while others have
/// enough.
pub fn is_uneven(remaining: &[i64]) -> bool {
    let total = remaining.iter().fold(0_i64, |sum, units| sum.saturating_add(*units));
    let count = i64::try_from(remaining.len()).unwrap_or(i64::MAX).max(1);
    remaining.iter().any(|units| units.saturating_mul(2) < total / count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Won, product::SaleStatus};

    #[test]
    fn a_change_of_units_is_any_number_but_zero_within_a_billion() {
        for units in [-1_000_000_000, -1, 1, 1_000_000_000] {
            assert_eq!(UnitsChange::try_from(units).map(UnitsChange::get), Ok(units));
        }
        assert_eq!(UnitsChange::try_from(0), Err(Invalid::Empty));
        for units in [-1_000_000_001, 1_000_000_001] {
            let range = Invalid::Range { min: -1_000_000_000, max: 1_000_000_000 };
            assert_eq!(UnitsChange::try_from(units), Err(range));
        }
    }

    #[test]
    fn a_shelf_has_one_shard_unless_told() {
        assert_eq!(ShardCount::default().get(), 1);
    }

    #[test]
    fn a_new_shard_has_all_its_units_and_nothing_to_sweep() {
        let offer = Offer { price: Won::new(1_000), discount: Won::ZERO, status: SaleStatus::OnSale, terms: None };
        let shard = Shard::new(7, offer, 3);
        assert_eq!((shard.remaining, shard.received, shard.offer, shard.offer_version), (7, 7, offer, 3));
        assert_eq!((shard.next, shard.swept), (reservations::first_sequence(3), Swept::beginning_at(shard.next)));
    }

    #[test]
    fn one_shard_is_enough_where_one_has_enough() {
        assert_eq!(allocate(3, &[5, 5, 5], 1), Some(vec![Take { shard: 1, units: 3 }]));
        assert_eq!(allocate(3, &[5, 1, 2], 1), Some(vec![Take { shard: 0, units: 3 }]));
        assert_eq!(allocate(3, &[5], 7), Some(vec![Take { shard: 0, units: 3 }]));
    }

    #[test]
    fn several_shards_give_what_none_has_alone() {
        let takes = allocate(6, &[1, 4, 2], 0).unwrap();
        assert_eq!(takes, vec![Take { shard: 1, units: 4 }, Take { shard: 2, units: 2 }]);
        assert_eq!(allocate(8, &[1, 4, 2], 0), None);
        assert_eq!(allocate(1, &[], 0), None);
    }

    /// An order with all units reserved must not lock a shard that it takes nothing from.
    #[test]
    fn nothing_comes_from_no_shard() {
        assert_eq!(allocate(0, &[5, 5], 1), Some(Vec::new()));
    }

    #[test]
    fn shards_that_differ_by_one_unit_are_level() {
        assert_eq!(
            [even_moves(&[1, 2]), even_moves(&[4, 5, 4]), even_moves(&[7]), even_moves(&[])],
            [const { Vec::new() }; 4]
        );
        assert_eq!(even_moves(&[1, 3]), [Move { from: 1, to: 0, units: 1 }]);
    }

    #[test]
    fn shards_are_rushed_by_their_units_a_second_since_the_last_look() {
        let at = |s: i64| Timestamp::from_second(1_800_000_000 + s).unwrap();
        let shard = |reserved: i64| {
            let offer = Offer { price: Won::new(100), discount: Won::ZERO, status: SaleStatus::OnSale, terms: None };
            let shard = Shard::new(1_000, offer, 1);
            let swept = Swept { to: shard.next, seen: shard.next, at: at(0) };
            Shard { next: shard.next + reserved, swept, ..shard }
        };
        assert!(is_rushed(&[shard(300), shard(300)], at(60)) && is_rushed(&[shard(600), shard(0)], at(60)));
        assert!(!is_rushed(&[shard(300), shard(0)], at(60)), "half as many");
        assert!(!is_rushed(&[shard(300)], at(120)) && !is_rushed(&[shard(0)], at(0)));
    }

    #[test]
    fn a_shard_with_less_than_half_of_its_part_is_uneven() {
        assert!(is_uneven(&[30, 9, 21]));
        assert!(!is_uneven(&[30, 10, 20]));
        assert!(is_uneven(&[3, 0, 0]));
        assert!(!is_uneven(&[2, 0, 0]), "there is not one for each");
        assert!(!is_uneven(&[]));
    }

    proptest! {
        #[test]
        fn allocation_takes_exactly_what_is_wanted_and_there(
            wanted in 1_i64..1_000, remaining in proptest::collection::vec(0_i64..500, 1..64), preferred in 0_u16..80,
        ) {
            match allocate(wanted, &remaining, preferred) {
                None => prop_assert!(remaining.iter().sum::<i64>() < wanted),
                Some(takes) => {
                    prop_assert_eq!(takes.iter().map(|take| take.units).sum::<i64>(), wanted);
                    let mut seen = std::collections::HashSet::new();
                    for take in takes {
                        prop_assert!(take.units > 0 && take.units <= remaining[usize::from(take.shard)]);
                        prop_assert!(seen.insert(take.shard), "a transaction must not name an item twice");
                    }
                }
            }
        }

        #[test]
        fn levelling_is_even_and_takes_from_none_more_than_it_has(
            remaining in proptest::collection::vec(0_i64..10_000, 1..64),
        ) {
            let moves = even_moves(&remaining);
            prop_assert!(moves.len() < remaining.len());
            let mut after = remaining.clone();
            for Move { from, to, units } in moves {
                prop_assert!(units > 0 && from != to && units <= after[usize::from(from)]);
                after[usize::from(from)] -= units;
                after[usize::from(to)] += units;
            }
            prop_assert_eq!(after.iter().sum::<i64>(), remaining.iter().sum::<i64>());
            prop_assert!(after.iter().max().unwrap() - after.iter().min().unwrap() <= 1);
            prop_assert_eq!(even_moves(&after), vec![]);
        }

        #[test]
        fn what_is_level_is_not_uneven(remaining in proptest::collection::vec(0_i64..10_000, 1..64)) {
            let mut after = remaining.clone();
            for Move { from, to, units } in even_moves(&remaining) {
                after[usize::from(from)] -= units;
                after[usize::from(to)] += units;
            }
            prop_assert!(!is_uneven(&after));
        }
    }
}
