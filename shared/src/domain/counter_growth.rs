//! The growth of a campaign's counters, without a knob: more of them when allocations meet each other, or when one is
//! drawn empty while others are full.
//!
//! New counters take their tickets from the fullest ones. A campaign ends, so that its counters never become fewer.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    is_zero,
    scaling::{MAX_SHARDS, ScalingPace, ScalingPolicy, is_within},
    tickets::RemainingTickets,
};

/// The part of a campaign's record that says how its counters grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CounterGrowth {
    /// Whether the number of counters is as an admin set it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub counters_pinned: bool,
    /// The counters beyond those over which the total is spread.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub added_counters: u16,
    /// The instant at which the last of them were added.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub scaled_at: Option<Timestamp>,
}

impl CounterGrowth {
    /// The number of counters that may be added now to `counters`.
    pub fn room(&self, counters: u16, now: Timestamp, policy: &ScalingPolicy, pace: &ScalingPace) -> u16 {
        let has_just_grown = self.scaled_at.is_some_and(|at| is_within(pace.step, at, now));
        let most = policy.most_shards.min(MAX_SHARDS);
        if self.counters_pinned || has_just_grown { 0 } else { most.saturating_sub(counters) }
    }
}

/// The reason for which counters are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Allocations met each other at a counter.
    Hot,
    /// A counter is empty while others are full.
    Uneven,
}

/// The factor of a step by heat, as of a product's shards.
const GROWTH: usize = 4;

impl Cause {
    /// The number of counters to add: as many as make them four times as many, or as are empty.
    fn wanted(self, left: &RemainingTickets) -> usize {
        match self {
            Self::Hot => left.counters().len().saturating_mul(GROWTH.saturating_sub(1)),
            Self::Uneven => left.counters().iter().filter(|&&tickets| tickets <= 0).count(),
        }
    }
}

/// The tickets that a counter gives to new ones: `each` to every one of `counters`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gift {
    /// The number of the giver.
    pub giver: u16,
    pub counters: u16,
    pub each: i64,
}

impl Gift {
    /// The tickets of all new counters together.
    pub fn tickets(&self) -> i64 {
        self.each.saturating_mul(i64::from(self.counters))
    }
}

/// The tickets that counters give to new ones, of which there is room for `room`. Each new counter comes from the one whose
/// share would be the largest with it, while that is at least `least`: a counter for fewer tickets is not worth its reads.
pub fn gifts(left: &RemainingTickets, cause: Cause, room: u16, least: i64) -> Vec<Gift> {
    let mut parts: Vec<u16> = vec![1; left.counters().len()];
    let share = |tickets: i64, parts: u16| tickets.checked_div(i64::from(parts)).unwrap_or(0);
    for _ in 0..cause.wanted(left).min(usize::from(room)) {
        let with_another = left.counters().iter().zip(&mut parts).map(|(&tickets, parts)| {
            let more = parts.saturating_add(1);
            (share(tickets, more), parts)
        });
        match with_another.max_by_key(|(share, _)| *share) {
            Some((share, parts)) if share >= least.max(1) => *parts = parts.saturating_add(1),
            _ => break,
        }
    }
    let given = left.counters().iter().zip(parts).zip(0..).filter(|((_, parts), _)| *parts > 1);
    given
        .map(|((&tickets, parts), giver)| Gift {
            giver,
            counters: parts.saturating_sub(1),
            each: share(tickets, parts),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use proptest::prelude::*;

    use super::*;

    fn left(tickets: &[i64]) -> RemainingTickets {
        RemainingTickets::new(tickets.to_vec())
    }

    fn gift(giver: u16, counters: u16, each: i64) -> Gift {
        Gift { giver, counters, each }
    }

    #[test]
    fn heat_makes_four_counters_of_each() {
        assert_eq!(gifts(&left(&[1_000]), Cause::Hot, 63, 50), [gift(0, 3, 250)]);
        assert_eq!(gifts(&left(&[400, 403]), Cause::Hot, 62, 50), [gift(0, 3, 100), gift(1, 3, 100)]);
        assert_eq!(gifts(&left(&[400, 0, 900]), Cause::Hot, 61, 50), [gift(0, 2, 133), gift(2, 7, 112)]);
    }

    #[test]
    fn there_are_no_more_counters_than_there_is_room_and_tickets_for() {
        assert_eq!(gifts(&left(&[1_000]), Cause::Hot, 1, 50), [gift(0, 1, 500)]);
        assert_eq!(gifts(&left(&[149]), Cause::Hot, 63, 50), [gift(0, 1, 74)]);
        assert_eq!(gifts(&left(&[99]), Cause::Hot, 63, 50), []);
        assert_eq!(gifts(&left(&[-2, 1]), Cause::Hot, 63, 0), []);
    }

    #[test]
    fn for_each_empty_counter_the_fullest_gives_half() {
        assert_eq!(gifts(&left(&[0, 300, 900, 0]), Cause::Uneven, 60, 50), [gift(2, 2, 300)]);
        assert_eq!(gifts(&left(&[500, 300]), Cause::Uneven, 62, 50), []);
    }

    #[test]
    fn counters_that_an_admin_set_or_that_have_just_grown_stay() {
        let at = |ms: i64| Timestamp::from_second(1_800_000_000).unwrap() + ms.milliseconds();
        let room =
            |growth: CounterGrowth, ms| growth.room(4, at(ms), &ScalingPolicy::DEFAULT, &ScalingPace::PRODUCTION);
        assert_eq!(room(CounterGrowth::default(), 0), 60);
        assert_eq!(room(CounterGrowth { counters_pinned: true, ..CounterGrowth::default() }, 0), 0);
        let grown = CounterGrowth { scaled_at: Some(at(0)), ..CounterGrowth::default() };
        assert_eq!((room(grown, 249), room(grown, 250)), (0, 60));
    }

    proptest! {
        /// Whatever is given, each giver keeps at least as many tickets as every new counter gets.
        #[test]
        fn tickets_move_and_none_is_made(
            tickets in proptest::collection::vec(-2_i64..2_000, 1..=64),
            room in 0_u16..64,
            least in 0_i64..100,
            is_hot: bool,
        ) {
            let cause = if is_hot { Cause::Hot } else { Cause::Uneven };
            let gifts = gifts(&left(&tickets), cause, room, least);
            prop_assert!(gifts.iter().map(|gift| gift.counters).sum::<u16>() <= room);
            for gift in gifts {
                prop_assert!(gift.each >= least.max(1));
                prop_assert!(tickets[usize::from(gift.giver)] - gift.tickets() >= gift.each);
            }
        }
    }
}
