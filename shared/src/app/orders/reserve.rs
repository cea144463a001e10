//! Flash mode: the units of a line are reserved ahead of the order's commit, which then claims them.
//!
//! A reservation asserts the offer, as a sale does. Reservations that are not claimed are released at once; if this
//! function dies, the sweep releases them.

use futures::future::join_all;

use super::preconditions::{LinePreconditions, Preconditions};
use crate::{
    app::{Failure, Shop, inventory_sweep, reservations},
    domain::{
        ProductId, UserId,
        inventory::{Shard, Take},
        product::{Offer, SaleStatus},
        reservations::Reservation,
    },
    store::{Applied, Attempted, Backoff, shards},
};

/// The units of a line that are reserved ahead of the order's commit, which either commits or releases them. Dropped
/// with units in it, as by a failure on the way, they are left to the sweep.
#[derive(Debug, Default)]
pub(super) struct ReservedUnits(Vec<Reservation>);

impl ReservedUnits {
    /// The number of units in all.
    fn units(&self) -> i64 {
        self.0.iter().fold(0, |units, part| units.saturating_add(part.units))
    }

    /// The reservations, each of which a commit claims.
    pub(super) fn parts(&self) -> &[Reservation] {
        &self.0
    }

    /// The shard of the first of them.
    fn shard(&self) -> Option<u16> {
        self.0.first().map(|part| part.shard)
    }

    /// The order's commit has claimed them.
    fn commit(self) {}

    /// Returns them to the stock.
    async fn release(self, shop: &Shop, product: &ProductId, backoff: &mut Backoff) -> Result<(), Failure> {
        for part in self.0 {
            reservations::give_back(shop, product, part, backoff).await?;
        }
        Ok(())
    }
}

/// The outcome of reserving the units of a line.
enum Reserving {
    /// All units are reserved.
    Complete,
    /// This shard has another offer.
    OtherOffer(u16, Offer),
}

impl Preconditions {
    /// Reserves the missing units of the lines in flash mode, side by side. Returns false if an offer has changed: it is
    /// now known, and nothing is reserved at the old one.
    ///
    /// # Errors
    /// The present refusals of the user, a product or its stock.
    pub(super) async fn reserve(&mut self, shop: &Shop, user: &UserId, backoff: &mut Backoff) -> Result<bool, Failure> {
        let mut reserving = Vec::new();
        for (index, line) in self.lines.iter_mut().enumerate().filter(|(_, line)| line.product.flash) {
            let mut backoff = backoff.clone();
            reserving.push(async move { (index, line.reserve(shop, &mut backoff).await) });
        }
        let mut is_changed = false;
        for (index, outcome) in join_all(reserving).await {
            match outcome {
                Ok(Reserving::Complete) => {}
                Ok(Reserving::OtherOffer(shard, offer)) => {
                    self.adopt(shop, user, (index, shard), offer, backoff).await?;
                    is_changed = true;
                }
                Err(Failure::Refused(refusal)) => {
                    // The refusals of the user or another product come first.
                    self.check_all_but_coupon(shop, user, backoff).await?;
                    return Err(refusal.into());
                }
                Err(failure) => return Err(failure),
            }
        }
        if is_changed {
            backoff.retry("a product changed meanwhile").await?;
        }
        Ok(!is_changed)
    }

    /// Releases the reservations of a line at an old offer, and adopts the new one.
    async fn adopt(
        &mut self,
        shop: &Shop,
        user: &UserId,
        (index, shard): (usize, u16),
        offer: Offer,
        backoff: &mut Backoff,
    ) -> Result<(), Failure> {
        let Some(line) = self.lines.get_mut(index) else { return Ok(()) };
        line.release_reserved(shop, backoff).await?;
        if offer.terms != line.product.offer.terms {
            return self.learn_terms(shop, user, &[(index, shard)], backoff).await;
        }
        let price_change = line.price_change(&offer, shop.clock.now());
        if offer.status != SaleStatus::OnSale || price_change.is_some() {
            self.check_all_but_coupon(shop, user, backoff).await?;
        }
        let Some(line) = self.lines.get_mut(index) else { return Ok(()) };
        shop.invalidate_product(&line.product.product_id);
        if let Some(refusal) = price_change {
            return Err(refusal.into());
        }
        if offer.status == SaleStatus::OnSale {
            line.product.offer = offer;
        }
        Ok(())
    }

    /// A commit has claimed the reservations.
    pub(super) fn commit_reserved(&mut self) {
        self.lines.iter_mut().for_each(|line| std::mem::take(&mut line.reserved).commit());
    }

    /// Releases the reservations that were not claimed. If that fails, the sweep does it.
    pub(super) async fn release_reserved(&mut self, shop: &Shop, backoff: &mut Backoff) {
        for line in &mut self.lines {
            if let Err(error) = line.release_reserved(shop, backoff).await {
                tracing::warn!(%error, product = %line.product.product_id, "reserved units are left to the sweep");
            }
        }
    }
}

impl LinePreconditions {
    /// The number of units that are not reserved yet.
    pub(super) fn missing(&self) -> i64 {
        i64::from(self.quantity.get()).saturating_sub(self.reserved.units())
    }

    /// Reserves the missing units: from the order's own shard, or from shards with enough. Each read of all shards
    /// follows a failed reservation, which means that another order has got units.
    async fn reserve(&mut self, shop: &Shop, backoff: &mut Backoff) -> Result<Reserving, Failure> {
        inventory_sweep::hasten(shop, &self.product, backoff).await;
        let (id, offer) = (self.product.product_id.clone(), self.product.offer);
        while self.missing() > 0 {
            let mut is_contended = false;
            for take in std::mem::take(&mut self.takes) {
                let reserve = shards::reserve(&id, take, &offer);
                let Attempted::Done(applied) = shop.table.apply_or_yield::<Shard>(&reserve, backoff).await? else {
                    backoff.pause("a reservation met others").await?;
                    self.takes = vec![Take { units: self.missing(), ..take }];
                    self.leave_contended(shop, backoff).await;
                    is_contended = true;
                    break;
                };
                match applied {
                    Applied::Done(shard) => {
                        let Take { shard: number, units } = take;
                        let from = shard.next.saturating_sub(units);
                        self.reserved.0.push(Reservation { shard: number, from, units });
                    }
                    Applied::Refused(Some(shard)) if shard.offer != offer => {
                        return Ok(Reserving::OtherOffer(take.shard, shard.offer));
                    }
                    Applied::Refused(_) => break,
                }
            }
            let has_room = self.reserved.parts().len() < self.max_reservations();
            if self.missing() > 0 && !(is_contended && has_room) {
                if self.reserved.parts().len() >= self.max_reservations() {
                    // Units reserved in many parts are released, to be reserved in one.
                    self.release_reserved(shop, backoff).await?;
                }
                self.reserve_from_few_shards(shop, backoff).await?;
                backoff.retry("others reserved the units").await?;
            }
        }
        Ok(Reserving::Complete)
    }

    /// Releases the reservations, and plans to reserve all units anew.
    async fn release_reserved(&mut self, shop: &Shop, backoff: &mut Backoff) -> Result<(), Failure> {
        let reserved = std::mem::take(&mut self.reserved);
        self.plan_all(reserved.shard());
        reserved.release(shop, &self.product.product_id, backoff).await
    }

    /// Drops reservations that the sweep took for orphaned and released. `kept` says of each whether it is still ours.
    pub(super) fn lose(&mut self, kept: impl Iterator<Item = bool>) {
        let shard = self.reserved.shard();
        let ReservedUnits(parts) = std::mem::take(&mut self.reserved);
        let kept = parts.into_iter().zip(kept).filter_map(|(part, is_kept)| is_kept.then_some(part));
        self.reserved = ReservedUnits(kept.collect());
        self.plan_all(shard);
    }

    /// Plans to take the missing units from one shard.
    fn plan_all(&mut self, shard: Option<u16>) {
        let shard = shard.or_else(|| self.takes.first().map(|take| take.shard)).unwrap_or(0);
        self.takes = vec![Take { shard, units: self.missing() }];
    }
}
