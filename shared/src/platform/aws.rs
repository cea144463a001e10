//! The AWS SDK, set up lean: a function's credentials are in its environment, so no chain of providers is needed.

use std::time::Duration;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region};

use super::environment::{ConfigError, optional, required};

/// How long one try of a call may take, and a call with all its tries. A function has 10 s.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);
const CALL_TIMEOUT: Duration = Duration::from_secs(7);

/// How often the SDK sends a call whose answer got lost or that was throttled.
const ATTEMPTS: u32 = 3;

/// What every client of an AWS service is made from.
///
/// # Errors
/// If region or credentials are not in the environment.
pub fn sdk_config() -> Result<SdkConfig, ConfigError> {
    let credentials = Credentials::new(
        required("AWS_ACCESS_KEY_ID")?,
        required("AWS_SECRET_ACCESS_KEY")?,
        optional("AWS_SESSION_TOKEN"),
        None,
        "environment",
    );
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).operation_timeout(CALL_TIMEOUT);
    let mut config = SdkConfig::builder();
    config
        .set_behavior_version(Some(aws_sdk_dynamodb::config::BehaviorVersion::latest()))
        .set_region(Some(Region::new(required("AWS_REGION")?)))
        .set_credentials_provider(Some(SharedCredentialsProvider::new(credentials)))
        .set_retry_config(Some(RetryConfig::standard().with_max_attempts(ATTEMPTS)))
        .set_timeout_config(Some(timeouts.build()))
        .set_endpoint_url(optional("AWS_ENDPOINT_URL"));
    Ok(config.build())
}
