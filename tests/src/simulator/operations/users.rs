//! Changes of users, their balances and their coupons.

use jiff::SignedDuration;
use serde_json::json;

use super::{
    super::{
        known::Known,
        shape::{any, call, post},
    },
    Operation, Scene, ask, change, some,
};
use crate::limits::Chance;

pub(super) fn charge(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let user = scene.shape.user(chance);
    let amount = 100 * (1 + chance.below(300));
    change(user, post("/balance/charge", &json!({ "userId": user, "amount": amount })))
}

pub(super) fn issue(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let user = scene.shape.user(chance);
    change(user, post("/coupons/issue", &json!({ "userId": user, "couponId": scene.shape.coupon(chance) })))
}

pub(super) fn revoke(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, coupon) = match chance.below(3) {
        0 => (scene.shape.user(chance), scene.shape.coupon(chance)),
        _ => *some(&known.coupons, chance)?,
    };
    change("admin", post("/coupons/revoke", &json!({ "userId": user, "couponId": coupon })).as_admin())
}

/// A campaign is paused, goes on, gets more coupons or another end, or ends for good.
pub(super) fn change_campaign(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let body = match chance.below(12) {
        0..=2 => json!({ "status": "PAUSED" }),
        3..=6 => json!({ "status": "ACTIVE" }),
        7 | 8 => json!({ "addQuantity": 1 + chance.below(3) }),
        9 => {
            let seconds = i64::try_from(chance.below(1_500)).unwrap() + 10;
            json!({ "issueUntil": scene.now + SignedDuration::from_secs(seconds) })
        }
        10 => json!({ "description": "이틀만", "addQuantity": 1 }),
        _ => json!({ "status": "ENDED" }),
    };
    change("admin", call("PATCH", format!("/coupons/{}", scene.shape.coupon(chance))).json(&body).as_admin())
}

pub(super) fn set_user(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let status = any(chance, &["ACTIVE", "ACTIVE", "SUSPENDED"]);
    let call = call("PATCH", format!("/users/{}", scene.shape.user(chance))).json(&json!({ "status": status }));
    ask("admin", call.as_admin(), false)
}

/// A seller is suspended, withdraws, or is back: mostly the last.
pub(super) fn set_seller(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let status = any(chance, &["ACTIVE", "ACTIVE", "ACTIVE", "SUSPENDED", "WITHDRAWN"]);
    let call = call("PATCH", format!("/users/{}", scene.shape.seller(chance))).json(&json!({ "status": status }));
    ask("admin", call.as_admin(), false)
}

/// Fewer addresses than users, two of them the same but for their case.
const EMAILS: [&str; 4] = ["one@example.com", "ONE@example.com", "two@example.com", "mina@example.com"];

/// A change of a user: the address, an optional field, withdrawal and return; now and then on a condition that fails.
pub(super) fn change_user(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let body = match chance.below(7) {
        0..=2 => json!({ "email": any(chance, &EMAILS) }),
        3 => json!({ "phone": null, "name": "새 이름" }),
        4 => json!({ "phone": "010-1234-5678" }),
        5 => json!({ "status": "WITHDRAWN" }),
        _ => json!({ "status": "ACTIVE" }),
    };
    let call = call("PATCH", format!("/users/{}", scene.shape.user(chance))).json(&body).as_admin();
    let call = match chance.below(8) {
        0 => call.header("if-match", "\"stale\""),
        1 => call.header("if-match", "*"),
        _ => call,
    };
    ask("admin", call, false)
}

/// A user leaves, with or without the rest of their money. Most have something open.
pub(super) fn leave(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let user = scene.shape.user(chance);
    let call = post(format!("/users/{user}/withdraw"), &json!({ "forfeit": chance.below(3) > 0 }));
    change("admin", call.as_admin())
}

/// A user moves, or has no address any more.
pub(super) fn move_house(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let address = match chance.below(4) {
        0 => json!(null),
        1 => json!("종로 1"),
        number => json!({ "postcode": "04524", "line1": format!("세종대로 {number}") }),
    };
    let user = scene.shape.user(chance);
    let call = call("PATCH", format!("/users/{user}")).json(&json!({ "address": address }));
    ask(user, call.as_user(user), false)
}

/// A newcomer joins, with an address that may be taken.
pub(super) fn join(_: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let (id, email) = (any(chance, &["yuna", "bora"]), any(chance, &EMAILS));
    change("admin", post("/users", &json!({ "userId": id, "name": "최보라", "email": email })).as_admin())
}

/// So much that many orders can be paid from it.
pub(super) fn charge_much(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let user = scene.shape.user(chance);
    change(user, post("/balance/charge", &json!({ "userId": user, "amount": 500_000 })))
}
