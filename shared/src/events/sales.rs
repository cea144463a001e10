//! What a change of an order means for the bestsellers.

use std::collections::BTreeMap;

use crate::{
    app::bestsellers::SalesChange,
    domain::{ProductId, order::Order},
};

/// The units that a change of an order sold, or gave back: the difference of its live units, from when it was paid.
/// The same change gives the same answer, however often it is delivered.
pub fn sales(old: Option<&Order>, new: &Order) -> Option<SalesChange> {
    let paid_at = new.paid_at?;
    let mut units: BTreeMap<ProductId, i64> = BTreeMap::new();
    for line in &new.items {
        *units.entry(line.product_id.clone()).or_default() += i64::from(line.live_units());
    }
    for line in old.filter(|old| old.paid_at.is_some()).into_iter().flat_map(|old| &old.items) {
        *units.entry(line.product_id.clone()).or_default() -= i64::from(line.live_units());
    }
    units.retain(|_, units| *units != 0);
    let event_id = format!("{}-{}", new.order_id, new.version);
    (!units.is_empty()).then_some(SalesChange::Sold { event_id, paid_at, units })
}
