//! Reservations in the shards of products in flash mode. Each unit belongs to one order, is back in stock, or is still
//! unclaimed.

use std::collections::BTreeMap;

use shared::domain::{inventory::Shard, reservations};

use crate::findings::Checks;

/// The claim records of a shard.
#[derive(Debug, Default)]
pub(crate) struct Reservations {
    /// Units, by the first sequence number of their reservation.
    claims: BTreeMap<i64, i64>,
}

impl Reservations {
    pub(crate) fn add(&mut self, place: i64, units: i64) {
        self.claims.insert(place, units);
    }

    /// The number of claim records.
    pub(crate) fn len(&self) -> usize {
        self.claims.len()
    }

    /// Reserved units without a claim record: their order is on the way, or they are orphaned.
    pub(crate) fn unclaimed(&self, shard: &Shard) -> i128 {
        let accounted: i128 = self.claims.range(shard.swept.to..).map(|(_, units)| i128::from(*units)).sum();
        i128::from(shard.next) - i128::from(shard.swept.to) - accounted
    }

    /// Checks the claim records of a shard. A shard that was removed and added again also has claim records of its
    /// earlier life, before all sequence numbers of now.
    pub(crate) fn check(&self, number: u16, shard: &Shard, checks: &mut Checks<'_>) {
        let Shard { next, swept, .. } = *shard;
        let mut end = i64::MIN;
        for (&place, &units) in &self.claims {
            checks.at_most(
                format_args!("shard {number}: end of the reservations before sequence number {place}"),
                place,
                end,
            );
            end = place.saturating_add(units.max(1));
        }
        checks.at_most(format_args!("shard {number}: end of the last reservation"), next, end);
        let first = reservations::first_sequence_beside(swept.to);
        let accounted: i64 = self.claims.range(first..swept.to).map(|(_, units)| units).sum();
        checks.equal(format_args!("shard {number}: swept places that have slots"), swept.to - first, accounted);
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        domain::{inventory::Shard, product::Product, reservations::ClaimRecord, swept::Swept},
        store::keys,
    };

    use crate::fixture::{Shop, order, product};

    /// A healthy shop that sells tea in flash mode. Shard 0 has 3 of 5 units left, and the first order has claimed its
    /// reservation.
    fn flash_shop() -> Shop {
        let mut shop = Shop::healthy();
        shop.change(keys::product(&product("tea")), |tea: &mut Product| tea.flash = true);
        draw(&mut shop, 2);
        put(&mut shop, 0, 2, Some("o1"));
        assert_eq!(shop.violations(), [] as [&str; 0]);
        shop
    }

    fn draw(shop: &mut Shop, units: i64) {
        shop.change(keys::stock(&product("tea"), 0), |shard: &mut Shard| shard.next += units);
    }

    fn put(shop: &mut Shop, place: i64, units: i64, claimed_by: Option<&str>) {
        shop.put(keys::unit_claim(&product("tea"), 0, place), ClaimRecord { units, order_id: claimed_by.map(order) });
    }

    #[test]
    fn what_is_drawn_and_not_claimed_is_not_lost() {
        let mut shop = flash_shop();
        draw(&mut shop, 1);
        let units = "[2 stock] product tea: units received, in stock, reserved and in live orders";
        assert_eq!(shop.violations(), [format!("{units}: expected 10, found 11")]);
        shop.change(keys::stock(&product("tea"), 0), |shard: &mut Shard| shard.remaining -= 1);
        assert_eq!(shop.violations(), [] as [&str; 0]);
        // A voided claim: the units are in stock again.
        put(&mut shop, 2, 1, None);
        assert_eq!(shop.violations(), [format!("{units}: expected 10, found 9")]);
        shop.change(keys::stock(&product("tea"), 0), |shard: &mut Shard| shard.remaining += 1);
        assert_eq!(shop.violations(), [] as [&str; 0]);
    }

    #[test]
    fn no_unit_is_claimed_twice_or_without_being_drawn() {
        let mut shop = flash_shop();
        put(&mut shop, 1, 1, Some("o1"));
        let rule = "[2 stock] product tea: shard 0: end of the reservations before sequence number 1: expected at most 1, found 2";
        assert!(shop.violations().contains(&rule.to_owned()));
        let mut shop = flash_shop();
        put(&mut shop, 2, 1, Some("o1"));
        let rule = "[2 stock] product tea: shard 0: end of the last reservation: expected at most 2, found 3";
        assert!(shop.violations().contains(&rule.to_owned()));
    }

    #[test]
    fn what_is_swept_has_slots() {
        let mut shop = flash_shop();
        draw(&mut shop, 1);
        shop.change(keys::stock(&product("tea"), 0), |shard: &mut Shard| {
            (shard.remaining, shard.swept) = (2, Swept::beginning_at(3));
        });
        let rule = "[2 stock] product tea: shard 0: swept places that have slots: expected 3, found 2";
        assert!(shop.violations().contains(&rule.to_owned()), "{:?}", shop.violations());
    }

    #[test]
    fn a_shelf_with_draws_is_swept() {
        let mut shop = flash_shop();
        shop.change(keys::product(&product("tea")), |tea: &mut Product| tea.sweep.from = None);
        shop.place(keys::product(&product("tea")), None);
        let rule = "[2 stock] product tea: shelf that needs a sweep and gets none: expected false, found true";
        assert_eq!(shop.violations(), [rule]);
        draw(&mut shop, 1);
        shop.change(keys::stock(&product("tea"), 0), |shard: &mut Shard| shard.remaining -= 1);
        let units = "[2 stock] product tea: reserved units that no sweep releases: expected 0, found 1";
        assert_eq!(shop.violations(), [units, rule]);
    }

    #[test]
    fn an_order_that_claims_units_exists() {
        let mut shop = flash_shop();
        put(&mut shop, 0, 2, Some("nobody"));
        assert_eq!(shop.violations(), ["[2 stock] product tea: order of reserved units: expected one, found none"]);
    }
}
