//! Carts, order sheets and orders.

use serde_json::{Value, json};
use shared::domain::order::{Actor, LineStatus, TRANSITIONS};

use super::{
    super::{
        known::{Known, Line, Order},
        plan::pick,
        shape::{any, call, post},
    },
    Operation, Request, Scene, ask, change, some,
};
use crate::limits::Chance;

fn some_items(scene: &Scene, chance: &mut Chance) -> Vec<Value> {
    let lines = if chance.below(3) == 0 { 2 } else { 1 };
    items(scene, lines, chance)
}

/// So many products, adjacent in the shop's list.
pub(super) fn items(scene: &Scene, lines: usize, chance: &mut Chance) -> Vec<Value> {
    let products = scene.shape.products;
    let first = scene.shape.product(chance);
    let first = products.iter().position(|product| *product == first).unwrap_or(0);
    let item = |chance: &mut Chance, number: usize| json!({ "productId": products[(first + number) % products.len()], "quantity": 1 + chance.below(3) });
    (0..lines.min(products.len())).map(|number| item(chance, number)).collect()
}

/// A user, and a coupon for the operation or none: most likely one that the user has.
fn with_coupon(scene: &Scene, known: &Known, chance: &mut Chance) -> (&'static str, Option<&'static str>) {
    match chance.below(6) {
        0 | 1 if !known.coupons.is_empty() => {
            let (user, coupon) = known.coupons[pick(chance, known.coupons.len())];
            (user, Some(coupon))
        }
        2 => (scene.shape.user(chance), Some(scene.shape.coupon(chance))),
        _ => (scene.shape.user(chance), None),
    }
}

pub(super) fn order(scene: &Scene, known: &Known, chance: &mut Chance, payment: &str) -> Option<Operation> {
    let (user, coupon) = with_coupon(scene, known, chance);
    let body = json!({ "userId": user, "items": some_items(scene, chance), "couponId": coupon, "payment": payment });
    change(user, post("/orders", &body))
}

pub(super) fn order_now(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    order(scene, known, chance, "BALANCE")
}

pub(super) fn order_later(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    order(scene, known, chance, "LATER")
}

/// An order that is paid outside; a part of it perhaps from the balance.
pub(super) fn order_outside(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    if chance.below(2) == 0 {
        return order(scene, known, chance, "EXTERNAL");
    }
    let (user, coupon) = with_coupon(scene, known, chance);
    let (items, amount) = (some_items(scene, chance), chance.below(9_000));
    let body = json!({
        "userId": user, "items": items, "couponId": coupon, "payment": "EXTERNAL", "balanceAmount": amount,
    });
    change(user, post("/orders", &body))
}

pub(super) fn order_cart(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, coupon) = with_coupon(scene, known, chance);
    let payment = any(chance, &["BALANCE", "LATER"]);
    change(user, post("/orders", &json!({ "userId": user, "fromCart": true, "couponId": coupon, "payment": payment })))
}

pub(super) fn create_sheet(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, coupon) = with_coupon(scene, known, chance);
    let body = match chance.below(3) {
        0 => json!({ "userId": user, "fromCart": true, "couponId": coupon }),
        _ => json!({ "userId": user, "items": some_items(scene, chance), "couponId": coupon }),
    };
    change(user, post("/order-sheets", &body))
}

pub(super) fn order_sheet(_: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, sheet) = some(&known.sheets, chance)?;
    let payment = any(chance, &["BALANCE", "LATER", "EXTERNAL"]);
    change(user, post("/orders", &json!({ "userId": user, "orderSheetId": sheet, "payment": payment })))
}

/// An order from an answer. Most likely `is_so` held in its last answer.
pub(super) fn order_that<'a>(
    known: &'a Known,
    chance: &mut Chance,
    is_so: impl Fn(&Order) -> bool,
) -> Option<&'a Order> {
    let so: Vec<&Order> = known.orders.iter().filter(|order| is_so(order)).collect();
    if so.is_empty() || chance.below(4) == 0 { some(&known.orders, chance) } else { some(&so, chance).copied() }
}

pub(super) fn pay(_: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let waits = |order: &Order| order.status == "PENDING_PAYMENT" && !order.is_external;
    let Order { user, id, .. } = order_that(known, chance, waits)?;
    change(user, call("POST", format!("/orders/{id}/payment")).as_user(user))
}

pub(super) fn cancel_whole(_: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let Order { user, id, .. } = order_that(known, chance, can_be_cancelled)?;
    change(user, post(format!("/orders/{id}/cancel"), &json!({})).as_user(user))
}

/// An order is shipped to one of two addresses.
pub(super) fn readdress(_: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let Order { user, id, .. } = order_that(known, chance, can_be_cancelled)?;
    let address = json!({ "postcode": "04524", "line1": any(chance, &["세종대로 110", "센텀로 1"]) });
    let call = call("PATCH", format!("/orders/{id}")).json(&json!({ "shipTo": address }));
    ask(user, call.as_user(user), false)
}

fn can_be_cancelled(order: &Order) -> bool {
    ["PENDING_PAYMENT", "PAID", "PARTIALLY_CANCELLED"].contains(&order.status.as_str())
}

pub(super) fn cancel_part(_: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let Order { user, id, lines, .. } = order_that(known, chance, can_be_cancelled)?;
    let line = (1 + pick(chance, lines.len())).to_string();
    let body = json!({ "items": [{ "itemId": line, "quantity": 1 + chance.below(2) }] });
    change(user, post(format!("/orders/{id}/cancel"), &body).as_user(user))
}

/// Most of the ways that lines take, and some that none does.
const MOVES: [&str; 10] = [
    "SHIPPED",
    "SHIPPED",
    "IN_DELIVERY",
    "DELIVERED",
    "PURCHASE_CONFIRMED",
    "RETURN_REQUESTED",
    "RETURN_IN_PROGRESS",
    "RETURNED",
    "EXCHANGE_REQUESTED",
    "CANCELLED",
];

pub(super) fn move_line(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let Order { user, id, lines, .. } = order_that(known, chance, |order| {
        ["PAID", "PARTIALLY_CANCELLED", "COMPLETED"].contains(&order.status.as_str())
    })?;
    let number = pick(chance, lines.len());
    let Line { product, status, .. } = &lines[number];
    let edges = edges_from(status);
    let (to, by) = match edges.len() {
        0 => (any(chance, &MOVES).to_owned(), Actor::Admin),
        _ if chance.below(4) == 0 => {
            let by = [Actor::Customer, Actor::Seller, Actor::Admin][pick(chance, 3)];
            (any(chance, &MOVES).to_owned(), by)
        }
        count => edges[pick(chance, count)].clone(),
    };
    let call = call("PATCH", format!("/orders/{id}/items/{}", number + 1)).json(&json!({ "status": to }));
    match by {
        Actor::Customer => ask(user, call.as_user(user), false),
        Actor::Seller => {
            let whose = if chance.below(8) == 0 { scene.shape.seller(chance) } else { scene.shape.seller_of(product) };
            ask(whose, call.as_seller(whose), false)
        }
        Actor::Admin | Actor::System => ask("admin", call.as_admin(), false),
    }
}

/// The states that follow a line's state, each with the actor of the step.
fn edges_from(status: &str) -> Vec<(String, Actor)> {
    let name = |status: LineStatus| serde_json::to_value(status).expect("a state has a name");
    let leaving = TRANSITIONS.iter().filter(|edge| name(edge.from) == status);
    leaving.filter_map(|edge| Some((name(edge.to).as_str()?.to_owned(), edge.by))).collect()
}

pub(super) fn add_to_cart(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, product) = (scene.shape.user(chance), scene.shape.product(chance));
    match chance.below(4) {
        0 => ask(user, call("DELETE", format!("/orders/cart/{product}")).as_user(user), false),
        _ => {
            let body = json!({ "userId": user, "productId": product, "quantity": 1 + chance.below(2) });
            change(user, post("/orders/cart", &body))
        }
    }
}

/// An order of many products.
pub(super) fn order_many(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, coupon) = with_coupon(scene, known, chance);
    let lines = 2 + pick(chance, scene.shape.most_lines - 1);
    let payment = any(chance, &["BALANCE", "BALANCE", "LATER"]);
    let body = json!({ "userId": user, "items": items(scene, lines, chance), "couponId": coupon, "payment": payment });
    change(user, post("/orders", &body))
}

/// A user who is an admin for the moment pays or cancels another's order.
pub(super) fn change_order_without_role(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let Order { user: owner, id: order, .. } = order_that(known, chance, can_be_cancelled)?;
    let who = scene.shape.user(chance);
    if who == *owner {
        return None;
    }
    let (what, body) = match chance.below(3) {
        0 => ("payment", json!({})),
        1 => ("cancel", json!({})),
        _ => ("cancel", json!({ "items": [{ "itemId": "1", "quantity": 1 }] })),
    };
    let call = call("POST", format!("/orders/{order}/{what}"));
    let call = if what == "cancel" { call.json(&body) } else { call };
    Some(Operation::WithoutRole(Request {
        who,
        call: call.as_user(who).header("x-user-role", "ADMIN"),
        takes_key: true,
    }))
}

/// An order at an earlier price, which may be another by now.
pub(super) fn order_expecting(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, product) = (scene.shape.user(chance), scene.shape.product(chance));
    let price = known.registers.some_unit_cost(product, chance)?;
    let items = json!([{ "productId": product, "quantity": 1 + chance.below(2), "expectedPrice": price }]);
    let payment = any(chance, &["BALANCE", "LATER"]);
    change(user, post("/orders", &json!({ "userId": user, "items": items, "payment": payment })))
}
