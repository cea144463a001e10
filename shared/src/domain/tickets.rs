//! Tickets of a campaign: the number of its counters, and the choice of the one to allocate from.

use super::{UserId, bounded::bounded, id};

bounded! {
    /// The number of counters over which a campaign's tickets are spread. All of them are created in one transaction of
    /// at most 100 actions, and read in one batch of at most 100.
    CounterShards(u16): 1, 64
}

/// The most counters of a campaign by default: the functions of one account make fewer than 16,000 allocations a
/// second.
const MAX_BY_DEFAULT: i64 = 16;

/// The number of counters for `total` tickets: as chosen, or one for each `tickets_a_counter`; never more than there are
/// tickets.
pub fn counter_shards(chosen: Option<CounterShards>, total: i64, tickets_a_counter: i64) -> u16 {
    let rounded_up = total.saturating_add(tickets_a_counter.saturating_sub(1));
    let by_total = rounded_up.checked_div(tickets_a_counter).unwrap_or(1).clamp(1, MAX_BY_DEFAULT);
    let wanted = chosen.map_or(by_total, |chosen| i64::from(chosen.get()));
    u16::try_from(wanted.min(total)).unwrap_or(1).max(1)
}

/// The counter from which a user's ticket is allocated first: always the same one.
pub fn own_shard(user: &UserId, counter_shards: u16) -> u16 {
    id::bucket(user.as_str(), counter_shards)
}

/// The tickets left in each counter of a campaign when it was last read. Only a hint: other requests allocate, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemainingTickets(Vec<i64>);

impl RemainingTickets {
    /// The tickets left in all counters, in the order of their numbers.
    pub fn new(tickets: Vec<i64>) -> Self {
        Self(tickets)
    }

    /// The tickets left in each counter.
    pub fn counters(&self) -> &[i64] {
        &self.0
    }

    /// Whether no counter had any.
    pub fn is_nothing(&self) -> bool {
        self.0.iter().all(|&tickets| tickets <= 0)
    }

    /// Updates the tickets left in one counter.
    pub fn note(&mut self, shard: u16, tickets: i64) {
        if let Some(left) = self.0.get_mut(usize::from(shard)) {
            *left = tickets;
        }
    }

    /// The counter to allocate from: the user's own while it has tickets, then another that has some. `chance` (any
    /// number) makes one the likelier the more it has, so that requests from an empty counter spread over the others.
    /// Nothing if no counter has any.
    pub fn choose(&self, own: u16, chance: u64) -> Option<u16> {
        if self.0.get(usize::from(own)).is_some_and(|&tickets| tickets > 0) {
            return Some(own);
        }
        let tickets = || self.0.iter().map(|&tickets| u64::try_from(tickets).unwrap_or(0));
        let total = tickets().fold(0, u64::saturating_add);
        let mut before = chance.checked_rem(total)?;
        for (tickets, shard) in tickets().zip(0..) {
            match before.checked_sub(tickets) {
                None => return Some(shard),
                Some(rest) => before = rest,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counters_follow_from_the_total() {
        for (total, shards) in [(1, 1), (1_000, 1), (1_001, 2), (16_000, 16), (10_000_000, 16)] {
            assert_eq!(counter_shards(None, total, 1_000), shards, "{total}");
        }
        let chosen = |shards: i64, total| counter_shards(Some(CounterShards::try_from(shards).unwrap()), total, 1_000);
        assert_eq!((chosen(64, 10_000), chosen(16, 500), chosen(16, 3), chosen(1, 5_000)), (64, 16, 3, 1));
    }

    #[test]
    fn who_finds_nothing_goes_where_the_most_is_left() {
        let left = RemainingTickets::new(vec![0, 10, 0, 30]);
        let mut chosen = [0; 4];
        for chance in 0..40 {
            chosen[usize::from(left.choose(0, chance).unwrap())] += 1;
        }
        assert_eq!(chosen, [0, 10, 0, 30]);
    }

    #[test]
    fn a_counter_below_zero_has_no_tickets() {
        let mut left = RemainingTickets::new(vec![-3, 1]);
        assert_eq!((left.is_nothing(), left.choose(0, 7)), (false, Some(1)));
        left.note(1, 0);
        assert_eq!((left.is_nothing(), left.choose(0, 7)), (true, None));
    }

    #[test]
    fn the_users_of_a_campaign_spread_over_its_counters() {
        let shards = (0..100).map(|number| own_shard(&UserId::try_from(format!("u{number}")).unwrap(), 4));
        assert_eq!(shards.collect::<std::collections::BTreeSet<u16>>(), (0..4).collect());
    }

    proptest! {
        #[test]
        fn a_counter_is_chosen_that_has_tickets_and_the_own_one_if_it_has(
            tickets in proptest::collection::vec(prop_oneof![Just(0_i64), 1_i64..1_000_000], 1..=64),
            own in 0_u16..64,
            chance: u64,
        ) {
            let own = own % u16::try_from(tickets.len()).unwrap();
            let left = RemainingTickets::new(tickets.clone());
            prop_assert_eq!(left.is_nothing(), tickets.iter().all(|&tickets| tickets == 0));
            match left.choose(own, chance) {
                None => prop_assert!(left.is_nothing()),
                Some(shard) => {
                    prop_assert!(tickets[usize::from(shard)] > 0);
                    prop_assert!(shard == own || tickets[usize::from(own)] == 0);
                }
            }
        }

        /// Each failed allocation updates its counter, so that a request comes to each counter at most once.
        #[test]
        fn choosing_again_ends(tickets in proptest::collection::vec(0_i64..5, 1..=64), own in 0_u16..64, chance: u64) {
            let mut left = RemainingTickets::new(tickets.clone());
            let mut tries = 0;
            while let Some(shard) = left.choose(own, chance.wrapping_add(tries)) {
                left.note(shard, 0);
                tries += 1;
            }
            let with_tickets = tickets.iter().filter(|&&tickets| tickets > 0).count();
            prop_assert_eq!(tries, u64::try_from(with_tickets).unwrap());
        }

        #[test]
        fn a_users_counter_is_stable_and_one_of_the_campaigns(user in "[A-Za-z0-9_-]{1,64}", shards in 1_u16..=64) {
            let user = UserId::try_from(user).unwrap();
            prop_assert!(own_shard(&user, shards) < shards);
            prop_assert_eq!(own_shard(&user, shards), own_shard(&user, shards));
        }
    }
}
