//! The object `Payment` of the provider, strictly in what the shop reads of it.

use jiff::{Timestamp, civil::DateTime, tz};
use serde::{Deserialize, Deserializer};
use shared::{
    app::payments::provider::ProviderError,
    domain::{
        PaymentId, Won,
        money::MAX_PAYMENT,
        provider::{Deposit, PaymentKey, ProviderCancel, ProviderPayment, ProviderState},
    },
};

use super::{refusals, unknown};
use crate::transport::Answer;

/// The beginning of the reason of the shop's own cancellations. The id of the refund follows.
const CANCEL_REASON: &str = "refund ";

/// The longest text that is taken of a bank, an account or a secret.
const MAX_TEXT: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payment {
    payment_key: PaymentKey,
    order_id: PaymentId,
    status: Status,
    currency: String,
    total_amount: i64,
    // Null says that no money ever came, so a missing field must not pass for it.
    #[serde(deserialize_with = "Option::deserialize")]
    approved_at: Option<Timestamp>,
    virtual_account: Option<VirtualAccount>,
    secret: Option<String>,
    cancels: Option<Vec<Cancel>>,
    failure: Option<Failure>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Status {
    Ready,
    InProgress,
    WaitingForDeposit,
    Done,
    Canceled,
    PartialCanceled,
    Aborted,
    Expired,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VirtualAccount {
    account_number: String,
    bank_code: String,
    #[serde(deserialize_with = "due")]
    due_date: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cancel {
    cancel_amount: i64,
    cancel_reason: String,
    // Earlier versions of the protocol list only those that are done, without a status.
    #[serde(default)]
    cancel_status: CancelStatus,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum CancelStatus {
    #[default]
    Done,
    InProgress,
    Aborted,
}

#[derive(Deserialize)]
struct Failure {
    code: String,
}

/// The payment of an answer; none if the provider says that it has none.
///
/// # Errors
/// If the answer is neither.
pub(super) fn read(answer: &Answer) -> Result<Option<ProviderPayment>, ProviderError> {
    match (answer.status, refusals::code(answer).as_deref()) {
        (200, _) => {
            let payment: Payment =
                serde_json::from_slice(&answer.body).map_err(|error| ProviderError::Unknown(error.to_string()))?;
            payment.checked().map(Some)
        }
        (404, Some("NOT_FOUND_PAYMENT" | "NOT_FOUND")) => Ok(None),
        (status, Some(code)) => Err(ProviderError::Unknown(format!("{status} {code}"))),
        (status, None) => Err(ProviderError::Unknown(status.to_string())),
    }
}

/// The reason by which a look-up finds the cancellation of a refund again.
pub(super) fn cancel_reason(refund_id: &str) -> String {
    format!("{CANCEL_REASON}{refund_id}")
}

impl Payment {
    fn checked(self) -> Result<ProviderPayment, ProviderError> {
        if self.currency != "KRW" {
            return Err(unknown("a payment in another currency"));
        }
        let amount = amount(self.total_amount)?;
        let cancels = cancels(self.cancels.as_deref().unwrap_or_default(), amount)?;
        let (state, has_money) = match (self.status, self.approved_at) {
            (Status::Ready | Status::InProgress, None) => (ProviderState::Open, false),
            (Status::WaitingForDeposit, None) => {
                let account = self.virtual_account.ok_or_else(|| unknown("a deposit without an account"))?;
                let deposit = Deposit {
                    bank: short(account.bank_code)?,
                    account: short(account.account_number)?,
                    due_at: account.due_date,
                };
                (ProviderState::WaitingForDeposit { deposit, secret: self.secret.map(short).transpose()? }, false)
            }
            (Status::Done, Some(_)) if cancels.is_empty() => (ProviderState::Done, true),
            (Status::Canceled | Status::PartialCanceled, Some(_)) if !cancels.is_empty() => (ProviderState::Done, true),
            (Status::Canceled, None) => (ended("CANCELED", self.failure), false),
            (Status::Aborted, None) => (ended("ABORTED", self.failure), false),
            (Status::Expired, None) => (ended("EXPIRED", self.failure), false),
            _ => return Err(unknown("a payment that contradicts itself")),
        };
        Ok(ProviderPayment {
            payment_key: self.payment_key,
            payment_id: self.order_id,
            amount,
            state,
            // Without money there was none to go back.
            cancels: if has_money { cancels } else { Vec::new() },
        })
    }
}

fn ended(status: &str, failure: Option<Failure>) -> ProviderState {
    let code = failure.map(|failure| failure.code).filter(|code| refusals::is_code(code));
    ProviderState::Ended { code: code.unwrap_or_else(|| status.to_owned()) }
}

/// The cancellations by which money went back. An aborted one moved none.
fn cancels(told: &[Cancel], amount_paid: Won) -> Result<Vec<ProviderCancel>, ProviderError> {
    let mut cancels = Vec::new();
    for cancel in told {
        match cancel.cancel_status {
            CancelStatus::Aborted => continue,
            CancelStatus::InProgress => return Err(unknown("a cancellation is underway")),
            CancelStatus::Done => {}
        }
        let refund_id = cancel.cancel_reason.strip_prefix(CANCEL_REASON).map(str::to_owned);
        cancels.push(ProviderCancel { refund_id, amount: amount(cancel.cancel_amount)? });
    }
    let sum = Won::checked_sum(cancels.iter().map(|cancel| cancel.amount));
    if sum.is_some_and(|sum| sum <= amount_paid) { Ok(cancels) } else { Err(unknown("more cancelled than paid")) }
}

fn amount(amount: i64) -> Result<Won, ProviderError> {
    if (1..=MAX_PAYMENT.get()).contains(&amount) {
        Ok(Won::new(amount))
    } else {
        Err(unknown("no amount of a payment"))
    }
}

fn short(text: String) -> Result<String, ProviderError> {
    let is_right = (1..=MAX_TEXT).contains(&text.len()) && !text.chars().any(char::is_control);
    if is_right { Ok(text) } else { Err(unknown("an empty or overlong text")) }
}

/// A due date: an instant, or by the provider's documentation a time of day without an offset, in Seoul.
fn due<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    let in_seoul = || text.parse::<DateTime>().and_then(|at| tz::offset(9).to_timestamp(at));
    text.parse::<Timestamp>().or_else(|_| in_seoul()).map_err(serde::de::Error::custom)
}
