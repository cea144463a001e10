//! Changes of products and their stock.

use serde_json::{Value, json};

use super::{
    super::{
        known::Known,
        plan::pick,
        shape::{any, call, post, shards, some_limit, some_offers, some_window},
    },
    Operation, Request, Scene, ask, change,
};
use crate::{Call, limits::Chance};

pub(super) fn restock(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let (who, call) = restocked(scene, chance);
    change(who, by_owner(scene, who, call))
}

/// A restock by any caller.
fn restocked(scene: &Scene, chance: &mut Chance) -> (&'static str, Call) {
    let (product, quantity) = (scene.shape.product(chance), [1, 2, 5, -1, -2][pick(chance, 5)]);
    let call = post(format!("/products/{product}/restock"), &json!({ "quantity": quantity }));
    (owner(scene, product, chance), call)
}

/// Most likely the seller of a product; now and then another seller, or an admin.
pub(super) fn owner(scene: &Scene, product: &str, chance: &mut Chance) -> &'static str {
    match chance.below(10) {
        0 => "admin",
        1 => scene.shape.seller(chance),
        _ => scene.shape.seller_of(product),
    }
}

fn by_owner(scene: &Scene, who: &str, call: Call) -> Call {
    if scene.shape.sellers.contains(&who) { call.as_seller(who) } else { call.as_admin() }
}

pub(super) fn change_product(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let body = match chance.below(7) {
        0 => json!({ "price": 1_000 * (2 + chance.below(10)), "discount": 500 }),
        1 => json!({ "status": any(chance, &["ON_SALE", "ON_SALE", "DISCONTINUED", "HIDDEN"]) }),
        2 => {
            let mut body = json!({ "stockShards": shards(chance, &scene.shape), "flash": chance.below(2) == 0 });
            if chance.below(3) == 0 {
                body["stockShards"] = Value::Null;
            }
            let call = call("PATCH", format!("/products/{}", scene.shape.product(chance))).json(&body);
            return ask("admin", call.as_admin(), false);
        }
        3 => {
            let limit = if chance.below(3) == 0 { Value::Null } else { some_limit(chance) };
            json!({ "status": "ON_SALE", "limit": limit })
        }
        5 => {
            let offers = if chance.below(3) == 0 { Value::Null } else { some_offers(chance, scene.now) };
            json!({ "status": "ON_SALE", "offers": offers })
        }
        4 => {
            let window = (chance.below(2) == 0).then(|| some_window(chance, scene.now));
            let (from, until) = window.unwrap_or((Value::Null, Value::Null));
            json!({ "status": "ON_SALE", "saleFrom": from, "saleUntil": until })
        }
        _ => json!({ "status": "ON_SALE", "name": "새 이름" }),
    };
    let product = if chance.below(10) == 0 { SPARE } else { scene.shape.product(chance) };
    let who = owner(scene, product, chance);
    let call = call("PATCH", format!("/products/{product}")).json(&body);
    ask(who, by_owner(scene, who, call), false)
}

/// A product that sells goes off sale, or comes back.
pub(super) fn toggle_sale(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let product = scene.shape.product(chance);
    let body = json!({ "status": any(chance, &["ON_SALE", "ON_SALE", "DISCONTINUED"]) });
    let seller = scene.shape.seller_of(product);
    ask(seller, call("PATCH", format!("/products/{product}")).json(&body).as_seller(seller), false)
}

/// A product that no shop is seeded with: it is created hidden, if at all.
pub(super) const SPARE: &str = "spare";

/// A seller restocks, and is a seller no longer.
pub(super) fn change_product_without_role(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let (who, call) = restocked(scene, chance);
    (who != "admin").then(|| Operation::WithoutRole(Request { who, call: call.as_seller(who), takes_key: true }))
}

/// A product gets a name that no product has had.
pub(super) fn rename(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let product = scene.shape.product(chance);
    let body = json!({ "name": format!("이름 {}", chance.below(1_000_000)) });
    let who = scene.shape.seller_of(product);
    ask(who, call("PATCH", format!("/products/{product}")).json(&body).as_seller(who), false)
}

/// So many units that many orders can take from them.
pub(super) fn restock_much(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let product = scene.shape.product(chance);
    let seller = scene.shape.seller_of(product);
    change(seller, post(format!("/products/{product}/restock"), &json!({ "quantity": 30 })).as_seller(seller))
}

/// A product costs nothing from now on.
pub(super) fn give_away(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let product = scene.shape.product(chance);
    let seller = scene.shape.seller_of(product);
    let body = json!({ "price": 1_000, "discount": 1_000, "status": "ON_SALE" });
    ask(seller, call("PATCH", format!("/products/{product}")).json(&body).as_seller(seller), false)
}
