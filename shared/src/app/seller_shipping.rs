//! The terms on which sellers ship.
//!
//! Orders take a seller's terms from a cache of a second, and assert nothing of them: a condition on one item that all
//! orders of a seller share would make them collide. New terms are therefore announced a moment ahead
//! ([`TERMS_NOTICE`]), and the request answers once they are in force.
//!
//! | run twice | at the same time | stopped half-way | answer lost |
//! |---|---|---|---|
//! | the second finds the terms as they are to be | of two announcements the second waits until the first is in force | announced terms come into force by themselves | the repetition finds them |

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{Caller, Failure, Role, Shop};
use crate::{
    domain::{
        Refusal, UserId,
        refusal::Entity,
        shipping::{SellerShipping, ShippingRates, ShippingTerms},
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

/// The sellers whose terms have yet to be read, since none are cached.
pub(super) fn unknown<'s>(shop: &Shop, sellers: impl Iterator<Item = &'s UserId>) -> BTreeSet<UserId> {
    sellers.filter(|seller| shop.cached_terms(seller).is_none()).cloned().collect()
}

/// Caches the terms of sellers among items of a read that began at this instant.
pub(super) fn cache(shop: &Shop, sellers: &BTreeSet<UserId>, found: &Found, at: Timestamp) -> Result<(), Failure> {
    for seller in sellers {
        shop.cache_terms(seller, at, found.get(&keys::seller_shipping(seller))?);
    }
    Ok(())
}

/// The rates of an order of this instant. The terms of sellers that are not cached are read.
pub(super) async fn rates(
    shop: &Shop,
    sellers: impl Iterator<Item = &UserId>,
    at: Timestamp,
    backoff: &mut Backoff,
) -> Result<ShippingRates, Failure> {
    let mut terms: BTreeMap<UserId, Option<SellerShipping>> = BTreeMap::new();
    let mut missing = BTreeSet::new();
    for seller in sellers {
        match shop.cached_terms(seller) {
            Some(cached) => drop(terms.insert(seller.clone(), cached)),
            None => drop(missing.insert(seller.clone())),
        }
    }
    if !missing.is_empty() {
        let read_at = shop.clock.now();
        let wanted: Vec<Key> = missing.iter().map(keys::seller_shipping).collect();
        let found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;
        cache(shop, &missing, &found, read_at)?;
        for seller in missing {
            let read = found.get(&keys::seller_shipping(&seller))?;
            terms.insert(seller, read);
        }
    }
    let in_force = |(seller, terms): (UserId, Option<SellerShipping>)| Some((seller, terms?.in_force(at)?.into()));
    Ok(ShippingRates { shop: shop.policy.shipping, sellers: terms.into_iter().filter_map(in_force).collect() })
}
