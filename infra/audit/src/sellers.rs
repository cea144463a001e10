//! Sellers: each product of a seller is among those of the seller, and paused exactly while the seller is not active. A change
//! of a seller's status reaches all products soon.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use shared::domain::{
    ProductId, UserId,
    product::Product,
    user::{Account, UserStatus},
};

use crate::{
    findings::{Checks, Findings},
    holds,
    report::{Invariant, Subject},
};

/// The sellers of all products.
#[derive(Debug, Default)]
pub(crate) struct Sellers(BTreeMap<UserId, Seller>);

#[derive(Debug, Default)]
struct Seller {
    status: Option<UserStatus>,
    /// The products that name the seller, and whether each is paused.
    products: BTreeMap<ProductId, bool>,
    listed: BTreeSet<ProductId>,
    changed_at: Option<Timestamp>,
}

impl Sellers {
    pub(crate) fn add_account(&mut self, user: &UserId, account: &Account) {
        self.0.entry(user.clone()).or_default().status = Some(account.status);
    }

    pub(crate) fn add_product(&mut self, product: &Product) {
        if let Some(seller) = &product.seller_id {
            let products = &mut self.0.entry(seller.clone()).or_default().products;
            products.insert(product.product_id.clone(), product.is_paused());
        }
    }

    pub(crate) fn add_listed(&mut self, seller: UserId, product: ProductId) {
        self.0.entry(seller).or_default().listed.insert(product);
    }

    pub(crate) fn add_change(&mut self, seller: UserId, changed_at: Timestamp) {
        self.0.entry(seller).or_default().changed_at = Some(changed_at);
    }

    pub(crate) fn finish(self, now: Timestamp, findings: &mut Findings) {
        for (id, seller) in self.0 {
            seller.check(now, &mut findings.about(Invariant::Sellers, Subject::User(id)));
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
        // A seller who is known by the token alone has no status.
        let is_paused = self.status.is_some_and(|status| status != UserStatus::Active);
        for (id, paused) in &self.products {
            checks.equal(format_args!("product {id} is paused"), is_paused, *paused);
        }
    }
}
