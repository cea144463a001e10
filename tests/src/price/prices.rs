//! List prices of a region, from a file.

use serde::Deserialize;

use crate::template::project_file;

/// The regions with a file of prices.
pub const REGIONS: [&str; 2] = ["us-east-1", "ap-northeast-2"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prices {
    pub region: String,
    /// The day on which they were valid.
    pub date: String,
    pub http_api: Price,
    pub egress: Price,
    pub lambda_requests: Price,
    #[serde(rename = "lambdaGbSecondArm64")]
    pub lambda_arm64: Price,
    #[serde(rename = "lambdaGbSecondX86_64")]
    pub lambda_x86: Price,
    pub dynamodb_writes: Price,
    pub dynamodb_reads: Price,
    pub event_bridge_entries: Price,
    pub scheduler_calls: Price,
    pub sqs_requests: Price,
    pub log_ingestion: Price,
    pub log_storage: Price,
    pub alarm_metric: Price,
    pub custom_metric: Price,
    pub dashboard: Price,
    pub allowances: Allowances,
}

/// What an account has for nothing in each month.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Allowances {
    pub lambda_requests: Allowance,
    pub lambda_gb_seconds: Allowance,
    pub sqs_requests: Allowance,
    pub scheduler_calls: Allowance,
    pub alarm_metrics: Allowance,
    pub custom_metrics: Allowance,
    pub dashboards: Allowance,
    pub log_gb: Allowance,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    pub number: f64,
    /// The page that it was read on.
    pub source: String,
}

/// A price in US dollars.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    #[serde(flatten)]
    amount: Amount,
    /// The page that it was read on.
    pub source: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Amount {
    PerMillion(f64),
    PerGb(f64),
    PerGbMonth(f64),
    PerMonth(f64),
    Each(f64),
}

impl Price {
    /// The price of one: a request, a byte, a metric for a month.
    pub fn each(&self) -> f64 {
        match self.amount {
            Amount::PerMillion(price) => price / 1e6,
            Amount::PerGb(price) | Amount::PerGbMonth(price) => price / 1e9,
            Amount::PerMonth(price) | Amount::Each(price) => price,
        }
    }
}

impl Prices {
    /// The prices of a region. Panics if the region has no file.
    pub fn of(region: &str) -> Self {
        let file = project_file(&format!("infra/template/prices/{region}.yaml"));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let prices: Self = serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(prices.region, region, "{}", file.display());
        prices
    }
}
