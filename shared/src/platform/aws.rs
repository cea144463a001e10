//! The configuration of AWS clients: a function's credentials are in its environment, so no chain of providers is
//! needed.

use std::time::Duration;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region};

use super::environment::{ConfigError, optional, required};

/// The longest time of one attempt of a call, and of a call with all its attempts.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);
const CALL_TIMEOUT: Duration = Duration::from_secs(3);

/// The same for an emulator. It shares its cores with its callers, and each call that is given up is carried out all the same.
const EMULATOR_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
const EMULATOR_CALL_TIMEOUT: Duration = Duration::from_secs(7);

/// The number of attempts of the SDK, if an answer is lost or the call is throttled, and its longest first wait.
const ATTEMPTS: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(25);

/// The configuration that all clients of AWS services share. A client behind a retry loop of ours has none of its own.
///
/// # Errors
/// If the environment lacks the region or credentials.
pub fn sdk_config() -> Result<SdkConfig, ConfigError> {
    let credentials = Credentials::new(
        required("AWS_ACCESS_KEY_ID")?,
        required("AWS_SECRET_ACCESS_KEY")?,
        optional("AWS_SESSION_TOKEN"),
        None,
        "environment",
    );
    let emulator = optional("AWS_ENDPOINT_URL");
    let (attempt, call) = match emulator {
        None => (ATTEMPT_TIMEOUT, CALL_TIMEOUT),
        Some(_) => (EMULATOR_ATTEMPT_TIMEOUT, EMULATOR_CALL_TIMEOUT),
    };
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(attempt).operation_timeout(call);
    let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(FIRST_WAIT);
    let mut config = SdkConfig::builder();
    config
        .set_behavior_version(Some(aws_sdk_dynamodb::config::BehaviorVersion::latest()))
        .set_region(Some(Region::new(required("AWS_REGION")?)))
        .set_credentials_provider(Some(SharedCredentialsProvider::new(credentials)))
        .set_retry_config(Some(retries))
        .set_timeout_config(Some(timeouts.build()))
        .set_endpoint_url(emulator);
    Ok(config.build())
}
