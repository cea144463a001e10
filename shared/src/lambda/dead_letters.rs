//! Sends messages that can never be handled to a dead-letter queue.

use aws_sdk_sqs::{Client, types::MessageAttributeValue};
use lambda_runtime::Error;

use crate::platform::{
    aws,
    environment::{ConfigError, required},
};

/// The attribute of a dead letter with the reason.
pub const REASON: &str = "Reason";

/// The most characters of a reason.
const MAX_REASON: usize = 1_000;

/// The queue of messages that can never be handled. Each dead letter is the body of a message, as received, with the
/// attribute [`REASON`]. One message can be in the queue several times.
#[derive(Debug)]
pub struct DeadLetters {
    client: Client,
    url: String,
}

impl DeadLetters {
    /// The queue at `DEAD_LETTERS_URL`.
    ///
    /// # Errors
    /// If the configuration is incomplete.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self::new(Client::new(&aws::sdk_config()?), required("DEAD_LETTERS_URL")?))
    }

    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends a dead letter. The reason goes with it and not into the log: it may quote the content.
    ///
    /// # Errors
    /// If the queue does not accept it.
    pub async fn send(&self, body: String, reason: &str) -> Result<(), Error> {
        let reason = MessageAttributeValue::builder().data_type("String").string_value(shown(reason)).build()?;
        let message = self.client.send_message().queue_url(&self.url).message_body(body);
        message.message_attributes(REASON, reason).send().await.map_err(aws_sdk_sqs::Error::from)?;
        Ok(())
    }
}

/// A reason that SQS accepts: it refuses some control characters, and an empty value.
fn shown(reason: &str) -> String {
    let shown: String = reason.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect();
    if shown.is_empty() { "none was given".to_owned() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_text_that_a_queue_takes() {
        assert_eq!(shown("it\nis \u{0}so"), "itis so");
        assert_eq!(shown("\n"), "none was given");
        assert_eq!(shown(&"x".repeat(2_000)).len(), MAX_REASON);
    }
}
