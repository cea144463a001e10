//! Purchase limits: the counter of a user and a product equals the live units of the orders that name it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use shared::{
    domain::{
        OrderId, ProductId, UserId,
        order::Order,
        purchase_limit::{LimitCount, LimitPeriod},
    },
    store::keys,
};

use crate::{
    findings::Findings,
    relation::{self, Relation, Selection},
    report::{Invariant, Subject},
};

/// The counters of each user and product, and the orders that name one.
#[derive(Debug, Default)]
pub(crate) struct Limits(BTreeMap<(UserId, ProductId), Books>);

#[derive(Debug, Default)]
struct Books {
    counts: BTreeMap<LimitPeriod, i64>,
    /// The live units of the orders.
    live: BTreeMap<LimitPeriod, i64>,
    orders: BTreeSet<OrderId>,
}

impl Limits {
    pub(crate) fn add_count(
        &mut self,
        (user, product): (UserId, ProductId),
        period: LimitPeriod,
        count: LimitCount,
        selection: &Selection,
    ) {
        if selection.has(relation::limit(&product, &user)) {
            self.0.entry((user, product)).or_default().counts.insert(period, count.units);
        }
    }

    pub(crate) fn add_order(&mut self, order: &Order, selection: &Selection) {
        for line in &order.items {
            let Some(period) = line.limit.filter(|_| selection.has(relation::limit(&line.product_id, &order.user_id)))
            else {
                continue;
            };
            let books = self.0.entry((order.user_id.clone(), line.product_id.clone())).or_default();
            let live = books.live.entry(period).or_default();
            *live = live.saturating_add(line.live_units().into());
            books.orders.insert(order.order_id.clone());
        }
    }

    /// Drops the relations that are not selected.
    pub(crate) fn narrow(&mut self, selection: &Selection) {
        self.0.retain(|(user, product), _| selection.has(relation::limit(product, user)));
    }

    /// The memory in use, about, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.0.len() * 500
    }

    pub(crate) fn finish(self, now: Timestamp, findings: &mut Findings) {
        for ((user, product), Books { counts, live, orders }) in self.0 {
            let keys = orders.iter().map(keys::order).collect();
            let relation = Relation::Limit(product.clone(), user.clone());
            let subject = Subject::User(user);
            let mut checks = findings.between(Invariant::Limits, subject, relation).with(keys);
            let periods: BTreeSet<LimitPeriod> = counts.keys().chain(live.keys()).copied().collect();
            for period in periods {
                let count = counts.get(&period);
                // Storage removes the counter of a day long after it.
                if count.is_none() && period.kept_until().is_some_and(|until| until <= now) {
                    continue;
                }
                let day = period.day.map_or(String::new(), |day| format!(" on {day}"));
                let rule = format_args!("units of {product} since version {}{day}", period.since);
                let live = live.get(&period).copied().unwrap_or_default();
                checks.equal(rule, live, count.copied().unwrap_or_default());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Shop, cancelled, product, user};

    /// The healthy shop with a limit on tea that Mina's two count on.
    fn limited(period: LimitPeriod, units: i64) -> Shop {
        let mut shop = Shop::healthy();
        shop.change_order("o1", |order| order.items[0].limit = Some(period));
        shop.put(keys::limit(&user("mina"), &product("tea"), period), LimitCount { units });
        shop
    }

    const EVER: LimitPeriod = LimitPeriod { since: 3, day: None };

    fn today() -> LimitPeriod {
        LimitPeriod { since: 3, day: "2026-11-20".parse().ok() }
    }

    #[test]
    fn a_counter_has_the_live_units_of_the_orders() {
        for (period, day) in [(EVER, ""), (today(), " on 2026-11-20")] {
            assert_eq!(limited(period, 2).violations(), [] as [&str; 0]);
            let rule = format!("[limits] user mina: units of tea since version 3{day}");
            assert_eq!(limited(period, 3).violations(), [format!("{rule}: expected 2, found 3")]);
            let mut shop = limited(period, 2);
            shop.remove(keys::limit(&user("mina"), &product("tea"), period));
            assert_eq!(shop.violations(), [format!("{rule}: expected 2, found 0")]);
        }
    }

    #[test]
    fn a_cancelled_unit_counts_no_longer() {
        let mut shop = limited(EVER, 1);
        let after = cancelled(&shop.order("o1"), 1, 1);
        shop.put_order(after);
        let of_limits: Vec<String> =
            shop.violations().into_iter().filter(|violation| violation.starts_with("[limits]")).collect();
        assert_eq!(of_limits, [] as [&str; 0]);
    }

    #[test]
    fn the_counter_of_a_day_may_be_gone_long_after_it() {
        let mut shop = limited(today(), 2);
        shop.remove(keys::limit(&user("mina"), &product("tea"), today()));
        let of_limits = |instant: &str| {
            let found = shop.violations_at(instant.parse().unwrap());
            found.into_iter().filter(|violation| violation.starts_with("[limits]")).count()
        };
        assert_eq!((of_limits("2027-05-18T14:59:59Z"), of_limits("2027-05-18T15:00:00Z")), (1, 0));
    }
}
