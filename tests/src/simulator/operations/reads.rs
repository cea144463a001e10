//! Reads, walks of lists, and calls that are invalid in every state.

use serde_json::json;

use super::{
    super::{
        known::{Known, Order},
        lists::List,
        plan::pick,
        shape::{any, call, post},
    },
    Operation, Scene, ask,
    orders::order_that,
    products::SPARE,
    some,
};
use crate::limits::Chance;

pub(super) fn look(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, product, coupon) = (scene.shape.user(chance), scene.shape.product(chance), scene.shape.coupon(chance));
    let path = match chance.below(15) {
        13 => format!("/products/{product}/yours"),
        12 => "/coupons/campaigns?open=true".to_owned(),
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
            let what = any(chance, &["", "/history", "/payments", "/items/1"]);
            return ask(user, call("GET", format!("/orders/{order}{what}")).as_user(user), false);
        }
    };
    ask(user, call("GET", path).as_user(user), false)
}

/// A client reads a list to its end.
pub(super) fn walk(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let user = scene.shape.user(chance);
    Some(Operation::Walk(match chance.below(14) {
        12 => List::AllOrders([None, Some("PAID"), Some("PENDING_PAYMENT"), Some("FULLY_REFUNDED")][pick(chance, 4)]),
        13 => {
            let seller = (chance.below(2) == 0).then(|| scene.shape.seller(chance));
            let status = Some(any(chance, &["PREPARING", "PREPARING", "SHIPPED", "CANCELLED"]));
            // All lines in any state are those of all orders: a line can be shown before it has a row.
            List::DeskLines(seller, status)
        }
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
pub(super) fn look_at_desk(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, product) = (scene.shape.user(chance), scene.shape.product(chance));
    let seller = if chance.below(3) == 0 { scene.shape.seller(chance) } else { scene.shape.seller_of(product) };
    let product = if chance.below(4) == 0 { SPARE } else { product };
    let path = match chance.below(7) {
        0 | 1 => format!("/desk/products/{product}"),
        2 => "/desk/campaigns?limit=2".to_owned(),
        4 => format!("/desk/lines?limit=2&sellerId={seller}"),
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
pub(super) fn look_recently(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, product) = (scene.shape.user(chance), scene.shape.product(chance));
    let path = match chance.below(2) {
        0 => format!("/products/{product}?stock=recent"),
        _ => "/products?limit=2&stock=recent".to_owned(),
    };
    ask(user, call("GET", path).as_user(user), false)
}

/// A request that is refused in every state, derived from a valid one.
pub(super) fn invalid_call(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
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
