//! Flash mode: the units of a line are drawn ahead of the order's commit, which then claims them.
//!
//! A draw asserts the offer, as a sale does. What was drawn and is not claimed goes back at once; where this function dies,
//! by the sweep.

use super::preconditions::{LinePreconditions, Preconditions};
use crate::{
    app::{Failure, Shop, reservations},
    domain::{
        UserId,
        inventory::{Shard, Take},
        product::{Offer, SaleStatus},
        reservations::Reservation,
    },
    store::{Applied, Backoff, shards},
};

/// What came of drawing the units of a line.
enum Reserving {
    /// They are drawn.
    Complete,
    /// The offer is another one.
    OtherOffer(Offer),
}

impl Preconditions {
    /// Draws what is missing of the lines in flash mode. False where an offer turned out to be another than was believed:
    /// now it is known, and nothing is drawn at the old one.
    ///
    /// # Errors
    /// What is wrong by now with the user, a product or its stock.
    pub(super) async fn reserve(&mut self, shop: &Shop, user: &UserId, backoff: &mut Backoff) -> Result<bool, Failure> {
        for index in 0..self.lines.len() {
            let Some(line) = self.lines.get_mut(index).filter(|line| line.product.flash) else {
                continue;
            };
            let offer = match line.reserve(shop, backoff).await {
                Ok(Reserving::Complete) => continue,
                Ok(Reserving::OtherOffer(offer)) => offer,
                Err(Failure::Refused(refusal)) => {
                    // What is wrong with the user or another product is told first.
                    self.check_all_but_coupon(shop, user, backoff).await?;
                    return Err(refusal.into());
                }
                Err(failure) => return Err(failure),
            };
            line.give_back(shop, backoff).await?;
            let price_change = line.price_change(&offer);
            if offer.status != SaleStatus::OnSale || price_change.is_some() {
                self.check_all_but_coupon(shop, user, backoff).await?;
            }
            let Some(line) = self.lines.get_mut(index) else { continue };
            shop.invalidate_product(&line.product.product_id);
            if let Some(refusal) = price_change {
                return Err(refusal.into());
            }
            if offer.status == SaleStatus::OnSale {
                line.product.offer = offer;
            }
            backoff.retry("a product changed meanwhile").await?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Notes that a commit has claimed what was drawn.
    pub(super) fn claimed(&mut self) {
        self.lines.iter_mut().for_each(|line| line.reserved.clear());
    }

    /// Gives back what was drawn and not claimed. Where that fails the sweep does it.
    pub(super) async fn release_reserved(&mut self, shop: &Shop, backoff: &mut Backoff) {
        for line in &mut self.lines {
            if let Err(error) = line.give_back(shop, backoff).await {
                tracing::warn!(%error, product = %line.product.product_id, "reserved units are left to the sweep");
            }
        }
    }
}

impl LinePreconditions {
    /// How many units are not drawn yet.
    pub(super) fn missing(&self) -> i64 {
        self.reserved.iter().fold(i64::from(self.quantity.get()), |missing, part| missing.saturating_sub(part.units))
    }

    /// Draws what is missing: from the order's own shard, or from where there is enough. Each look at all shards follows a
    /// draw in vain, and whoever drew instead has got units.
    async fn reserve(&mut self, shop: &Shop, backoff: &mut Backoff) -> Result<Reserving, Failure> {
        let (id, offer) = (self.product.product_id.clone(), self.product.offer);
        while self.missing() > 0 {
            for take in std::mem::take(&mut self.takes) {
                match shop.table.apply::<Shard>(&shards::reserve(&id, take, &offer), backoff).await? {
                    Applied::Done(shard) => {
                        let Take { shard: number, units } = take;
                        self.reserved.push(Reservation {
                            shard: number,
                            from: shard.next.saturating_sub(units),
                            units,
                        });
                    }
                    Applied::Refused(Some(shard)) if shard.offer != offer => {
                        return Ok(Reserving::OtherOffer(shard.offer));
                    }
                    Applied::Refused(_) => break,
                }
            }
            if self.missing() > 0 {
                if self.reserved.len() >= self.max_reservations() {
                    // What is drawn in many parts goes back, to be drawn in one.
                    self.give_back(shop, backoff).await?;
                }
                self.reserve_from_few_shards(shop, backoff).await?;
                backoff.retry("others reserved the units").await?;
            }
        }
        Ok(Reserving::Complete)
    }

    /// Gives back what was drawn, and plans to draw all anew.
    async fn give_back(&mut self, shop: &Shop, backoff: &mut Backoff) -> Result<(), Failure> {
        let reserved = std::mem::take(&mut self.reserved);
        self.plan_all(reserved.first().map(|part| part.shard));
        for part in reserved {
            reservations::give_back(shop, &self.product.product_id, part, backoff).await?;
        }
        Ok(())
    }

    /// Forgets units that the sweep took for burnt, and gave back: `kept` says of each draw whether it is still ours.
    pub(super) fn lose(&mut self, kept: impl Iterator<Item = bool>) {
        let shard = self.reserved.first().map(|part| part.shard);
        let reserved = std::mem::take(&mut self.reserved);
        self.reserved = reserved.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(part, _)| part).collect();
        self.plan_all(shard);
    }

    /// Plans to take what is missing from one shard.
    fn plan_all(&mut self, shard: Option<u16>) {
        let shard = shard.or_else(|| self.takes.first().map(|take| take.shard)).unwrap_or(0);
        self.takes = vec![Take { shard, units: self.missing() }];
    }
}
