//! The quotas that bound a shop, their defaults by region, and the use of each by a sale.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A quota, by its place in the files of `infra/template/quotas`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Quota {
    LambdaConcurrency,
    TableWrites,
    TableReads,
    ApiRequests,
    BusPuts,
    BusInvocations,
    QueueInFlight,
}

impl Quota {
    pub const ALL: [Self; 7] = [
        Self::LambdaConcurrency,
        Self::TableWrites,
        Self::TableReads,
        Self::ApiRequests,
        Self::BusPuts,
        Self::BusInvocations,
        Self::QueueInFlight,
    ];

    /// The quota in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::LambdaConcurrency => "Lambda: concurrent executions",
            Self::TableWrites => "DynamoDB: write units/s of a table",
            Self::TableReads => "DynamoDB: read units/s of a table",
            Self::ApiRequests => "API Gateway: requests/s",
            Self::BusPuts => "EventBridge: PutEvents calls/s",
            Self::BusInvocations => "EventBridge: invocations of targets/s",
            Self::QueueInFlight => "SQS: messages in flight of a queue",
        }
    }
}

/// A quota as Service Quotas knows it, and its default in a region.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Default {
    pub service: String,
    pub code: Option<String>,
    pub name: String,
    pub default: f64,
    /// AWS does not raise it.
    #[serde(default)]
    pub fixed: bool,
}

/// A kind of sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "camelCase")]
pub enum Sale {
    /// Orders that are paid from the balance
    Balance,
    /// Orders that the external payment system pays
    External,
    /// Order sheets
    Sheets,
}

impl Sale {
    pub const ALL: [Self; 3] = [Self::Balance, Self::External, Self::Sheets];

    /// A number of these in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Balance => "orders/s paid from the balance",
            Self::External => "orders/s paid externally",
            Self::Sheets => "order sheets/s",
        }
    }
}

pub type Defaults = BTreeMap<Quota, Default>;

/// The use of quotas by one sale.
pub type Needs = BTreeMap<Sale, BTreeMap<Quota, f64>>;

/// The regions with known defaults.
const REGIONS: [(&str, &str); 2] = [
    ("ap-northeast-2", include_str!("../../template/quotas/ap-northeast-2.yaml")),
    ("us-east-1", include_str!("../../template/quotas/us-east-1.yaml")),
];

/// The defaults of a region, if they are known.
///
/// # Errors
/// If the file is malformed.
pub fn defaults(region: &str) -> Result<Option<Defaults>, serde_yaml_ng::Error> {
    let found = REGIONS.iter().find(|(name, _)| *name == region);
    found.map(|(_, text)| serde_yaml_ng::from_str(text)).transpose()
}

/// The needs of sales.
///
/// # Errors
/// If the file is malformed.
pub fn needs() -> Result<Needs, serde_yaml_ng::Error> {
    serde_yaml_ng::from_str(include_str!("../../template/quotas/needs.yaml"))
}
