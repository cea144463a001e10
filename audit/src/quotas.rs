//! The quotas of timed offers: the counters of one have the units that orders have of it, and never more than it has.
//!
//! In a shop that goes on, quotas that look wrong are judged by snapshots of their counters and one pass over the orders,
//! as a product is ([`crate::units`]).

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::{
    domain::{
        ProductId,
        order::{HistoryEvent, Order, OrderLine},
        product::Product,
        timed_offer::{MAX_PARTS, QuotaCount, QuotaId, TimedOffer},
    },
    store::{Key, keys, records::Record},
};

use crate::{
    findings::Findings,
    read::ReadError,
    relation::{self, Relation, Selection},
    report::{Invariant, Subject, Violation},
    source::Source,
    units::{self, Judgement, Missing},
};

/// The quotas of products.
#[derive(Debug, Default)]
pub(crate) struct Quotas(BTreeMap<ProductId, BTreeMap<QuotaId, Books>>);

#[derive(Debug, Default)]
struct Books {
    /// The units that it has, while its product has the offer.
    quantity: Option<i64>,
    taken: i128,
    sold: i128,
}

impl Quotas {
    pub(crate) fn add_product(&mut self, product: &Product, selection: &Selection) {
        for (id, quantity) in product.offers.iter().filter_map(quantity) {
            if let Some(books) = self.of(&product.product_id, id, selection) {
                books.quantity = Some(quantity);
            }
        }
    }

    pub(crate) fn add_count(&mut self, product: &ProductId, id: QuotaId, count: QuotaCount, selection: &Selection) {
        if let Some(books) = self.of(product, id, selection) {
            books.taken += i128::from(count.taken);
        }
    }

    pub(crate) fn add_order(&mut self, order: &Order, selection: &Selection) {
        for (line, quota) in order.items.iter().filter_map(|line| Some((line, line.quota?))) {
            if let Some(books) = self.of(&line.product_id, quota.id, selection) {
                books.sold += i128::from(quota.units);
            }
        }
    }

    fn of(&mut self, product: &ProductId, id: QuotaId, selection: &Selection) -> Option<&mut Books> {
        let is_selected = selection.has(relation::quota(product));
        is_selected.then(|| self.0.entry(product.clone()).or_default().entry(id).or_default())
    }

    /// Drops the relations that are not selected.
    pub(crate) fn narrow(&mut self, selection: &Selection) {
        self.0.retain(|product, _| selection.has(relation::quota(product)));
    }

    /// The memory in use, about, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.0.len() * 500
    }

    pub(crate) fn finish(self, findings: &mut Findings) {
        for (product, quotas) in self.0 {
            let subject = Subject::Product(product.clone());
            let mut checks = findings.between(Invariant::Quotas, subject, Relation::Quota(product));
            for (id, Books { quantity, taken, sold }) in quotas {
                checks.equal(rule_of_units(id), sold, taken);
                if let Some(quantity) = quantity {
                    checks.at_most(rule_of_quantity(id), i128::from(quantity), taken);
                }
            }
        }
    }
}

fn quantity(offer: &TimedOffer) -> Option<(QuotaId, i64)> {
    Some((offer.quota_id()?, offer.quota?.quantity))
}

fn rule_of_units(id: QuotaId) -> String {
    format!("units of orders at the offer from {} since version {}", id.from, id.since)
}

fn rule_of_quantity(id: QuotaId) -> String {
    format!("units sold at the offer from {} since version {}", id.from, id.since)
}

/// The snapshots of products with quotas that look wrong.
#[derive(Debug, Default)]
pub(crate) struct QuotaSnapshots(BTreeMap<ProductId, BTreeMap<QuotaId, Vec<Snapshot>>>);

/// A quota at one instant between two.
#[derive(Debug)]
struct Snapshot {
    since: Timestamp,
    until: Timestamp,
    quantity: Option<i64>,
    taken: i128,
    /// The least and the most units that its orders have.
    sold: (i128, i128),
}

impl QuotaSnapshots {
    pub(crate) fn new(products: impl IntoIterator<Item = ProductId>) -> Self {
        Self(products.into_iter().map(|product| (product, BTreeMap::new())).collect())
    }

    /// Takes a snapshot of each quota. One that is too busy for a snapshot goes without.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub(crate) async fn take(
        &mut self,
        source: &Source,
        now: &(dyn Fn() -> Timestamp + Send + Sync),
    ) -> Result<(), ReadError> {
        for (product, quotas) in &mut self.0 {
            let mut counters: BTreeMap<QuotaId, Vec<Key>> = BTreeMap::new();
            for part in 0..MAX_PARTS {
                let items = source.partition(keys::stock(product, part).pk, keys::QUOTA_PREFIX).await?;
                for (key, item) in items {
                    if let Ok(Record::Quota { id, .. }) = Record::read(item) {
                        counters.entry(id).or_default().push(key);
                    }
                }
            }
            for (id, mut wanted) in counters {
                wanted.push(keys::product(product));
                let since = now();
                let Some(items) = source.get_at_once(&wanted).await? else { continue };
                let mut snapshot = Snapshot { since, until: now(), quantity: None, taken: 0, sold: (0, 0) };
                for item in items.into_values() {
                    match Record::read(item) {
                        Ok(Record::Quota { count, .. }) => snapshot.taken += i128::from(count.taken),
                        Ok(Record::Product(product)) => {
                            let mut quantities = product.offers.iter().filter_map(quantity);
                            snapshot.quantity = quantities.find(|(of, _)| *of == id).map(|(_, quantity)| quantity);
                        }
                        _ => {}
                    }
                }
                quotas.entry(id).or_default().push(snapshot);
            }
        }
        Ok(())
    }

    /// Adds an order that was read after all snapshots.
    pub(crate) fn add(&mut self, order: &Order) {
        for (number, line) in order.items.iter().enumerate() {
            let Some((quotas, quota)) = self.0.get_mut(&line.product_id).zip(line.quota) else { continue };
            let states = states(order, number, line);
            for snapshot in quotas.entry(quota.id).or_default() {
                units::add_possible(&mut snapshot.sold, order, &states, (snapshot.since, snapshot.until));
            }
        }
    }

    /// Judges the quotas of each product.
    pub(crate) fn judge(self) -> impl Iterator<Item = (Subject, Judgement)> {
        self.0.into_iter().map(|(product, quotas)| {
            let subject = Subject::Product(product);
            let mut judgement = Judgement { violations: Vec::new(), undecided: None };
            let violation = |rule, expected: &str, found| Violation {
                invariant: Invariant::Quotas,
                subject: subject.clone(),
                rule,
                expected: expected.to_owned(),
                found,
            };
            if quotas.is_empty() {
                judgement.undecided = Some(None);
            }
            for (id, snapshots) in quotas {
                let mut missing = Missing::UNKNOWN;
                for Snapshot { taken, sold: (least, most), .. } in &snapshots {
                    missing.add(Some((taken - most, taken - least)));
                }
                if missing.is_wrong() {
                    judgement.violations.push(violation(rule_of_units(id), "none missing", missing.to_string()));
                }
                // Counters and quantity were read at one instant.
                let above = |it: &Snapshot| it.quantity.filter(|quantity| it.taken > i128::from(*quantity));
                if let Some((quantity, it)) = snapshots.iter().find_map(|it| Some((above(it)?, it))) {
                    let expected = format!("at most {quantity}");
                    judgement.violations.push(violation(rule_of_quantity(id), &expected, it.taken.to_string()));
                }
                judgement.undecided = judgement.undecided.max(missing.undecided());
            }
            (subject, judgement)
        })
    }
}

/// The units that a line has of its quota after none, one, … and all changes of its order.
fn states(order: &Order, index: usize, line: &OrderLine) -> Vec<i128> {
    let Some(quota) = line.quota else { return Vec::new() };
    let live = units::live_units(order);
    let mut units = 0;
    let mut states = vec![units];
    for (entry, pair) in order.history.iter().zip(live.windows(2)) {
        let of_line = |state: Option<&Vec<i64>>| state.and_then(|live| live.get(index)).copied().unwrap_or_default();
        let gone = i128::from(of_line(pair.first()) - of_line(pair.last()));
        units -= match entry.event {
            // The order begins.
            _ if gone < 0 => gone,
            HistoryEvent::Cancelled | HistoryEvent::HoldExpired | HistoryEvent::PaymentDeclined
                if entry.at < quota.until =>
            {
                gone
            }
            _ => 0,
        };
        states.push(units);
    }
    // The order itself has the last word.
    if let Some(last) = states.last_mut().filter(|_| !order.history.is_empty()) {
        *last = i128::from(quota.units);
    }
    states
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use shared::domain::{
        Won,
        timed_offer::{Quota, QuotaUse},
    };

    use super::*;
    use crate::fixture::{Shop, at, cancelled, product};

    const QUOTA: Quota = Quota { quantity: 3, parts: 1, since: 2 };

    /// The healthy shop with an offer of three units of tea, of which Mina's order has two.
    fn offered(taken: i64) -> Shop {
        let mut shop = Shop::healthy();
        let (from, until) = (at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z"));
        let id = QuotaId { since: 2, from };
        let offers = vec![TimedOffer { discount: Won::new(1_000), from, until, quota: Some(QUOTA) }];
        shop.change(keys::product(&product("tea")), |product: &mut Product| product.offers = offers);
        shop.put(keys::quota(&product("tea"), id, 0), QuotaCount { taken });
        shop.change_order("o1", |order| {
            order.items[0].quota = Some(QuotaUse { id, part: 0, until, units: 2 });
        });
        shop
    }

    fn quota_violations(shop: &Shop) -> Vec<String> {
        shop.violations().into_iter().filter(|violation| violation.starts_with("[quotas]")).collect()
    }

    #[test]
    fn a_quota_counts_the_units_of_its_orders() {
        assert_eq!(quota_violations(&offered(2)), [] as [&str; 0]);
        let rule = "[quotas] product tea: units of orders at the offer from 2026-11-01T00:00:00Z since version 2";
        assert_eq!(quota_violations(&offered(1)), [format!("{rule}: expected 2, found 1")]);
    }

    #[test]
    fn no_more_are_sold_than_a_quota_has() {
        let mut shop = offered(4);
        shop.change_order("o1", |order| order.items[0].quota.as_mut().unwrap().units = 4);
        let rule = "[quotas] product tea: units sold at the offer from 2026-11-01T00:00:00Z since version 2";
        assert_eq!(quota_violations(&shop), [format!("{rule}: expected at most 3, found 4")]);
    }

    #[test]
    fn the_units_of_a_line_follow_the_cancellations_in_the_time_of_its_offer() {
        let order = cancelled(&offered(2).order("o1"), 1, 1);
        let states_until = |until: Timestamp| {
            let mut order = order.clone();
            let line = &mut order.items[0];
            let units = if order.history.last().unwrap().at < until { 1 } else { 2 };
            line.quota = line.quota.map(|quota| QuotaUse { until, units, ..quota });
            let line = order.items[0].clone();
            states(&order, 0, &line)
        };
        let cancelled_at = order.history.last().unwrap().at;
        let just_after = cancelled_at + SignedDuration::from_millis(1);
        assert_eq!(states_until(just_after).last(), Some(&1));
        assert_eq!(states_until(cancelled_at).last(), Some(&2));
        assert_eq!(states_until(just_after)[..2], [0, 2]);
    }
}
