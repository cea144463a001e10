//! The bestsellers of a quiescent shop, against a recount of all orders.

use std::{cmp::Reverse, collections::BTreeMap};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    lists::answered,
    quiesce::{number, text},
    reference::day,
    shape::call,
    world::World,
};
use crate::limits::Chance;

/// A little more than the greatest difference of clocks. Within it of midnight two functions can count other days.
const SKEW: SignedDuration = SignedDuration::from_secs(15);

/// Compares the bestsellers with the orders, after all sales are counted.
pub(super) async fn check(world: &World, mut chance: Chance) {
    let now = world.now();
    if day(now - SKEW) != day(now + SKEW) {
        return;
    }
    let ask = call("GET", "/products/top").as_user("mina");
    let Some((_, answer)) = answered(world, "last look", ask, &mut chance).await else {
        return world.report_violation("the bestsellers are not answered".to_owned());
    };
    let items = answer.body["data"]["items"].as_array().into_iter().flatten();
    let shown: Vec<(String, i64)> = items
        .map(|item| {
            (item["productId"].as_str().unwrap_or_default().to_owned(), item["soldQuantity"].as_i64().unwrap_or(0))
        })
        .collect();
    let expected = recount(&world.table.latest(), now);
    if shown != expected {
        world.report_violation(format!("the bestsellers are shown as {shown:?}, and a recount comes to {expected:?}"));
    }
}

/// The five products on sale with the most units in three days of Seoul. Cancelled units and units that cost nothing
/// are left out.
fn recount(items: &[Value], now: Timestamp) -> Vec<(String, i64)> {
    let mut sold: BTreeMap<&str, (i64, Timestamp)> = BTreeMap::new();
    for order in items.iter().filter(|item| item["sk"]["S"] == "ORDER" && item["paidAt"].is_object()) {
        let paid_at = Timestamp::from_millisecond(number(order, "paidAt")).expect("an instant");
        if (day(now) - day(paid_at)).get_days() >= 3 {
            continue;
        }
        let lines = order["items"]["L"].as_array().into_iter().flatten().map(|line| &line["M"]);
        for line in lines.filter(|line| number(line, "unitPrice") > number(line, "unitDiscount")) {
            let (units, last) = sold.entry(text(line, "productId")).or_insert((0, paid_at));
            *units += number(line, "quantity") - number(line, "cancelledQuantity");
            *last = paid_at.max(*last);
        }
    }
    let is_on_sale = |id: &str| {
        let mut products = items.iter().filter(|item| item["sk"]["S"] == "PRODUCT");
        products.any(|product| text(product, "productId") == id && text(product, "saleStatus") == "ON_SALE")
    };
    let mut best: Vec<_> = sold.into_iter().filter(|(id, (units, _))| *units > 0 && is_on_sale(id)).collect();
    best.sort_by_key(|(id, (units, last))| (Reverse(*units), Reverse(*last), *id));
    best.into_iter().take(5).map(|(id, (units, _))| (id.to_owned(), units)).collect()
}
