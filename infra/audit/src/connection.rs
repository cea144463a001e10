//! The way to the table.

use std::time::Duration;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_dynamodb::{Client, config::BehaviorVersion};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region};
use shared::runtime::config::{ConfigError, optional, required};
use url::{Host, Url};

/// The region of who does not name one, on this machine: Seoul.
const LOCAL_REGION: &str = "ap-northeast-2";

/// Access key and secret of an emulator on this machine, which takes any.
const LOCAL_CREDENTIAL: &str = "test";

/// A page is up to 1 MB, and nobody waits for an answer: there is time, and throttling is to be sat out.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);
const ATTEMPTS: u32 = 5;

/// A client of the DynamoDB at `endpoint_url`, or of AWS, with the credentials that are in the environment. On this
/// machine both region and credentials can be left out.
///
/// # Errors
/// Where region or credentials are missing.
pub(crate) fn client(endpoint_url: Option<&Url>, region: Option<String>) -> Result<Client, ConfigError> {
    let is_local = endpoint_url.is_some_and(is_local);
    let or_local = |variable: &'static str, local: &str| match required(variable) {
        Err(_) if is_local => Ok(local.to_owned()),
        other => other,
    };
    let credentials = Credentials::new(
        or_local("AWS_ACCESS_KEY_ID", LOCAL_CREDENTIAL)?,
        or_local("AWS_SECRET_ACCESS_KEY", LOCAL_CREDENTIAL)?,
        optional("AWS_SESSION_TOKEN"),
        None,
        "environment",
    );
    let region = region.map_or_else(|| or_local("AWS_REGION", LOCAL_REGION), Ok)?;
    let mut config = SdkConfig::builder();
    config
        .set_behavior_version(Some(BehaviorVersion::latest()))
        .set_region(Some(Region::new(region)))
        .set_credentials_provider(Some(SharedCredentialsProvider::new(credentials)))
        .set_retry_config(Some(RetryConfig::standard().with_max_attempts(ATTEMPTS)))
        .set_timeout_config(Some(TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build()))
        .set_endpoint_url(endpoint_url.map(Url::to_string));
    Ok(Client::new(&config.build()))
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_local() {
        let local = |url: &str| is_local(&url.parse().unwrap());
        for url in ["http://localhost:4566", "http://127.0.0.1:4566", "http://[::1]:4566"] {
            assert!(local(url), "{url}");
        }
        for url in ["https://dynamodb.ap-northeast-2.amazonaws.com", "http://localhost.example.com", "http://10.0.0.1"]
        {
            assert!(!local(url), "{url}");
        }
    }
}
