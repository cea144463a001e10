//! The shards of a product's stock.

use super::{Action, keys, swept};
use crate::domain::{
    OrderId, ProductId,
    inventory::{Shard, Take},
    product::Offer,
    reservations::{ClaimRecord, Reservation},
    swept::Swept,
};

pub fn create(product: &ProductId, number: u16, shard: &Shard) -> Action {
    Action::create(keys::stock(product, number), shard)
}

/// Takes units from the stock, for a sale at exactly this offer.
pub fn sell(product: &ProductId, take: Take, offer: &Offer) -> Action {
    let update = Action::update(keys::stock(product, take.shard), "SET #remaining = #remaining - :units");
    if_for_sale(update, take, offer)
}

/// Reserves units for a sale at exactly this offer by one update, which advances the shard's sequence number.
///
/// Sent twice it reserves twice, and the sweep releases the orphaned reservation; no unit is ever reserved for two
/// orders.
pub fn reserve(product: &ProductId, take: Take, offer: &Offer) -> Action {
    let update = "SET #remaining = #remaining - :units, #drawn = #drawn + :units";
    if_for_sale(Action::update(keys::stock(product, take.shard), update), take, offer)
}

/// Claims a reservation for an order; refused if the reservation was voided.
pub fn claim(product: &ProductId, reservation: Reservation, order: &OrderId) -> Action {
    let claim = ClaimRecord { units: reservation.units, order_id: Some(order.clone()) };
    Action::create(keys::unit_claim(product, reservation.shard, reservation.from), &claim)
}

/// Voids a reservation, so that no order can claim it; goes together with [`give_back`].
pub fn void(product: &ProductId, reservation: Reservation) -> Action {
    let claim = ClaimRecord { units: reservation.units, order_id: None };
    Action::create(keys::unit_claim(product, reservation.shard, reservation.from), &claim)
}

/// Records the progress of the sweep of a shard; refused if another sweep has come further.
pub fn note_swept(product: &ProductId, shard: u16, swept: Swept) -> Action {
    swept::note(keys::stock(product, shard), swept)
}

fn if_for_sale(action: Action, take: Take, offer: &Offer) -> Action {
    let terms = match offer.terms {
        None => "attribute_not_exists(#saleTerms)",
        Some(_) => "#saleTerms = :terms",
    };
    let action = action
        .when(format!(
            "#remaining >= :units AND #price = :price AND #discount = :discount AND #saleStatus = :status AND {terms}"
        ))
        .value(":units", take.units)
        .value(":price", offer.price)
        .value(":discount", offer.discount)
        .value(":status", offer.status);
    match offer.terms {
        None => action,
        Some(terms) => action.value(":terms", terms),
    }
}

/// Adds received units, possibly none, to a shard that has at most `most`. Not idempotent: only for a transaction that
/// also creates something.
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

/// Takes units from a shard by hand, or to move them to another. Only for a transaction that also creates something, or
/// adds them to another shard: a repeated move leaves the total stock as it was.
pub fn withdraw(product: &ProductId, take: Take) -> Action {
    let update = "SET #remaining = #remaining - :units, #received = #received - :units";
    Action::update(keys::stock(product, take.shard), update).when("#remaining >= :units").value(":units", take.units)
}

/// Returns sold or held units to the stock. Only for a transaction that also takes them from an order. The only
/// condition is that the shard exists: the units of an order must find room.
pub fn give_back(product: &ProductId, shard: u16, units: i64) -> Action {
    Action::update(keys::stock(product, shard), "SET #remaining = #remaining + :units")
        .when("attribute_exists(#pk)")
        .value(":units", units)
}

/// Takes units for an exchange, which has no price. Only for a transaction that also gives them to an order.
pub fn take(product: &ProductId, take: Take) -> Action {
    Action::update(keys::stock(product, take.shard), "SET #remaining = #remaining - :units")
        .when("#remaining >= :units")
        .value(":units", take.units)
}

/// Adds units of another shard with their part of the number received; for a retired shard, the rest of that number.
pub fn move_in(product: &ProductId, shard: u16, units: i64, received: i64) -> Action {
    let update = "SET #remaining = #remaining + :units, #received = #received + :received";
    Action::update(keys::stock(product, shard), update)
        .when("attribute_exists(#pk)")
        .value(":units", units)
        .value(":received", received)
}

/// Removes an empty shard that is still as it was read.
pub fn retire(product: &ProductId, shard: u16, seen: &Shard) -> Action {
    Action::delete(keys::stock(product, shard))
        .when("#remaining = :none AND #received = :received AND #drawn = :drawn")
        .value(":none", 0)
        .value(":received", seen.received)
        .value(":drawn", seen.next)
}

/// Changes the offer that a sale from this shard must match to that of a version of the product; refused if the shard
/// has a later one, or is absent. Idempotent.
pub fn set_offer(product: &ProductId, shard: u16, offer: &Offer, version: u64) -> Action {
    let update = "SET #price = :price, #discount = :discount, #saleStatus = :status, #offerVersion = :version";
    let action = Action::update(keys::stock(product, shard), update);
    let action = match offer.terms {
        None => action.and_also("REMOVE #saleTerms"),
        Some(terms) => action.and_also(", #saleTerms = :terms").value(":terms", terms),
    };
    action
        .when("#offerVersion <= :version")
        .value(":version", version)
        .value(":price", offer.price)
        .value(":discount", offer.discount)
        .value(":status", offer.status)
}
