//! The shelf's shards.

use super::{Action, keys, swept};
use crate::domain::{
    OrderId, ProductId,
    inventory::{Shard, Take},
    product::Offer,
    reservations::{ClaimRecord, Reservation},
    swept::Swept,
};

/// Adds a shard to a shelf.
pub fn create(product: &ProductId, number: u16, shard: &Shard) -> Action {
    Action::create(keys::stock(product, number), shard)
}

/// Takes units off the shelf, for a sale at exactly this offer.
pub fn sell(product: &ProductId, take: Take, offer: &Offer) -> Action {
    let update = Action::update(keys::stock(product, take.shard), "SET #remaining = #remaining - :units");
    if_for_sale(update, take, offer)
}

/// Draws units for a sale at exactly this offer, by itself: the shard is then by one draw further. Sent twice it draws
/// twice, and what nobody claims goes back; no unit is ever drawn for two.
pub fn reserve(product: &ProductId, take: Take, offer: &Offer) -> Action {
    let update = "SET #remaining = #remaining - :units, #drawn = #drawn + :units";
    if_for_sale(Action::update(keys::stock(product, take.shard), update), take, offer)
}

/// Claims units that were drawn for an order; refused where they went back to the shelf.
pub fn claim(product: &ProductId, reservation: Reservation, order: &OrderId) -> Action {
    let claim = ClaimRecord { units: reservation.units, order_id: Some(order.clone()) };
    Action::create(keys::unit_claim(product, reservation.shard, reservation.from), &claim)
}

/// Makes sure that nobody claims units that were drawn, any more; goes together with [`give_back`].
pub fn void(product: &ProductId, reservation: Reservation) -> Action {
    let claim = ClaimRecord { units: reservation.units, order_id: None };
    Action::create(keys::unit_claim(product, reservation.shard, reservation.from), &claim)
}

/// Notes how far a shard was swept; refused where another sweep has come further.
pub fn note_swept(product: &ProductId, shard: u16, swept: Swept) -> Action {
    swept::note(keys::stock(product, shard), swept)
}

/// Asserts that the units could be sold at this offer.
pub fn check_for_sale(product: &ProductId, take: Take, offer: &Offer) -> Action {
    if_for_sale(Action::check(keys::stock(product, take.shard)), take, offer)
}

fn if_for_sale(action: Action, take: Take, offer: &Offer) -> Action {
    action
        .when("#remaining >= :units AND #price = :price AND #discount = :discount AND #saleStatus = :status")
        .value(":units", take.units)
        .value(":price", offer.price)
        .value(":discount", offer.discount)
        .value(":status", offer.status)
}

/// Puts units on a shard that came in, if any, where it has no more than `most` yet. Only for a transaction that also creates
/// something: repeated by itself it would count twice.
pub fn receive(product: &ProductId, shard: u16, units: i64, most: i64) -> Action {
    let key = keys::stock(product, shard);
    let action = if units == 0 {
        Action::check(key)
    } else {
        let update = "SET #remaining = #remaining + :units, #received = #received + :units";
        Action::update(key, update).value(":units", units)
    };
    action.when("#remaining <= :most").value(":most", most)
}

/// Takes units off a shard by hand, or to go to another. Only for a transaction that also creates something, or puts
/// them on another shard: repeated, that one moves as many again, and the shelf has what it had.
pub fn withdraw(product: &ProductId, take: Take) -> Action {
    let update = "SET #remaining = #remaining - :units, #received = #received - :units";
    Action::update(keys::stock(product, take.shard), update).when("#remaining >= :units").value(":units", take.units)
}

/// Puts units back on the shelf that were sold or held. Only for a transaction that also takes them from an order. It
/// has no bound but the shard's existence: whatever an order holds must find room.
pub fn give_back(product: &ProductId, shard: u16, units: i64) -> Action {
    Action::update(keys::stock(product, shard), "SET #remaining = #remaining + :units")
        .when("attribute_exists(#pk)")
        .value(":units", units)
}

/// Gives a shard units of another, or, of a shard that goes, what it has received.
pub fn move_in(product: &ProductId, shard: u16, units: i64, received: i64) -> Action {
    let update = "SET #remaining = #remaining + :units, #received = #received + :received";
    Action::update(keys::stock(product, shard), update)
        .when("attribute_exists(#pk)")
        .value(":units", units)
        .value(":received", received)
}

/// Removes a shard that is still as it was seen, and empty.
pub fn retire(product: &ProductId, shard: u16, seen: &Shard) -> Action {
    Action::delete(keys::stock(product, shard))
        .when("#remaining = :none AND #received = :received AND #drawn = :drawn")
        .value(":none", 0)
        .value(":received", seen.received)
        .value(":drawn", seen.next)
}

/// Changes what a sale from this shard must find to the offer of this version of the product; refused where it has that of
/// a later one, or is gone. Twice is as good as once.
pub fn set_offer(product: &ProductId, shard: u16, offer: &Offer, version: u64) -> Action {
    let update = "SET #price = :price, #discount = :discount, #saleStatus = :status, #offerVersion = :version";
    Action::update(keys::stock(product, shard), update)
        .when("#offerVersion <= :version")
        .value(":version", version)
        .value(":price", offer.price)
        .value(":discount", offer.discount)
        .value(":status", offer.status)
}
