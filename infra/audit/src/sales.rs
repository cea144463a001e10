//! Invariant 5: the counts of units sold are what a recount of the orders gives, and the board shows them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};
use shared::{
    domain::{
        ProductId, Won,
        bestseller::{Board, Candidate, UnitsByDay, WINDOW_DAYS, window_start},
        order::Order,
        time::seoul_day,
    },
    store::{
        keys,
        rebuild::Rebuild,
        sales::{Mark, SalesRecord},
    },
};

use crate::{
    findings::Findings,
    report::{Invariant, Subject},
    shelves::Shelves,
};

/// How many days with sales are remembered of a product: all that can count, as those are the last
/// [`WINDOW_DAYS`], and one to spare for an order paid by a clock that runs ahead.
const REMEMBERED_DAYS: i64 = WINDOW_DAYS + 1;

/// What was sold, as the orders have it, as it was counted, and as it is on the board.
#[derive(Debug, Default)]
pub(crate) struct Sales {
    recounted: BTreeMap<ProductId, UnitsByDay>,
    counted: BTreeMap<ProductId, Counted>,
    board: Board,
    /// That of the last rebuild.
    generation: u64,
    /// The mark of the highest generation, with its event.
    newest_mark: Option<(u64, String)>,
}

#[derive(Debug)]
struct Counted {
    days: UnitsByDay,
    last_sold_at: Timestamp,
    generation: Option<u64>,
}

impl Sales {
    pub(crate) fn add_order(&mut self, order: &Order) {
        let Some(paid_at) = order.paid_at else {
            return;
        };
        for line in order.items.iter().filter(|line| line.live_units() > 0) {
            let days = self.recounted.entry(line.product_id.clone()).or_default();
            *days.entry(seoul_day(paid_at)).or_default() += i64::from(line.live_units());
            while i64::try_from(days.len()).is_ok_and(|days| days > REMEMBERED_DAYS) {
                days.pop_first();
            }
        }
    }

    pub(crate) fn add_count(&mut self, product: ProductId, sales: &SalesRecord) {
        let last_sold_at = Timestamp::from_millisecond(sales.last_sold_at).unwrap_or_default();
        self.counted.insert(product, Counted { days: sales.days(), last_sold_at, generation: sales.generation });
    }

    pub(crate) fn add_mark(&mut self, event_id: String, mark: Mark) {
        self.newest_mark = self.newest_mark.take().max(Some((mark.generation, event_id)));
    }

    pub(crate) fn add_rebuild(&mut self, rebuild: &Rebuild) {
        self.generation = rebuild.generation;
    }

    pub(crate) fn add_board(&mut self, board: Board) {
        self.board = board;
    }

    pub(crate) fn finish(self, shelves: &Shelves, now: Timestamp, findings: &mut Findings) {
        let Self { recounted, counted, board, generation, newest_mark } = self;
        let today = seoul_day(now);
        let nothing = UnitsByDay::new();

        let products: BTreeSet<&ProductId> = recounted.keys().chain(counted.keys()).collect();
        for product in products {
            let mut checks = findings.about(Invariant::Sales, Subject::Product(product.clone()));
            let theirs = counted.get(product).and_then(|counted| counted.generation);
            // Nothing is counted in a generation that no rebuild has begun.
            checks.at_most("generation", generation, theirs.unwrap_or(0));
            let recounted = in_window(recounted.get(product).unwrap_or(&nothing), today);
            let counted = in_window(counted.get(product).map_or(&nothing, |counted| &counted.days), today);
            checks.equal("units counted by day, as the orders have them", recounted, counted);
        }

        if let Some((theirs, event_id)) = newest_mark {
            let key = keys::counted(&event_id);
            findings.about(Invariant::Sales, Subject::Item(key.pk, key.sk)).at_most("generation", generation, theirs);
        }

        for candidate in &board.candidates {
            let mut checks = findings.about(Invariant::Sales, Subject::Product(candidate.product_id.clone()));
            let counted =
                in_window(counted.get(&candidate.product_id).map_or(&nothing, |counted| &counted.days), today);
            checks.equal("units on the board by day, as counted", counted, in_window(&candidate.days, today));
        }
        let complete = complete_board(&counted, shelves);
        findings.about(Invariant::Sales, Subject::Board).equal("the best", top(&complete, today), top(&board, today));
    }
}

/// The days that count, without those on which everything was given back.
fn in_window(days: &UnitsByDay, today: Date) -> UnitsByDay {
    let days = days.range(window_start(today)..=today);
    days.filter(|(_, units)| **units != 0).map(|(day, units)| (*day, *units)).collect()
}

/// A board with everything on it that is on sale, which ranks as the real one must.
fn complete_board(counted: &BTreeMap<ProductId, Counted>, shelves: &Shelves) -> Board {
    let candidate = |(product_id, counted): (&ProductId, &Counted)| Candidate {
        product_id: product_id.clone(),
        name: String::new(),
        price: Won::ZERO,
        days: counted.days.clone(),
        last_sold_at: counted.last_sold_at,
    };
    let on_sale = counted.iter().filter(|(product, _)| shelves.is_on_sale(product));
    Board { candidates: on_sale.map(candidate).collect(), version: 0 }
}

fn top(board: &Board, today: Date) -> Vec<(&str, i64)> {
    board.top(today).into_iter().map(|(candidate, units)| (candidate.product_id.as_str(), units)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::{
        domain::product::{Product, SaleStatus},
        store::keys,
    };

    use super::*;
    use crate::fixture::{Shop, at, draft, line, offer, order, product};

    fn count(shop: &mut Shop, id: &str, days: &[(&str, i64)]) {
        let mut record = json!({ "lastSoldAt": at("2026-11-20T01:00:00Z").as_millisecond() });
        for (day, units) in days {
            record[format!("day_{}", day.replace('-', ""))] = json!(units);
        }
        shop.put(keys::sales(&product(id)), record);
    }

    fn change_board(shop: &mut Shop, change: impl FnOnce(&mut Board)) {
        shop.change(keys::board(), change);
    }

    const TEA: &str = "[5 sales] product tea";

    #[test]
    fn counts_are_what_the_orders_say() {
        let mut shop = Shop::healthy();
        count(&mut shop, "tea", &[("2026-11-20", 3)]);
        assert_eq!(
            shop.violations()[0],
            format!(
                "{TEA}: units counted by day, as the orders have them: expected {{2026-11-20: 2}}, found {{2026-11-20: 3}}"
            )
        );
        shop.remove(keys::sales(&product("tea")));
        assert_eq!(
            shop.violations()[0],
            format!("{TEA}: units counted by day, as the orders have them: expected {{2026-11-20: 2}}, found {{}}")
        );
    }

    #[test]
    fn nothing_is_counted_ahead_of_the_rebuilds() {
        let mut shop = Shop::healthy();
        shop.put(keys::counted("o2-1"), json!({ "generation": 3 }));
        let ahead = "generation: expected at most 2, found 3";
        assert_eq!(shop.violations(), [format!(r#"[5 sales] item "COUNTED#o2-1" "COUNTED": {ahead}"#)]);
        shop.remove(keys::counted("o2-1"));
        let last = at("2026-11-20T01:00:00Z").as_millisecond();
        shop.put(keys::sales(&product("tea")), json!({ "lastSoldAt": last, "generation": 3, "day_20261120": 2 }));
        assert_eq!(shop.violations(), [format!("{TEA}: {ahead}")]);
    }

    #[test]
    fn units_count_on_the_day_of_payment() {
        let mut shop = Shop::healthy();
        count(&mut shop, "tea", &[("2026-11-19", 2)]);
        assert_eq!(
            shop.violations()[0],
            format!(
                "{TEA}: units counted by day, as the orders have them: expected {{2026-11-20: 2}}, found {{2026-11-19: 2}}"
            )
        );
    }

    #[test]
    fn units_given_back_do_not_count() {
        let mut shop = Shop::healthy();
        shop.change_order("o1", |order| order.items[0].cancelled_quantity = 2);
        count(&mut shop, "tea", &[("2026-11-20", 0)]);
        change_board(&mut shop, |board| board.candidates.retain(|candidate| candidate.product_id != product("tea")));
        assert!(!shop.violations().iter().any(|violation| violation.contains("[5 sales]")));
    }

    #[test]
    fn days_before_the_window_count_no_more() {
        let mut shop = Shop::healthy();
        count(&mut shop, "cup", &[("2026-11-20", 1), ("2026-11-17", 7)]);
        assert_eq!(shop.violations(), [] as [&str; 0]);
        count(&mut shop, "cup", &[("2026-11-20", 1), ("2026-11-18", 7)]);
        assert!(!shop.violations().is_empty());
    }

    #[test]
    fn all_days_of_the_window_are_recounted_however_many_went_before() {
        let mut sales = Sales::default();
        for day in (1..=20).rev() {
            let lines = vec![line("cup", offer(5_000, 0), day)];
            let draft = draft("jun", lines, None, &format!("2026-11-{day:02}T03:00:00Z"));
            sales.add_order(&Order::paid(order("o"), draft));
        }
        let recounted = &sales.recounted[&product("cup")];
        assert_eq!(recounted.len(), 4);
        let in_window: Vec<i64> = in_window(recounted, "2026-11-20".parse().unwrap()).into_values().collect();
        assert_eq!(in_window, [18, 19, 20]);
    }

    #[test]
    fn the_board_has_what_was_counted() {
        let mut shop = Shop::healthy();
        change_board(&mut shop, |board| {
            board.candidates[0].days.insert("2026-11-18".parse().unwrap(), 5);
            // Days that have gone by do no harm.
            board.candidates[1].days.insert("2026-11-17".parse().unwrap(), 5);
        });
        assert_eq!(shop.violations(), [
            format!(
                "{TEA}: units on the board by day, as counted: \
                 expected {{2026-11-20: 2}}, found {{2026-11-18: 5, 2026-11-20: 2}}"
            ),
            "[5 sales] the board: the best: expected [(\"tea\", 2), (\"cup\", 1)], found [(\"tea\", 7), (\"cup\", 1)]"
                .to_owned(),
        ]);
    }

    #[test]
    fn nobody_is_missing_from_the_board() {
        let mut shop = Shop::healthy();
        change_board(&mut shop, |board| board.candidates.truncate(1));
        let missing = "[5 sales] the board: the best: expected [(\"tea\", 2), (\"cup\", 1)], found [(\"tea\", 2)]";
        assert_eq!(shop.violations(), [missing]);
        shop.remove(keys::board());
        let missing = "[5 sales] the board: the best: expected [(\"tea\", 2), (\"cup\", 1)], found []";
        assert_eq!(shop.violations(), [missing]);
    }

    #[test]
    fn what_is_not_on_sale_is_not_on_the_board() {
        let mut shop = Shop::healthy();
        shop.change(keys::product(&product("cup")), |product: &mut Product| {
            product.offer.status = SaleStatus::Discontinued;
        });
        shop.change(keys::stock(&product("cup"), 0), |shard: &mut shared::domain::stock::Shard| {
            shard.offer.status = SaleStatus::Discontinued;
        });
        let superfluous = "[5 sales] the board: the best: expected [(\"tea\", 2)], found [(\"tea\", 2), (\"cup\", 1)]";
        assert_eq!(shop.violations(), [superfluous]);
        change_board(&mut shop, |board| board.candidates.truncate(1));
        assert_eq!(shop.violations(), [] as [&str; 0]);
    }
}
