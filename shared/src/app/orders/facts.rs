//! What an order takes for granted, and what is learned when it was wrong.

use std::collections::BTreeMap;

use crate::{
    app::{Failure, Shop, facts, products},
    domain::{
        CouponId, OrderId, ProductId, Quantity, Refusal, UserId,
        coupon::IssuedCoupon,
        product::{Product, SaleStatus},
        refusal::{CouponProblem, Entity},
        stock::{self, Shard, Take},
        user::Account,
    },
    store::{Backoff, Consistency, Evidence, Key, action::Position, keys},
};

/// The facts that an order's commit asserts.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) account: Account,
    pub(super) coupon: Option<IssuedCoupon>,
    /// In the order of the request.
    pub(super) lines: Vec<LineFacts>,
}

/// What is believed of one product, and where its units are to come from.
#[derive(Debug)]
pub(super) struct LineFacts {
    pub(super) product: Product,
    pub(super) quantity: Quantity,
    pub(super) takes: Vec<Take>,
}

/// Where a transaction asserted each fact.
#[derive(Debug)]
pub(super) struct Asserted {
    pub(super) account: Position,
    pub(super) coupon: Option<Position>,
    /// For each line, for each of its takes.
    pub(super) takes: Vec<Vec<Position>>,
}

impl Facts {
    /// Gathers what is known, reading what is not in one round trip.
    ///
    /// # Errors
    /// In this order: an unknown user or one who may not trade, an unknown product, one that is not on sale.
    pub(super) async fn gather(
        shop: &Shop,
        order: &OrderId,
        user: &UserId,
        lines: &[(ProductId, Quantity)],
        coupon: Option<&CouponId>,
        backoff: &mut Backoff,
    ) -> Result<Self, Failure> {
        let account_key = keys::account(user);
        let coupon_key = coupon.map(|coupon| keys::user_coupon(user, coupon));
        let account = shop.remembered_account(user);
        let remembered: BTreeMap<&ProductId, Product> =
            lines.iter().filter_map(|(id, _)| Some((id, shop.remembered_product(id)?))).collect();

        let mut wanted: Vec<Key> = Vec::new();
        wanted.extend(account.is_none().then(|| account_key.clone()));
        wanted.extend(coupon_key.clone());
        let unknown = lines.iter().filter(|(id, _)| !remembered.contains_key(id));
        wanted.extend(unknown.map(|(id, _)| keys::product(id)));
        let found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;

        let account = match account {
            Some(account) => account,
            None => facts::may_trade(user, found.get(&account_key)?)?,
        };
        let coupon = coupon_key.map(|key| found.get(&key)).transpose()?.flatten();
        let mut products = Vec::new();
        for (id, _) in lines {
            let product = match remembered.get(id) {
                Some(product) => Some(product.clone()),
                None => found.get::<Product>(&keys::product(id))?,
            };
            products.push(may_know(id, product)?);
        }
        if let Some(product) = products.iter().find(|product| product.offer.status != SaleStatus::OnSale) {
            return Err(Refusal::NotOnSale { product_id: product.product_id.clone() }.into());
        }
        products.iter().for_each(|product| shop.remember_product(product));

        let line = |(product, &(_, quantity)): (Product, &(ProductId, Quantity))| {
            let shard = preferred_shard(order, product.stock_shards);
            let takes = vec![Take { shard, units: i64::from(quantity.get()) }];
            LineFacts { product, quantity, takes }
        };
        Ok(Self { account, coupon, lines: products.into_iter().zip(lines).map(line).collect() })
    }

    /// Learns from a refused transaction what is different, so that the next try fits.
    ///
    /// # Errors
    /// What the new facts refuse, by precedence: user, product, sale status, stock, coupon.
    pub(super) async fn learn(
        &mut self,
        shop: &Shop,
        user: &UserId,
        evidence: &Evidence,
        asserted: &Asserted,
        backoff: &mut Backoff,
    ) -> Result<(), Failure> {
        if let Some(account) = evidence.of::<Account>(asserted.account)? {
            self.account = facts::may_trade(user, account)?;
        }
        let mut not_on_sale = None;
        let mut short = Vec::new();
        for (index, (line, positions)) in self.lines.iter_mut().zip(&asserted.takes).enumerate() {
            for (position, take) in positions.iter().zip(line.takes.clone()) {
                let Some(shard) = evidence.of::<Shard>(*position)? else {
                    continue;
                };
                let id = &line.product.product_id;
                let shard = shard.ok_or_else(|| Refusal::not_found(Entity::Product, id))?;
                if shard.offer != line.product.offer {
                    shop.forget_product(id);
                    line.product.offer = shard.offer;
                }
                match shard.offer.status {
                    SaleStatus::Hidden => {
                        return Err(Refusal::not_found(Entity::Product, id).into());
                    }
                    SaleStatus::Discontinued => not_on_sale = not_on_sale.or(Some(id.clone())),
                    SaleStatus::OnSale if shard.remaining < take.units => short.push(index),
                    SaleStatus::OnSale => {}
                }
            }
        }
        if let Some(product_id) = not_on_sale {
            return Err(Refusal::NotOnSale { product_id }.into());
        }
        short.dedup();
        for index in short {
            if let Some(line) = self.lines.get_mut(index) {
                line.find_units(shop, backoff).await?;
            }
        }
        if let Some(coupon) = asserted.coupon
            && let Some(there) = evidence.of::<IssuedCoupon>(coupon)?
        {
            self.coupon = there;
        }
        Ok(())
    }

    /// Refuses an order that the shelf has too little for, whatever else is wrong with it.
    pub(super) async fn check_stock(&mut self, shop: &Shop, backoff: &mut Backoff) -> Result<(), Failure> {
        for line in &mut self.lines {
            line.find_units(shop, backoff).await?;
        }
        Ok(())
    }

    /// The coupon, if it can be used at this instant.
    pub(super) fn usable_coupon(&self, now: jiff::Timestamp) -> Result<&IssuedCoupon, CouponProblem> {
        let coupon = self.coupon.as_ref().ok_or(CouponProblem::NotOwned)?;
        coupon.usable(now)?;
        Ok(coupon)
    }
}

impl LineFacts {
    /// Looks at all shards and chooses those that the units come from.
    async fn find_units(&mut self, shop: &Shop, backoff: &mut Backoff) -> Result<(), Failure> {
        let product_id = &self.product.product_id;
        let shards = products::read_shelf(shop, product_id, self.product.stock_shards, backoff).await?;
        let remaining: Vec<i64> = shards.iter().map(|shard| shard.remaining).collect();
        let requested = i64::from(self.quantity.get());
        let preferred = self.takes.first().map_or(0, |take| take.shard);
        self.takes = stock::allocate(requested, &remaining, preferred).ok_or_else(|| Refusal::StockNotEnough {
            product_id: product_id.clone(),
            requested,
            available: products::total(&shards),
        })?;
        Ok(())
    }
}

/// A hidden product is as good as none.
fn may_know(id: &ProductId, product: Option<Product>) -> Result<Product, Refusal> {
    product
        .filter(|product| product.offer.status != SaleStatus::Hidden)
        .ok_or_else(|| Refusal::not_found(Entity::Product, id))
}

/// The shard an order turns to first: any order another, any repeat of it the same.
fn preferred_shard(order: &OrderId, shards: u16) -> u16 {
    let sum = order.as_str().bytes().fold(0_u16, |sum, byte| sum.wrapping_mul(31).wrapping_add(u16::from(byte)));
    sum.checked_rem(shards).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_spread_over_the_shards() {
        let mut orders = [0; 16];
        for number in 0..16_000 {
            let order = OrderId::try_from(format!("order{number}")).unwrap();
            orders[usize::from(preferred_shard(&order, 16))] += 1;
        }
        assert!(orders.iter().all(|&count| (700..1_300).contains(&count)), "{orders:?}");
    }
}
