//! Bestsellers: units sold over the last three Seoul days, kept as a short board instead of being counted when asked.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan, civil::Date};
use serde::{Deserialize, Serialize};

use super::{ProductId, Won};

/// How many days count, today included.
pub const WINDOW_DAYS: i64 = 3;

/// How many products are shown.
pub const SHOWN: usize = 5;

/// How many products the board keeps for each window, so that some can drop out before others come in.
const KEPT: usize = 10;

/// Units sold by Seoul day of payment.
pub type UnitsByDay = BTreeMap<Date, i64>;

/// A product that is, or is about to be, among the bestsellers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The product.
    pub product_id: ProductId,
    /// What it is called.
    pub name: String,
    /// The price of a unit.
    pub price: Won,
    /// Units sold, of the days that still count.
    pub days: UnitsByDay,
    /// When it was last sold.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub last_sold_at: Timestamp,
}

impl Candidate {
    /// Units sold from the first to the last day, both included.
    fn sold(&self, first: Date, last: Date) -> i64 {
        self.days.range(first..=last).fold(0_i64, |sum, (_, units)| sum.saturating_add(*units))
    }
}

/// The products that are the bestsellers of today, and those that would be tomorrow and the day after if nothing else
/// were sold: so the list is right at midnight without anything having to run then.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Board {
    /// In no particular order.
    pub candidates: Vec<Candidate>,
    /// Counts the changes, so that none overwrites another unseen.
    pub version: u64,
}

impl Board {
    /// The bestsellers of the window that ends with `today`, best first, with the units sold.
    pub fn top(&self, today: Date) -> Vec<(&Candidate, i64)> {
        let mut ranking = self.ranking(window_start(today), today);
        ranking.truncate(SHOWN);
        ranking
    }

    /// Replaces what is known of the given products, and keeps who is worth keeping.
    pub fn update(&mut self, candidates: Vec<Candidate>, today: Date) {
        self.candidates.retain(|old| !candidates.iter().any(|new| new.product_id == old.product_id));
        self.candidates.extend(candidates);
        self.prune(today);
    }

    fn prune(&mut self, today: Date) {
        let first = window_start(today);
        for candidate in &mut self.candidates {
            candidate.days.retain(|day, units| *day >= first && *units != 0);
        }
        // Each to its own end: who sold may have had a clock on which it is tomorrow already.
        let windows =
            (0..WINDOW_DAYS).map(|ahead| (first.saturating_add(ahead.days()), today.saturating_add(ahead.days())));
        let kept: std::collections::HashSet<ProductId> = windows
            .flat_map(|(start, end)| self.ranking(start, end).into_iter().take(KEPT))
            .map(|(candidate, _)| candidate.product_id.clone())
            .collect();
        self.candidates.retain(|candidate| kept.contains(&candidate.product_id));
        self.candidates.sort_by(|a, b| a.product_id.cmp(&b.product_id));
    }

    /// Most units first; of equal ones the one sold last.
    fn ranking(&self, first: Date, last: Date) -> Vec<(&Candidate, i64)> {
        let mut ranking: Vec<_> = self
            .candidates
            .iter()
            .map(|candidate| (candidate, candidate.sold(first, last)))
            .filter(|(_, sold)| *sold > 0)
            .collect();
        ranking.sort_by(|(a, sold_a), (b, sold_b)| {
            let by_sales = sold_b.cmp(sold_a).then(b.last_sold_at.cmp(&a.last_sold_at));
            by_sales.then_with(|| a.product_id.cmp(&b.product_id))
        });
        ranking
    }
}

/// The first day that counts when `today` is the last.
pub fn window_start(today: Date) -> Date {
    today.saturating_sub((WINDOW_DAYS - 1).days())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(offset: i64) -> Date {
        jiff::civil::date(2026, 11, 20).saturating_add(offset.days())
    }

    fn candidate(number: usize, days: &[(i64, i64)], sold_at: i64) -> Candidate {
        Candidate {
            product_id: ProductId::try_from(format!("p{number:03}")).unwrap(),
            name: format!("Product {number}"),
            price: Won::new(1_000),
            days: days.iter().map(|&(offset, units)| (day(offset), units)).collect(),
            last_sold_at: Timestamp::from_second(1_700_000_000 + sold_at).unwrap(),
        }
    }

    fn names(board: &Board, today: Date) -> Vec<(String, i64)> {
        board.top(today).into_iter().map(|(c, sold)| (c.product_id.to_string(), sold)).collect()
    }

    #[test]
    fn counts_today_and_the_two_days_before() {
        let mut board = Board::default();
        board.update(vec![candidate(1, &[(-3, 100), (-2, 1), (0, 2)], 0), candidate(2, &[(-1, 4)], 0)], day(0));
        assert_eq!(names(&board, day(0)), [("p002".to_owned(), 4), ("p001".to_owned(), 3)]);
        assert_eq!(names(&board, day(1)), [("p002".to_owned(), 4), ("p001".to_owned(), 2)]);
        assert_eq!(names(&board, day(2)), [("p001".to_owned(), 2)]);
        assert_eq!(names(&board, day(3)), []);
    }

    /// Clocks differ by seconds: at midnight one counts today what another sold tomorrow.
    #[test]
    fn what_was_sold_on_a_faster_clock_is_kept_for_tomorrow() {
        let mut board = Board::default();
        board.update(vec![candidate(1, &[(1, 2)], 0)], day(0));
        assert_eq!(names(&board, day(0)), []);
        assert_eq!(names(&board, day(1)), [("p001".to_owned(), 2)]);
    }

    #[test]
    fn of_equal_ones_the_one_sold_last_comes_first() {
        let mut board = Board::default();
        board.update(vec![candidate(1, &[(0, 2)], 10), candidate(2, &[(0, 2)], 20)], day(0));
        assert_eq!(names(&board, day(0))[0].0, "p002");
    }

    #[test]
    fn units_taken_back_count_no_more() {
        let mut board = Board::default();
        board.update(vec![candidate(1, &[(0, 2)], 0)], day(0));
        board.update(vec![candidate(1, &[(0, 0)], 0)], day(0));
        assert_eq!(board.candidates, []);
    }

    proptest! {
        /// However sales come in, the board shows what a full count would, on the day and on the days after.
        #[test]
        fn the_board_is_right_on_every_day_to_come(
            sales in proptest::collection::vec((0_usize..60, 0_i64..3, 1_i64..50), 1..200),
        ) {
            let mut counts: BTreeMap<usize, BTreeMap<i64, i64>> = BTreeMap::new();
            let mut board = Board::default();
            let mut sales = sales;
            sales.sort_by_key(|&(_, offset, _)| offset);
            for &(product, offset, units) in &sales {
                *counts.entry(product).or_default().entry(offset).or_default() += units;
                let days: Vec<_> = counts[&product].iter().map(|(&offset, &units)| (offset, units)).collect();
                board.update(vec![candidate(product, &days, 0)], day(offset));
            }
            let mut everything = Board::default();
            for (&product, days) in &counts {
                let days: Vec<_> = days.iter().map(|(&offset, &units)| (offset, units)).collect();
                everything.candidates.push(candidate(product, &days, 0));
            }
            let last = sales.last().unwrap().1;
            for today in last..last + 3 {
                prop_assert_eq!(names(&board, day(today)), names(&everything, day(today)));
            }
        }
    }
}
