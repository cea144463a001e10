//! Faults: deviations from an ordinary answer that a test or the simulator asks for.
//!
//! As JSON a fault is `{on, does, times?, afterMs?, code?, amount?}`. `on` is `CONFIRM`, `CANCEL`, `LOOK_UP` or
//! `NOTICE`; `times` bounds the calls or notices that it strikes. A fault of one payment goes before those of all.

use std::{collections::HashMap, time::Duration};

use serde::Deserialize;

use crate::{
    errors::Refusal,
    http::{Delivery, Response},
};

/// The most faults at once, of all payments or of one.
const MAX_FAULTS: usize = 20;

/// The most payments with faults of their own.
const MAX_PAYMENTS: usize = 10_000;

/// A deviation, and the number of times that it occurs; without a number, until it is replaced.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "FaultText")]
pub struct Fault {
    pub kind: FaultKind,
    pub times: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    Call(On, CallFault),
    Notice(NoticeFault),
}

/// A call of the protocol. Look-ups are by payment key and by order id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    Confirm,
    Cancel,
    LookUp,
}

/// A deviation of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallFault {
    /// 500 without an effect.
    FailBefore,
    /// 500 after the effect.
    FailAfter,
    /// No answer and no effect.
    SilentBefore,
    /// No answer after the effect.
    SilentAfter,
    /// The effect at once, and the answer late.
    Slow(Duration),
    /// No answer, and the effect late: the client may have looked the payment up in between.
    TakenLater(Duration),
    /// A refusal with this code. A confirmation that is refused ends its payment.
    Decline(String),
    /// The ordinary effect. The answer names this amount in place of the payment's.
    OtherAmount(i64),
}

/// A deviation of the notices of one change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeFault {
    Lose,
    Twice,
    Late(Duration),
}

impl Fault {
    /// The fault strikes one call of this kind.
    pub fn once(on: On, fault: CallFault) -> Self {
        Self { kind: FaultKind::Call(on, fault), times: Some(1) }
    }

    /// The fault strikes every notice.
    pub fn on_notices(fault: NoticeFault) -> Self {
        Self { kind: FaultKind::Notice(fault), times: None }
    }
}

impl CallFault {
    /// The answer as the client gets it, after the effect.
    pub(crate) fn distort(&self, mut response: Response) -> Response {
        match self {
            Self::FailAfter => return Refusal::from("FAILED_INTERNAL_SYSTEM_PROCESSING").response(),
            Self::SilentAfter => response.delivery = Delivery::Never,
            Self::Slow(time) => response.delivery = Delivery::After(*time),
            Self::OtherAmount(amount) if response.status == 200 => response.set("totalAmount", *amount),
            _ => {}
        }
        response
    }
}

/// The faults to come.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    of_all: Vec<Fault>,
    of_one: HashMap<String, Vec<Fault>>,
}

impl Faults {
    /// Replaces the faults of all payments, or of the payment with this order id.
    pub(crate) fn set(&mut self, order_id: Option<&str>, faults: Vec<Fault>) -> Result<(), Refusal> {
        if faults.len() > MAX_FAULTS {
            return Err(Refusal::invalid(format!("at most {MAX_FAULTS} faults")));
        }
        let Some(order_id) = order_id else {
            self.of_all = faults;
            return Ok(());
        };
        self.of_one.remove(order_id);
        if faults.is_empty() {
            return Ok(());
        }
        if self.of_one.len() >= MAX_PAYMENTS {
            return Err(Refusal::invalid(format!("at most {MAX_PAYMENTS} payments with faults")));
        }
        self.of_one.insert(order_id.to_owned(), faults);
        Ok(())
    }

    /// The fault that strikes this call about a payment.
    pub(crate) fn strike_call(&mut self, on: On, order_id: Option<&str>) -> Option<CallFault> {
        self.strike(order_id, |kind| match kind {
            FaultKind::Call(struck, fault) if *struck == on => Some(fault.clone()),
            _ => None,
        })
    }

    /// The fault that strikes the notices of one change of a payment.
    pub(crate) fn strike_notice(&mut self, order_id: &str) -> Option<NoticeFault> {
        self.strike(Some(order_id), |kind| match kind {
            FaultKind::Notice(fault) => Some(*fault),
            FaultKind::Call(..) => None,
        })
    }

    fn strike<T>(&mut self, order_id: Option<&str>, of_kind: impl Fn(&FaultKind) -> Option<T>) -> Option<T> {
        let of_one = order_id.and_then(|order_id| self.of_one.get_mut(order_id));
        let struck = of_one.and_then(|faults| strike(faults, &of_kind));
        struck.or_else(|| strike(&mut self.of_all, &of_kind))
    }
}

fn strike<T>(faults: &mut Vec<Fault>, of_kind: impl Fn(&FaultKind) -> Option<T>) -> Option<T> {
    let (place, found) = faults.iter().enumerate().find_map(|(place, fault)| Some((place, of_kind(&fault.kind)?)))?;
    if let Some(times) = faults.get_mut(place).and_then(|fault| fault.times.as_mut()) {
        *times = times.saturating_sub(1);
    }
    faults.retain(|fault| fault.times != Some(0));
    Some(found)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FaultText {
    on: OnText,
    does: String,
    times: Option<u32>,
    after_ms: Option<u32>,
    code: Option<String>,
    amount: Option<i64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum OnText {
    Confirm,
    Cancel,
    LookUp,
    Notice,
}

impl TryFrom<FaultText> for Fault {
    type Error = String;

    fn try_from(text: FaultText) -> Result<Self, String> {
        let after = text.after_ms.map(|millis| Duration::from_millis(millis.into()));
        let after = || after.ok_or("afterMs is missing");
        if text.times == Some(0) {
            return Err("times must be at least 1".to_owned());
        }
        let on = match text.on {
            OnText::Confirm => On::Confirm,
            OnText::Cancel => On::Cancel,
            OnText::LookUp => On::LookUp,
            OnText::Notice => {
                let fault = match text.does.as_str() {
                    "LOSE" => NoticeFault::Lose,
                    "TWICE" => NoticeFault::Twice,
                    "LATE" => NoticeFault::Late(after()?),
                    _ => return Err("does must be LOSE, TWICE or LATE".to_owned()),
                };
                return Ok(Self { kind: FaultKind::Notice(fault), times: text.times });
            }
        };
        let fault = match text.does.as_str() {
            "FAIL_BEFORE" => CallFault::FailBefore,
            "FAIL_AFTER" => CallFault::FailAfter,
            "SILENT_BEFORE" => CallFault::SilentBefore,
            "SILENT_AFTER" => CallFault::SilentAfter,
            "SLOW" => CallFault::Slow(after()?),
            "TAKEN_LATER" => CallFault::TakenLater(after()?),
            "DECLINE" => CallFault::Decline(code(text.code)?),
            "OTHER_AMOUNT" => CallFault::OtherAmount(text.amount.ok_or("amount is missing")?),
            _ => {
                return Err("does must be FAIL_BEFORE, FAIL_AFTER, SILENT_BEFORE, SILENT_AFTER, SLOW, TAKEN_LATER, \
                            DECLINE or OTHER_AMOUNT"
                    .to_owned());
            }
        };
        Ok(Self { kind: FaultKind::Call(on, fault), times: text.times })
    }
}

fn code(code: Option<String>) -> Result<String, &'static str> {
    let code = code.unwrap_or_else(|| "REJECT_CARD_PAYMENT".to_owned());
    let is_letter = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let is_right = (1..=64).contains(&code.len()) && code.bytes().all(is_letter);
    if is_right { Ok(code) } else { Err("code must be 1 to 64 capital letters, digits and underscores") }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(text: Value) -> Result<Fault, String> {
        serde_json::from_value(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_fault_is_read_and_its_mistakes_are_named() {
        let silent = read(json!({ "on": "CONFIRM", "does": "SILENT_AFTER", "times": 1 }));
        assert_eq!(silent, Ok(Fault::once(On::Confirm, CallFault::SilentAfter)));
        let late = read(json!({ "on": "NOTICE", "does": "LATE", "afterMs": 1_500 }));
        assert_eq!(late, Ok(Fault::on_notices(NoticeFault::Late(Duration::from_millis(1_500)))));
        for (mistake, named) in [
            (json!({ "on": "CONFIRM", "does": "LOSE" }), "does"),
            (json!({ "on": "NOTICE", "does": "SLOW", "afterMs": 1 }), "does"),
            (json!({ "on": "CANCEL", "does": "SLOW" }), "afterMs"),
            (json!({ "on": "CANCEL", "does": "OTHER_AMOUNT" }), "amount"),
            (json!({ "on": "CONFIRM", "does": "DECLINE", "code": "no" }), "code"),
            (json!({ "on": "CONFIRM", "does": "FAIL_AFTER", "times": 0 }), "times"),
            (json!({ "on": "CONFIRM", "does": "FAIL_AFTER", "time": 1 }), "time"),
        ] {
            let message = read(mistake.clone()).unwrap_err();
            assert!(message.contains(named), "{mistake}: {message}");
        }
    }

    #[test]
    fn a_fault_of_one_payment_goes_first_and_ends_after_its_times() {
        let mut faults = Faults::default();
        faults.set(None, vec![Fault { times: None, ..Fault::once(On::Confirm, CallFault::FailBefore) }]).unwrap();
        faults.set(Some("p1"), vec![Fault::once(On::Confirm, CallFault::SilentAfter)]).unwrap();
        assert_eq!(faults.strike_call(On::Cancel, Some("p1")), None);
        assert_eq!(faults.strike_call(On::Confirm, Some("p2")), Some(CallFault::FailBefore));
        assert_eq!(faults.strike_call(On::Confirm, Some("p1")), Some(CallFault::SilentAfter));
        assert_eq!(faults.strike_call(On::Confirm, Some("p1")), Some(CallFault::FailBefore));
    }

    #[test]
    fn faults_are_bounded() {
        let fault = Fault::on_notices(NoticeFault::Lose);
        let mut faults = Faults::default();
        assert!(faults.set(None, vec![fault.clone(); MAX_FAULTS + 1]).is_err());
        for number in 0..MAX_PAYMENTS {
            faults.set(Some(&number.to_string()), vec![fault.clone()]).unwrap();
        }
        assert!(faults.set(Some("one more"), vec![fault]).is_err());
        faults.set(Some("0"), Vec::new()).unwrap();
        assert_eq!(faults.of_one.len(), MAX_PAYMENTS - 1);
    }
}
