//! A recount of units sold, to compare the counts with.

use std::collections::BTreeMap;

use jiff::{ToSpan, civil::Date};
use serde::{Deserialize, Serialize};

use super::{
    ProductId,
    bestseller::{UnitsByDay, window_start},
};

/// The days that are recounted: those of the bestsellers' window that ends with `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Days {
    pub last: Date,
}

impl Days {
    pub fn first(self) -> Date {
        window_start(self.last)
    }

    pub fn contain(self, day: Date) -> bool {
        (self.first()..=self.last).contains(&day)
    }

    pub fn iter(self) -> impl Iterator<Item = Date> {
        (0..).map(move |ahead| self.first().saturating_add(ahead.days())).take_while(move |day| *day <= self.last)
    }
}

/// The units by which the sales of products exceed their counts. Sales are added and counts subtracted, in any order
/// and in any parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balances(BTreeMap<ProductId, Balance>);

/// The balance of one product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Balance {
    /// Units sold less units counted, by day.
    days: UnitsByDay,
    /// The instant of the last sale that was seen, in milliseconds since 1970.
    pub last_sold_at: i64,
    /// Whether its count was subtracted.
    pub is_counted: bool,
}

impl Balance {
    /// The units to add to the counts, of the days with a wrong count.
    pub fn missing(&self) -> UnitsByDay {
        self.days.iter().filter(|(_, units)| **units != 0).map(|(day, units)| (*day, *units)).collect()
    }
}

impl Balances {
    /// The number of products with a balance.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds units of a product sold on a day; below zero if they were given back.
    pub fn add_sold(&mut self, product: &ProductId, day: Date, units: i64, paid_at_ms: i64) {
        let balance = self.0.entry(product.clone()).or_default();
        *balance.days.entry(day).or_default() += units;
        balance.last_sold_at = balance.last_sold_at.max(paid_at_ms);
    }

    /// Subtracts the counted units of a product. To be called once for each product with a count.
    pub fn subtract_counted(&mut self, product: &ProductId, counted: &UnitsByDay, days: Days) {
        let balance = self.0.entry(product.clone()).or_default();
        balance.is_counted = true;
        for (day, units) in counted.iter().filter(|(day, _)| days.contain(**day)) {
            *balance.days.entry(*day).or_default() -= units;
        }
    }

    /// Adds the balances of another part.
    pub fn add(&mut self, part: Self) {
        for (product, found) in part.0 {
            let balance = self.0.entry(product).or_default();
            balance.last_sold_at = balance.last_sold_at.max(found.last_sold_at);
            balance.is_counted |= found.is_counted;
            for (day, units) in found.days {
                *balance.days.entry(day).or_default() += units;
            }
        }
    }

    /// The balances by bucket, given by `bucket_of`.
    pub fn by_bucket(self, bucket_of: impl Fn(&ProductId) -> u16) -> BTreeMap<u16, Self> {
        let mut buckets: BTreeMap<u16, Self> = BTreeMap::new();
        for (product, balance) in self.0 {
            buckets.entry(bucket_of(&product)).or_default().0.insert(product, balance);
        }
        buckets
    }

    /// The products with wrong counts.
    pub fn wrong(&self) -> impl Iterator<Item = (&ProductId, &Balance)> {
        self.0.iter().filter(|(_, balance)| !balance.missing().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn product(number: usize) -> ProductId {
        ProductId::try_from(format!("p{number}")).unwrap()
    }

    const DAYS: Days = Days { last: jiff::civil::date(2026, 11, 20) };

    fn day(ago: i64) -> Date {
        DAYS.last.saturating_sub(ago.days())
    }

    #[test]
    fn the_days_are_those_of_the_window() {
        assert_eq!(DAYS.iter().collect::<Vec<_>>(), [day(2), day(1), day(0)]);
        assert!(!DAYS.contain(day(3)) && !DAYS.contain(day(-1)));
    }

    #[test]
    fn what_was_counted_and_never_sold_is_wrong_too() {
        let mut balances = Balances::default();
        balances.subtract_counted(&product(1), &[(day(0), 3), (day(3), 5), (day(1), 0)].into(), DAYS);
        balances.add_sold(&product(2), day(1), 2, 7);
        let wrong: Vec<_> = balances.wrong().map(|(id, balance)| (id.clone(), balance.missing())).collect();
        assert_eq!(wrong, [(product(1), [(day(0), -3)].into()), (product(2), [(day(1), 2)].into())]);
    }

    #[test]
    fn parts_keep_the_last_sale_and_whether_a_product_was_counted() {
        let mut sold = Balances::default();
        sold.add_sold(&product(1), day(0), 1, 7);
        sold.add_sold(&product(1), day(0), 1, 5);
        let mut counted = Balances::default();
        counted.add_sold(&product(1), day(0), 1, 6);
        counted.subtract_counted(&product(1), &[(day(0), 2)].into(), DAYS);
        for (first, second) in [(&sold, &counted), (&counted, &sold), (&counted, &counted)] {
            let mut all = first.clone();
            all.add(second.clone());
            let (_, balance) = all.0.first_key_value().unwrap();
            let last = if first == second { 6 } else { 7 };
            assert_eq!((balance.last_sold_at, balance.is_counted), (last, true));
        }
        assert!(!sold.0.values().any(|balance| balance.is_counted));
    }

    #[test]
    fn a_product_is_known_once_it_was_sold_or_counted() {
        let mut balances = Balances::default();
        assert_eq!((balances.len(), balances.is_empty()), (0, true));
        balances.add_sold(&product(1), day(0), 1, 7);
        balances.add_sold(&product(1), day(1), 1, 7);
        assert_eq!((balances.len(), balances.is_empty()), (1, false));
        balances.subtract_counted(&product(2), &UnitsByDay::new(), DAYS);
        assert_eq!((balances.len(), balances.is_empty()), (2, false));
    }

    #[test]
    fn each_product_goes_to_its_bucket_with_all_that_is_known() {
        let mut balances = Balances::default();
        (0..5).for_each(|number| balances.add_sold(&product(number), day(0), 1, 7));
        let bucket_of = |product: &ProductId| if product.as_str() < "p2" { 3 } else { 8 };
        let buckets = balances.clone().by_bucket(bucket_of);
        assert_eq!(buckets.iter().map(|(bucket, part)| (*bucket, part.len())).collect::<Vec<_>>(), [(3, 2), (8, 3)]);
        let mut all = Balances::default();
        buckets.into_values().for_each(|part| all.add(part));
        assert_eq!(all, balances);
    }

    proptest! {
        /// For any parts of the sales, and any part with the count, correct counts stay correct.
        #[test]
        fn parts_come_to_the_same_in_any_order(
            sales in proptest::collection::vec((0_usize..9, 0_i64..3, -5_i64..9, 0_usize..4), 0..60),
            error in -3_i64..3,
        ) {
            let mut parts = vec![Balances::default(); 4];
            let mut counted: BTreeMap<usize, UnitsByDay> = BTreeMap::new();
            for &(id, ago, units, part) in &sales {
                parts[part].add_sold(&product(id), day(ago), units, 0);
                *counted.entry(id).or_default().entry(day(ago)).or_default() += units;
            }
            *counted.entry(0).or_default().entry(day(0)).or_default() -= error;
            for (id, days) in &counted {
                parts[id % 4].subtract_counted(&product(*id), days, DAYS);
            }
            let mut all = Balances::default();
            parts.into_iter().rev().for_each(|part| all.add(part));
            let wrong: Vec<_> = all.wrong().map(|(id, balance)| (id.clone(), balance.missing())).collect();
            let expected = if error == 0 { vec![] } else { vec![(product(0), [(day(0), error)].into())] };
            prop_assert_eq!(wrong, expected);
        }
    }
}
