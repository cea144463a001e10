//! Events of products.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Event, EventData, EventKind};
use crate::domain::{ProductId, product::Product};

/// The scale of a product after a step that it took by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScaleSnapshot {
    /// The product.
    pub product_id: ProductId,
    /// Why.
    pub cause: ScaleCause,
    /// The number of shards of its stock.
    pub stock_shards: u16,
    /// Whether orders reserve its units ahead of their commit.
    pub flash: bool,
}

/// The cause of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ScaleCause {
    /// Its sales met each other.
    Hot,
    /// They have not for minutes.
    Cooled,
}

/// The event of a change of a product by which it has scaled by itself. A change by hand is none.
pub fn from_product_change(old: Option<&Product>, new: &Product) -> Option<Event> {
    let scaled_at: Timestamp = new.scaling.scaled_at?;
    if old.is_none_or(|old| old.scaling.scaled_at == Some(scaled_at)) {
        return None;
    }
    let snapshot = ScaleSnapshot {
        product_id: new.product_id.clone(),
        cause: if new.scaling.was_hot() { ScaleCause::Hot } else { ScaleCause::Cooled },
        stock_shards: new.stock_shards,
        flash: new.flash,
    };
    let aggregate_id = new.product_id.to_string();
    Some(Event::new(
        EventKind::ProductScaled,
        aggregate_id,
        new.version,
        "-scaled",
        scaled_at,
        EventData::Scale(snapshot),
    ))
}
