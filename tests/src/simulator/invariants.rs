//! The invariants of a single item, checked with every change of the table.

use serde_json::Value;

use super::{quiesce::number, settings::RunSettings};

/// The most bytes of an item in DynamoDB.
const ITEM_BYTES: usize = 400 * 1024;

/// The bounds and signs that an item violates.
pub(super) fn violations(settings: &RunSettings, item: &Value) -> Vec<String> {
    let (bounds, caps) = (settings.bounds, settings.policy.caps);
    let below_zero = |name: &str| (number(item, name) < 0).then(|| format!("{name} is below zero"));
    let above = |name: &str, what: i64, most: i64| (what > most).then(|| format!("{name} is {what}, above {most}"));
    let mut violations = match item["sk"]["S"].as_str().unwrap_or_default() {
        // No customer orders for another here, so caps apply to every order.
        "ACCOUNT" => vec![
            below_zero("balance"),
            below_zero("heldOrders"),
            below_zero("heldUnits"),
            above("heldOrders", number(item, "heldOrders"), caps.pending_orders),
            above("heldUnits", number(item, "heldUnits"), caps.held_units),
            above("failedPayments", number(item, "failedPayments"), caps.failed_payments),
        ],
        // A shard may have received less than zero units in sum, once it has sold units of other shards.
        "STOCK" => vec![below_zero("remaining")],
        "COUNTER" => vec![above("next", number(item, "next"), number(item, "limit"))],
        "CART" => {
            let products = item["items"]["M"].as_object().map_or(0, serde_json::Map::len);
            vec![above("products", i64::try_from(products).unwrap(), bounds.cart_items.into())]
        }
        "ORDER" => {
            let entries = item["history"]["L"].as_array().map_or(0, Vec::len);
            // An entry has a weight of at least 4, and the end of a pending order always has room.
            let most = bounds.history.system / 4 + 1;
            vec![above("entries of the history", i64::try_from(entries).unwrap(), i64::try_from(most).unwrap())]
        }
        _ => Vec::new(),
    };
    let bytes = if item["sk"]["S"] == "ORDER" { item.to_string().len() } else { 0 };
    violations.push((bytes > 2 * ITEM_BYTES).then(|| format!("it takes {bytes} bytes of JSON")));
    let key = || format!("{}/{}", item["pk"]["S"].as_str().unwrap_or_default(), item["sk"]["S"]);
    violations.into_iter().flatten().map(|violation| format!("{}: {violation}", key())).collect()
}
