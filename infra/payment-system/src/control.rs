//! The control routes: the parts of the customer, the bank and the fates.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use crate::{
    books::Entry,
    errors::Refusal,
    faults::Fault,
    http::{Request, Response},
    provider::{CLIENT_KEY, Checkout, CheckoutMethod, Provider},
};

/// The time for which an account is open by default, in hours.
const VALID_HOURS: i64 = 168;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CheckoutText {
    client_key: String,
    merchant_order_id: String,
    amount: i64,
    order_name: Option<String>,
    method: Option<MethodText>,
    valid_hours: Option<i64>,
    outcome: Option<Outcome>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum MethodText {
    Card,
    VirtualAccount,
}

/// The decision of the card's issuer about the confirmation.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Outcome {
    Approve,
    Decline,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DepositText {
    merchant_order_id: String,
}

impl Provider {
    pub(crate) fn answer_control(&mut self, path: &[&str], request: &Request, now: Timestamp) -> Response {
        let answered = match (request.method.as_str(), path) {
            ("POST", ["checkout"]) => {
                let begun = body(request).and_then(Checkout::read).and_then(|checkout| self.begin(checkout, now));
                begun.map(|key| Response::json(200, &json!({ "paymentKey": key })))
            }
            ("POST", ["deposits"]) => {
                let deposit = body(request).and_then(|text: DepositText| self.deposit(&text.merchant_order_id, now));
                deposit.map(|()| Response::empty())
            }
            ("PUT", ["faults"]) => {
                body(request).and_then(|faults: Vec<Fault>| self.set_faults(faults)).map(|()| Response::empty())
            }
            ("PUT", ["payments", order_id, "faults"]) => {
                let set = body(request).and_then(|faults: Vec<Fault>| self.set_faults_of(order_id, faults));
                set.map(|()| Response::empty())
            }
            ("GET", ["payments"]) => {
                let payments: Vec<Entry> = self.entries().collect();
                Ok(Response::json(200, &json!({ "payments": payments, "sums": self.sums() })))
            }
            ("GET", ["statements", file]) => day(file).map(|day| Response::csv(self.statement(day))),
            _ => Err("NOT_FOUND".into()),
        };
        answered.unwrap_or_else(|refusal| refusal.response())
    }
}

impl Checkout {
    fn read(text: CheckoutText) -> Result<Self, Refusal> {
        if text.client_key != CLIENT_KEY {
            return Err("UNAUTHORIZED_KEY".into());
        }
        let method = match (text.method.unwrap_or(MethodText::Card), text.valid_hours, text.outcome) {
            (MethodText::Card, None, outcome) => {
                CheckoutMethod::Card { is_declined: outcome == Some(Outcome::Decline) }
            }
            (MethodText::VirtualAccount, hours, None) => {
                CheckoutMethod::VirtualAccount { valid_hours: hours.unwrap_or(VALID_HOURS) }
            }
            (MethodText::Card, Some(_), _) => return Err(Refusal::invalid("validHours is of virtual accounts only")),
            (MethodText::VirtualAccount, _, Some(_)) => return Err(Refusal::invalid("outcome is of cards only")),
        };
        Ok(Self {
            order_name: text.order_name.unwrap_or_else(|| text.merchant_order_id.clone()),
            merchant_order_id: text.merchant_order_id,
            amount: text.amount,
            method,
        })
    }
}

fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Refusal> {
    serde_json::from_slice(&request.body).map_err(|error| Refusal::invalid(error.to_string()))
}

fn day(file: &str) -> Result<Date, Refusal> {
    let day = file.strip_suffix(".csv").filter(|day| day.len() == 10).and_then(|day| day.parse().ok());
    day.ok_or_else(|| "NOT_FOUND".into())
}
