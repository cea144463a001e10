//! The waiting lines of drops, and the tickets on orders and issues.

use jiff::SignedDuration;
use serde_json::json;

use super::{
    super::{
        known::{Known, Ticket},
        plan::pick,
        shape::{any, call, post},
    },
    Operation, Request, Scene, ask, change, some,
};
use crate::limits::Chance;

/// The drop of a product, and that of a campaign.
const OF_PRODUCT: &str = "friday";
const OF_COUPON: &str = "monday";

/// An admin sets a drop: mostly the usual one of the first product or campaign, now and then one that conflicts with it.
pub(super) fn set_drop(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let (drop, target) = match chance.below(10) {
        0 => (OF_PRODUCT, json!({ "couponId": scene.shape.coupon(chance) })),
        1 => (OF_COUPON, json!({ "productId": scene.shape.product(chance) })),
        2..5 => (OF_COUPON, json!({ "couponId": scene.shape.coupons[0] })),
        _ => (OF_PRODUCT, json!({ "productId": scene.shape.products[0] })),
    };
    let mut body = target;
    let opens_in = [-3_600, -3_600, -3_600, 0, 30, 400][pick(chance, 6)];
    body["opensAt"] = json!((scene.now + SignedDuration::from_secs(opens_in)).to_string());
    body["enabled"] = json!(chance.below(6) > 0);
    ask("admin", call("PUT", format!("/drops/{drop}")).json(&body).as_admin(), false)
}

pub(super) fn enter_drop(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, drop) = (scene.shape.user(chance), if chance.below(3) > 0 { OF_PRODUCT } else { OF_COUPON });
    change(user, post(format!("/drops/{drop}/entries"), &json!({})).as_user(user))
}

/// A customer looks at the line by a ticket: most likely by an own one.
pub(super) fn look_at_line(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let Ticket { user, drop, text } = some(&known.tickets, chance)?;
    let (who, drop) = match chance.below(16) {
        0 => (scene.shape.user(chance), drop.as_str()),
        1 => (*user, OF_COUPON),
        _ => (*user, drop.as_str()),
    };
    ask(who, call("GET", format!("/drops/{drop}/entries?ticket={text}")).as_user(who), false)
}

/// A customer with a ticket asks for what the drop guards, perhaps again. [`with_ticket`] adds a ticket.
pub(super) fn ask_for_guarded(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let Ticket { user, drop, .. } = some(&known.tickets, chance)?;
    if drop == OF_COUPON {
        return change(user, post("/coupons/issue", &json!({ "userId": user, "couponId": scene.shape.coupons[0] })));
    }
    let items = json!([{ "productId": scene.shape.products[0], "quantity": 1 }]);
    change(
        user,
        post("/orders", &json!({ "userId": user, "items": items, "payment": any(chance, &["BALANCE", "LATER"]) })),
    )
}

/// Someone looks at a drop.
pub(super) fn get_drop(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, drop) = (scene.shape.user(chance), if chance.below(2) > 0 { OF_PRODUCT } else { OF_COUPON });
    ask(user, call("GET", format!("/drops/{drop}")).as_user(user), false)
}

/// Adds a ticket to an order or an issue, if there is one: most likely a late one of the user and of the usual drop.
pub(super) fn with_ticket(operation: Operation, known: &Known, chance: &mut Chance) -> Operation {
    let Operation::Request(request) = operation else { return operation };
    let usual = match request.call.function() {
        "create-order" => OF_PRODUCT,
        "issue-coupon" => OF_COUPON,
        _ => return Operation::Request(request),
    };
    if known.tickets.is_empty() || chance.below(12) == 0 {
        return Operation::Request(request);
    }
    let is_any = chance.below(12) == 0;
    let fits = |ticket: &&Ticket| is_any || (ticket.user == request.who && ticket.drop == usual);
    let tickets: Vec<&Ticket> = known.tickets.iter().filter(fits).collect();
    Operation::Request(match some(&tickets, chance) {
        Some(ticket) => Request { call: request.call.header("x-drop-ticket", &ticket.text), ..request },
        None => request,
    })
}
