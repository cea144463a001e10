//! The way of a tool to a shop's AWS account, or to an emulator on this machine.

use std::{fmt::Display, process::ExitCode, time::Duration};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region};
use clap::Args;
use shared::platform::environment::{ConfigError, optional, required};
use url::{Host, Url};

/// The default region on this machine: Seoul.
const LOCAL_REGION: &str = "ap-northeast-2";

/// Access key and secret of an emulator on this machine, which takes any.
const LOCAL_CREDENTIAL: &str = "test";

/// A page is up to 1 MB and no user waits for it, so an attempt may take long and sit out throttling.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);
const ATTEMPTS: u32 = 5;

/// The location of a shop.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// The endpoint of AWS, if not AWS itself [default: AWS_ENDPOINT_URL]
    #[arg(long)]
    endpoint_url: Option<Url>,

    /// The shop's region [default: AWS_REGION]
    #[arg(long)]
    region: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// A variable is missing.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A variable does not hold a URL.
    #[error("AWS_ENDPOINT_URL is not a URL: {0}")]
    Endpoint(#[from] url::ParseError),
}

impl Place {
    /// The configuration of a client of any service, with the credentials of the environment. For an emulator on this
    /// machine both region and credentials can be left out.
    ///
    /// # Errors
    /// If region or credentials are missing.
    pub fn config(self) -> Result<SdkConfig, PlaceError> {
        let from_environment = || optional("AWS_ENDPOINT_URL").map(|url| url.parse::<Url>()).transpose();
        let endpoint_url = self.endpoint_url.map_or_else(from_environment, |url| Ok(Some(url)))?;
        Ok(config(endpoint_url.as_ref(), self.region)?)
    }
}

/// The exit code of a tool. A failure is printed as one line for the person at the terminal.
pub fn exit_code(result: Result<(), impl Display>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// The exit code of a tool that checks something: 0 if all is right, 1 if not, and 2, with the failure printed, if it could
/// not be read.
pub fn exit_code_of_check(result: Result<bool, impl Display>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(2)
        }
    }
}

fn config(endpoint_url: Option<&Url>, region: Option<String>) -> Result<SdkConfig, ConfigError> {
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
    Ok(config.build())
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
