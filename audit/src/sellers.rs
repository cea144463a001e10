//! Sellers: each product of a seller is in the seller's list, and is paused exactly while the seller is not active. A
//! change of a seller's status reaches all products soon.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use shared::{
    domain::{ProductId, UserId, account::Account, product::Product, user::UserStatus},
    store::keys,
};

use crate::{
    findings::{Checks, Findings},
    holds,
    relation::{self, Relation, Selection},
    report::{Invariant, Subject},
};

/// The sellers of all products.
#[derive(Debug, Default)]
pub(crate) struct Sellers {
    sellers: BTreeMap<UserId, Seller>,
    products: usize,
}

#[derive(Debug, Default)]
struct Seller {
    status: Option<UserStatus>,
    /// The products that name the seller, and whether each is paused.
    products: BTreeMap<ProductId, bool>,
    listed: BTreeSet<ProductId>,
    changed_at: Option<Timestamp>,
}

impl Sellers {
    pub(crate) fn add_account(&mut self, user: &UserId, account: &Account, selection: &Selection) {
        if let Some(seller) = self.of(user, selection) {
            seller.status = Some(account.status);
        }
    }

    pub(crate) fn add_product(&mut self, product: &Product, selection: &Selection) {
        if let Some(seller) = product.seller_id.as_ref().and_then(|seller| self.of(seller, selection)) {
            seller.products.insert(product.product_id.clone(), product.is_paused());
            self.products += 1;
        }
    }

    pub(crate) fn add_listed(&mut self, seller: &UserId, product: ProductId, selection: &Selection) {
        if let Some(seller) = self.of(seller, selection) {
            seller.listed.insert(product);
            self.products += 1;
        }
    }

    pub(crate) fn add_change(&mut self, seller: &UserId, changed_at: Timestamp, selection: &Selection) {
        if let Some(seller) = self.of(seller, selection) {
            seller.changed_at = Some(changed_at);
        }
    }

    fn of(&mut self, seller: &UserId, selection: &Selection) -> Option<&mut Seller> {
        selection.has(relation::seller(seller)).then(|| self.sellers.entry(seller.clone()).or_default())
    }

    /// Drops the relations that are not selected.
    pub(crate) fn narrow(&mut self, selection: &Selection) {
        self.sellers.retain(|seller, _| selection.has(relation::seller(seller)));
        self.products = self.sellers.values().map(|seller| seller.products.len() + seller.listed.len()).sum();
    }

    /// The memory in use, about, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.sellers.len() * 200 + self.products * 80
    }

    pub(crate) fn finish(self, now: Timestamp, findings: &mut Findings) {
        for (id, seller) in self.sellers {
            let products = seller.products.keys().map(keys::product).collect();
            let relation = Relation::Seller(id.clone());
            seller.check(now, &mut findings.between(Invariant::Sellers, Subject::User(id), relation).with(products));
        }
    }
}

impl Seller {
    fn check(&self, now: Timestamp, checks: &mut Checks<'_>) {
        for id in self.products.keys().filter(|id| !self.listed.contains(*id)) {
            checks.violated(format_args!("place of product {id} among the seller's"), "one", "none");
        }
        for id in self.listed.iter().filter(|id| !self.products.contains_key(*id)) {
            checks.violated(format_args!("product {id} among the seller's"), "one of the seller", "none");
        }
        if let Some(changed_at) = self.changed_at {
            holds::check_end(changed_at, now, checks);
            return;
        }
        // A seller without an account is known by a token alone, and has no status.
        let is_paused = self.status.is_some_and(|status| status != UserStatus::Active);
        for (id, paused) in &self.products {
            checks.equal(format_args!("product {id} is paused"), is_paused, *paused);
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        domain::product::SaleStatus,
        store::{
            keys,
            sellers::{SellerChange, SellerProduct},
        },
    };

    use super::*;
    use crate::fixture::{NOW, Shop, TODAY, at, product, user};

    /// Mina sells the cups.
    fn shop_of_a_seller() -> Shop {
        let mut shop = Shop::healthy();
        let mut created_at = at(NOW);
        shop.change(keys::product(&product("cup")), |product: &mut Product| {
            product.seller_id = Some(user("mina"));
            created_at = product.created_at;
        });
        let listed = SellerProduct { product_id: product("cup"), created_at };
        shop.put(keys::seller_product(&user("mina"), created_at, &product("cup")), listed);
        shop
    }

    fn suspend(shop: &mut Shop) {
        shop.change(keys::account(&user("mina")), |account: &mut Account| account.status = UserStatus::Suspended);
    }

    #[test]
    fn a_product_is_listed_once_among_its_sellers() {
        assert_eq!(shop_of_a_seller().violations(), [] as [&str; 0]);
        let mut shop = shop_of_a_seller();
        shop.change(keys::product(&product("cup")), |product: &mut Product| product.seller_id = Some(user("jun")));
        assert_eq!(
            shop.violations(),
            [
                "[sellers] user jun: place of product cup among the seller's: expected one, found none",
                "[sellers] user mina: product cup among the seller's: expected one of the seller, found none",
            ]
        );
    }

    #[test]
    fn products_are_paused_exactly_while_their_seller_is_not_active() {
        let mut shop = shop_of_a_seller();
        suspend(&mut shop);
        assert_eq!(shop.violations(), ["[sellers] user mina: product cup is paused: expected true, found false"]);
        let mut shop = shop_of_a_seller();
        shop.change(keys::product(&product("cup")), |product: &mut Product| {
            product.paused_status = Some(SaleStatus::OnSale);
        });
        assert_eq!(shop.violations(), ["[sellers] user mina: product cup is paused: expected false, found true"]);
    }

    #[test]
    fn a_change_of_status_reaches_the_products_soon() {
        let mut shop = shop_of_a_seller();
        suspend(&mut shop);
        let mut noted = |changed_at| {
            let (key, place) = (keys::seller_change(&user("mina")), keys::seller_by_expiry(&user("mina"), changed_at));
            shop.put(key.clone(), SellerChange { version: 2, changed_at, after: None });
            shop.place(key, Some(place));
            shop.violations()
        };
        assert_eq!(noted(at(NOW)), [] as [&str; 0]);
        let late = noted(at(TODAY));
        assert_eq!(late.len(), 1);
        assert!(late[0].starts_with("[sellers] user mina: wait: expected one that ends by"), "{late:?}");
    }
}
