//! Invariant 5: the counts of sold units equal a recount of the orders, and the index by sales ranks by them.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use jiff::{Timestamp, ToSpan, civil::Date};
use serde::{Deserialize, Serialize};
use shared::{
    domain::{
        ProductId,
        bestseller::{
            Listing, Rank, Ranking, SHOWN, UnitsByDay, WINDOW_DAYS, first_window, units_in_window, window_start,
        },
        order::Order,
        time::seoul_day,
    },
    store::{
        keys::{self, IndexKey},
        rebuild::Rebuild,
        sales::{Mark, SalesRecord},
    },
};

use crate::{
    findings::{Checks, Findings},
    inventory::Inventory,
    relation::{self, Relation, Selection},
    report::{Invariant, Subject, Violation},
};

/// The number of days with sales that are kept of a product. The last [`WINDOW_DAYS`] can count, and one is to spare
/// for an order paid by a clock that runs ahead.
const REMEMBERED_DAYS: i64 = WINDOW_DAYS + 1;

/// The rule of the counts of a product.
pub(crate) const BY_DAY: &str = "units counted by day, as the orders have them";

/// The units sold, as recounted from the orders and as counted by the shop.
#[derive(Debug, Default)]
pub(crate) struct Sales {
    recounted: BTreeMap<ProductId, UnitsByDay>,
    counted: BTreeMap<ProductId, Counted>,
    /// The generation of the last rebuild.
    generation: u64,
    /// The mark of the highest generation, with its event.
    newest_mark: Option<(u64, String)>,
    /// The units of days that are not known exactly, less those recounted.
    unknown: BTreeMap<ProductId, BTreeMap<Date, RangeInclusive<i64>>>,
}

/// The bestsellers of a part of the products.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Best {
    /// By their counts.
    counted: Vec<Ranked>,
    /// As a reader of the index finds them.
    indexed: Vec<Ranked>,
}

/// A rank that can be stored: units, the last sale in milliseconds since 1970, and the product.
type Ranked = (i64, i64, ProductId);

impl Best {
    /// Adds those of another part.
    pub(crate) fn add(&mut self, other: Self) {
        for (ranks, more) in [(&mut self.counted, other.counted), (&mut self.indexed, other.indexed)] {
            ranks.extend(more);
            ranks.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.cmp(&a.1)).then_with(|| a.2.cmp(&b.2)));
            ranks.truncate(SHOWN);
        }
    }

    /// Requires the index to show the best of the counts. An entry of the index changes with its count, so both are
    /// always of one instant.
    pub(crate) fn violations(&self) -> Vec<Violation> {
        let shown = |best: &[Ranked]| -> Vec<(String, i64)> {
            best.iter().map(|(units, _, product)| (product.to_string(), *units)).collect()
        };
        let mut findings = Findings::default();
        let mut checks = findings.about(Invariant::Sales, Subject::Bestsellers);
        checks.equal("the best", shown(&self.counted), shown(&self.indexed));
        findings.into_found().certain
    }
}

fn ranked(ranks: Vec<Rank>) -> Vec<Ranked> {
    ranks.into_iter().map(|rank| (rank.units, rank.last_sold_at.as_millisecond(), rank.product_id)).collect()
}

#[derive(Debug)]
struct Counted {
    days: UnitsByDay,
    last_sold_at: Timestamp,
    generation: Option<u64>,
    place: Option<IndexKey>,
}

impl Counted {
    /// The listing that the index by sales gives a reader.
    fn listing(&self) -> Option<Listing> {
        keys::listing_of_index_key(&self.place.as_ref()?.sk)
    }

    /// Checks that the index entry gives the rank in every window a reader can ask for, and bounds each of them.
    fn check_place(&self, product: &ProductId, is_on_sale: bool, now: Timestamp, checks: &mut Checks<'_>) {
        let listing = self.listing();
        if !is_on_sale || self.place.is_some() != listing.is_some() {
            let place = self.place.as_ref().map(|place| &place.sk);
            return checks.equal("place in the index by sales", None, place);
        }
        for last in (0..WINDOW_DAYS).map(|ahead| first_window(now).saturating_add(ahead.days())) {
            let units = Some(units_in_window(&self.days, last)).filter(|units| *units > 0);
            let found = listing.as_ref().and_then(|listing| listing.rank_on(last)).map(|rank| rank.units);
            checks.equal(format_args!("units of the three days to {last} in the index by sales"), units, found);
            let bound = listing.as_ref().map(|listing| listing.bound.units);
            if bound < found {
                checks.violated(
                    "place in the index by sales",
                    format_args!("{found:?} or better"),
                    format_args!("{bound:?}"),
                );
            }
        }
        if let (Some(listing), Some(place)) = (listing, &self.place) {
            checks.equal("last sale in the index by sales", self.last_sold_at, listing.bound.last_sold_at);
            checks.equal("product in the index by sales", product, &listing.bound.product_id);
            checks.equal("list of the index by sales", keys::sales_ranked(&listing).pk, place.pk.clone());
        }
    }
}

impl Sales {
    pub(crate) fn add_order(&mut self, order: &Order, selection: &Selection) {
        let Some(paid_at) = order.paid_at else {
            return;
        };
        let lines = order.items.iter().filter(|line| line.counted_units() > 0);
        for line in lines.filter(|line| selection.has(relation::product(&line.product_id))) {
            let days = self.recounted.entry(line.product_id.clone()).or_default();
            *days.entry(seoul_day(paid_at)).or_default() += i64::from(line.counted_units());
            while i64::try_from(days.len()).is_ok_and(|days| days > REMEMBERED_DAYS) {
                days.pop_first();
            }
        }
    }

    pub(crate) fn add_count(&mut self, product: ProductId, sales: &SalesRecord, selection: &Selection) {
        if !selection.has(relation::product(&product)) {
            return;
        }
        let last_sold_at = Timestamp::from_millisecond(sales.last_sold_at).unwrap_or_default();
        let (days, generation, place) = (sales.days(), sales.generation, sales.rank_place());
        self.counted.insert(product, Counted { days, last_sold_at, generation, place });
    }

    pub(crate) fn add_mark(&mut self, event_id: String, mark: Mark, selection: &Selection) {
        if !selection.has(relation::mark(&event_id)) {
            return;
        }
        self.newest_mark = self.newest_mark.take().max(Some((mark.generation, event_id)));
    }

    pub(crate) fn add_rebuild(&mut self, rebuild: &Rebuild) {
        self.generation = rebuild.generation;
    }

    /// Sets the units of a product on each day, as far as they are known.
    pub(crate) fn set_by_day(&mut self, product: &ProductId, days: BTreeMap<Date, RangeInclusive<i64>>) {
        self.unknown.insert(product.clone(), days);
    }

    /// Drops the relations that are not selected.
    pub(crate) fn narrow(&mut self, selection: &Selection) {
        self.recounted.retain(|product, _| selection.has(relation::product(product)));
        self.counted.retain(|product, _| selection.has(relation::product(product)));
        self.newest_mark = self.newest_mark.take().filter(|(_, event)| selection.has(relation::mark(event)));
    }

    /// The memory in use, about, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.recounted.len() * 280 + self.counted.len() * 500
    }

    /// Checks the counts, and returns the bestsellers.
    pub(crate) fn finish(self, inventory: &Inventory, now: Timestamp, findings: &mut Findings) -> Best {
        let Self { recounted, counted, generation, newest_mark, unknown } = self;
        let today = seoul_day(now);
        let nothing = UnitsByDay::new();

        let products = recounted.keys().chain(counted.keys()).chain(unknown.keys());
        let products: BTreeSet<&ProductId> = products.collect();
        for product in products {
            let relation = Relation::Product(product.clone());
            let mut checks = findings.between(Invariant::Sales, Subject::Product(product.clone()), relation);
            let there = counted.get(product);
            // No generation may be counted in before a rebuild has begun it.
            checks.at_most("generation", generation, there.and_then(|counted| counted.generation).unwrap_or(0));
            let recounted = in_window(recounted.get(product).unwrap_or(&nothing), today);
            let by_day = in_window(there.map_or(&nothing, |counted| &counted.days), today);
            match unknown.get(product) {
                None => checks.equal(BY_DAY, recounted, by_day),
                Some(days) => {
                    let fits = |day: &Date| {
                        let units = by_day.get(day).copied().unwrap_or(0);
                        days.get(day).map_or(units == 0, |known| known.contains(&units))
                    };
                    let known = days.range(window_start(today)..=today).map(|(day, _)| day);
                    if !known.chain(by_day.keys()).all(fits) {
                        checks.violated(BY_DAY, format_args!("{days:?}"), format_args!("{by_day:?}"));
                    }
                }
            }
            if let Some(counted) = there {
                counted.check_place(product, inventory.is_on_sale(product), now, &mut checks);
            }
        }

        if let Some((theirs, event_id)) = newest_mark {
            let key = keys::counted(&event_id);
            let subject = Subject::Item(key.pk, key.sk);
            let mut checks = findings.between(Invariant::Sales, subject, Relation::Mark(event_id));
            checks.at_most("generation", generation, theirs);
        }

        let on_sale = || counted.iter().filter(|(product, _)| inventory.is_on_sale(product));
        Best {
            counted: ranked(best_of_counts(on_sale(), today)),
            indexed: ranked(best_of_index(on_sale().filter_map(|(_, counted)| counted.listing()), today)),
        }
    }
}

/// The days of the window, without those with no units left.
fn in_window(days: &UnitsByDay, today: Date) -> UnitsByDay {
    let days = days.range(window_start(today)..=today);
    days.filter(|(_, units)| **units != 0).map(|(day, units)| (*day, *units)).collect()
}

/// The bestsellers by all counts.
fn best_of_counts<'a>(counts: impl Iterator<Item = (&'a ProductId, &'a Counted)>, today: Date) -> Vec<Rank> {
    let ranks = counts.map(|(product, counted)| Rank {
        units: units_in_window(&counted.days, today),
        last_sold_at: counted.last_sold_at,
        product_id: product.clone(),
    });
    let mut ranks: Vec<Rank> = ranks.filter(|rank| rank.units > 0).collect();
    ranks.sort();
    ranks.truncate(SHOWN);
    ranks
}

/// The bestsellers as a reader of the index finds them, one entry at a time.
fn best_of_index(listings: impl Iterator<Item = Listing>, today: Date) -> Vec<Rank> {
    let mut listings: Vec<Listing> = listings.collect();
    listings.sort_by(|a, b| a.bound.cmp(&b.bound));
    let (mut ranking, mut left) = (Ranking::new(today, 1), listings.chunks(1).peekable());
    while !ranking.to_read(SHOWN).is_empty() {
        let page = left.next().unwrap_or_default();
        ranking.add(0, page, left.peek().is_some());
    }
    ranking.take(SHOWN)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::{
        domain::product::{Product, SaleStatus},
        store::keys,
    };

    use super::*;
    use crate::fixture::{LONG_AGO, Shop, TODAY, at, draft, line, offer, order, product};

    const TEA: &str = "[5 sales] product tea";
    const COUNTED: &str = "units counted by day, as the orders have them";

    #[test]
    fn counts_are_what_the_orders_say() {
        let mut shop = Shop::healthy();
        shop.count("tea", &[("2026-11-20", 3)]);
        assert_eq!(
            shop.violations(),
            [format!("{TEA}: {COUNTED}: expected {{2026-11-20: 2}}, found {{2026-11-20: 3}}")]
        );
        shop.remove(keys::sales(&product("tea")));
        assert_eq!(shop.violations(), [format!("{TEA}: {COUNTED}: expected {{2026-11-20: 2}}, found {{}}")]);
    }

    #[test]
    fn nothing_is_counted_ahead_of_the_rebuilds() {
        let mut shop = Shop::healthy();
        shop.put(keys::counted("o2-1"), json!({ "generation": 3 }));
        let ahead = "generation: expected at most 2, found 3";
        assert_eq!(shop.violations(), [format!(r#"[5 sales] item "COUNTED#o2-1" "COUNTED": {ahead}"#)]);
        shop.remove(keys::counted("o2-1"));
        shop.change_count("tea", |count| count["generation"] = json!(3));
        assert_eq!(shop.violations(), [format!("{TEA}: {ahead}")]);
    }

    #[test]
    fn units_count_on_the_day_of_payment() {
        let mut shop = Shop::healthy();
        shop.count("tea", &[("2026-11-19", 2)]);
        assert_eq!(
            shop.violations(),
            [format!("{TEA}: {COUNTED}: expected {{2026-11-20: 2}}, found {{2026-11-19: 2}}")]
        );
    }

    #[test]
    fn units_given_back_do_not_count() {
        let mut shop = Shop::healthy();
        shop.change_order("o1", |order| order.items[0].cancelled_quantity = 2);
        shop.count("tea", &[("2026-11-20", 0)]);
        assert!(!shop.violations().iter().any(|violation| violation.contains("[5 sales]")));
    }

    #[test]
    fn units_that_cost_nothing_do_not_count() {
        let mut shop = Shop::healthy();
        shop.change_order("o1", |order| order.items[0].unit_discount = order.items[0].unit_price);
        let wrong = |shop: &Shop| -> Vec<String> {
            shop.violations().into_iter().filter(|violation| violation.contains("[5 sales]")).collect()
        };
        assert_eq!(wrong(&shop), [format!("{TEA}: {COUNTED}: expected {{}}, found {{2026-11-20: 2}}")]);
        shop.count("tea", &[("2026-11-20", 0)]);
        assert_eq!(wrong(&shop), [] as [&str; 0]);
    }

    #[test]
    fn days_before_the_window_count_no_more() {
        let mut shop = Shop::healthy();
        shop.count("cup", &[("2026-11-20", 1), ("2026-11-17", 7)]);
        assert_eq!(shop.violations(), [] as [&str; 0]);
        shop.count("cup", &[("2026-11-20", 1), ("2026-11-18", 7)]);
        assert!(!shop.violations().is_empty());
    }

    #[test]
    fn all_days_of_the_window_are_recounted_however_many_went_before() {
        let mut sales = Sales::default();
        for day in (1..=20).rev() {
            let lines = vec![line("cup", offer(5_000, 0), day)];
            let draft = draft("jun", lines, None, &format!("2026-11-{day:02}T03:00:00Z"));
            sales.add_order(&Order::paid(order("o"), draft), &Selection::ALL);
        }
        let recounted = &sales.recounted[&product("cup")];
        assert_eq!(recounted.len(), 4);
        let in_window: Vec<i64> = in_window(recounted, "2026-11-20".parse().unwrap()).into_values().collect();
        assert_eq!(in_window, [18, 19, 20]);
    }

    /// Gives a product the index entry that a count of these days would have had, listed at this instant.
    fn misplace(shop: &mut Shop, id: &str, days: &[(&str, i64)], last: &str, listed: &str) {
        let days = days.iter().map(|(day, units)| (day.parse().unwrap(), *units)).collect();
        let place = Listing::of(&product(id), &days, at(last), at(listed)).map(|listing| keys::sales_ranked(&listing));
        shop.change_count(id, |count| {
            count["bySalesPk"] = json!(place.as_ref().map(|place| &place.pk));
            count["bySalesSk"] = json!(place.as_ref().map(|place| &place.sk));
        });
    }

    #[test]
    fn the_index_ranks_what_was_counted() {
        let mut shop = Shop::healthy();
        // Days in the entry that have passed do no harm: the entry is an upper bound.
        misplace(&mut shop, "tea", &[("2026-11-20", 2), ("2026-11-17", 5)], TODAY, "2026-11-19T03:00:00Z");
        assert_eq!(shop.violations(), [] as [&str; 0]);
        misplace(&mut shop, "tea", &[("2026-11-20", 2), ("2026-11-18", 5)], TODAY, TODAY);
        let units = |last: &str| format!("{TEA}: units of the three days to {last} in the index by sales");
        assert_eq!(
            shop.violations(),
            [
                format!("{}: expected Some(2), found Some(7)", units("2026-11-20")),
                "[5 sales] the bestsellers: the best: expected [(\"tea\", 2), (\"cup\", 1)], \
                 found [(\"tea\", 7), (\"cup\", 1)]"
                    .to_owned(),
            ]
        );
        misplace(&mut shop, "tea", &[("2026-11-20", 2)], "2026-11-20T00:00:00Z", TODAY);
        let last = "expected 2026-11-20T01:00:00Z, found 2026-11-20T00:00:00Z";
        assert_eq!(shop.violations(), [format!("{TEA}: last sale in the index by sales: {last}")]);
    }

    #[test]
    fn a_place_is_never_worse_than_the_rank() {
        let mut shop = Shop::healthy();
        shop.change_count("tea", |count| {
            let place = count["bySalesSk"].as_str().unwrap().to_owned();
            count["bySalesSk"] = json!(place.replace("999999999997#", "999999999999#"));
        });
        let wrong = format!("{TEA}: place in the index by sales: expected Some(2) or better, found Some(0)");
        assert_eq!(shop.violations()[0], wrong);
        assert_eq!(shop.violations().len(), 3, "in each window");
        let mut shop = Shop::healthy();
        shop.change_count("tea", |count| count["bySalesPk"] = json!("RANKED#99"));
        let list = format!("{TEA}: list of the index by sales: expected \"RANKED#0\", found \"RANKED#99\"");
        assert_eq!(shop.violations(), [list]);
        shop.change_count("tea", |count| count["bySalesSk"] = json!("tea"));
        assert_eq!(
            shop.violations()[0],
            format!("{TEA}: place in the index by sales: expected None, found Some(\"tea\")")
        );
    }

    #[test]
    fn nobody_is_missing_from_the_index() {
        let mut shop = Shop::healthy();
        misplace(&mut shop, "cup", &[], TODAY, TODAY);
        let units = |last: &str| {
            let what = format!("[5 sales] product cup: units of the three days to {last} in the index by sales");
            format!("{what}: expected Some(1), found None")
        };
        let missing =
            "[5 sales] the bestsellers: the best: expected [(\"tea\", 2), (\"cup\", 1)], found [(\"tea\", 2)]";
        assert_eq!(
            shop.violations(),
            [units("2026-11-20"), units("2026-11-21"), units("2026-11-22"), missing.to_owned()]
        );
    }

    #[test]
    fn what_is_not_on_sale_is_not_in_the_index() {
        let mut shop = Shop::healthy();
        shop.change(keys::product(&product("cup")), |product: &mut Product| {
            product.offer.status = SaleStatus::Discontinued;
        });
        shop.change(keys::stock(&product("cup"), 0), |shard: &mut shared::domain::inventory::Shard| {
            shard.offer.status = SaleStatus::Discontinued;
        });
        let place = keys::product_by_time(SaleStatus::Discontinued, at(LONG_AGO), &product("cup"));
        shop.list(keys::product(&product("cup")), Some(place));
        let violations = shop.violations();
        assert_eq!(violations.len(), 1);
        assert!(
            violations[0].starts_with("[5 sales] product cup: place in the index by sales: expected None, found Some(")
        );
        misplace(&mut shop, "cup", &[], TODAY, TODAY);
        assert_eq!(shop.violations(), [] as [&str; 0]);
    }
}
