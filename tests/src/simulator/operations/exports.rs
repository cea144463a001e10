//! Exports: files of rows.

use serde_json::json;

use super::{
    super::{
        known::Known,
        plan::pick,
        shape::{any, call, post},
    },
    Operation, Scene, ask, change, some,
};
use crate::limits::Chance;

/// A user, a seller or an admin asks for a file; now and then for one that is not theirs.
pub(super) fn export(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let to = if chance.below(4) == 0 { "2026-11-20T15:00:00Z" } else { "2026-12-20T00:00:00Z" };
    let wanted = |of: &str| json!({ "of": of, "from": "2026-11-20T00:00:00Z", "to": to });
    let user = scene.shape.user(chance);
    match chance.below(6) {
        0 | 1 => change(user, post("/exports", &wanted("MINE")).as_user(user)),
        2 => {
            let seller = scene.shape.seller(chance);
            change(seller, post("/exports", &wanted(any(chance, &["ORDERS", "PRODUCTS"]))).as_seller(seller))
        }
        3 => {
            let mut body = wanted("MINE");
            body["userId"] = json!(user);
            change("admin", post("/exports", &body).as_admin())
        }
        4 => change("admin", post("/exports", &wanted(any(chance, &["ORDERS", "LEDGER", "PRODUCTS"]))).as_admin()),
        _ => change(user, post("/exports", &wanted("LEDGER")).as_user(user)),
    }
}

/// The owner of an export, an admin or another looks at it.
pub(super) fn look_at_export(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, id) = some(&known.exports, chance)?;
    let call = call("GET", format!("/exports/{id}"));
    match pick(chance, 4) {
        0 => ask("admin", call.as_admin(), false),
        1 => {
            let other = scene.shape.user(chance);
            ask(other, call.as_user(other), false)
        }
        _ => ask(user, call.as_user(user), false),
    }
}
