//! A dead letter, with its reason and its event.

use std::collections::HashMap;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use jiff::Timestamp;
use serde_json::Value;
use shared::lambda::dead_letters::REASON;

/// A message that could not be handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The message id of SQS.
    pub id: String,
    /// The body of the message, unchanged.
    pub body: String,
    /// The reason of its failure.
    pub reason: String,
    /// The instant of its first sending. SQS keeps it for a message that a queue moved here.
    pub sent_at: Option<Timestamp>,
    /// The id of its event or of its stream record.
    pub event_id: Option<String>,
    /// The kind of its event and the thing concerned.
    pub kind: Option<String>,
}

impl DeadLetter {
    pub(crate) fn of(message: &Message) -> Self {
        let attributes = message.message_attributes.iter().flatten();
        let attributes: HashMap<&str, &str> =
            attributes.filter_map(|(name, value)| Some((name.as_str(), value.string_value.as_deref()?))).collect();
        let sent_at = message.attributes.as_ref().and_then(|all| all.get(&MessageSystemAttributeName::SentTimestamp));
        let sent_at = sent_at.and_then(|at| at.parse().ok()).and_then(|at| Timestamp::from_millisecond(at).ok());
        let body = message.body.clone().unwrap_or_default();
        let (event_id, kind) = event_of(&body);
        Self {
            id: message.message_id.clone().unwrap_or_default(),
            reason: reason(&attributes),
            body,
            sent_at,
            event_id,
            kind,
        }
    }
}

/// The reason of a message, as its function or the bus gives it. A queue that moves a message after too many receives
/// gives none.
fn reason(attributes: &HashMap<&str, &str>) -> String {
    if let Some(reason) = attributes.get(REASON) {
        return (*reason).to_owned();
    }
    match (attributes.get("ERROR_CODE"), attributes.get("ERROR_MESSAGE")) {
        (Some(code), message) => format!("the bus could not deliver it: {code} {}", message.unwrap_or(&"")),
        (None, _) => "it was tried too often".to_owned(),
    }
}

/// The id and kind of the event, or of the stream's record, in a message.
fn event_of(body: &str) -> (Option<String>, Option<String>) {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |path| body.pointer(path).and_then(Value::as_str).map(str::to_owned);
    if let Some(kind) = text("/detail-type") {
        return (text("/detail/eventId"), Some(kind));
    }
    let item = text("/dynamodb/Keys/pk/S").zip(text("/dynamodb/Keys/sk/S"));
    let kind = text("/eventName").zip(item).map(|(name, (pk, sk))| format!("{name} {pk}/{sk}"));
    (text("/eventID"), kind)
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::MessageAttributeValue;
    use serde_json::json;

    use super::*;

    fn letter(body: &Value, attributes: &[(&str, &str)]) -> DeadLetter {
        let mut message = Message::builder()
            .message_id("m")
            .body(body.to_string())
            .attributes(MessageSystemAttributeName::SentTimestamp, "1795143600000");
        for (name, value) in attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(*value).build().unwrap();
            message = message.message_attributes(*name, value);
        }
        DeadLetter::of(&message.build())
    }

    #[test]
    fn a_letter_tells_of_its_event_and_why_it_is_here() {
        let event = json!({ "detail-type": "OrderPaid", "detail": { "eventId": "o-1" } });
        let refused = letter(&event, &[("Reason", "the data platform answered 400: no")]);
        assert_eq!((refused.event_id.as_deref(), refused.kind.as_deref()), (Some("o-1"), Some("OrderPaid")));
        assert_eq!(refused.reason, "the data platform answered 400: no");
        assert_eq!(refused.sent_at, Some("2026-11-20T03:00:00Z".parse().unwrap()));
        assert_eq!(letter(&event, &[]).reason, "it was tried too often");
        let of_rule = letter(&event, &[("ERROR_CODE", "NO_PERMISSIONS"), ("ERROR_MESSAGE", "not allowed")]);
        assert_eq!(of_rule.reason, "the bus could not deliver it: NO_PERMISSIONS not allowed");
    }

    #[test]
    fn a_letter_tells_of_its_record() {
        let keys = json!({ "pk": { "S": "ORDER#1" }, "sk": { "S": "ORDER" } });
        let record = letter(&json!({ "eventID": "e", "eventName": "MODIFY", "dynamodb": { "Keys": keys } }), &[]);
        assert_eq!((record.event_id.as_deref(), record.kind.as_deref()), (Some("e"), Some("MODIFY ORDER#1/ORDER")));
    }

    #[test]
    fn anything_can_be_a_letter() {
        for body in [json!("?"), json!(null), json!({ "detail": 1 }), json!([])] {
            assert_eq!((letter(&body, &[]).event_id, letter(&body, &[]).kind), (None, None));
        }
    }
}
