//! The four calls of the protocol.

use data_encoding::BASE64;
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    books::MAX_CANCELS,
    errors::Refusal,
    faults::{CallFault, On},
    http::{Delivery, Request, Response},
    idempotency::Key,
    payment::{Payment, Status},
    provider::{Held, Provider, SECRET_KEY},
};

/// The most calls whose effect is late at once.
const MAX_HELD: usize = 1_000;

/// The longest reason of a cancellation.
const MAX_REASON: usize = 200;

#[derive(Debug, Clone)]
pub(crate) enum Call {
    Confirm(Confirm),
    Cancel(String, Cancel),
    ByKey(String),
    ByOrder(String),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Confirm {
    payment_key: String,
    order_id: String,
    amount: i64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cancel {
    cancel_reason: String,
    cancel_amount: Option<i64>,
}

impl Call {
    /// The call of a request to this path below `/v1`.
    fn read(path: &[&str], request: &Request) -> Result<Self, Refusal> {
        match (request.method.as_str(), path) {
            ("POST", ["payments", "confirm"]) => body(request).map(Self::Confirm),
            ("POST", ["payments", key, "cancel"]) => {
                body(request).map(|cancel| Self::Cancel((*key).to_owned(), cancel))
            }
            ("GET", ["payments", "orders", order_id]) => Ok(Self::ByOrder((*order_id).to_owned())),
            ("GET", ["payments", key]) => Ok(Self::ByKey((*key).to_owned())),
            _ => Err("NOT_FOUND".into()),
        }
    }

    const fn kind(&self) -> On {
        match self {
            Self::Confirm(_) => On::Confirm,
            Self::Cancel(..) => On::Cancel,
            Self::ByKey(_) | Self::ByOrder(_) => On::LookUp,
        }
    }
}

fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Refusal> {
    serde_json::from_slice(&request.body).map_err(|_| "INVALID_REQUEST".into())
}

fn authorize(request: &Request) -> Result<(), Refusal> {
    let encoded = request.header("authorization").and_then(|value| value.strip_prefix("Basic "));
    let encoded = encoded.ok_or("UNAUTHORIZED_KEY")?;
    let decoded = BASE64.decode(encoded.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded.as_deref().and_then(|text| text.split_once(':')) {
        Some((SECRET_KEY, "")) => Ok(()),
        Some(_) => Err("UNAUTHORIZED_KEY".into()),
        None => Err("INCORRECT_BASIC_AUTH_FORMAT".into()),
    }
}

impl Provider {
    pub(crate) fn answer_protocol(&mut self, path: &[&str], request: &Request, now: Timestamp) -> Response {
        let read = authorize(request).and_then(|()| Ok((Call::read(path, request)?, Key::of(request)?)));
        let (call, key) = match read {
            Ok(read) => read,
            Err(refusal) => return refusal.response(),
        };
        let order_id = self.find(&call).and_then(|place| self.books.payment(place)).map(|it| it.order_id.clone());
        let fault = self.faults.strike_call(call.kind(), order_id.as_deref());
        let failure = Refusal::from("FAILED_INTERNAL_SYSTEM_PROCESSING").response();
        match fault {
            Some(CallFault::FailBefore) => failure,
            Some(CallFault::SilentBefore) => Response { delivery: Delivery::Never, ..failure },
            Some(CallFault::TakenLater(after)) => {
                self.hold(call, key, now.saturating_add(after).unwrap_or(now), now);
                Response { delivery: Delivery::Never, ..failure }
            }
            Some(CallFault::Decline(code)) => self.perform_once(&call, key.as_ref(), Some(&code), now),
            None => self.perform_once(&call, key.as_ref(), None, now),
            Some(fault) => fault.distort(self.perform_once(&call, key.as_ref(), None, now)),
        }
    }

    /// Carries a held call out.
    pub(crate) fn perform_held(&mut self, held: &Held, now: Timestamp) {
        let response = self.perform(&held.call, None, now);
        if let Some(key) = &held.key {
            self.answers.finish(key, response);
        }
    }

    /// Keeps a call for later. One too many is lost, and so is the repetition of an earlier one.
    fn hold(&mut self, call: Call, key: Option<Key>, at: Timestamp, now: Timestamp) {
        if self.held.len() >= MAX_HELD {
            return;
        }
        if let Some(key) = &key {
            if self.answers.repeat(key, now).is_some() {
                return;
            }
            self.answers.begin(key, now);
        }
        self.held_so_far += 1;
        self.held.insert((at, self.held_so_far), Held { call, key });
    }

    /// Carries a call out, or repeats the answer to the first call with this key.
    fn perform_once(&mut self, call: &Call, key: Option<&Key>, declined: Option<&str>, now: Timestamp) -> Response {
        let Some(key) = key else { return self.perform(call, declined, now) };
        if let Some(repeated) = self.answers.repeat(key, now) {
            return repeated;
        }
        self.answers.begin(key, now);
        let response = self.perform(call, declined, now);
        self.answers.finish(key, response.clone());
        response
    }

    fn perform(&mut self, call: &Call, declined: Option<&str>, now: Timestamp) -> Response {
        let done = match (call, declined) {
            (Call::Confirm(confirm), _) => self.confirm(confirm, declined, now),
            (_, Some(code)) => Err(code.into()),
            (Call::Cancel(key, cancel), None) => self.cancel(key, cancel, now),
            (Call::ByKey(_) | Call::ByOrder(_), None) => self.find(call).ok_or_else(|| "NOT_FOUND_PAYMENT".into()),
        };
        match done.and_then(|place| self.payment(place)) {
            Ok(payment) => Response::json(200, &payment.shown()),
            Err(refusal) => refusal.response(),
        }
    }

    /// The payment that a call is about.
    fn find(&self, call: &Call) -> Option<usize> {
        match call {
            Call::Confirm(Confirm { payment_key: key, .. }) | Call::Cancel(key, _) | Call::ByKey(key) => {
                self.books.by_key(key)
            }
            Call::ByOrder(order_id) => self.books.by_order(order_id),
        }
    }

    fn payment(&self, place: usize) -> Result<&Payment, Refusal> {
        self.books.payment(place).ok_or_else(|| "NOT_FOUND_PAYMENT".into())
    }

    fn confirm(&mut self, confirm: &Confirm, declined: Option<&str>, now: Timestamp) -> Result<usize, Refusal> {
        let place = self.books.by_key(&confirm.payment_key).ok_or("NOT_FOUND_PAYMENT_SESSION")?;
        let payment = self.payment(place)?;
        if payment.order_id != confirm.order_id || payment.amount != confirm.amount {
            return Err("INVALID_REQUEST".into());
        }
        match payment.status {
            Status::InProgress => {}
            Status::Expired if payment.account.is_none() => return Err("NOT_FOUND_PAYMENT_SESSION".into()),
            _ => return Err("ALREADY_PROCESSED_PAYMENT".into()),
        }
        if self.books.is_confirmed(&confirm.order_id) {
            return Err("DUPLICATED_ORDER_ID".into());
        }
        if let Some(code) = declined.or_else(|| payment.is_declined.then_some("REJECT_CARD_PAYMENT")) {
            self.books.abort(place, code);
            self.tell(place, now);
            return Err(code.into());
        }
        self.books.confirm(place, now);
        self.tell(place, now);
        Ok(place)
    }

    fn cancel(&mut self, key: &str, cancel: &Cancel, now: Timestamp) -> Result<usize, Refusal> {
        let place = self.books.by_key(key).ok_or("NOT_FOUND_PAYMENT")?;
        let payment = self.payment(place)?;
        if !(1..=MAX_REASON).contains(&cancel.cancel_reason.chars().count()) {
            return Err("INVALID_REQUEST".into());
        }
        let is_waiting = match payment.status {
            Status::WaitingForDeposit => true,
            Status::Done | Status::PartialCanceled => false,
            Status::Canceled => return Err("ALREADY_CANCELED_PAYMENT".into()),
            Status::InProgress | Status::Aborted | Status::Expired => return Err("NOT_CANCELABLE_PAYMENT".into()),
        };
        let amount = cancel.cancel_amount.unwrap_or_else(|| payment.balance());
        if amount < 1 {
            return Err("INVALID_REQUEST".into());
        }
        if amount > payment.balance() {
            return Err("NOT_CANCELABLE_AMOUNT".into());
        }
        if is_waiting && amount < payment.amount {
            return Err("NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT".into());
        }
        if payment.cancels.len() >= MAX_CANCELS {
            return Err("EXCEED_CANCEL_LIMIT".into());
        }
        self.books.cancel(place, amount, cancel.cancel_reason.clone(), now);
        self.tell(place, now);
        Ok(place)
    }
}
