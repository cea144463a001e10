//! The terms on which sellers ship.
//!
//! Orders take a seller's terms from a cache of a second, and assert nothing of them: a condition on one item that all
//! orders of a seller share would make them collide. New terms are therefore announced a moment ahead
//! ([`TERMS_NOTICE`]), and the request answers once they are in force.
//!
//! | run twice | at the same time | stopped half-way | answer lost |
//! |---|---|---|---|
//! | the second finds the terms as they are to be | of two announcements the second waits until the first is in force | announced terms come into force by themselves | the repetition finds them |

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Caller, Failure, Role, Shop};
use crate::{
    domain::{
        Refusal, UserId,
        pricing::ShippingPolicy,
        refusal::Entity,
        shipping::{SellerShipping, ShippingRates, ShippingTerms, TERMS_AGE},
    },
    store::{Backoff, Consistency, Found, Key, Outcome, Transaction, keys, sellers},
};

/// The terms of a seller in force now; the shop's, if the seller has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipping {
    pub seller_id: UserId,
    pub terms: ShippingTerms,
    /// Whether the terms are the seller's own.
    pub is_own: bool,
}

/// Returns the terms of a seller.
///
/// # Errors
/// If the table cannot be reached.
pub async fn get(shop: &Shop, seller: &UserId) -> Result<Shipping, Failure> {
    let record: Option<SellerShipping> = shop.table.get(keys::seller_shipping(seller), Consistency::Strong).await?;
    let own = record.and_then(|record| record.in_force(shop.clock.now()));
    let terms = own.unwrap_or_else(|| shop.policy.shipping_terms());
    Ok(Shipping { seller_id: seller.clone(), terms, is_own: own.is_some() })
}

/// Sets the terms of a seller, by the seller or an admin. They are in force when it returns.
///
/// # Errors
/// [`Refusal::Forbidden`] for anyone else; [`Refusal::NotFound`] if an admin names an unknown seller.
pub async fn set(shop: &Shop, caller: &Caller, seller: &UserId, terms: ShippingTerms) -> Result<Shipping, Failure> {
    let is_theirs = caller.role == Role::Seller && caller.user_id == *seller;
    if !is_theirs && caller.role != Role::Admin {
        return Err(Refusal::Forbidden.into());
    }
    let mut backoff = shop.backoff();
    let (record, account) = (keys::seller_shipping(seller), keys::account(seller));
    loop {
        let found = shop.table.get_all(&[record.clone(), account.clone()], Consistency::Strong, &mut backoff).await?;
        // A seller who is the caller may have no record.
        if !is_theirs && found.get::<serde::de::IgnoredAny>(&account)?.is_none() {
            return Err(Refusal::not_found(Entity::User, seller).into());
        }
        let before: Option<SellerShipping> = found.get(&record)?;
        if let Some(before) = &before {
            wait_until(shop, before.effective_from).await;
            if before.terms == terms {
                break;
            }
        }
        let announced = SellerShipping::announced(seller.clone(), terms, before.as_ref(), shop.clock.now());
        let mut transaction = Transaction::new();
        transaction.add(sellers::announce(&announced));
        match shop.table.commit(transaction, &mut backoff).await? {
            Outcome::Committed => {
                wait_until(shop, announced.effective_from).await;
                break;
            }
            Outcome::Refused(_) => backoff.pause("the terms changed meanwhile").await?,
        }
    }
    Ok(Shipping { seller_id: seller.clone(), terms, is_own: true })
}

/// Waits until an instant of the near future.
async fn wait_until(shop: &Shop, at: Timestamp) {
    let left = at.duration_since(shop.clock.now()).max(SignedDuration::ZERO);
    tokio::time::sleep(Duration::try_from(left).unwrap_or_default()).await;
}

/// The terms of sellers as they were known at an instant.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownTerms(Vec<(UserId, Timestamp, Option<SellerShipping>)>);

impl KnownTerms {
    /// The keys of the terms that have yet to be read for an order of this instant.
    pub(super) fn missing<'s>(
        &self,
        shop: &Shop,
        sellers: impl Iterator<Item = &'s UserId>,
        at: Timestamp,
    ) -> Vec<(UserId, Key)> {
        let mut missing: Vec<(UserId, Key)> = Vec::new();
        for seller in sellers {
            let is_known = self.known(seller, at).is_some() || shop.cached_terms(seller).is_some();
            if !is_known && missing.iter().all(|(other, _)| other != seller) {
                missing.push((seller.clone(), keys::seller_shipping(seller)));
            }
        }
        missing
    }

    fn known(&self, seller: &UserId, at: Timestamp) -> Option<&Option<SellerShipping>> {
        let is_fresh = |read_at: Timestamp| at.duration_since(read_at) < TERMS_AGE;
        self.0.iter().find(|(known, read_at, _)| known == seller && is_fresh(*read_at)).map(|(.., terms)| terms)
    }

    /// Adopts terms that a read which began at this instant found.
    pub(super) fn adopt(
        &mut self,
        shop: &Shop,
        wanted: Vec<(UserId, Key)>,
        found: &Found,
        at: Timestamp,
    ) -> Result<(), Failure> {
        for (seller, key) in wanted {
            let terms: Option<SellerShipping> = found.get(&key)?;
            shop.cache_terms(&seller, at, terms.clone());
            self.0.retain(|(known, ..)| *known != seller);
            self.0.push((seller, at, terms));
        }
        Ok(())
    }

    /// The rates of an order of this instant, with the terms of these sellers read as far as they are not known.
    pub(super) async fn rates<'s>(
        &mut self,
        shop: &Shop,
        sellers: impl Iterator<Item = &'s UserId> + Clone,
        at: Timestamp,
        backoff: &mut Backoff,
    ) -> Result<ShippingRates, Failure> {
        let missing = self.missing(shop, sellers.clone(), at);
        if !missing.is_empty() {
            let read_at = shop.clock.now();
            let wanted: Vec<Key> = missing.iter().map(|(_, key)| key.clone()).collect();
            let found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;
            self.adopt(shop, missing, &found, read_at)?;
        }
        let own = sellers.filter_map(|seller| {
            let terms = match self.known(seller, at) {
                Some(terms) => terms.clone(),
                None => shop.cached_terms(seller)?,
            };
            Some((seller.clone(), ShippingPolicy::from(terms?.in_force(at)?)))
        });
        Ok(ShippingRates { shop: shop.policy.shipping, sellers: own.collect() })
    }
}
