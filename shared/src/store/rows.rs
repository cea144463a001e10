//! The rows of the indexes, as queries read them: nothing above this floor knows their attributes.

use serde::{Deserialize, Deserializer, de::IgnoredAny};

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
    #[serde(default, deserialize_with = "or_none")]
    name: Option<String>,
    #[serde(default, deserialize_with = "or_none")]
    stock_shards: Option<u16>,
}

impl ProductByTime {
    /// The name and the number of shards; none if they cannot be read, so that the other rows of the page can.
    pub fn description(&self) -> Option<(&str, u16)> {
        Some((self.name.as_deref()?, self.stock_shards?))
    }
}

/// A copied attribute, or nothing if it has another shape.
fn or_none<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Copied<T> {
        Value(T),
        Other(IgnoredAny),
    }
    Ok(match Copied::deserialize(deserializer)? {
        Copied::Value(value) => Some(value),
        Copied::Other(_) => None,
    })
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
    #[serde(default, deserialize_with = "or_none")]
    pub stock_shards: Option<u16>,
}
