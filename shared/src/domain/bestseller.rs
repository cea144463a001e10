//! Bestsellers: units sold over the last three Seoul days.
//!
//! Each product with sales has a [`Listing`] in an index that is sorted by rank. Midnight changes every rank at once,
//! because the oldest day drops out, and nothing runs at midnight. A listing therefore carries the units of each day,
//! and its key ranks it by the most that any window from then on can hold. The key is an upper bound; the days are
//! exact. [`Ranking`] reads the lists from the top and stops as soon as no key below can beat the fifth (Fagin's
//! threshold algorithm).

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashSet},
    ops::RangeInclusive,
};

use jiff::{Timestamp, ToSpan, civil::Date};

use super::{ProductId, time::seoul_day};

/// The number of days that count, today included.
pub const WINDOW_DAYS: i64 = 3;

/// The number of products shown.
pub const SHOWN: usize = 5;

/// The seconds by which a reader's clock may be behind the clock of the function that listed a product. Around midnight
/// the reader still asks for the window that the other has left.
const CLOCK_SKEW_SECONDS: i64 = 15;

/// Units sold by Seoul day of payment.
pub type UnitsByDay = BTreeMap<Date, i64>;

/// The first day that counts if `today` is the last.
pub fn window_start(today: Date) -> Date {
    today.saturating_sub((WINDOW_DAYS - 1).days())
}

/// Units sold in the window that ends with `last`.
pub fn units_in_window(days: &UnitsByDay, last: Date) -> i64 {
    days.range(window_start(last)..=last).fold(0, |sum, (_, units)| sum.saturating_add(*units))
}

/// A rank among the bestsellers, the best first: more units, then the more recent sale, then the lesser id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rank {
    pub units: i64,
    pub last_sold_at: Timestamp,
    pub product_id: ProductId,
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_sales = other.units.cmp(&self.units).then(other.last_sold_at.cmp(&self.last_sold_at));
        by_sales.then_with(|| self.product_id.cmp(&other.product_id))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A product's entry in the index by sales.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Its key: the units are the most that any window from the instant of listing on can hold.
    pub bound: Rank,
    /// Units sold, of each day in one of those windows.
    pub days: UnitsByDay,
}

impl Listing {
    /// The listing of a product's counts at an instant. None if no window from then on has any units.
    pub fn of(product: &ProductId, counts: &UnitsByDay, last_sold_at: Timestamp, now: Timestamp) -> Option<Self> {
        let days: UnitsByDay = counts.range(Self::days_at(now)).map(|(day, units)| (*day, *units)).collect();
        let days: UnitsByDay = days.into_iter().filter(|(_, units)| *units != 0).collect();
        // More than the first window: a day with more units returned than sold raises the window that it drops out of.
        let windows = (0..2 * WINDOW_DAYS - 1).map(|ahead| first_window(now).saturating_add(ahead.days()));
        let units = windows.map(|last| units_in_window(&days, last)).max().filter(|units| *units > 0)?;
        Some(Self { bound: Rank { units, last_sold_at, product_id: product.clone() }, days })
    }

    /// The days that a listing carries: those of the first window that a reader may ask for, and as many after it for
    /// functions whose clocks are ahead.
    pub fn days_at(now: Timestamp) -> RangeInclusive<Date> {
        let first = first_window(now);
        window_start(first)..=first.saturating_add((WINDOW_DAYS - 1).days())
    }

    /// The exact rank in the window that ends with `today`. None if nothing was sold in it.
    pub fn rank_on(&self, today: Date) -> Option<Rank> {
        let units = units_in_window(&self.days, today);
        (units > 0).then(|| Rank { units, ..self.bound.clone() })
    }
}

/// The last day of the first window that a reader may ask for: by every clock, it is this day or a later one.
pub fn first_window(now: Timestamp) -> Date {
    seoul_day(now.checked_sub(CLOCK_SKEW_SECONDS.seconds()).unwrap_or(now))
}

/// Finds the best of several lists. Each is read in the order of its bounds and no further than necessary.
#[derive(Debug)]
pub struct Ranking {
    today: Date,
    lists: Vec<Progress>,
    ranked: BTreeSet<Rank>,
    seen: HashSet<ProductId>,
}

/// The progress of reading a list.
#[derive(Debug, Clone)]
enum Progress {
    Unread,
    /// Read up to this bound.
    UpTo(Rank),
    AtEnd,
}

impl Progress {
    /// Whether no unread listing can beat this rank.
    fn proves(&self, rank: &Rank) -> bool {
        match self {
            Self::Unread => false,
            Self::UpTo(bound) => rank <= bound,
            Self::AtEnd => true,
        }
    }
}

impl Ranking {
    /// The ranking of the window that ends with `today`, over a number of unread lists.
    pub fn new(today: Date, lists: usize) -> Self {
        Self { today, lists: vec![Progress::Unread; lists], ranked: BTreeSet::new(), seen: HashSet::new() }
    }

    /// Adds the next page of a list. `more` says whether the list goes on after it.
    pub fn add(&mut self, list: usize, page: &[Listing], more: bool) {
        for listing in page {
            // A product that is sold meanwhile moves, and can be met twice.
            if self.seen.insert(listing.bound.product_id.clone()) {
                self.ranked.extend(listing.rank_on(self.today));
            }
        }
        let progress = match (more, page.last()) {
            (false, _) => Some(Progress::AtEnd),
            (true, last) => last.map(|last| Progress::UpTo(last.bound.clone())),
        };
        if let (Some(list), Some(progress)) = (self.lists.get_mut(list), progress) {
            *list = progress;
        }
    }

    /// Takes up to `count` of the best that are certain, the best first.
    pub fn take(&mut self, count: usize) -> Vec<Rank> {
        let is_certain = |rank: &&Rank| self.lists.iter().all(|list| list.proves(rank));
        let best: Vec<Rank> = self.ranked.iter().take(count).take_while(is_certain).cloned().collect();
        self.ranked.retain(|rank| !best.contains(rank));
        best
    }

    /// The lists to read on before `count` more are certain. None if they are, or every list is at its end.
    pub fn to_read(&self, count: usize) -> Vec<usize> {
        let last = count.checked_sub(1).and_then(|index| self.ranked.iter().nth(index));
        let is_needed = |list: &Progress| match last {
            Some(rank) => !list.proves(rank),
            None => !matches!(list, Progress::AtEnd),
        };
        let lists = self.lists.iter().zip(0..);
        lists.filter(|(list, _)| count > 0 && is_needed(list)).map(|(_, number)| number).collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::time::start_of_seoul_day;

    fn day(offset: i64) -> Date {
        jiff::civil::date(2026, 11, 20).saturating_add(offset.days())
    }

    fn noon(offset: i64) -> Timestamp {
        start_of_seoul_day(day(offset)).unwrap() + SignedDuration::from_hours(12)
    }

    fn product(number: usize) -> ProductId {
        ProductId::try_from(format!("p{number:03}")).unwrap()
    }

    fn listing(number: usize, days: &[(i64, i64)], sold_at: i64, now: Timestamp) -> Option<Listing> {
        let days = days.iter().map(|&(offset, units)| (day(offset), units)).collect();
        Listing::of(&product(number), &days, Timestamp::from_second(sold_at).unwrap(), now)
    }

    /// The best on a day, of listings in one list that is read whole.
    fn best(listings: Vec<Option<Listing>>, today: Date) -> Vec<(String, i64)> {
        let mut listings: Vec<Listing> = listings.into_iter().flatten().collect();
        listings.sort_by(|a, b| a.bound.cmp(&b.bound));
        let mut ranking = Ranking::new(today, 1);
        ranking.add(0, &listings, false);
        ranking.take(SHOWN).into_iter().map(|rank| (rank.product_id.to_string(), rank.units)).collect()
    }

    fn is(number: usize, units: i64) -> (String, i64) {
        (product(number).to_string(), units)
    }

    #[test]
    fn counts_today_and_the_two_days_before() {
        let listings =
            || vec![listing(1, &[(-3, 100), (-2, 1), (0, 2)], 0, noon(0)), listing(2, &[(-1, 4)], 0, noon(0))];
        assert_eq!(best(listings(), day(0)), [is(2, 4), is(1, 3)]);
        assert_eq!(best(listings(), day(1)), [is(2, 4), is(1, 2)]);
        assert_eq!(best(listings(), day(2)), [is(1, 2)]);
        assert_eq!(best(listings(), day(3)), []);
    }

    /// Clocks differ by seconds. At midnight one counts today the sales of another's tomorrow, and one still asks for
    /// the window that another has left.
    #[test]
    fn midnight_comes_at_another_instant_by_another_clock() {
        let ahead = listing(1, &[(1, 2)], 0, noon(0));
        assert_eq!(best(vec![ahead.clone()], day(0)), []);
        assert_eq!(best(vec![ahead], day(1)), [is(1, 2)]);
        let midnight = start_of_seoul_day(day(1)).unwrap();
        let listed = |seconds| listing(1, &[(-2, 7), (1, 2)], 0, midnight + SignedDuration::from_secs(seconds));
        assert_eq!(best(vec![listed(14)], day(0)), [is(1, 7)]);
        assert_eq!(listed(14).unwrap().bound.units, 7);
        assert_eq!(listed(15).unwrap().bound.units, 2);
    }

    #[test]
    fn of_equal_ones_the_one_sold_last_comes_first_and_then_the_lesser_id() {
        let listed = |number, sold_at| listing(number, &[(0, 2)], sold_at, noon(0));
        assert_eq!(best(vec![listed(1, 10), listed(3, 20), listed(2, 20)], day(0)), [is(2, 2), is(3, 2), is(1, 2)]);
    }

    #[test]
    fn what_no_window_can_show_is_not_listed() {
        assert_eq!(listing(1, &[(0, 2), (-3, 9)], 0, noon(3)), None);
        assert_eq!(listing(1, &[(0, 0)], 0, noon(0)), None);
        // More was returned than was counted as sold by then: tomorrow it shows again.
        let later = listing(1, &[(-2, -5), (0, 3)], 0, noon(0)).unwrap();
        assert_eq!((later.bound.units, later.rank_on(day(0))), (3, None));
    }

    #[test]
    fn a_listing_carries_five_days_and_is_placed_by_the_best_window_of_them() {
        assert_eq!(Listing::days_at(noon(0)), day(-2)..=day(2));
        let all: Vec<(i64, i64)> = (-9..9).map(|offset| (offset, 1)).collect();
        let listed = listing(1, &all, 0, noon(0)).unwrap();
        assert_eq!(listed.days.keys().copied().collect::<Vec<_>>(), [-2, -1, 0, 1, 2].map(day));
        // The last window has the last day alone, with no return in it.
        assert_eq!(listing(1, &[(0, -7), (1, -5), (2, 3)], 0, noon(0)).unwrap().bound.units, 3);
    }

    #[test]
    fn a_list_is_read_until_nothing_below_can_beat_what_was_found() {
        let tight = |number, units| listing(number, &[(0, units)], 0, noon(0)).unwrap();
        let stale = |number, units| listing(number, &[(-2, 90), (0, units)], 0, noon(0)).unwrap();
        let mut ranking = Ranking::new(day(1), 2);
        assert_eq!((ranking.to_read(2), ranking.take(2)), (vec![0, 1], vec![]));
        assert_eq!(ranking.to_read(0), [0_usize; 0], "nothing more is wanted");
        ranking.add(0, &[stale(1, 3), stale(2, 2)], true);
        ranking.add(1, &[tight(3, 7)], true);
        // Below the second list's 7 nothing beats it; below the first list's bound of 92 something may.
        assert_eq!((ranking.to_read(1), ranking.take(1)), (vec![0], vec![]));
        ranking.add(0, &[tight(4, 8), tight(5, 1)], true);
        let taken: Vec<i64> = ranking.take(2).into_iter().map(|rank| rank.units).collect();
        assert_eq!((taken, ranking.to_read(1)), (vec![8, 7], vec![1]));
        ranking.add(1, &[tight(3, 7)], false);
        let taken: Vec<i64> = ranking.take(5).into_iter().map(|rank| rank.units).collect();
        assert_eq!((taken, ranking.to_read(2)), (vec![3, 2, 1], vec![0]), "what was met twice is shown once");
    }

    proptest! {
        /// For any order of sales and returns, and any cut of the lists, the best of every future window are those of a
        /// full count.
        #[test]
        fn the_best_are_those_of_a_full_count(
            sales in proptest::collection::vec((0_usize..60, 0_i64..4, -9_i64..50, 0_i64..9), 1..200),
            page in 1_usize..9,
            lists in 1_usize..5,
        ) {
            let mut sales = sales;
            sales.sort_by_key(|&(_, offset, _, _)| offset);
            let mut counts: BTreeMap<usize, (UnitsByDay, i64)> = BTreeMap::new();
            let mut listed: BTreeMap<usize, Option<Listing>> = BTreeMap::new();
            for &(number, offset, units, sold_at) in &sales {
                let (days, last) = counts.entry(number).or_default();
                *days.entry(day(offset)).or_default() += units;
                *last = sold_at.max(*last);
                let last = Timestamp::from_second(*last).unwrap();
                listed.insert(number, Listing::of(&product(number), days, last, noon(offset)));
            }
            let last_day = sales.last().unwrap().1;
            for today in (last_day..last_day + 3).map(day) {
                let mut all: Vec<Rank> = counts.iter().filter_map(|(number, (days, last))| {
                    let units = units_in_window(days, today);
                    let last_sold_at = Timestamp::from_second(*last).unwrap();
                    (units > 0).then(|| Rank { units, last_sold_at, product_id: product(*number) })
                }).collect();
                all.sort();

                let mut sorted: Vec<Vec<Listing>> = vec![Vec::new(); lists];
                for (number, listing) in &listed {
                    sorted[number % lists].extend(listing.clone());
                }
                sorted.iter_mut().for_each(|list| list.sort_by(|a, b| a.bound.cmp(&b.bound)));
                let (mut ranking, mut read, mut found) = (Ranking::new(today, lists), vec![0; lists], Vec::new());
                loop {
                    let missing = SHOWN - found.len();
                    found.extend(ranking.take(missing));
                    let open = ranking.to_read(SHOWN - found.len());
                    if open.is_empty() {
                        break;
                    }
                    for list in open {
                        let from = read[list];
                        let to = sorted[list].len().min(from + page);
                        ranking.add(list, &sorted[list][from..to], to < sorted[list].len());
                        read[list] = to;
                    }
                }
                all.truncate(SHOWN);
                prop_assert_eq!(found, all);
            }
        }
    }
}
