//! What people do, by a weighted model.

use serde_json::{Value, json};

use super::{
    clients::Known,
    plan::pick,
    shape::{COUPONS, PRODUCTS, SELLER, USERS, any, call, new_coupon, new_product, new_user, post},
    world::World,
};
use crate::{Call, limits::Chance};

/// Something that somebody does.
#[derive(Debug)]
pub(super) enum Act {
    /// A customer, a seller or an admin asks the API for something.
    Ask(Ask),
    /// The minute's sweep of what is overdue.
    SweepDue,
    /// The minute's marks of coupons that have expired.
    ExpireCoupons,
    /// The minute's sweep of shelves.
    SweepShelves,
    /// The minute's sweep of burnt tickets.
    SweepTickets,
    /// The rebuild of the bestsellers.
    RebuildSales,
    /// The minute's refresh of the ranks.
    RefreshRanks,
}

/// A call of the API.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) who: &'static str,
    pub(super) call: Call,
    /// Whether it changes something by POST, so that a key tells a repetition.
    pub(super) takes_key: bool,
}

/// Thinks of something to do, if there is anything yet to do it to.
type Idea = fn(&World, &Known, &mut Chance) -> Option<Act>;

/// What can be done, each with how often.
const WEIGHTS: [(u64, Idea); 23] = [
    (16, order_now),
    (8, order_later),
    (9, order_outside),
    (4, order_cart),
    (5, draw_up_sheet),
    (6, order_sheet),
    (9, pay),
    (6, cancel_whole),
    (7, cancel_part),
    (8, move_line),
    (8, charge),
    (11, issue),
    (2, revoke),
    (6, add_to_cart),
    (3, restock),
    (6, change_product),
    (2, set_user),
    (10, look),
    (2, other),
    (6, sweep),
    (2, rebuild_sales),
    (2, refresh_ranks),
    (2, give_away),
];

/// What somebody does, as chance has it.
pub(super) fn choose(world: &World, chance: &mut Chance) -> Act {
    let known = world.known.lock().unwrap();
    loop {
        let mut drawn = chance.below(WEIGHTS.iter().map(|(weight, _)| weight).sum());
        for (weight, act) in WEIGHTS {
            if drawn < weight {
                // Where there is nothing yet to do it to, something else is done.
                if let Some(act) = act(world, &known, chance) {
                    return act;
                }
                break;
            }
            drawn -= weight;
        }
    }
}

fn ask(who: &'static str, call: Call, takes_key: bool) -> Option<Act> {
    Some(Act::Ask(Ask { who, call, takes_key }))
}

fn change(who: &'static str, call: Call) -> Option<Act> {
    ask(who, call, true)
}

fn some_items(chance: &mut Chance) -> Vec<Value> {
    let first = pick(chance, PRODUCTS.len());
    let lines = if chance.below(3) == 0 { 2 } else { 1 };
    let item = |chance: &mut Chance, number: usize| json!({ "productId": PRODUCTS[(first + number) % PRODUCTS.len()], "quantity": 1 + chance.below(3) });
    (0..lines).map(|number| item(chance, number)).collect()
}

/// Somebody, and a coupon for what they do, if any: most likely one that they have.
fn with_coupon(known: &Known, chance: &mut Chance) -> (&'static str, Option<&'static str>) {
    match chance.below(6) {
        0 | 1 if !known.coupons.is_empty() => {
            let (user, coupon) = known.coupons[pick(chance, known.coupons.len())];
            (user, Some(coupon))
        }
        2 => (any(chance, &USERS), Some(any(chance, &COUPONS))),
        _ => (any(chance, &USERS), None),
    }
}

fn order(known: &Known, chance: &mut Chance, payment: &str) -> Option<Act> {
    let (user, coupon) = with_coupon(known, chance);
    let body = json!({ "userId": user, "items": some_items(chance), "couponId": coupon, "payment": payment });
    change(user, post("/orders", &body))
}

fn order_now(_: &World, known: &Known, chance: &mut Chance) -> Option<Act> {
    order(known, chance, "BALANCE")
}

fn order_later(_: &World, known: &Known, chance: &mut Chance) -> Option<Act> {
    order(known, chance, "LATER")
}

fn order_outside(_: &World, known: &Known, chance: &mut Chance) -> Option<Act> {
    order(known, chance, "EXTERNAL")
}

fn order_cart(_: &World, known: &Known, chance: &mut Chance) -> Option<Act> {
    let (user, coupon) = with_coupon(known, chance);
    let payment = any(chance, &["BALANCE", "LATER"]);
    change(user, post("/orders", &json!({ "userId": user, "fromCart": true, "couponId": coupon, "payment": payment })))
}

fn draw_up_sheet(_: &World, known: &Known, chance: &mut Chance) -> Option<Act> {
    let (user, coupon) = with_coupon(known, chance);
    let body = match chance.below(3) {
        0 => json!({ "userId": user, "fromCart": true, "couponId": coupon }),
        _ => json!({ "userId": user, "items": some_items(chance), "couponId": coupon }),
    };
    change(user, post("/order-sheets", &body))
}

fn order_sheet(_: &World, known: &Known, chance: &mut Chance) -> Option<Act> {
    let (user, sheet) = some(&known.sheets, chance)?;
    let payment = any(chance, &["BALANCE", "LATER", "EXTERNAL"]);
    change(user, post("/orders", &json!({ "userId": user, "orderSheetId": sheet, "payment": payment })))
}

/// One of a list, most likely a late one.
fn some<'a, T>(list: &'a [T], chance: &mut Chance) -> Option<&'a T> {
    let most = list.len().min(if chance.below(4) > 0 { 3 } else { usize::MAX });
    (most > 0).then(|| &list[list.len() - 1 - pick(chance, most)])
}

fn pay(_: &World, known: &Known, chance: &mut Chance) -> Option<Act> {
    let (user, order, _) = some(&known.orders, chance)?;
    change(user, call("POST", format!("/orders/{order}/payment")).as_user(user))
}

fn cancel_whole(_: &World, known: &Known, chance: &mut Chance) -> Option<Act> {
    let (user, order, _) = some(&known.orders, chance)?;
    change(user, post(format!("/orders/{order}/cancel"), &json!({})).as_user(user))
}

fn cancel_part(_: &World, known: &Known, chance: &mut Chance) -> Option<Act> {
    let (user, order, lines) = some(&known.orders, chance)?;
    let line = (1 + pick(chance, *lines)).to_string();
    let body = json!({ "items": [{ "itemId": line, "quantity": 1 + chance.below(2) }] });
    change(user, post(format!("/orders/{order}/cancel"), &body).as_user(user))
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

fn move_line(_: &World, known: &Known, chance: &mut Chance) -> Option<Act> {
    let (user, order, lines) = some(&known.orders, chance)?;
    let line = 1 + pick(chance, *lines);
    let call = call("PATCH", format!("/orders/{order}/items/{line}")).json(&json!({ "status": any(chance, &MOVES) }));
    match chance.below(3) {
        0 => ask(user, call.as_user(user), false),
        1 => ask(SELLER, call.as_seller(SELLER), false),
        _ => ask("admin", call.as_admin(), false),
    }
}

fn charge(_: &World, _: &Known, chance: &mut Chance) -> Option<Act> {
    let user = any(chance, &USERS);
    let amount = 100 * (1 + chance.below(300));
    change(user, post("/balance/charge", &json!({ "userId": user, "amount": amount })))
}

fn issue(_: &World, _: &Known, chance: &mut Chance) -> Option<Act> {
    let user = any(chance, &USERS);
    change(user, post("/coupons/issue", &json!({ "userId": user, "couponId": any(chance, &COUPONS) })))
}

fn revoke(_: &World, _: &Known, chance: &mut Chance) -> Option<Act> {
    let body = json!({ "userId": any(chance, &USERS), "couponId": any(chance, &COUPONS) });
    change("admin", post("/coupons/revoke", &body).as_admin())
}

fn add_to_cart(_: &World, _: &Known, chance: &mut Chance) -> Option<Act> {
    let (user, product) = (any(chance, &USERS), any(chance, &PRODUCTS));
    match chance.below(4) {
        0 => ask(user, call("DELETE", format!("/orders/cart/{product}")).as_user(user), false),
        _ => {
            let body = json!({ "userId": user, "productId": product, "quantity": 1 + chance.below(2) });
            change(user, post("/orders/cart", &body))
        }
    }
}

fn restock(_: &World, _: &Known, chance: &mut Chance) -> Option<Act> {
    let quantity = [1, 2, 5, -1, -2][pick(chance, 5)];
    let call = post(format!("/products/{}/restock", any(chance, &PRODUCTS)), &json!({ "quantity": quantity }));
    change(SELLER, call.as_seller(SELLER))
}

fn change_product(_: &World, _: &Known, chance: &mut Chance) -> Option<Act> {
    let body = match chance.below(4) {
        0 => json!({ "price": 1_000 * (2 + chance.below(10)), "discount": 500 }),
        1 => json!({ "status": any(chance, &["ON_SALE", "ON_SALE", "DISCONTINUED", "HIDDEN"]) }),
        2 => {
            let body = json!({ "stockShards": 1 + chance.below(4), "flash": chance.below(2) == 0 });
            let call = call("PATCH", format!("/products/{}", any(chance, &PRODUCTS))).json(&body);
            return ask("admin", call.as_admin(), false);
        }
        _ => json!({ "status": "ON_SALE", "name": "새 이름" }),
    };
    ask(SELLER, call("PATCH", format!("/products/{}", any(chance, &PRODUCTS))).json(&body).as_seller(SELLER), false)
}

fn set_user(_: &World, _: &Known, chance: &mut Chance) -> Option<Act> {
    let status = any(chance, &["ACTIVE", "ACTIVE", "SUSPENDED"]);
    let call = call("PATCH", format!("/users/{}", any(chance, &USERS))).json(&json!({ "status": status }));
    ask("admin", call.as_admin(), false)
}

fn look(_: &World, known: &Known, chance: &mut Chance) -> Option<Act> {
    let (user, product, coupon) = (any(chance, &USERS), any(chance, &PRODUCTS), any(chance, &COUPONS));
    let path = match chance.below(13) {
        0 => format!("/users/{user}"),
        1 | 2 => format!("/balance/{user}"),
        3 => format!("/balance/{user}/entries?limit=5"),
        4 => "/products?limit=2".to_owned(),
        5 => format!("/products/{product}"),
        6 => "/products/top".to_owned(),
        7 => format!("/coupons?userId={user}&status=ALL"),
        8 => format!("/coupons/{coupon}"),
        9 => format!("/orders?userId={user}"),
        10 => "/orders/cart".to_owned(),
        11 => {
            let (user, sheet) = some(&known.sheets, chance)?;
            return ask(user, call("GET", format!("/order-sheets/{sheet}")).as_user(user), false);
        }
        _ => {
            let (user, order, _) = some(&known.orders, chance)?;
            let what = any(chance, &["", "/history", "/payments"]);
            return ask(user, call("GET", format!("/orders/{order}{what}")).as_user(user), false);
        }
    };
    ask(user, call("GET", path).as_user(user), false)
}

fn rebuild_sales(_: &World, _: &Known, _: &mut Chance) -> Option<Act> {
    Some(Act::RebuildSales)
}

fn sweep(_: &World, _: &Known, chance: &mut Chance) -> Option<Act> {
    Some(match chance.below(6) {
        0 => Act::SweepDue,
        1 => Act::SweepTickets,
        2 => Act::ExpireCoupons,
        _ => Act::SweepShelves,
    })
}

fn other(world: &World, _: &Known, chance: &mut Chance) -> Option<Act> {
    let (user, product, coupon) = (any(chance, &USERS), any(chance, &PRODUCTS), any(chance, &COUPONS));
    match chance.below(3) {
        0 => change(user, post("/users", &new_user(user))),
        1 => change("admin", post("/products", &new_product(chance, product)).as_admin()),
        _ => change("admin", post("/coupons", &new_coupon(world, chance, coupon)).as_admin()),
    }
}

fn refresh_ranks(_: &World, _: &Known, _: &mut Chance) -> Option<Act> {
    Some(Act::RefreshRanks)
}

/// A product costs nothing from now on.
fn give_away(_: &World, _: &Known, chance: &mut Chance) -> Option<Act> {
    let body = json!({ "price": 1_000, "discount": 1_000, "status": "ON_SALE" });
    ask(SELLER, call("PATCH", format!("/products/{}", any(chance, &PRODUCTS))).json(&body).as_seller(SELLER), false)
}
