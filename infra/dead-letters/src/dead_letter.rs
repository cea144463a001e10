//! A dead letter, with its reason and its event.

use std::collections::HashMap;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use shared::lambda::dead_letters::REASON;
use url::form_urlencoded;

use crate::failure::Failure;

/// A message that could not be handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// The message id of SQS, or the key of the object.
    pub id: String,
    /// The body of the message or of the object, unchanged. No list has it.
    #[serde(skip)]
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
        let id = message.message_id.clone().unwrap_or_default();
        if let Some(failure) = Failure::of(&body) {
            return Self::of_failure(id, body, sent_at, failure);
        }
        let objects = objects_in(&body);
        if !objects.is_empty() {
            let (reason, kind) = ("the bucket has a new object".to_owned(), Some("ObjectCreated".to_owned()));
            return Self { id, body, reason, sent_at, event_id: Some(objects.join(" ")), kind };
        }
        let (event_id, kind) = event_of(&body);
        Self { id, reason: reason(&attributes), body, sent_at, event_id, kind }
    }

    /// A letter in the failures bucket.
    pub(crate) fn of_object(key: &str, body: String, sent_at: Option<Timestamp>) -> Self {
        match Failure::of(&body) {
            Some(failure) => Self::of_failure(key.to_owned(), body, sent_at, failure),
            None => {
                let reason = "it does not describe a failed invocation".to_owned();
                Self { id: key.to_owned(), body, reason, sent_at, event_id: None, kind: None }
            }
        }
    }

    fn of_failure(id: String, body: String, sent_at: Option<Timestamp>, failure: Failure) -> Self {
        let Failure { function, reason, records, first, payload: _ } = failure;
        let records = records.map(|count| format!(" ({count} records)")).unwrap_or_default();
        Self { id, body, reason, sent_at, event_id: first, kind: Some(format!("{function}{records}")) }
    }
}

/// Whether the body of a message is the one that S3 sends when a bucket's notifications are set.
pub(crate) fn is_test(body: &str) -> bool {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    body.get("Service").is_some_and(|service| service == "Amazon S3")
        && body.get("Event").is_some_and(|event| event == "s3:TestEvent")
}

/// The keys of the objects that a notice of S3 names.
pub(crate) fn objects_in(body: &str) -> Vec<String> {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let records = body.get("Records").and_then(Value::as_array).into_iter().flatten();
    let key = |record: &Value| {
        let escaped = format!("key={}", record.pointer("/s3/object/key")?.as_str()?);
        form_urlencoded::parse(escaped.as_bytes()).next().map(|(_, key)| key.into_owned())
    };
    records.filter_map(key).collect()
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
    fn a_notice_names_its_objects() {
        let object = |key: &str| json!({ "s3": { "bucket": { "name": "b" }, "object": { "key": key } } });
        let notice = json!({ "Records": [object("aws/lambda/1/s-0/a%3Ab+c")] });
        assert_eq!(objects_in(&notice.to_string()), ["aws/lambda/1/s-0/a:b c"]);
        assert_eq!(letter(&notice, &[]).event_id.as_deref(), Some("aws/lambda/1/s-0/a:b c"));
        let test = json!({ "Service": "Amazon S3", "Event": "s3:TestEvent" });
        assert_eq!(objects_in(&test.to_string()), [""; 0]);
        assert!(is_test(&test.to_string()) && !is_test(&notice.to_string()) && !is_test("?"));
    }

    #[test]
    fn anything_can_be_a_letter() {
        for body in [json!("?"), json!(null), json!({ "detail": 1 }), json!([])] {
            assert_eq!((letter(&body, &[]).event_id, letter(&body, &[]).kind), (None, None));
        }
    }
}
