//! The operations of customers, sellers and admins, by a weighted model.

use functions::schedule::sweep::Task;
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::domain::order::{Actor, LineStatus, TRANSITIONS};

use super::{
    clients::{Known, Order},
    lists::List,
    plan::{Theme, pick},
    shape::{Shape, any, call, new_coupon, new_product, new_user, post, shards},
    world::World,
};
use crate::{Call, limits::Chance};

/// One operation of a run.
#[derive(Debug)]
pub(super) enum Operation {
    /// A customer, a seller or an admin calls the API.
    Ask(Ask),
    /// A task of the sweep, each minute.
    Sweep(Task),
    /// The rebuild of the bestsellers.
    RebuildSales,
    /// A client reads a list to its end.
    Walk(List),
    /// A caller with a role calls the API, and repeats that when the role is gone.
    WithoutRole(Ask),
    /// The minute's refresh of the ranks.
    RefreshRanks,
    /// A call that is invalid in every state and must be refused.
    Invalid(Call),
}

/// A call of the API.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) who: &'static str,
    pub(super) call: Call,
    /// Whether the call is a POST with an effect, so that a key identifies its repetition.
    pub(super) takes_key: bool,
}

/// Generates an operation, if there is already a thing to operate on.
type Generator = fn(&Scene, &Known, &mut Chance) -> Option<Operation>;

/// The things that operations are chosen among, and the instant.
struct Scene {
    shape: Shape,
    now: Timestamp,
}

/// The generators, each with its weight.
const WEIGHTS: [(u64, Generator); 35] = [
    (16, order_now),
    (8, order_later),
    (9, order_outside),
    (4, order_cart),
    (5, create_sheet),
    (6, order_sheet),
    (7, pay),
    (6, cancel_whole),
    (7, cancel_part),
    (10, move_line),
    (8, charge),
    (11, issue),
    (3, revoke),
    (6, add_to_cart),
    (3, restock),
    (6, change_product),
    (2, set_user),
    (2, set_seller),
    (10, look),
    (2, other),
    (6, sweep),
    (2, rebuild_sales),
    (4, change_user),
    (2, join),
    (4, order_many),
    (6, walk),
    (2, change_order_without_role),
    (2, change_product_without_role),
    (3, rename),
    (2, refresh_ranks),
    (2, give_away),
    (2, invalid_call),
    (4, order_expecting),
    (4, look_at_desk),
    (4, look_recently),
];

/// The generators of a trickle for one product.
const PRODUCT_WEIGHTS: [(u64, Generator); 9] = [
    (16, order_now),
    (6, add_to_cart),
    (2, create_sheet),
    (3, charge_much),
    (3, restock_much),
    (2, rename),
    (2, change_product),
    (4, toggle_sale),
    (1, look),
];

/// The generators of a trickle for one user.
const USER_WEIGHTS: [(u64, Generator); 14] = [
    (6, order_now),
    (6, order_later),
    (2, order_outside),
    (4, pay),
    (3, cancel_whole),
    (3, charge),
    (2, charge_much),
    (3, issue),
    (2, add_to_cart),
    (2, order_cart),
    (2, restock_much),
    (6, set_user),
    (6, change_user),
    (1, look),
];

/// Chooses an operation by chance.
pub(super) fn choose(world: &World, theme: Theme, chance: &mut Chance) -> Operation {
    let known = world.known.lock().unwrap();
    let (weights, shape) = match theme {
        Theme::All => (WEIGHTS.as_slice(), world.shape),
        Theme::Product(place) => (PRODUCT_WEIGHTS.as_slice(), world.shape.of_one_product(place)),
        Theme::User(place) => (USER_WEIGHTS.as_slice(), world.shape.of_one_user(place)),
    };
    let scene = &Scene { shape, now: world.now() };
    loop {
        let mut roll = chance.below(weights.iter().map(|(weight, _)| weight).sum());
        for &(weight, generator) in weights {
            if roll < weight {
                // Another generator is tried if there is nothing to operate on yet.
                if let Some(operation) = generator(scene, &known, chance) {
                    return operation;
                }
                break;
            }
            roll -= weight;
        }
    }
}

fn ask(who: &'static str, call: Call, takes_key: bool) -> Option<Operation> {
    Some(Operation::Ask(Ask { who, call, takes_key }))
}

fn change(who: &'static str, call: Call) -> Option<Operation> {
    ask(who, call, true)
}

fn some_items(scene: &Scene, chance: &mut Chance) -> Vec<Value> {
    let lines = if chance.below(3) == 0 { 2 } else { 1 };
    items(scene, lines, chance)
}

/// So many products, adjacent in the shop's list.
fn items(scene: &Scene, lines: usize, chance: &mut Chance) -> Vec<Value> {
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

fn order(scene: &Scene, known: &Known, chance: &mut Chance, payment: &str) -> Option<Operation> {
    let (user, coupon) = with_coupon(scene, known, chance);
    let body = json!({ "userId": user, "items": some_items(scene, chance), "couponId": coupon, "payment": payment });
    change(user, post("/orders", &body))
}

fn order_now(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    order(scene, known, chance, "BALANCE")
}

fn order_later(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    order(scene, known, chance, "LATER")
}

fn order_outside(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    order(scene, known, chance, "EXTERNAL")
}

fn order_cart(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, coupon) = with_coupon(scene, known, chance);
    let payment = any(chance, &["BALANCE", "LATER"]);
    change(user, post("/orders", &json!({ "userId": user, "fromCart": true, "couponId": coupon, "payment": payment })))
}

fn create_sheet(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, coupon) = with_coupon(scene, known, chance);
    let body = match chance.below(3) {
        0 => json!({ "userId": user, "fromCart": true, "couponId": coupon }),
        _ => json!({ "userId": user, "items": some_items(scene, chance), "couponId": coupon }),
    };
    change(user, post("/order-sheets", &body))
}

fn order_sheet(_: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, sheet) = some(&known.sheets, chance)?;
    let payment = any(chance, &["BALANCE", "LATER", "EXTERNAL"]);
    change(user, post("/orders", &json!({ "userId": user, "orderSheetId": sheet, "payment": payment })))
}

/// One of a list, most likely a late one.
fn some<'a, T>(list: &'a [T], chance: &mut Chance) -> Option<&'a T> {
    let most = list.len().min(if chance.below(4) > 0 { 3 } else { usize::MAX });
    (most > 0).then(|| &list[list.len() - 1 - pick(chance, most)])
}

/// An order from an answer. Most likely `is_so` held in its last answer.
fn order_that<'a>(known: &'a Known, chance: &mut Chance, is_so: impl Fn(&Order) -> bool) -> Option<&'a Order> {
    let so: Vec<&Order> = known.orders.iter().filter(|order| is_so(order)).collect();
    if so.is_empty() || chance.below(4) == 0 { some(&known.orders, chance) } else { some(&so, chance).copied() }
}

fn pay(_: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let waits = |order: &Order| order.status == "PENDING_PAYMENT" && !order.is_external;
    let Order { user, id, .. } = order_that(known, chance, waits)?;
    change(user, call("POST", format!("/orders/{id}/payment")).as_user(user))
}

fn cancel_whole(_: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let Order { user, id, .. } = order_that(known, chance, can_be_cancelled)?;
    change(user, post(format!("/orders/{id}/cancel"), &json!({})).as_user(user))
}

fn can_be_cancelled(order: &Order) -> bool {
    ["PENDING_PAYMENT", "PAID", "PARTIALLY_CANCELLED"].contains(&order.status.as_str())
}

fn cancel_part(_: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
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

fn move_line(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let Order { user, id, lines, .. } = order_that(known, chance, |order| {
        ["PAID", "PARTIALLY_CANCELLED", "COMPLETED"].contains(&order.status.as_str())
    })?;
    let number = pick(chance, lines.len());
    let (product, status) = &lines[number];
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

fn charge(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let user = scene.shape.user(chance);
    let amount = 100 * (1 + chance.below(300));
    change(user, post("/balance/charge", &json!({ "userId": user, "amount": amount })))
}

fn issue(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let user = scene.shape.user(chance);
    change(user, post("/coupons/issue", &json!({ "userId": user, "couponId": scene.shape.coupon(chance) })))
}

fn revoke(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, coupon) = match chance.below(3) {
        0 => (scene.shape.user(chance), scene.shape.coupon(chance)),
        _ => *some(&known.coupons, chance)?,
    };
    change("admin", post("/coupons/revoke", &json!({ "userId": user, "couponId": coupon })).as_admin())
}

fn add_to_cart(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, product) = (scene.shape.user(chance), scene.shape.product(chance));
    match chance.below(4) {
        0 => ask(user, call("DELETE", format!("/orders/cart/{product}")).as_user(user), false),
        _ => {
            let body = json!({ "userId": user, "productId": product, "quantity": 1 + chance.below(2) });
            change(user, post("/orders/cart", &body))
        }
    }
}

fn restock(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
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
fn owner(scene: &Scene, product: &str, chance: &mut Chance) -> &'static str {
    match chance.below(10) {
        0 => "admin",
        1 => scene.shape.seller(chance),
        _ => scene.shape.seller_of(product),
    }
}

fn by_owner(scene: &Scene, who: &str, call: Call) -> Call {
    if scene.shape.sellers.contains(&who) { call.as_seller(who) } else { call.as_admin() }
}

fn change_product(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let body = match chance.below(4) {
        0 => json!({ "price": 1_000 * (2 + chance.below(10)), "discount": 500 }),
        1 => json!({ "status": any(chance, &["ON_SALE", "ON_SALE", "DISCONTINUED", "HIDDEN"]) }),
        2 => {
            let body = json!({ "stockShards": shards(chance, &scene.shape), "flash": chance.below(2) == 0 });
            let call = call("PATCH", format!("/products/{}", scene.shape.product(chance))).json(&body);
            return ask("admin", call.as_admin(), false);
        }
        _ => json!({ "status": "ON_SALE", "name": "새 이름" }),
    };
    let product = if chance.below(10) == 0 { SPARE } else { scene.shape.product(chance) };
    let who = owner(scene, product, chance);
    let call = call("PATCH", format!("/products/{product}")).json(&body);
    ask(who, by_owner(scene, who, call), false)
}

/// A product that sells goes off sale, or comes back.
fn toggle_sale(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let product = scene.shape.product(chance);
    let body = json!({ "status": any(chance, &["ON_SALE", "ON_SALE", "DISCONTINUED"]) });
    let seller = scene.shape.seller_of(product);
    ask(seller, call("PATCH", format!("/products/{product}")).json(&body).as_seller(seller), false)
}

fn set_user(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let status = any(chance, &["ACTIVE", "ACTIVE", "SUSPENDED"]);
    let call = call("PATCH", format!("/users/{}", scene.shape.user(chance))).json(&json!({ "status": status }));
    ask("admin", call.as_admin(), false)
}

/// A seller is suspended, withdraws, or is back: mostly the last.
fn set_seller(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let status = any(chance, &["ACTIVE", "ACTIVE", "ACTIVE", "SUSPENDED", "WITHDRAWN"]);
    let call = call("PATCH", format!("/users/{}", scene.shape.seller(chance))).json(&json!({ "status": status }));
    ask("admin", call.as_admin(), false)
}

fn look(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, product, coupon) = (scene.shape.user(chance), scene.shape.product(chance), scene.shape.coupon(chance));
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
            let Order { user, id: order, .. } = some(&known.orders, chance)?;
            let what = any(chance, &["", "/history", "/payments"]);
            return ask(user, call("GET", format!("/orders/{order}{what}")).as_user(user), false);
        }
    };
    ask(user, call("GET", path).as_user(user), false)
}

fn rebuild_sales(_: &Scene, _: &Known, _: &mut Chance) -> Option<Operation> {
    Some(Operation::RebuildSales)
}

fn sweep(_: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    Some(match chance.below(6) {
        0 => Operation::Sweep(Task::Expiry),
        1 => Operation::Sweep(Task::Tickets),
        2 => Operation::Sweep(Task::Coupons),
        _ => Operation::Sweep(Task::Inventory),
    })
}

/// A product that no shop is seeded with: it is created hidden, if at all.
const SPARE: &str = "spare";

fn other(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, product, coupon) = (scene.shape.user(chance), scene.shape.product(chance), scene.shape.coupon(chance));
    match chance.below(3) {
        0 => change(user, post("/users", &new_user(user))),
        1 => {
            let mut new = new_product(chance, &scene.shape, product);
            if chance.below(2) == 0 {
                // In a seeded shop this one is new.
                new["productId"] = json!(SPARE);
                new["sellerId"] = json!(scene.shape.seller_of(SPARE));
                new["status"] = json!("HIDDEN");
            }
            change("admin", post("/products", &new).as_admin())
        }
        _ => change("admin", post("/coupons", &new_coupon(scene.now, &scene.shape, chance, coupon)).as_admin()),
    }
}

/// Fewer addresses than users, two of them the same but for their case.
const EMAILS: [&str; 4] = ["one@example.com", "ONE@example.com", "two@example.com", "mina@example.com"];

/// A change of a user: the address, an optional field, withdrawal and return; now and then on a condition that fails.
fn change_user(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
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

/// A newcomer joins, with an address that may be taken.
fn join(_: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let (id, email) = (any(chance, &["yuna", "bora"]), any(chance, &EMAILS));
    change("admin", post("/users", &json!({ "userId": id, "name": "최보라", "email": email })).as_admin())
}

/// An order of many products.
fn order_many(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, coupon) = with_coupon(scene, known, chance);
    let lines = 2 + pick(chance, scene.shape.most_lines - 1);
    let payment = any(chance, &["BALANCE", "BALANCE", "LATER"]);
    let body = json!({ "userId": user, "items": items(scene, lines, chance), "couponId": coupon, "payment": payment });
    change(user, post("/orders", &body))
}

/// A client reads a list to its end.
fn walk(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let user = scene.shape.user(chance);
    Some(Operation::Walk(match chance.below(12) {
        0 => List::Products,
        1 => List::ProductPages,
        8 => List::RecentProducts,
        9 => List::DeskProducts(None, desk_status(chance)),
        10 => List::DeskProducts(Some(scene.shape.seller(chance)), desk_status(chance)),
        11 => List::DeskCampaigns,
        2 => List::Orders(user),
        3 | 4 => List::Coupons(user, any(chance, &["USABLE", "USED", "EXPIRED", "REVOKED", "ALL", "ALL"])),
        5 => List::Entries(user),
        6 => List::Cart(user),
        _ => {
            let Order { user, id, .. } = order_that(known, chance, |order| order.is_external)?;
            List::Payments(user, id.clone())
        }
    }))
}

/// A sale status to ask the desk for, most likely none.
fn desk_status(chance: &mut Chance) -> Option<&'static str> {
    [None, None, Some("ON_SALE"), Some("DISCONTINUED"), Some("HIDDEN")][pick(chance, 5)]
}

/// A look at the desk, also by callers without access.
fn look_at_desk(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, product) = (scene.shape.user(chance), scene.shape.product(chance));
    let seller = if chance.below(3) == 0 { scene.shape.seller(chance) } else { scene.shape.seller_of(product) };
    let product = if chance.below(4) == 0 { SPARE } else { product };
    let path = match chance.below(6) {
        0 | 1 => format!("/desk/products/{product}"),
        2 => "/desk/campaigns?limit=2".to_owned(),
        3 => format!("/desk/products?limit=2&sellerId={seller}"),
        _ => {
            let status = desk_status(chance).map_or_else(String::new, |status| format!("&status={status}"));
            format!("/desk/products?limit=2{status}")
        }
    };
    let (who, call) = match chance.below(8) {
        0 => (user, call("GET", path).as_user(user)),
        1..=3 => ("admin", call("GET", path).as_admin()),
        _ => (seller, call("GET", path).as_seller(seller)),
    };
    ask(who, call, false)
}

/// A look at recent stock.
fn look_recently(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, product) = (scene.shape.user(chance), scene.shape.product(chance));
    let path = match chance.below(2) {
        0 => format!("/products/{product}?stock=recent"),
        _ => "/products?limit=2&stock=recent".to_owned(),
    };
    ask(user, call("GET", path).as_user(user), false)
}

/// A user who is an admin for the moment pays or cancels another's order.
fn change_order_without_role(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
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
    Some(Operation::WithoutRole(Ask { who, call: call.as_user(who).header("x-user-role", "ADMIN"), takes_key: true }))
}

/// A seller restocks, and is a seller no longer.
fn change_product_without_role(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let (who, call) = restocked(scene, chance);
    (who != "admin").then(|| Operation::WithoutRole(Ask { who, call: call.as_seller(who), takes_key: true }))
}

/// A product gets a name that no product has had.
fn rename(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let product = scene.shape.product(chance);
    let body = json!({ "name": format!("이름 {}", chance.below(1_000_000)) });
    let who = scene.shape.seller_of(product);
    ask(who, call("PATCH", format!("/products/{product}")).json(&body).as_seller(who), false)
}

/// So much that many orders can be paid from it.
fn charge_much(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let user = scene.shape.user(chance);
    change(user, post("/balance/charge", &json!({ "userId": user, "amount": 500_000 })))
}

/// So many units that many orders can take from them.
fn restock_much(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let product = scene.shape.product(chance);
    let seller = scene.shape.seller_of(product);
    change(seller, post(format!("/products/{product}/restock"), &json!({ "quantity": 30 })).as_seller(seller))
}

fn refresh_ranks(_: &Scene, _: &Known, _: &mut Chance) -> Option<Operation> {
    Some(Operation::RefreshRanks)
}

/// A product costs nothing from now on.
fn give_away(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let product = scene.shape.product(chance);
    let seller = scene.shape.seller_of(product);
    let body = json!({ "price": 1_000, "discount": 1_000, "status": "ON_SALE" });
    ask(seller, call("PATCH", format!("/products/{product}")).json(&body).as_seller(seller), false)
}

/// A request that is refused in every state, derived from a valid one.
fn invalid_call(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, product, coupon) = (scene.shape.user(chance), scene.shape.product(chance), scene.shape.coupon(chance));
    let raw = |path: &str, body: String| call("POST", path).body(body).header("content-type", "application/json");
    let order = some(&known.orders, chance).map_or("order", |order| &order.id);
    let call = match chance.below(16) {
        13 => call("GET", format!("/products/{product}?stock=fresh")).as_user(user),
        14 => call("GET", "/desk/products?status=SOLD_OUT").as_admin(),
        0 => call("GET", format!("/orders?userId={user}&cursor=AAAA")).as_user(user),
        1 => call("GET", "/products?cursor=").as_user(user),
        2 => call("GET", format!("/coupons?userId={user}&status=SPENT")).as_user(user),
        3 => call("GET", format!("/balance/{user}/entries?limit=101")).as_user(user),
        4 => call("GET", "/products?limt=5").as_user(user),
        5 => raw("/balance/charge", format!(r#"{{"userId":"{user}","amount":100,"amount":99999900}}"#)),
        6 => raw("/balance/charge", format!(r#"{{"userId":"{user}","amount":150}}"#)),
        7 => post("/orders", &json!({ "userId": user, "items": [] })),
        8 => post("/orders", &json!({ "userId": user, "items": [{ "productId": product, "quantity": 1_000 }] })),
        9 => post("/orders", &json!({ "userId": user, "fromCart": true, "orderSheetId": "sheet" })),
        10 => post(format!("/orders/{order}/cancel"), &json!({ "items": null })).as_user(user),
        11 => post("/coupons/issue", &json!({ "userId": user, "couponId": coupon, "quantity": 2 })),
        12 => call("PATCH", format!("/products/{product}")).json(&json!({ "name": "\u{202e}" })).as_admin(),
        _ => call("PATCH", format!("/products/{product}")).json(&json!({ "price": null })).as_admin(),
    };
    Some(Operation::Invalid(call))
}

/// An order at an earlier price, which may be another by now.
fn order_expecting(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, product) = (scene.shape.user(chance), scene.shape.product(chance));
    let price = known.registers.some_unit_cost(product, chance)?;
    let items = json!([{ "productId": product, "quantity": 1 + chance.below(2), "expectedPrice": price }]);
    let payment = any(chance, &["BALANCE", "LATER"]);
    change(user, post("/orders", &json!({ "userId": user, "items": items, "payment": payment })))
}
