//! The provider's errors.

use serde_json::json;

use crate::http::Response;

/// Codes with their status and message. The messages are the provider's.
const KNOWN: [(&str, u16, &str); 18] = [
    ("ALREADY_CANCELED_PAYMENT", 400, "이미 취소된 결제 입니다."),
    ("ALREADY_PROCESSED_PAYMENT", 400, "이미 처리된 결제 입니다."),
    ("DUPLICATED_ORDER_ID", 400, "이미 승인 및 취소가 진행된 중복된 주문번호 입니다. 다른 주문번호로 진행해주세요."),
    ("EXCEED_CANCEL_LIMIT", 403, "취소 가능 횟수를 초과하였습니다."),
    ("FAILED_INTERNAL_SYSTEM_PROCESSING", 500, "내부 시스템 처리 작업이 실패했습니다. 잠시 후 다시 시도해주세요."),
    ("IDEMPOTENT_REQUEST_PROCESSING", 409, "이전 멱등 요청이 처리중입니다."),
    ("INCORRECT_BASIC_AUTH_FORMAT", 403, "잘못된 요청입니다. ':' 를 포함해 인코딩해주세요."),
    ("INVALID_IDEMPOTENCY_KEY", 400, "멱등키는 300자 이하여야 합니다."),
    ("INVALID_REQUEST", 400, "잘못된 요청입니다."),
    ("NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT", 403, "입금 대기중인 결제는 부분 환불이 불가합니다."),
    ("NOT_CANCELABLE_AMOUNT", 403, "취소 할 수 없는 금액 입니다."),
    ("NOT_CANCELABLE_PAYMENT", 403, "취소 할 수 없는 결제 입니다."),
    ("NOT_FOUND", 404, "존재하지 않는 정보 입니다."),
    ("NOT_FOUND_PAYMENT", 404, "존재하지 않는 결제 정보 입니다."),
    ("NOT_FOUND_PAYMENT_SESSION", 404, "결제 시간이 만료되어 결제 진행 데이터가 존재하지 않습니다."),
    ("PROVIDER_ERROR", 400, "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요."),
    ("REJECT_CARD_PAYMENT", 403, "한도초과 혹은 잔액부족으로 결제에 실패했습니다."),
    ("UNAUTHORIZED_KEY", 401, "인증되지 않은 시크릿 키 혹은 클라이언트 키 입니다."),
];

/// Codes of the control routes alone.
const OWN: [(&str, u16, &str); 2] = [
    ("BOOKS_FULL", 503, "The local provider keeps no more payments. Restart it."),
    ("NOT_WAITING_FOR_DEPOSIT", 409, "The payment waits for no deposit."),
];

/// The reason for which the provider does not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub code: String,
    /// The field and its rule, where a field is wrong. The code's own message otherwise.
    pub detail: Option<String>,
}

impl Refusal {
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self { code: "INVALID_REQUEST".to_owned(), detail: Some(detail.into()) }
    }

    /// The body is `{code, message}`. A code that is not known here is a decline by the card's issuer.
    pub(crate) fn response(&self) -> Response {
        Response::json(known(&self.code).0, &json!({ "code": self.code, "message": self.message() }))
    }

    /// A sentence for a person.
    pub fn message(&self) -> &str {
        self.detail.as_deref().unwrap_or_else(|| message(&self.code))
    }
}

impl From<&str> for Refusal {
    fn from(code: &str) -> Self {
        Self { code: code.to_owned(), detail: None }
    }
}

/// The message of a code.
pub(crate) fn message(code: &str) -> &'static str {
    known(code).1
}

fn known(code: &str) -> (u16, &'static str) {
    let found = KNOWN.iter().chain(&OWN).find(|(known, ..)| *known == code);
    found.map_or((403, "결제 승인이 거절되었습니다."), |(_, status, message)| (*status, *message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_code_is_a_decline() {
        let declined = Refusal::from("INVALID_CARD_LOST_OR_STOLEN").response();
        assert_eq!(declined.status, 403);
        assert!(declined.body.contains(r#""code":"INVALID_CARD_LOST_OR_STOLEN""#), "{}", declined.body);
        assert_eq!(Refusal::from("NOT_FOUND_PAYMENT").response().status, 404);
    }
}
