//! Parcels, and the terms on which sellers ship.

use serde_json::{Value, json};

use super::{
    super::{
        known::{Known, Line, Order},
        plan::pick,
        shape::{any, call, post},
    },
    Operation, Scene, ask, change,
    orders::order_that,
    some,
};
use crate::{Call, limits::Chance};

/// Units of a line, of two, or all that is left of an order, are handed to a carrier.
pub(super) fn ship(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let is_paid = |order: &Order| {
        let is_open = ["PAID", "PARTIALLY_CANCELLED"].contains(&order.status.as_str());
        is_open && (0..order.lines.len()).any(|place| order.to_ship(place) > 0)
    };
    let order = order_that(known, chance, is_paid)?;
    let (id, lines) = (&order.id, &order.lines);
    let seller_of = |line: &Line| scene.shape.seller_of(&line.product);
    let left: Vec<usize> = (0..lines.len()).filter(|place| order.to_ship(*place) > 0).collect();
    let first = some(&left, chance).copied().unwrap_or_else(|| pick(chance, lines.len()));
    let mut items: Vec<Value> = Vec::new();
    if chance.below(2) == 0 {
        let left = left.into_iter().filter(|place| seller_of(&lines[*place]) == seller_of(&lines[first]));
        items.extend(left.map(|place| item(place + 1, order.to_ship(place))));
    } else {
        items.push(item(first + 1, 1 + chance.below(2)));
        let second = pick(chance, lines.len());
        if second != first {
            items.push(item(second + 1, 1));
        }
    }
    if items.is_empty() {
        return None;
    }
    let body = json!({ "items": items, "carrier": "CJ", "trackingNumber": "1" });
    let (who, call) = by_shipper(scene, &lines[first], post(format!("/orders/{id}/parcels"), &body), chance);
    change(who, call)
}

fn item(number: usize, units: u64) -> Value {
    json!({ "itemId": number.to_string(), "quantity": units })
}

/// A call by an admin or the seller of a line; now and then by another seller, or by a customer.
pub(super) fn by_shipper(scene: &Scene, line: &Line, call: Call, chance: &mut Chance) -> (&'static str, Call) {
    match chance.below(16) {
        0 => {
            let seller = scene.shape.seller(chance);
            (seller, call.as_seller(seller))
        }
        1 => {
            let user = scene.shape.user(chance);
            (user, call.as_user(user))
        }
        number if number % 2 == 0 => ("admin", call.as_admin()),
        _ => {
            let seller = scene.shape.seller_of(&line.product);
            (seller, call.as_seller(seller))
        }
    }
}

/// The replacement of an exchange is handed to a carrier, all of it or a part.
pub(super) fn ship_replacement(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let waits = |order: &&Order| !order.claims_that(|claim| claim.status == "RECEIVED").is_empty();
    let orders: Vec<&Order> = known.orders.iter().filter(waits).collect();
    let order = some(&orders, chance)?;
    let claims = order.claims_that(|claim| claim.status == "RECEIVED");
    let (id, claim) = claims[pick(chance, claims.len())];
    let most = if chance.below(4) == 0 { 1 } else { u64::MAX };
    let items =
        claim.replacement().into_iter().map(|(line, units)| json!({ "itemId": line, "quantity": units.min(most) }));
    let items: Vec<Value> = items.collect();
    let line = order.line(items.first()?["itemId"].as_str()?)?;
    let body = json!({ "items": items, "carrier": "CJ", "trackingNumber": "2", "claimId": id });
    let (who, call) = by_shipper(scene, line, post(format!("/orders/{}/parcels", order.id), &body), chance);
    change(who, call)
}

/// A parcel moves on, most likely one that has not arrived.
pub(super) fn move_parcel(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let is_under_way = |order: &Order| order.parcels.iter().any(|parcel| parcel.status != "DELIVERED");
    let order = order_that(known, chance, is_under_way)?;
    let open: Vec<usize> =
        (0..order.parcels.len()).filter(|place| order.parcels[*place].status != "DELIVERED").collect();
    let place = match chance.below(6) {
        0 => pick(chance, order.parcels.len() + 1),
        _ => *some(&open, chance)?,
    };
    let to = any(chance, &["SHIPPED", "IN_DELIVERY", "DELIVERED", "DELIVERED", "DELIVERED", "DELIVERED"]);
    let call = call("PATCH", format!("/orders/{}/parcels/{}", order.id, place + 1)).json(&json!({ "status": to }));
    let line = order.parcels.get(place).and_then(|it| order.lines.get(it.items.first()?.0.checked_sub(1)?));
    let (who, call) = match line {
        Some(line) => by_shipper(scene, line, call, chance),
        None => ("admin", call.as_admin()),
    };
    ask(who, call, false)
}

/// A seller sets the terms on which they ship, or somebody looks at them.
pub(super) fn set_terms(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let (seller, other) = (scene.shape.seller(chance), scene.shape.seller(chance));
    let path = format!("/sellers/{seller}/shipping");
    let terms = json!({
        "fee": chance.below(4_000), "freeFrom": chance.below(20_000), "returnFee": 100 * chance.below(50),
    });
    match chance.below(8) {
        0 => ask(other, call("GET", path).as_seller(other), false),
        1 => ask(other, call("PUT", path).json(&terms).as_seller(other), false),
        2 => ask("admin", call("PUT", path).json(&terms).as_admin(), false),
        _ => ask(seller, call("PUT", path).json(&terms).as_seller(seller), false),
    }
}

/// A seller looks up the address of an order: most likely the seller of a line.
pub(super) fn look_up_address(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let Order { user, id, lines, .. } = some(&known.orders, chance)?;
    let call = call("GET", format!("/orders/{id}/ship-to"));
    if chance.below(4) == 0 {
        return ask(user, call.as_user(user), false);
    }
    let (who, call) = by_shipper(scene, lines.first()?, call, chance);
    ask(who, call, false)
}
