//! The meaning of answers that are not a payment.
//!
//! | answer | meaning | why |
//! |---|---|---|
//! | a listed code with status 400, 403 or 404 | refused | the card, the account or the payment's own state forbids it |
//! | `ALREADY_…`, and to a cancellation also a state or amount that forbids it | look up | an earlier call, whose answer was lost, may have caused it |
//! | 401 or 403 about the shop's keys | unknown | a wrong configuration must not decline a payment that a customer made |
//! | 409 `IDEMPOTENT_REQUEST_PROCESSING` | unknown | the first call of this key is still running |
//! | 429, 5xx, `PROVIDER_ERROR`, `FORBIDDEN_CONSECUTIVE_REQUEST` | unknown | a bank behind the provider may have acted |
//! | `DUPLICATED_ORDER_ID` | unknown | another attempt of the same payment may hold its money |
//! | any other code, or no readable code | unknown | a new code must not decline a payment |
//!
//! The rule is a list of refusals, and not one of doubts: a code that is missing here costs a look-up later, and a code
//! that is wrongly here costs a customer's money.

use serde::Deserialize;

use crate::transport::Answer;

/// The meaning of an answer that is not a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No money moves by this call.
    Refused(String),
    /// The payment itself tells; if it does not, this is the code of the refusal.
    LookUp(String),
    Unknown(String),
}

/// Codes by which a confirmation is refused for good.
const CONFIRMATION: [&str; 29] = [
    "BELOW_MINIMUM_AMOUNT",
    "EXCEED_MAX_AMOUNT",
    "EXCEED_MAX_AUTH_COUNT",
    "EXCEED_MAX_CARD_INSTALLMENT_PLAN",
    "EXCEED_MAX_DAILY_PAYMENT_COUNT",
    "EXCEED_MAX_ONE_DAY_AMOUNT",
    "EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT",
    "EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT",
    "EXCEED_MAX_PAYMENT_AMOUNT",
    "FDS_ERROR",
    "INVALID_CARD_EXPIRATION",
    "INVALID_CARD_INSTALLMENT_PLAN",
    "INVALID_CARD_LOST_OR_STOLEN",
    "INVALID_CARD_NUMBER",
    "INVALID_PASSWORD",
    "INVALID_REJECT_CARD",
    "INVALID_REQUEST",
    "INVALID_STOPPED_CARD",
    "NOT_ALLOWED_POINT_USE",
    "NOT_AVAILABLE_BANK",
    "NOT_FOUND_PAYMENT",
    "NOT_FOUND_PAYMENT_SESSION",
    "NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT",
    "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN",
    "REJECT_ACCOUNT_PAYMENT",
    "REJECT_CARD_COMPANY",
    "REJECT_CARD_PAYMENT",
    "REJECT_TOSSPAY_INVALID_ACCOUNT",
    "RESTRICTED_TRANSFER_ACCOUNT",
];

const CONFIRMATION_LOOK_UP: [&str; 1] = ["ALREADY_PROCESSED_PAYMENT"];

/// Codes by which a cancellation is refused for good.
const CANCELLATION: [&str; 13] = [
    "EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT",
    "EXCEED_CANCEL_LIMIT",
    "EXCEED_MAX_REFUND_DUE",
    "FORBIDDEN_BANK_REFUND_REQUEST",
    "INVALID_BANK",
    "INVALID_REFUND_ACCOUNT_INFO",
    "INVALID_REFUND_ACCOUNT_NUMBER",
    "INVALID_REQUEST",
    "NOT_ALLOWED_PARTIAL_REFUND",
    "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT",
    "NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER",
    "NOT_FOUND_PAYMENT",
    "REFUND_REJECTED",
];

const CANCELLATION_LOOK_UP: [&str; 5] = [
    "ALREADY_CANCELED_PAYMENT",
    "ALREADY_REFUND_PAYMENT",
    "NOT_CANCELABLE_AMOUNT",
    "NOT_CANCELABLE_PAYMENT",
    "NOT_MATCHES_REFUNDABLE_AMOUNT",
];

/// The meaning of the answer to a confirmation; none if it should be a payment.
pub(super) fn confirmation_verdict(answer: &Answer) -> Option<Verdict> {
    verdict(answer, &CONFIRMATION, &CONFIRMATION_LOOK_UP)
}

/// The meaning of the answer to a cancellation; none if it should be a payment.
pub(super) fn cancellation_verdict(answer: &Answer) -> Option<Verdict> {
    verdict(answer, &CANCELLATION, &CANCELLATION_LOOK_UP)
}

fn verdict(answer: &Answer, refused: &[&str], look_up: &[&str]) -> Option<Verdict> {
    if answer.status == 200 {
        return None;
    }
    let doubt = |code: &str| Verdict::Unknown(format!("{} {code}", answer.status).trim_end().to_owned());
    let Some(code) = code(answer) else { return Some(doubt("")) };
    if !matches!(answer.status, 400 | 403 | 404) {
        return Some(doubt(&code));
    }
    Some(match code.as_str() {
        known if look_up.contains(&known) => Verdict::LookUp(code),
        known if refused.contains(&known) => Verdict::Refused(code),
        _ => doubt(&code),
    })
}

/// The code of an error, if the answer has one in the provider's form.
pub(super) fn code(answer: &Answer) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        code: String,
    }
    let Body { code } = serde_json::from_slice(&answer.body).ok()?;
    is_code(&code).then_some(code)
}

/// Whether a text is a code, and no sentence or worse.
pub(super) fn is_code(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(is_letter)
}
