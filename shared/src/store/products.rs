//! Products' descriptions.

use super::{
    Action,
    keys::{self, BY_TIME},
    swept,
};
use crate::domain::{ProductId, product::Product, swept::SweepPlan};

pub fn create(product: &Product) -> Action {
    listed(Action::create(keys::product(&product.product_id), product), product)
}

/// Replaces a product that still has the version that was read.
pub fn replace(seen: &Product, now: &Product) -> Action {
    let put = Action::put(keys::product(&now.product_id), now);
    listed(put.when("#version = :seen").value(":seen", seen.version), now)
}

/// Plans the next look of the sweep; refused if another was planned since. The version stays: nothing that a reader of the
/// product relies on has changed.
pub fn plan_sweep(id: &ProductId, seen: SweepPlan, next: SweepPlan) -> Action {
    let update = swept::plan(keys::product(id), next, |from| keys::inventory_by_expiry(id, from));
    update.when("#sweepFrom = :seen").value(":seen", seen.from.map(|from| from.as_millisecond()))
}

/// Plans a look of the sweep for sooner; refused if it is to come as soon, or there is nothing to sweep.
pub fn hasten_sweep(id: &ProductId, next: SweepPlan) -> Action {
    let update = swept::plan(keys::product(id), next, |from| keys::inventory_by_expiry(id, from));
    update.when("#sweepFrom > :from")
}

/// Asserts that a product still has the version that was read, or still is absent.
pub fn check_unchanged(id: &ProductId, seen: Option<&Product>) -> Action {
    match seen {
        None => Action::check_absent(keys::product(id)),
        Some(seen) => Action::check(keys::product(id)).when("#version = :seen").value(":seen", seen.version),
    }
}

/// Adds a product to the list of its sale status; refused if it is in it, or has another version than was read. The
/// version stays: nothing that a reader of the product knows has changed.
pub fn set_listed(seen: &Product) -> Action {
    let (id, list) = (&seen.product_id, BY_TIME.pk);
    let place = keys::product_by_time(seen.offer.status, seen.created_at, id);
    Action::move_in_index(keys::product(id), BY_TIME, place)
        .when(format!("#version = :seen AND (attribute_not_exists(#{list}) OR #{list} <> :list)"))
        .value(":seen", seen.version)
}

/// Each product is in the list of its sale status. It is in the expiry index only while a sweep of its inventory is
/// needed.
fn listed(put: Action, product: &Product) -> Action {
    let id = &product.product_id;
    let mut put = put.index_by_time(keys::product_by_time(product.offer.status, product.created_at, id));
    if let Some(from) = product.sweep.from {
        put = put.index_by_expiry(keys::inventory_by_expiry(id, from));
    }
    put
}
