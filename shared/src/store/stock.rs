//! The shelf's shards.

use super::{Action, StoreError, keys};
use crate::domain::{
    ProductId,
    product::Offer,
    stock::{MAX_UNITS, Shard, Take},
};

/// Adds a shard to a shelf.
///
/// # Errors
/// Where the record cannot be written as an item.
pub fn create(product: &ProductId, number: u16, shard: &Shard) -> Result<Action, StoreError> {
    Action::create(keys::stock(product, number), shard)
}

/// Takes units off the shelf, for a sale at exactly this offer.
///
/// # Errors
/// Where a value cannot be written as an attribute.
pub fn sell(product: &ProductId, take: Take, offer: &Offer) -> Result<Action, StoreError> {
    let update = Action::update(keys::stock(product, take.shard), "SET #remaining = #remaining - :units");
    if_for_sale(update, take, offer)
}

/// Asserts that the units could be sold at this offer.
///
/// # Errors
/// Where a value cannot be written as an attribute.
pub fn check_for_sale(product: &ProductId, take: Take, offer: &Offer) -> Result<Action, StoreError> {
    if_for_sale(Action::check(keys::stock(product, take.shard)), take, offer)
}

fn if_for_sale(action: Action, take: Take, offer: &Offer) -> Result<Action, StoreError> {
    action
        .when("#remaining >= :units AND #price = :price AND #discount = :discount AND #saleStatus = :status")
        .value(":units", take.units)?
        .value(":price", offer.price)?
        .value(":discount", offer.discount)?
        .value(":status", offer.status)
}

/// Puts units on the shelf that came in. Only for a transaction that also creates something: repeated by itself it
/// would count twice.
///
/// # Errors
/// Where a value cannot be written as an attribute.
pub fn receive(product: &ProductId, shard: u16, units: i64) -> Result<Action, StoreError> {
    let update = "SET #remaining = #remaining + :units, #received = #received + :units";
    Action::update(keys::stock(product, shard), update)
        .when("#remaining <= :room")
        .value(":units", units)?
        .value(":room", MAX_UNITS.saturating_sub(units))
}

/// Takes units off a shard by hand, or to go to another. Only for a transaction that also creates something, or puts
/// them on another shard: repeated, that one moves as many again, and the shelf has what it had.
///
/// # Errors
/// Where a value cannot be written as an attribute.
pub fn withdraw(product: &ProductId, take: Take) -> Result<Action, StoreError> {
    let update = "SET #remaining = #remaining - :units, #received = #received - :units";
    Action::update(keys::stock(product, take.shard), update).when("#remaining >= :units").value(":units", take.units)
}

/// Puts units back on the shelf that were sold or held. Only for a transaction that also takes them from an order. It
/// has no bound but the shard's existence: whatever an order holds must find room.
///
/// # Errors
/// Where a value cannot be written as an attribute.
pub fn give_back(product: &ProductId, shard: u16, units: i64) -> Result<Action, StoreError> {
    Action::update(keys::stock(product, shard), "SET #remaining = #remaining + :units")
        .when("attribute_exists(#pk)")
        .value(":units", units)
}

/// Gives a shard units of another, or, of a shard that goes, what it has received.
///
/// # Errors
/// Where a value cannot be written as an attribute.
pub fn move_in(product: &ProductId, shard: u16, units: i64, received: i64) -> Result<Action, StoreError> {
    let update = "SET #remaining = #remaining + :units, #received = #received + :received";
    Action::update(keys::stock(product, shard), update)
        .when("attribute_exists(#pk)")
        .value(":units", units)?
        .value(":received", received)
}

/// Removes a shard that is still as it was seen, and empty.
///
/// # Errors
/// Where a value cannot be written as an attribute.
pub fn retire(product: &ProductId, shard: u16, seen: &Shard) -> Result<Action, StoreError> {
    Action::delete(keys::stock(product, shard))
        .when("#remaining = :none AND #received = :received")
        .value(":none", 0)?
        .value(":received", seen.received)
}

/// Changes what a sale from this shard must find.
///
/// # Errors
/// Where a value cannot be written as an attribute.
pub fn set_offer(product: &ProductId, shard: u16, offer: &Offer) -> Result<Action, StoreError> {
    let update = "SET #price = :price, #discount = :discount, #saleStatus = :status";
    Action::update(keys::stock(product, shard), update)
        .when("attribute_exists(#pk)")
        .value(":price", offer.price)?
        .value(":discount", offer.discount)?
        .value(":status", offer.status)
}
