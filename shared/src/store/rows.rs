//! The rows of the indexes, as queries read them: nothing above this floor knows their attributes.

use serde::Deserialize;

use super::keys;

/// A row of the index by time.
#[derive(Debug, Deserialize)]
pub struct ByTime {
    /// The partition of the item itself.
    pub pk: String,
    /// The position in the list: an instant and an id.
    #[serde(rename = "byTimeSk")]
    pub position: String,
}

impl ByTime {
    /// The id at the end of the position.
    pub fn id<I: TryFrom<String>>(&self) -> Option<I> {
        keys::id_at(&self.position)
    }
}

/// A product in the index by time.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductByTime {
    /// The position in the list: an instant and an id.
    #[serde(rename = "byTimeSk")]
    pub position: String,
    pub name: String,
    pub stock_shards: u16,
}

/// A row of the expiry index.
#[derive(Debug, Deserialize)]
pub struct ByExpiry {
    /// The position in the list: an instant and an id.
    #[serde(rename = "byDueSk")]
    pub position: String,
}

/// A row of the index by sales.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BySales {
    pub pk: String,
    pub sk: String,
    /// The position in the list: a rank and units by day.
    #[serde(rename = "bySalesSk")]
    pub position: String,
    #[serde(default)]
    pub stock_shards: Option<u16>,
}
