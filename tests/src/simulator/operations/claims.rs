//! Claims: returns and exchanges.

use serde_json::{Value, json};

use super::{
    super::{
        known::{Claim, Known, Line, Order},
        plan::pick,
        shape::{any, call, post},
    },
    Operation, Scene, ask, change,
    deliveries::by_shipper,
    orders::order_that,
    some,
};
use crate::limits::Chance;

/// The words of a customer, which are personal data.
pub(in crate::simulator) const WORDS: &str = "마음이 바뀌었어요, 010-1234-5678로 전화 주세요";

const REASONS: [&str; 5] = ["CHANGE_OF_MIND", "CHANGE_OF_MIND", "DEFECT", "DAMAGED", "WRONG_ITEM"];

/// A customer claims some units of an order, or all of a line; or looks at what a claim would bring.
pub(super) fn request_claim(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let arrived = |order: &Order| (0..order.lines.len()).filter(|place| order.has_arrived(*place)).collect::<Vec<_>>();
    let order = order_that(known, chance, |order| !arrived(order).is_empty())?;
    let (Order { user, id, lines, parcels, .. }, arrived) = (order, arrived(order));
    let first = some(&arrived, chance).copied().unwrap_or_else(|| pick(chance, lines.len()));
    let is_lost = (chance.below(8) == 0 || arrived.is_empty()) && !parcels.is_empty();
    let reason = if is_lost { "NOT_DELIVERED" } else { any(chance, &REASONS) };
    let kind = if chance.below(3) > 0 || (is_lost && chance.below(8) > 0) { "RETURN" } else { "EXCHANGE" };
    let some_units = |line: &Line, chance: &mut Chance| match chance.below(3) {
        0 => line.live().max(1),
        _ => 1 + chance.below(line.live().max(1)),
    };
    let mut items = vec![json!({ "itemId": (first + 1).to_string(), "quantity": some_units(&lines[first], chance) })];
    let second = pick(chance, lines.len());
    if second != first && chance.below(3) == 0 {
        items.push(json!({ "itemId": (second + 1).to_string(), "quantity": some_units(&lines[second], chance) }));
    }
    let mut body = json!({ "type": kind, "reason": reason, "items": items });
    match chance.below(4) {
        0 => body["text"] = json!(WORDS),
        1 => body["expectedTotal"] = json!(expected(kind, &lines[first], &items[0], chance)),
        _ => {}
    }
    let path = format!("/orders/{id}/claims");
    match chance.below(16) {
        0 | 1 => ask(user, post(format!("{path}?preview=true"), &body).as_user(user), false),
        2 => change("admin", post(path, &body).as_admin()),
        3 => {
            let other = scene.shape.user(chance);
            change(other, post(path, &body).as_user(other))
        }
        4 => {
            let seller = scene.shape.seller_of(&lines[first].product);
            change(seller, post(path, &body).as_seller(seller))
        }
        _ => change(user, post(path, &body).as_user(user)),
    }
}

/// A total that may be the right one.
fn expected(kind: &str, line: &Line, item: &Value, chance: &mut Chance) -> u64 {
    let goods = line.unit_cost * item["quantity"].as_u64().unwrap_or_default();
    if kind == "EXCHANGE" { 0 } else { goods.saturating_sub([0, 0, 2_500, 3_000][pick(chance, 4)]) }
}

/// An order with a claim in such a state, the claim's id, and the claim.
fn claim_that<'a>(
    known: &'a Known,
    chance: &mut Chance,
    is_so: impl Fn(&Claim) -> bool,
) -> Option<(&'a Order, &'a str, &'a Claim)> {
    let of_order = |order: &'a Order| {
        let claims = order.claims_that(&is_so).into_iter();
        claims.map(move |(id, claim)| (order, id.as_str(), claim)).collect::<Vec<_>>()
    };
    let so: Vec<_> = known.orders.iter().flat_map(of_order).collect();
    some(&so, chance).copied()
}

/// The seller of a claim's lines, an admin or a stranger accepts or refuses it.
pub(super) fn decide_claim(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let is_any = chance.below(12) == 0;
    let (order, id, claim) = claim_that(known, chance, |claim| is_any || claim.status == "REQUESTED")?;
    let mut body = json!({ "accept": chance.below(6) > 0 });
    if chance.below(6) == 0 {
        body["reason"] = json!("확인했습니다");
    }
    let line = order.line(&claim.items.first()?.0)?;
    let (who, call) = by_shipper(scene, line, post(format!("/claims/{id}/decide"), &body), chance);
    change(who, call)
}

/// The units of a claim come back, in all conditions, or do not; now and then one is not named.
pub(super) fn receive_claim(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let is_any = chance.below(12) == 0;
    let (order, id, claim) = claim_that(known, chance, |claim| is_any || claim.status == "ACCEPTED")?;
    let mut items: Vec<Value> = Vec::new();
    for (line, units) in &claim.items {
        let mut left = *units;
        for condition in ["MISSING", "UNSELLABLE", "SELLABLE"] {
            let part = if condition == "SELLABLE" { left } else { [0, 0, left.min(1), left][pick(chance, 4)] };
            left -= part;
            if part > 0 {
                items.push(json!({ "itemId": line, "quantity": part, "condition": condition }));
            }
        }
    }
    if chance.below(16) == 0 && items.len() > 1 {
        items.pop();
    }
    let line = order.line(&claim.items.first()?.0)?;
    let body = json!({ "items": items });
    let (who, call) = by_shipper(scene, line, post(format!("/claims/{id}/receive"), &body), chance);
    change(who, call)
}

/// A customer keeps the units after all: most likely those of an exchange whose replacement is held.
pub(super) fn withdraw_claim(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let is_any = chance.below(8) == 0;
    let is_open = |claim: &Claim| is_any || matches!(claim.status.as_str(), "REQUESTED" | "ACCEPTED");
    let holds_units = |claim: &Claim| claim.is_exchange && claim.status == "ACCEPTED";
    let held = if chance.below(2) == 0 { claim_that(known, chance, holds_units) } else { None };
    let (order, id, claim) = held.or_else(|| claim_that(known, chance, is_open))?;
    let call = post(format!("/claims/{id}/withdraw"), &json!({}));
    if chance.below(6) == 0 {
        let (who, call) = by_shipper(scene, order.line(&claim.items.first()?.0)?, call, chance);
        return change(who, call);
    }
    change(order.user, call.as_user(order.user))
}

/// Somebody looks at a claim.
pub(super) fn look_at_claim(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let (order, id, claim) = claim_that(known, chance, |_| true)?;
    let call = call("GET", format!("/claims/{id}"));
    if chance.below(2) == 0 {
        return ask(order.user, call.as_user(order.user), false);
    }
    let (who, call) = by_shipper(scene, order.line(&claim.items.first()?.0)?, call, chance);
    ask(who, call, false)
}
