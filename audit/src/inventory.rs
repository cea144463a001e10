//! Invariant 2: the units received of each product are in stock, reserved, or in live orders, and no shard is below
//! zero.

use std::collections::BTreeMap;

use shared::domain::{
    ProductId,
    inventory::Shard,
    order::{Order, OrderStatus},
    product::{Offer, Product, SaleStatus},
    reservations::ClaimRecord,
};

use crate::{
    findings::{Checks, Findings},
    orders::Orders,
    report::{Figures, Invariant, Subject},
    reservations::Reservations,
};

/// The stock of all products.
#[derive(Debug, Default)]
pub(crate) struct Inventory(BTreeMap<ProductId, Stock>);

#[derive(Debug, Default)]
struct Stock {
    product: Option<Described>,
    shards: BTreeMap<u16, Shard>,
    reservations: BTreeMap<u16, Reservations>,
    in_orders: i128,
}

/// The fields of a product that its shards must agree with.
#[derive(Debug)]
struct Described {
    offer: Offer,
    shards: u16,
    needs_sweep: bool,
    is_swept: bool,
}

impl Inventory {
    pub(crate) fn add_product(&mut self, product: Product) {
        let described = Described {
            offer: product.offer,
            shards: product.stock_shards,
            needs_sweep: product.needs_sweep(),
            is_swept: product.sweep.from.is_some(),
        };
        self.0.entry(product.product_id).or_default().product = Some(described);
    }

    pub(crate) fn add_shard(&mut self, product: ProductId, number: u16, shard: Shard) {
        self.0.entry(product).or_default().shards.insert(number, shard);
    }

    pub(crate) fn add_reservation(&mut self, product: ProductId, shard: u16, place: i64, claim: ClaimRecord) {
        self.0.entry(product).or_default().reservations.entry(shard).or_default().add(place, claim);
    }

    /// Adds the live units of an order, paid or held. An order that could not be paid never had any.
    pub(crate) fn add_order(&mut self, order: &Order) {
        if order.status == OrderStatus::PaymentFailed {
            return;
        }
        for line in &order.items {
            self.0.entry(line.product_id.clone()).or_default().in_orders += i128::from(line.live_units());
        }
    }

    /// Whether a product is on sale.
    pub(crate) fn is_on_sale(&self, product: &ProductId) -> bool {
        let described = self.0.get(product).and_then(|shelf| shelf.product.as_ref());
        described.is_some_and(|product| product.offer.status == SaleStatus::OnSale)
    }

    pub(crate) fn finish(self, orders: &Orders, findings: &mut Findings, figures: &mut Figures) {
        for (id, shelf) in self.0 {
            figures.products += u64::from(shelf.product.is_some());
            figures.units_in_stock += shelf.remaining();
            figures.units_unclaimed += shelf.unclaimed();
            figures.units_in_orders += shelf.in_orders;
            shelf.check(orders, &mut findings.about(Invariant::Stock, Subject::Product(id)));
        }
    }
}

impl Stock {
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

    fn check(&self, orders: &Orders, checks: &mut Checks<'_>) {
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
        let received: i128 = self.shards.values().map(|shard| i128::from(shard.received)).sum();
        let there = self.remaining() + self.unclaimed() + self.in_orders;
        checks.equal("units received, in stock, reserved and in live orders", received, there);
        if !product.is_swept {
            checks.equal("reserved units that no sweep releases", 0, self.unclaimed());
            checks.equal("shelf that needs a sweep and gets none", false, product.needs_sweep);
        }
        self.reservations().for_each(|(number, shard, reservations)| reservations.check(number, shard, checks));
        if self.reservations.values().flat_map(Reservations::orders).any(|order| orders.get(order).is_none()) {
            checks.violated("order of reserved units", "one", "none");
        }
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
