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

/// The most bytes of a message, with its attributes: names, types and values.
pub const MAX_MESSAGE: usize = 1_048_576;

/// The bytes of the reason's attribute beside its value.
const ATTRIBUTE: usize = REASON.len() + TEXT.len();

/// The type of an attribute that is text.
const TEXT: &str = "String";

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

    /// Sends a dead letter. The reason goes with it and not into the log: it may quote the content. It is cut so that both
    /// fit a message; a body that came from a queue fits by itself.
    ///
    /// # Errors
    /// If the queue does not accept it.
    pub async fn send(&self, body: String, reason: &str) -> Result<(), Error> {
        Ok(self.try_send(body, reason).await?)
    }

    /// The same, with the kind of the failure.
    pub(super) async fn try_send(&self, body: String, reason: &str) -> Result<(), SendError> {
        let shown = shown(reason, MAX_MESSAGE.saturating_sub(body.len()).saturating_sub(ATTRIBUTE));
        let mut message = self.client.send_message().queue_url(&self.url).message_body(body);
        // An attribute without a value is refused.
        if !shown.is_empty() {
            let reason = MessageAttributeValue::builder().data_type(TEXT).string_value(shown).build();
            message = message.message_attributes(REASON, reason.map_err(|error| SendError::Failed(error.to_string()))?);
        }
        let sent = message.send().await;
        sent.map(|_| ()).map_err(|error| {
            let is_refused = error.raw_response().is_some_and(|response| response.status().is_client_error());
            let error = aws_sdk_sqs::Error::from(error).to_string();
            if is_refused { SendError::Refused(error) } else { SendError::Failed(error) }
        })
    }
}

/// The failure of a sending.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    /// The queue refuses this message, and would again.
    #[error("the queue refused it: {0}")]
    Refused(String),
    #[error("the queue did not take it: {0}")]
    Failed(String),
}

/// Whether a queue takes a letter with its whole reason: by its size, and by its characters. JSON escapes control
/// characters, and SQS refuses two more.
pub(super) fn fits(body: &str, reason: &str) -> bool {
    let reason = shown(reason, usize::MAX);
    body.len() + ATTRIBUTE + reason.len() <= MAX_MESSAGE && !body.contains(is_refused)
}

fn is_refused(c: char) -> bool {
    matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// A reason that SQS accepts, of at most so many bytes. It refuses some control characters, and an empty value.
fn shown(reason: &str, room: usize) -> String {
    let mut shown: String = reason.chars().filter(|c| !c.is_control() && !is_refused(*c)).take(MAX_REASON).collect();
    if shown.is_empty() {
        "none was given".clone_into(&mut shown);
    }
    shown.truncate(shown.floor_char_boundary(room));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_text_that_a_queue_takes() {
        let shown = |reason: &str| shown(reason, usize::MAX);
        assert_eq!(shown("it\nis \u{0}\u{ffff}so"), "itis so");
        assert_eq!(shown("\n"), "none was given");
        assert_eq!(shown(&"x".repeat(2_000)).len(), MAX_REASON);
    }

    #[test]
    fn a_reason_is_cut_to_the_room_that_its_body_leaves() {
        assert_eq!([6, 5, 3, 2, 0].map(|room| shown("가나", room)), ["가나", "가", "가", "", ""]);
    }

    #[test]
    fn a_letter_fits_with_its_whole_reason_or_not() {
        let room = MAX_MESSAGE - "ReasonString".len() - "so".len();
        assert!(fits(&"x".repeat(room), "so"));
        assert!(!fits(&"x".repeat(room + 1), "so"));
        assert!(!fits("\u{fffe}", "so"));
        // A control character is escaped in JSON, and left out of the reason.
        assert!(fits("{}", "\u{1}"));
    }
}
