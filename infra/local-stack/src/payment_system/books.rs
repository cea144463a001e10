use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::{
    behaviour::{Behaviour, PaymentRequest, Planned, plan},
    refunds::{RefundBehaviour, RefundRequest, RefundResult},
};

/// The records of the payment system: the requests that it received, and its behaviours.
#[derive(Debug, Default)]
pub(super) struct Books {
    /// The events that asked for payments, in the order of arrival.
    pub(super) requests: Vec<Value>,
    pub(super) refunds: Vec<Value>,
    /// Whether each event, by its id, has been answered completely.
    settled: HashMap<String, bool>,
    behaviours: HashMap<Whose, Behaviour>,
    refund_behaviour: RefundBehaviour,
}

/// The scope of a behaviour.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    Anybodys,
    Users(String),
    Orders(String),
}

/// The handling that an event needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The event is new, and this answers it. [`Books::answered`] follows.
    Asked { event_id: String, answer: Answer },
    /// The event is being answered. It comes again if the answer fails.
    Underway,
    /// The event needs no more answer.
    Settled,
}

/// The results that answer an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Payments(Vec<Planned>),
    Refund(RefundResult),
}

impl Books {
    /// Sets the behaviour of all later payments in the scope.
    pub(super) fn set_behaviour(&mut self, whose: Whose, behaviour: Behaviour) {
        self.behaviours.insert(whose, behaviour);
    }

    /// Sets the behaviour of all later refunds.
    pub(super) fn set_refund_behaviour(&mut self, behaviour: RefundBehaviour) {
        self.refund_behaviour = behaviour;
    }

    /// Records an event of the shop; `None` if the payment system does not understand it.
    pub(super) fn hear(&mut self, event: Value) -> Option<Heard> {
        let Event { event_id, asked } = Event::deserialize(&event).ok()?;
        if let Some(settled) = self.settled.get(&event_id) {
            return Some(if *settled { Heard::Settled } else { Heard::Underway });
        }
        Some(match asked {
            Asked::WithdrawalRequested {} => {
                self.settled.insert(event_id, true);
                Heard::Settled
            }
            Asked::RefundRequested(request) => {
                self.refunds.push(event);
                let result = RefundResult::new(request, &self.refund_behaviour);
                self.settled.insert(event_id.clone(), result.is_none());
                result.map_or(Heard::Settled, |result| Heard::Asked { event_id, answer: Answer::Refund(result) })
            }
            Asked::PaymentRequested(request) => {
                self.requests.push(event);
                self.settled.insert(event_id.clone(), false);
                let results = plan(&event_id, &request, &self.behaviour(&request));
                Heard::Asked { event_id, answer: Answer::Payments(results) }
            }
        })
    }

    /// Notes that the event has been answered completely.
    pub(super) fn answered(&mut self, event_id: String) {
        self.settled.insert(event_id, true);
    }

    /// The closest behaviour; silence where none was set.
    fn behaviour(&self, request: &PaymentRequest) -> Behaviour {
        let closest_first =
            [Whose::Orders(request.order_id.clone()), Whose::Users(request.user_id.clone()), Whose::Anybodys];
        closest_first.iter().find_map(|whose| self.behaviours.get(whose)).cloned().unwrap_or_default()
    }
}

/// An event of the shop, with the fields that the payment system reads.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    event_id: String,
    #[serde(flatten)]
    asked: Asked,
}

#[derive(Deserialize)]
#[serde(tag = "type", content = "data")]
#[expect(clippy::enum_variant_names, reason = "these are the kinds of events")]
enum Asked {
    PaymentRequested(PaymentRequest),
    RefundRequested(RefundRequest),
    // An admin pays it out by hand.
    WithdrawalRequested {},
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Answer, Books, Heard, RefundBehaviour, Whose};

    fn payment(order: &str) -> Value {
        json!({
            "eventId": format!("{order}-1-payment"), "type": "PaymentRequested", "version": 1,
            "occurredAt": "2026-11-21T09:00:00Z", "aggregateId": order, "sequence": 1,
            "data": { "orderId": order, "userId": "kim", "amount": 13_000, "expiresAt": "2026-11-21T09:10:00Z" },
        })
    }

    fn refund(order: &str) -> Value {
        json!({
            "eventId": format!("{order}-4-refund"), "type": "RefundRequested", "version": 1,
            "data": { "orderId": order, "userId": "kim", "paymentId": "p", "amount": 500, "reason": "CANCELLED" },
        })
    }

    /// The number of results that answer the request of an order.
    fn results(books: &mut Books, order: &str) -> usize {
        match books.hear(payment(order)) {
            Some(Heard::Asked { answer: Answer::Payments(results), .. }) => results.len(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_event_is_answered_and_listed_once() {
        let mut books = Books::default();
        assert_eq!(results(&mut books, "o1"), 0);
        assert_eq!(books.hear(payment("o1")), Some(Heard::Underway));
        books.answered("o1-1-payment".to_owned());
        assert_eq!(books.hear(payment("o1")), Some(Heard::Settled));
        for _ in 0..2 {
            assert_eq!(books.hear(refund("o1")), Some(Heard::Settled));
        }
        assert_eq!((&books.requests, &books.refunds), (&vec![payment("o1")], &vec![refund("o1")]));
    }

    #[test]
    fn a_refund_with_an_id_is_answered_and_listed_once() {
        let mut books = Books::default();
        let named = |order: &str| {
            let mut event = refund(order);
            event["data"]["refundId"] = json!(format!("{order}-4-refund"));
            event
        };
        let heard = books.hear(named("o1"));
        assert!(matches!(heard, Some(Heard::Asked { answer: Answer::Refund(_), .. })), "{heard:?}");
        assert_eq!(books.hear(named("o1")), Some(Heard::Underway));
        books.answered("o1-4-refund".to_owned());
        books.set_refund_behaviour(RefundBehaviour::Silent);
        for event in [named("o1"), named("o2"), named("o2")] {
            assert_eq!(books.hear(event), Some(Heard::Settled));
        }
        assert_eq!(books.refunds, [named("o1"), named("o2")]);
    }

    #[test]
    fn the_closest_behaviour_goes() {
        let mut books = Books::default();
        let successes = |count| serde_json::from_value(json!(vec![json!({ "result": "SUCCEEDED" }); count])).unwrap();
        assert_eq!(results(&mut books, "o0"), 0);
        books.set_behaviour(Whose::Anybodys, successes(2));
        assert_eq!(results(&mut books, "o1"), 2);
        books.set_behaviour(Whose::Users("kim".to_owned()), successes(3));
        assert_eq!(results(&mut books, "o2"), 3);
        books.set_behaviour(Whose::Orders("o3".to_owned()), successes(0));
        assert_eq!(results(&mut books, "o3"), 0);
        assert_eq!(results(&mut books, "o4"), 3);
    }

    #[test]
    fn what_is_no_request_is_not_understood() {
        let mut books = Books::default();
        let mut without_amount = payment("o1");
        without_amount["data"].as_object_mut().unwrap().remove("amount");
        let mut paid = payment("o1");
        paid["type"] = json!("OrderPaid");
        for event in [without_amount, paid, json!({}), json!(1)] {
            assert_eq!(books.hear(event.clone()), None, "{event}");
        }
        assert_eq!(results(&mut books, "o1"), 0);
    }
}
