//! A failed invocation, as Lambda describes it: in an object of the failures bucket, or in a message about an
//! asynchronous invocation. The functions write their own letters to the bucket in the same form.

use serde::Deserialize;
use serde_json::Value;

/// A failed invocation that can be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The function, by its name in Lambda.
    pub function: String,
    /// The reason of the function itself, or the condition that Lambda gives.
    pub reason: String,
    /// The event of the invocation, as JSON.
    pub payload: String,
    /// The number of records in the event; none if it is no batch.
    pub records: Option<usize>,
    /// The first record, by its sequence number.
    pub first: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    request_context: Context,
    /// The event of a failed batch, as text.
    payload: Option<Value>,
    /// The event of a failed asynchronous invocation.
    request_payload: Option<Value>,
    #[serde(default)]
    response_payload: Value,
    reason: Option<String>,
    #[serde(default, rename = "DDBStreamBatchInfo")]
    batch: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    function_arn: String,
    condition: Option<String>,
}

impl Failure {
    /// Reads the description; none if the text is not one, or has no event.
    pub fn of(json: &str) -> Option<Self> {
        let document: Document = serde_json::from_str(json).ok()?;
        let payload = match document.payload.or(document.request_payload)? {
            Value::String(text) => text,
            event => event.to_string(),
        };
        let event: Value = serde_json::from_str(&payload).ok()?;
        let condition = document.request_context.condition.unwrap_or_else(|| "no condition was given".to_owned());
        let reason = document.reason.unwrap_or(match text(&document.response_payload, "/errorMessage") {
            Some(error) => format!("{condition}: {error}"),
            None => condition,
        });
        let records = event.get("Records").and_then(Value::as_array);
        let of_record = || text(&event, "/Records/0/dynamodb/SequenceNumber");
        Some(Self {
            function: function_name(&document.request_context.function_arn).to_owned(),
            reason,
            first: text(&document.batch, "/startSequenceNumber").or_else(of_record).map(str::to_owned),
            records: records.map(Vec::len),
            payload,
        })
    }
}

fn text<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    value.pointer(path)?.as_str()
}

/// The name of a function in its ARN, which may end with a version. A name alone is a name.
fn function_name(arn: &str) -> &str {
    let name = arn.split_once(":function:").map_or(arn, |(_, name)| name);
    name.split(':').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws:lambda:ap-northeast-2:1:function:shop-CountSales-1AB";

    /// By <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html>.
    #[test]
    fn a_failed_batch_is_read() {
        let records = json!({ "Records": [{ "dynamodb": { "SequenceNumber": "8" } }, {}] });
        let object = json!({
            "requestContext": {
                "requestId": "r", "functionArn": format!("{ARN}:$LATEST"), "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": 1,
            },
            "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
            "version": "1.0", "timestamp": "2026-11-20T03:00:00.000Z",
            "DDBStreamBatchInfo": { "shardId": "s", "startSequenceNumber": "7", "batchSize": 2 },
            "payload": records.to_string(),
        });
        let read = Failure::of(&object.to_string()).unwrap();
        assert_eq!((read.function.as_str(), read.reason.as_str()), ("shop-CountSales-1AB", "RetryAttemptsExhausted"));
        assert_eq!((read.records, read.first.as_deref()), (Some(2), Some("7")));
        assert_eq!(serde_json::from_str::<Value>(&read.payload).unwrap(), records);
    }

    #[test]
    fn a_letter_of_a_function_is_read() {
        let object = json!({
            "requestContext": { "functionArn": "shop-CountSales-1AB", "condition": "RecordTooLarge" },
            "reason": "so", "payload": { "Records": [{ "dynamodb": { "SequenceNumber": "8" } }] },
        });
        let read = Failure::of(&object.to_string()).unwrap();
        assert_eq!((read.function.as_str(), read.reason.as_str()), ("shop-CountSales-1AB", "so"));
        assert_eq!((read.records, read.first.as_deref()), (Some(1), Some("8")));
    }

    /// By <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>.
    #[test]
    fn a_failed_asynchronous_invocation_is_read() {
        let message = json!({
            "version": "1.0", "timestamp": "2026-11-20T03:00:00.000Z",
            "requestContext": { "functionArn": ARN, "condition": "RetriesExhausted" },
            "requestPayload": { "task": "AUDIT" },
            "responseContext": { "functionError": "Unhandled" },
            "responsePayload": { "errorMessage": "out of time" },
        });
        let read = Failure::of(&message.to_string()).unwrap();
        assert_eq!(
            (read.reason.as_str(), read.payload.as_str()),
            ("RetriesExhausted: out of time", r#"{"task":"AUDIT"}"#)
        );
        assert_eq!((read.records, read.first), (None, None));
    }

    #[test]
    fn anything_else_is_none() {
        let without_event = json!({ "requestContext": { "functionArn": ARN } });
        let no_json = json!({ "requestContext": { "functionArn": ARN }, "payload": "{" });
        for text in ["", "?", "null", "{}", &without_event.to_string(), &no_json.to_string()] {
            assert_eq!(Failure::of(text), None, "{text}");
        }
    }
}
