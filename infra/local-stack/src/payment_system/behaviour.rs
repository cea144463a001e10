use std::time::Duration;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The answers of the payment system to a request for a payment: one result after the other. An empty list is silence.
pub(super) type Behaviour = Vec<Step>;

/// One result of a behaviour, as the request for it describes it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Step {
    result: Outcome,
    /// The milliseconds since the result before it, or since the request.
    #[serde(default)]
    after_ms: u32,
    /// The number of times that the same event is put on the bus.
    #[serde(default = "once")]
    times: u8,
    /// The amount of the result; `None` is the amount asked for.
    amount: Option<i64>,
    #[serde(default)]
    payment: Which,
}

const fn once() -> u8 {
    1
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Outcome {
    Succeeded,
    Failed,
}

impl Outcome {
    /// The detail type of its event on the bus.
    pub(super) const fn detail_type(self) -> &'static str {
        match self {
            Self::Succeeded => "PaymentSucceeded",
            Self::Failed => "PaymentFailed",
        }
    }

    const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Succeeded => None,
            Self::Failed => Some("CARD_DECLINED"),
        }
    }
}

/// The payment that a result belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Which {
    /// The payment of the result before it.
    #[default]
    Same,
    /// Another payment, as if the customer had paid once more.
    New,
}

/// The shop's request for a payment, with the fields that the payment system reads.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PaymentRequest {
    pub(super) order_id: String,
    pub(super) user_id: String,
    pub(super) amount: i64,
}

/// A result, with its delay after the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) after: Duration,
    pub(super) times: u8,
    pub(super) result: PaymentResult,
}

/// A result of a payment, as the shop receives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PaymentResult {
    pub(super) outcome: Outcome,
    pub(super) payment_id: String,
    pub(super) order_id: String,
    pub(super) amount: i64,
}

impl PaymentResult {
    /// The detail of the event of this result, which came about at `at`.
    pub(super) fn detail(&self, at: Timestamp) -> Detail<'_> {
        Detail {
            payment_id: &self.payment_id,
            order_id: &self.order_id,
            amount: self.amount,
            at,
            reason: self.outcome.reason(),
        }
    }
}

/// The `detail` of a result's event.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Detail<'a> {
    payment_id: &'a str,
    order_id: &'a str,
    amount: i64,
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// The results that answer a request, the event `event_id`.
pub(super) fn plan(event_id: &str, request: &PaymentRequest, behaviour: &[Step]) -> Vec<Planned> {
    let mut payment = 0;
    let planned = behaviour.iter().map(|step| {
        payment += u32::from(step.payment == Which::New);
        Planned {
            after: Duration::from_millis(step.after_ms.into()),
            times: step.times,
            result: PaymentResult {
                outcome: step.result,
                payment_id: payment_id(&format!("{event_id}/{payment}")),
                order_id: request.order_id.clone(),
                amount: step.amount.unwrap_or(request.amount),
            },
        }
    });
    planned.collect()
}

/// The id of a payment, from a text that is unique to it. The same payment gets the same id in a later run, which has
/// no memory of this one.
pub(super) fn payment_id(identity: &str) -> String {
    let digest = HEXLOWER.encode(&Sha256::digest(identity));
    format!("pay-{digest:.32}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{PaymentRequest, plan};

    /// The results of a behaviour for an order of 13,000 won: delay, repetitions, outcome, number of the payment,
    /// amount. Payments are numbered in the order of their first mention.
    fn said(behaviour: Value) -> Vec<(u128, u8, &'static str, usize, i64)> {
        let behaviour: super::Behaviour = serde_json::from_value(behaviour).unwrap();
        let request = PaymentRequest { order_id: "o1".into(), user_id: "kim".into(), amount: 13_000 };
        let mut payments = Vec::new();
        let planned = plan("o1-1-payment", &request, &behaviour);
        let said = planned.into_iter().map(|planned| {
            let result = planned.result;
            assert_eq!(result.order_id, "o1");
            if !payments.contains(&result.payment_id) {
                payments.push(result.payment_id.clone());
            }
            let payment = payments.iter().position(|id| *id == result.payment_id).unwrap();
            (planned.after.as_millis(), planned.times, result.outcome.detail_type(), payment, result.amount)
        });
        said.collect()
    }

    #[test]
    fn a_result_is_the_full_amount_at_once_unless_it_says_otherwise() {
        assert_eq!(said(json!([{ "result": "SUCCEEDED" }])), [(0, 1, "PaymentSucceeded", 0, 13_000)]);
        let other = json!([{ "result": "FAILED", "afterMs": 700, "times": 3, "amount": 1, "payment": "NEW" }]);
        assert_eq!(said(other), [(700, 3, "PaymentFailed", 0, 1)]);
        assert_eq!(said(json!([])), []);
    }

    #[test]
    fn results_are_of_one_payment_until_another_is_named() {
        let behaviour = json!([
            { "result": "SUCCEEDED" },
            { "result": "FAILED" },
            { "result": "SUCCEEDED", "payment": "NEW" },
            { "result": "SUCCEEDED", "payment": "SAME" },
        ]);
        let payments: Vec<_> = said(behaviour).into_iter().map(|(.., payment, _)| payment).collect();
        assert_eq!(payments, [0, 0, 1, 1]);
    }

    #[test]
    fn a_request_has_payments_of_its_own_and_always_the_same() {
        let request = PaymentRequest { order_id: "o1".into(), user_id: "kim".into(), amount: 13_000 };
        let success: super::Behaviour = serde_json::from_value(json!([{ "result": "SUCCEEDED" }])).unwrap();
        let id = |event: &str| plan(event, &request, &success)[0].result.payment_id.clone();
        assert_eq!(id("o1-1-payment"), id("o1-1-payment"));
        assert_ne!(id("o1-1-payment"), id("o2-1-payment"));
        let id = id("o1-1-payment");
        assert!(id.len() <= 64 && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{id}");
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        for step in [json!({ "result": "SUCCESS" }), json!({ "result": "FAILED", "after": 1 }), json!({})] {
            assert!(serde_json::from_value::<super::Step>(step.clone()).is_err(), "{step}");
        }
    }
}
