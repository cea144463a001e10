//! The addresses that orders are shipped to: records that never change, one for each state of a user's address.
//!
//! An order has the number of its record alone, so that its item stays small. The account has the number of the user's
//! current one, and the commit of an order asserts it.

use super::{
    Failure, Shop,
    orders::AuthorizedOrder,
    personal::{self, Seal, address_record},
};
use crate::{
    domain::{UserId, address::Address, order::Order, user::Profile},
    store::{
        Action, Consistency, Found, Key, keys,
        people::{self, AddressRecord},
    },
};

/// The largest number of an address, which is exact in every JSON parser.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// A new number: at random, so that two changes at once need no counter. A number that is taken refuses the commit.
pub(super) fn new_number(shop: &Shop) -> u64 {
    shop.random.below(MAX_NUMBER).saturating_add(1)
}

/// Adds an address record, sealed.
pub(super) fn create(
    shop: &Shop,
    seal: &Seal,
    user: &UserId,
    number: u64,
    address: &Address,
) -> Result<Action, Failure> {
    let sealed = seal.seal_address(&shop.random, &address_record(number), address)?;
    Ok(people::create_address(user, number, sealed))
}

/// In the cache, the number of the current address of a user who has none with a number.
const NO_NUMBER: u64 = 0;

/// The items that the address of an order is read from: that of this number, or the user's current one if there is no
/// number. None if it is cached.
pub(super) fn wanted(shop: &Shop, user: &UserId, number: Option<u64>) -> Vec<Key> {
    if shop.cached_address(user, number.unwrap_or(NO_NUMBER)).is_some() {
        return Vec::new();
    }
    match number {
        Some(number) => vec![keys::address(user, number), keys::user_key(user)],
        None => wanted_current(user),
    }
}

/// The items that the current address of a user is read from, whatever its number.
pub(super) fn wanted_current(user: &UserId) -> Vec<Key> {
    vec![keys::profile(user), keys::user_key(user)]
}

/// Caches an address that is among items that were read: as that of a number, or as the current one. Returns that of the
/// number, or else the current one.
pub(super) fn cache(
    shop: &Shop,
    found: &Found,
    user: &UserId,
    number: Option<u64>,
) -> Result<Option<Address>, Failure> {
    let seal = Seal::new(user, personal::key_in(found, user)?);
    let mut current = None;
    if let Some(profile) = found.get::<Profile>(&keys::profile(user))? {
        let number = profile.address_number.unwrap_or(NO_NUMBER);
        current = seal.open_profile(&profile).ship_to();
        shop.cache_address(user, number, current.clone());
    }
    let Some(number) = number else { return Ok(current) };
    let Some(record) = found.get::<AddressRecord>(&keys::address(user, number))? else { return Ok(None) };
    let address = seal.open_address(&address_record(number), &record.address);
    shop.cache_address(user, number, address.clone());
    Ok(address)
}

/// The address that an order is shipped to; none if it was erased or never given.
///
/// # Errors
/// If the table cannot be reached.
pub async fn ship_to(shop: &Shop, order: &Order) -> Result<Option<Address>, Failure> {
    let (user, number) = (&order.user_id, order.ship_to);
    if let Some(address) = shop.cached_address(user, number.unwrap_or(NO_NUMBER)) {
        return Ok(address);
    }
    let wanted = wanted(shop, user, number);
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut shop.backoff()).await?;
    // The entry just made may be over already.
    cache(shop, &found, user, number)
}

/// The same for the answer to a request that has committed: it does not fail for the address.
pub async fn shown(shop: &Shop, authorized: &AuthorizedOrder) -> Option<Address> {
    if !authorized.is_whole() {
        return None;
    }
    ship_to(shop, &authorized.order).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "an answer leaves the address out");
        None
    })
}
