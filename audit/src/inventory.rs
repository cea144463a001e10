//! Invariant 2: the units received of each product are in stock, reserved, or in live orders, and no shard is below
//! zero.

use std::{collections::BTreeMap, ops::RangeInclusive};

use shared::{
    domain::{
        OrderId, ProductId,
        inventory::Shard,
        order::{Order, OrderStatus},
        product::{Offer, Product, SaleStatus},
        reservations::ClaimRecord,
    },
    store::keys,
};

use crate::{
    findings::{Checks, Findings},
    orders::Orders,
    relation::{self, Relation, Selection},
    report::{Figures, Invariant, Subject},
    reservations::Reservations,
};

/// The stock of all products.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    products: BTreeMap<ProductId, Stock>,
    /// The orders that claimed reserved units, with one of their claim records.
    claimed: BTreeMap<OrderId, (ProductId, u16, i64)>,
    claims: usize,
}

#[derive(Debug, Default)]
struct Stock {
    product: Option<Described>,
    shards: BTreeMap<u16, Shard>,
    reservations: BTreeMap<u16, Reservations>,
    in_orders: i128,
    /// The units in live orders that are not known exactly, less [`Self::in_orders`].
    unknown: Option<RangeInclusive<i128>>,
}

/// The rule of the units of a product.
pub(crate) const UNITS: &str = "units received, in stock, reserved and in live orders";

/// The fields of a product that its shards must agree with.
#[derive(Debug)]
struct Described {
    offer: Offer,
    shards: u16,
    needs_sweep: bool,
    is_swept: bool,
}

impl Inventory {
    pub(crate) fn add_product(&mut self, product: Product, selection: &Selection) {
        let described = Described {
            offer: product.offer,
            shards: product.stock_shards,
            needs_sweep: product.needs_sweep(),
            is_swept: product.sweep.from.is_some(),
        };
        if let Some(stock) = self.of(&product.product_id, selection) {
            stock.product = Some(described);
        }
    }

    pub(crate) fn add_shard(&mut self, product: &ProductId, number: u16, shard: Shard, selection: &Selection) {
        if let Some(stock) = self.of(product, selection) {
            stock.shards.insert(number, shard);
        }
    }

    pub(crate) fn add_reservation(
        &mut self,
        product: &ProductId,
        (shard, place): (u16, i64),
        claim: &ClaimRecord,
        selection: &Selection,
    ) {
        if let Some(stock) = self.of(product, selection) {
            stock.reservations.entry(shard).or_default().add(place, claim.units);
            self.claims += 1;
        }
        if let Some(order) = claim.order_id.as_ref().filter(|order| selection.has(relation::order(order))) {
            self.claimed.insert(order.clone(), (product.clone(), shard, place));
        }
    }

    /// Adds the units of an order that are not in stock: live ones, paid or held, scrapped ones, and those held for its
    /// exchanges. An order that could not be paid never had any.
    pub(crate) fn add_order(&mut self, order: &Order, selection: &Selection) {
        if order.status == OrderStatus::PaymentFailed {
            return;
        }
        for (line, number) in order.items.iter().zip(1..) {
            if let Some(stock) = self.of(&line.product_id, selection) {
                stock.in_orders += i128::from(order.off_shelf(number));
            }
        }
    }

    /// Sets the units of a product in live orders, as far as they are known.
    pub(crate) fn set_in_orders(&mut self, product: &ProductId, units: RangeInclusive<i128>) {
        self.products.entry(product.clone()).or_default().unknown = Some(units);
    }

    /// The units of a product that are missing, at least and at most.
    pub(crate) fn missing(&self, product: &ProductId) -> Option<(i128, i128)> {
        let stock = self.products.get(product)?;
        let missing = stock.received() - stock.remaining() - stock.unclaimed() - stock.in_orders;
        let unknown = stock.unknown.as_ref()?;
        Some((missing - unknown.end(), missing - unknown.start()))
    }

    fn of(&mut self, product: &ProductId, selection: &Selection) -> Option<&mut Stock> {
        selection.has(relation::product(product)).then(|| self.products.entry(product.clone()).or_default())
    }

    /// Whether a product is on sale.
    pub(crate) fn is_on_sale(&self, product: &ProductId) -> bool {
        let described = self.products.get(product).and_then(|shelf| shelf.product.as_ref());
        described.is_some_and(|product| product.offer.status == SaleStatus::OnSale)
    }

    /// Drops the relations that are not selected.
    pub(crate) fn narrow(&mut self, selection: &Selection) {
        self.products.retain(|product, _| selection.has(relation::product(product)));
        self.claimed.retain(|order, _| selection.has(relation::order(order)));
        self.claims = self.products.values().flat_map(|stock| stock.reservations.values()).map(Reservations::len).sum();
    }

    /// The memory in use, about, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.products.len() * 700 + self.claimed.len() * 200 + self.claims * 40
    }

    pub(crate) fn finish(self, orders: &Orders, findings: &mut Findings, figures: &mut Figures) {
        for (id, shelf) in self.products {
            figures.units_unclaimed += shelf.unclaimed();
            let relation = Relation::Product(id.clone());
            shelf.check(&mut findings.between(Invariant::Stock, Subject::Product(id), relation));
        }
        for (order, (product, shard, place)) in self.claimed.into_iter().filter(|(order, _)| !orders.has(order)) {
            let claim = vec![keys::unit_claim(&product, shard, place)];
            let checks = findings.between(Invariant::Stock, Subject::Product(product), Relation::Order(order));
            let mut checks = checks.with(claim);
            checks.violated("order of reserved units", "one", "none");
        }
    }
}

impl Stock {
    fn received(&self) -> i128 {
        self.shards.values().map(|shard| i128::from(shard.received)).sum()
    }

    fn remaining(&self) -> i128 {
        self.shards.values().map(|shard| i128::from(shard.remaining)).sum()
    }

    /// The shards, each with its reservations.
    fn reservations(&self) -> impl Iterator<Item = (u16, &Shard, &Reservations)> {
        self.reservations
            .iter()
            .filter_map(|(number, reservations)| Some((*number, self.shards.get(number)?, reservations)))
    }

    fn unclaimed(&self) -> i128 {
        let nothing = Reservations::default();
        let unclaimed = |(number, shard)| self.reservations.get(number).unwrap_or(&nothing).unclaimed(shard);
        self.shards.iter().map(unclaimed).sum()
    }

    fn check(&self, checks: &mut Checks<'_>) {
        let Some(product) = &self.product else {
            checks.violated("product of a shard or an order", "one", "none");
            return;
        };
        checks.equal("shards", usize::from(product.shards), self.shards.len());
        for (number, shard) in &self.shards {
            checks.at_most("number of a shard", product.shards.saturating_sub(1), *number);
            checks.not_negative(format_args!("shard {number}: remaining"), shard.remaining);
            checks.equal(format_args!("shard {number}: offer"), product.offer, shard.offer);
        }
        let received = self.received();
        let there = self.remaining() + self.unclaimed() + self.in_orders;
        match &self.unknown {
            None => checks.equal(UNITS, received, there),
            Some(units) => {
                let (least, most) = (there + units.start(), there + units.end());
                if !(least..=most).contains(&received) {
                    checks.violated(UNITS, received, format_args!("{least} to {most}"));
                }
            }
        }
        if !product.is_swept {
            checks.equal("reserved units that no sweep releases", 0, self.unclaimed());
            checks.equal("shelf that needs a sweep and gets none", false, product.needs_sweep);
        }
        self.reservations().for_each(|(number, shard, reservations)| reservations.check(number, shard, checks));
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        domain::order::{Actor, HistoryEvent},
        store::keys,
    };

    use super::*;
    use crate::fixture::{SOON, Shop, at, cancelled, offer, product};

    fn change_shard(shop: &mut Shop, number: u16, change: impl FnOnce(&mut Shard)) {
        shop.change(keys::stock(&product("tea"), number), change);
    }

    const UNITS: &str = "[2 stock] product tea: units received, in stock, reserved and in live orders";

    #[test]
    fn no_unit_is_sold_twice_or_lost() {
        let mut shop = Shop::healthy();
        change_shard(&mut shop, 0, |shard| shard.remaining = 4);
        assert_eq!(shop.violations(), [format!("{UNITS}: expected 10, found 11")]);
        change_shard(&mut shop, 0, |shard| shard.remaining = 2);
        assert_eq!(shop.violations(), [format!("{UNITS}: expected 10, found 9")]);
    }

    #[test]
    fn units_may_come_back_to_another_shard() {
        let mut shop = Shop::healthy();
        change_shard(&mut shop, 0, |shard| shard.remaining = 2);
        change_shard(&mut shop, 1, |shard| shard.remaining = 6);
        assert_eq!(shop.violations(), [] as [&str; 0]);
    }

    #[test]
    fn what_was_cancelled_is_back_on_the_shelf() {
        let mut shop = Shop::healthy();
        shop.change_order("o1", |order| *order = cancelled(order, 1, 1));
        assert!(shop.violations().contains(&format!("{UNITS}: expected 10, found 9")));
        change_shard(&mut shop, 0, |shard| shard.remaining = 4);
        assert!(!shop.violations().iter().any(|violation| violation.contains("[2 stock]")));
    }

    #[test]
    fn a_pending_order_holds_its_units_and_one_that_ended_unpaid_does_not() {
        let mut shop = Shop::healthy();
        let wrong = |shop: &Shop| -> Vec<String> {
            shop.violations().into_iter().filter(|line| line.contains("[2 stock]")).collect()
        };
        let put_back = |shop: &mut Shop, remaining| {
            shop.change(keys::stock(&product("pot"), 0), |shard: &mut Shard| shard.remaining = remaining);
        };
        let pots = "[2 stock] product pot: units received, in stock, reserved and in live orders: expected 10";
        put_back(&mut shop, 8);
        assert_eq!(wrong(&shop), [format!("{pots}, found 12")]);
        shop.change_order("o4", |order| {
            *order = order.end_unpaid(HistoryEvent::HoldExpired, Actor::System, at(SOON)).unwrap();
        });
        assert_eq!(wrong(&shop), [] as [&str; 0]);
        put_back(&mut shop, 6);
        assert_eq!(wrong(&shop), [format!("{pots}, found 8")]);
        // An ended order that still has units has not given them back.
        shop.change_order("o4", |order| order.items[0].cancelled_quantity = 1);
        put_back(&mut shop, 7);
        assert_eq!(wrong(&shop), [] as [&str; 0]);
        assert!(!shop.violations().is_empty());
    }

    #[test]
    fn an_order_that_could_not_be_paid_never_had_any_units() {
        let mut shop = Shop::healthy();
        assert_eq!(shop.order("o2").items[0].live_units(), 0);
        assert_eq!(shop.violations(), [] as [&str; 0]);
        shop.change_order("o2", |order| {
            order.status = OrderStatus::PendingPayment;
            order.items[0].cancelled_quantity = 0;
        });
        let cups =
            "[2 stock] product cup: units received, in stock, reserved and in live orders: expected 10, found 11";
        assert!(shop.violations().contains(&cups.to_owned()));
    }

    #[test]
    fn no_shard_is_below_zero() {
        let mut shop = Shop::healthy();
        change_shard(&mut shop, 0, |shard| shard.remaining = -1);
        change_shard(&mut shop, 1, |shard| shard.remaining = 9);
        assert_eq!(shop.violations(), ["[2 stock] product tea: shard 0: remaining: expected at least 0, found -1"]);
    }

    #[test]
    fn a_shelf_has_just_the_shards_that_its_product_says() {
        let mut shop = Shop::healthy();
        let empty = Shard::new(0, offer(10_000, 1_000), 1);
        shop.put(keys::stock(&product("tea"), 2), empty);
        assert_eq!(
            shop.violations(),
            [
                "[2 stock] product tea: number of a shard: expected at most 1, found 2",
                "[2 stock] product tea: shards: expected 2, found 3",
            ]
        );
        shop.remove(keys::stock(&product("tea"), 2));
        shop.change(keys::product(&product("tea")), |product: &mut Product| product.stock_shards = 3);
        assert_eq!(shop.violations(), ["[2 stock] product tea: shards: expected 3, found 2"]);
    }

    #[test]
    fn every_shard_offers_what_its_product_says() {
        let mut shop = Shop::healthy();
        change_shard(&mut shop, 1, |shard| shard.offer = offer(9_000, 1_000));
        let violations = shop.violations();
        assert_eq!(violations.len(), 1);
        assert!(violations[0].starts_with("[2 stock] product tea: shard 1: offer: expected Offer { price: Won(10000)"));
    }

    #[test]
    fn nothing_is_sold_that_is_no_product() {
        let mut shop = Shop::healthy();
        shop.remove(keys::product(&product("tea")));
        let violations = shop.violations();
        assert_eq!(violations[0], "[2 stock] product tea: product of a shard or an order: expected one, found none");
    }
}
