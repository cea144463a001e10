use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The reason of a failure that was set without one.
const DEFAULT_REASON: &str = "ACCOUNT_CLOSED";

/// The most characters of a reason. An event above the bus's limit would be repeated for ever.
const MAX_REASON: usize = 200;

/// The answer to later requests for refunds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum RefundBehaviour {
    /// Success is the default, because a request without a result keeps its refund open.
    #[default]
    Succeed,
    Fail {
        reason: String,
    },
    Silent,
}

impl RefundBehaviour {
    /// Reads a request to set the behaviour. Derived deserialization does not name the field that has a wrong value.
    ///
    /// # Errors
    /// The first wrong field and its rule.
    pub(super) fn from_body(body: &[u8]) -> Result<Self, String> {
        let fields: Map<String, Value> =
            serde_json::from_slice(body).map_err(|error| format!("body: must be a JSON object ({error})"))?;
        if let Some(unknown) = fields.keys().find(|name| !matches!(name.as_str(), "result" | "reason")) {
            return Err(format!("{unknown}: unknown field"));
        }
        let reason = match fields.get("reason") {
            None | Some(Value::Null) => None,
            Some(Value::String(reason)) if (1..=MAX_REASON).contains(&reason.chars().count()) => Some(reason.clone()),
            Some(_) => return Err(format!("reason: must be a text of 1 to {MAX_REASON} characters")),
        };
        match (fields.get("result").and_then(Value::as_str), reason) {
            (Some("FAILED"), reason) => Ok(Self::Fail { reason: reason.unwrap_or_else(|| DEFAULT_REASON.to_owned()) }),
            (Some("SUCCEEDED"), None) => Ok(Self::Succeed),
            (Some("NONE"), None) => Ok(Self::Silent),
            (Some("SUCCEEDED" | "NONE"), Some(_)) => Err("reason: only FAILED has one".to_owned()),
            _ => Err("result: must be SUCCEEDED, FAILED or NONE".to_owned()),
        }
    }
}

/// The shop's request for a refund, with the fields that the payment system reads.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefundRequest {
    order_id: String,
    /// Events of earlier versions have none, and expect no result.
    refund_id: Option<String>,
}

/// A result of a refund, as the shop receives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RefundResult {
    refund_id: String,
    order_id: String,
    /// The reason of a failure.
    failure: Option<String>,
}

impl RefundResult {
    /// The result that answers a request, if any does.
    pub(super) fn new(request: RefundRequest, behaviour: &RefundBehaviour) -> Option<Self> {
        let failure = match behaviour {
            RefundBehaviour::Succeed => None,
            RefundBehaviour::Fail { reason } => Some(reason.clone()),
            RefundBehaviour::Silent => return None,
        };
        Some(Self { refund_id: request.refund_id?, order_id: request.order_id, failure })
    }

    /// The detail type of its event on the bus.
    pub(super) const fn detail_type(&self) -> &'static str {
        if self.failure.is_none() { "RefundSucceeded" } else { "RefundFailed" }
    }

    /// The detail of the event of this result, which came about at `at`.
    pub(super) fn detail(&self, at: Timestamp) -> Detail<'_> {
        Detail { refund_id: &self.refund_id, order_id: &self.order_id, at, reason: self.failure.as_deref() }
    }
}

/// The `detail` of a result's event.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Detail<'a> {
    refund_id: &'a str,
    order_id: &'a str,
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::{RefundBehaviour, RefundRequest, RefundResult};

    fn behaviour(body: &Value) -> Result<RefundBehaviour, String> {
        RefundBehaviour::from_body(body.to_string().as_bytes())
    }

    /// The event that answers a request: its name and detail.
    fn answer(request: Value, body: &Value) -> Option<(&'static str, Value)> {
        let request: RefundRequest = serde_json::from_value(request).unwrap();
        let result = RefundResult::new(request, &behaviour(body).unwrap())?;
        Some((result.detail_type(), json!(result.detail(Timestamp::UNIX_EPOCH))))
    }

    #[test]
    fn a_request_gets_the_result_that_was_set() {
        let request = json!({ "orderId": "o1", "refundId": "o1-4-refund", "amount": 500 });
        let detail = json!({ "refundId": "o1-4-refund", "orderId": "o1", "at": "1970-01-01T00:00:00Z" });
        let failure = |reason: &str| {
            let mut detail = detail.clone();
            detail["reason"] = json!(reason);
            Some(("RefundFailed", detail))
        };
        let succeeded = json!({ "result": "SUCCEEDED", "reason": null });
        assert_eq!(answer(request.clone(), &succeeded), Some(("RefundSucceeded", detail.clone())));
        assert_eq!(answer(request.clone(), &json!({ "result": "FAILED" })), failure("ACCOUNT_CLOSED"));
        let frozen = json!({ "result": "FAILED", "reason": "ACCOUNT_FROZEN" });
        assert_eq!(answer(request.clone(), &frozen), failure("ACCOUNT_FROZEN"));
        assert_eq!(answer(request, &json!({ "result": "NONE" })), None);
        assert_eq!(answer(json!({ "orderId": "o1" }), &succeeded), None, "it cannot be named");
        assert_eq!(RefundBehaviour::default(), RefundBehaviour::Succeed);
    }

    #[test]
    fn the_wrong_field_of_a_behaviour_is_named() {
        for (body, field) in [
            (json!([]), "body: "),
            (json!({}), "result: "),
            (json!({ "result": "SUCCESS" }), "result: "),
            (json!({ "result": 1 }), "result: "),
            (json!({ "result": "FAILED", "reason": 1 }), "reason: "),
            (json!({ "result": "FAILED", "reason": "" }), "reason: "),
            (json!({ "result": "FAILED", "reason": "가".repeat(201) }), "reason: "),
            (json!({ "result": "SUCCEEDED", "reason": "ACCOUNT_FROZEN" }), "reason: "),
            (json!({ "result": "NONE", "reason": "ACCOUNT_FROZEN" }), "reason: "),
            (json!({ "result": "FAILED", "afterMs": 1 }), "afterMs: "),
        ] {
            let wrong = behaviour(&body).unwrap_err();
            assert!(wrong.starts_with(field), "{body}: {wrong}");
        }
        assert!(behaviour(&json!({ "result": "FAILED", "reason": "가".repeat(200) })).is_ok());
        assert!(RefundBehaviour::from_body(b"{").unwrap_err().starts_with("body: "));
    }
}
