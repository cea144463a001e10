//! Every sentence that a caller reads, in Korean and English.

use super::{ApiError, Code, Language};
use crate::{
    app::Failure,
    domain::{Invalid, Refusal, drops::TicketProblem, invalid::Kind, refusal::Entity},
};

/// The title of a payment on the provider's page.
pub(super) fn payment_title(first_item: Option<&str>, more_items: usize, language: Language) -> String {
    match (first_item, more_items, language) {
        (None, _, Language::Korean) => "잔액 충전".to_owned(),
        (None, _, Language::English) => "Balance top-up".to_owned(),
        (Some(item), 0, _) => item.to_owned(),
        (Some(item), more, Language::Korean) => format!("{item} 외 {more}건"),
        (Some(item), more, Language::English) => format!("{item} and {more} more"),
    }
}

pub(super) fn success(language: Language) -> &'static str {
    match language {
        Language::Korean => "요청에 성공했습니다.",
        Language::English => "The request succeeded.",
    }
}

pub(super) fn of_code(code: Code, language: Language) -> &'static str {
    let (korean, english) = match code {
        Code::InvalidRequest => ("잘못된 요청입니다.", "The request is invalid."),
        Code::Unauthenticated => (
            "인증이 필요합니다. Authorization 헤더에 Bearer 토큰을 보내 주세요. 로컬에서는 x-user-id 헤더나 userId를 보내면 됩니다.",
            "Authentication required. Send a bearer token in the header Authorization; locally, the header x-user-id or a userId.",
        ),
        Code::BalanceNotEnough => ("잔액이 부족합니다.", "The balance is too low."),
        Code::Forbidden => ("권한이 없습니다.", "You may not do this."),
        Code::EntityNotFound => ("대상을 찾을 수 없습니다.", "Not found."),
        Code::MethodNotAllowed => ("허용되지 않은 메서드입니다.", "This path does not take this method."),
        Code::StockNotEnough => ("재고가 부족합니다.", "There is not enough stock."),
        Code::CouponSoldOut => ("쿠폰이 모두 소진되었습니다.", "All coupons have been issued."),
        Code::CouponAlreadyIssued => ("이미 발급받은 쿠폰입니다.", "You have this coupon already."),
        Code::CouponNotUsable => ("사용할 수 없는 쿠폰입니다.", "The coupon cannot be used for this."),
        Code::CouponNotIssuable => ("쿠폰 발급 기간이 아닙니다.", "The coupon is not issued now."),
        Code::ProductNotOnSale => ("판매 중인 상품이 아닙니다.", "The product is not on sale."),
        Code::PriceChanged => ("가격이 변경되었습니다.", "The price has changed."),
        Code::OrderStateConflict => ("현재 상태에서는 처리할 수 없습니다.", "The present state does not allow this."),
        Code::AddressRequired => (
            "배송지가 필요합니다. 사용자 정보에 우편번호와 주소를 입력해 주세요.",
            "An address is required. Give the user a postcode and a first line.",
        ),
        Code::PaymentAmountMismatch => ("결제 금액이 일치하지 않습니다.", "The amount of the payment does not match."),
        Code::OrderSheetExpired => ("주문서가 만료되었습니다.", "The order sheet has expired."),
        Code::UserNotActive => ("활성 상태의 사용자가 아닙니다.", "The user is not active."),
        Code::AlreadyExists => ("이미 존재합니다.", "It exists already."),
        Code::LimitExceeded => ("허용 한도를 초과했습니다.", "A limit would be exceeded."),
        Code::PayloadTooLarge => ("요청 본문이 너무 큽니다.", "The body is too large."),
        Code::UnsupportedMediaType => (
            "지원하지 않는 형식입니다. content-type: application/json 헤더와 JSON 본문을 보내 주세요.",
            "Unsupported media type. Send the header content-type: application/json with a JSON body.",
        ),
        Code::PreconditionFailed => ("그 사이에 변경되었습니다.", "Precondition failed."),
        Code::IdempotencyKeyReused => {
            ("같은 멱등성 키로 다른 요청을 보냈습니다.", "The idempotency key came with another request before.")
        }
        Code::TooManyRequests => (
            "요청이 너무 많습니다. 미결제 주문을 결제하거나 취소한 뒤, 또는 잠시 후 다시 시도해 주세요.",
            "Too many requests. Pay or cancel what is pending, or try again later.",
        ),
        Code::InternalServerError => ("서버에 문제가 발생했습니다.", "Something went wrong on our side."),
        Code::TryAgain => {
            ("요청이 몰리고 있습니다. 잠시 후 다시 시도해 주세요.", "Too much is going on. Try again shortly.")
        }
    };
    match language {
        Language::Korean => korean,
        Language::English => english,
    }
}

/// The message of an error: its code's, and for a missing thing its kind.
pub(super) fn of_error(error: &ApiError, language: Language) -> String {
    let message = of_code(error.code(), language);
    match error {
        ApiError::Failed(Failure::Refused(Refusal::NotFound { entity, .. })) => {
            format!("{message} {}", missing(*entity, language))
        }
        ApiError::Failed(Failure::Refused(Refusal::NotAdmitted { problem, .. })) => {
            not_admitted(*problem, language).to_owned()
        }
        _ => message.to_owned(),
    }
}

fn not_admitted(problem: TicketProblem, language: Language) -> &'static str {
    let (korean, english) = match problem {
        TicketProblem::Missing => (
            "대기표가 필요합니다. POST /drops/{dropId}/entries로 줄을 서고, x-drop-ticket 헤더에 대기표를 보내 주세요.",
            "A ticket is required. Enter with POST /drops/{dropId}/entries, and send the ticket in the header x-drop-ticket.",
        ),
        TicketProblem::NotValid => {
            ("이 드롭에서 이 사용자에게 발급한 대기표가 아닙니다.", "This is not a ticket of this drop for this user.")
        }
        TicketProblem::Waiting => {
            ("아직 입장 순서가 아닙니다. 잠시 후 다시 시도해 주세요.", "It is not your turn yet. Try again shortly.")
        }
        TicketProblem::Expired => {
            ("대기표가 만료되었습니다. 다시 줄을 서 주세요.", "The ticket has expired. Enter the line again.")
        }
        TicketProblem::Used => ("이미 사용한 대기표입니다.", "The ticket has been used."),
    };
    match language {
        Language::Korean => korean,
        Language::English => english,
    }
}

fn missing(entity: Entity, language: Language) -> &'static str {
    let (korean, english) = match entity {
        Entity::User => {
            ("이 사용자는 없습니다. POST /users로 등록할 수 있습니다.", "No such user; POST /users creates one.")
        }
        Entity::Product => ("이 상품은 없습니다.", "No such product; GET /products lists them."),
        Entity::Coupon => ("이 쿠폰은 없습니다.", "No such coupon."),
        Entity::Order => ("이 주문은 없습니다.", "No such order."),
        Entity::OrderItem => ("이 주문 상품은 없습니다.", "No such item of the order."),
        Entity::Claim => ("이 클레임은 없습니다.", "No such claim."),
        Entity::Parcel => ("이 택배는 없습니다.", "No such parcel."),
        Entity::OrderSheet => ("이 주문서는 없습니다.", "No such order sheet."),
        Entity::Payment => ("이 결제는 없습니다.", "No such payment."),
        Entity::Refund => ("이 환불은 없습니다.", "No such refund."),
        Entity::Withdrawal => ("이 출금은 없습니다.", "No such withdrawal."),
        Entity::Export => ("이 내보내기는 없습니다.", "No such export."),
        Entity::Drop => ("이 드롭은 없습니다.", "No such drop."),
        Entity::Path => {
            ("이 경로는 없습니다. GET /docs에 모든 경로가 있습니다.", "No such path; GET /docs describes all of them.")
        }
    };
    match language {
        Language::Korean => korean,
        Language::English => english,
    }
}

pub(super) fn of_field(invalid: &Invalid, language: Language) -> String {
    match language {
        Language::Korean => korean(invalid),
        Language::English => english(invalid),
    }
}

fn korean(invalid: &Invalid) -> String {
    match invalid {
        Invalid::Required => "필수 값입니다.".to_owned(),
        Invalid::Unknown => "알 수 없는 필드입니다.".to_owned(),
        Invalid::NotA(kind) => match kind {
            Kind::String => "문자열이어야 합니다.",
            Kind::Integer => "정수여야 합니다.",
            Kind::Boolean => "참 또는 거짓이어야 합니다.",
            Kind::List => "목록이어야 합니다.",
            Kind::Object => "객체여야 합니다.",
        }
        .to_owned(),
        Invalid::Length { min, max } => format!("{min}자 이상 {max}자 이하여야 합니다."),
        Invalid::Characters => "제어 문자나 글 방향을 바꾸는 문자는 쓸 수 없습니다.".to_owned(),
        Invalid::Blank => "눈에 보이는 글자가 있어야 합니다.".to_owned(),
        Invalid::Count { min, max } => format!("{min}개 이상 {max}개 이하여야 합니다."),
        Invalid::Id => "영문자, 숫자, '-', '_'로 된 1~64자여야 합니다.".to_owned(),
        Invalid::Reserved => "사용할 수 없는 예약어입니다.".to_owned(),
        Invalid::Range { min, max } => format!("{min} 이상 {max} 이하여야 합니다."),
        Invalid::MultipleOf(step) => format!("{step} 단위여야 합니다."),
        Invalid::Zero => "0이 아니어야 합니다.".to_owned(),
        Invalid::OneOf(values) => format!("다음 중 하나여야 합니다: {}", values.join(", ")),
        Invalid::Email => "이메일 형식이 아닙니다.".to_owned(),
        Invalid::Instant => "RFC 3339 형식의 시각이어야 합니다.".to_owned(),
        Invalid::After(other) => format!("{other} 이후여야 합니다."),
        Invalid::NotBefore(other) => format!("{other}보다 빠를 수 없습니다."),
        Invalid::NotAfter(other) => format!("{other}보다 늦을 수 없습니다."),
        Invalid::Past => "이미 지난 시각입니다.".to_owned(),
        Invalid::Excludes(other) => format!("{other} 필드와 함께 쓸 수 없습니다."),
        Invalid::OnlyWith(other) => format!("{other}일 때만 쓸 수 있습니다."),
        Invalid::EmptyCart => "장바구니가 비어 있습니다.".to_owned(),
        Invalid::Taken => "이미 다른 대상에 쓰였습니다.".to_owned(),
        Invalid::Repeated => "목록에 이미 있습니다.".to_owned(),
        Invalid::Overlaps => "목록의 다른 기간과 겹칩니다.".to_owned(),
        Invalid::Duplicate => "두 번 이상 쓸 수 없습니다.".to_owned(),
        Invalid::EntityTags => "따옴표로 묶은 엔티티 태그의 목록이거나 '*'여야 합니다.".to_owned(),
        Invalid::OneSeller => "한 판매자의 상품이어야 합니다.".to_owned(),
        Invalid::Cursor => "올바른 커서가 아닙니다.".to_owned(),
        Invalid::Ticket => "대기표가 아닙니다.".to_owned(),
        Invalid::Json => "올바른 JSON이 아닙니다.".to_owned(),
        Invalid::Empty => "변경할 내용이 없습니다.".to_owned(),
    }
}

fn english(invalid: &Invalid) -> String {
    match invalid {
        Invalid::Required => "is required".to_owned(),
        Invalid::Unknown => "is not a known field".to_owned(),
        Invalid::NotA(kind) => match kind {
            Kind::String => "must be a string",
            Kind::Integer => "must be an integer",
            Kind::Boolean => "must be true or false",
            Kind::List => "must be a list",
            Kind::Object => "must be an object",
        }
        .to_owned(),
        Invalid::Length { min, max } => format!("must have {min} to {max} characters"),
        Invalid::Characters => "must not have control characters or overrides of the text's direction".to_owned(),
        Invalid::Blank => "must have a visible character".to_owned(),
        Invalid::Count { min, max } => format!("must have {min} to {max} entries"),
        Invalid::Id => "must be 1 to 64 letters, digits, '-' or '_'".to_owned(),
        Invalid::Reserved => "is reserved".to_owned(),
        Invalid::Range { min, max } => format!("must be from {min} to {max}"),
        Invalid::MultipleOf(step) => format!("must be a multiple of {step}"),
        Invalid::Zero => "must not be 0".to_owned(),
        Invalid::OneOf(values) => format!("must be one of {}", values.join(", ")),
        Invalid::Email => "must be an e-mail address".to_owned(),
        Invalid::Instant => "must be an instant in RFC 3339".to_owned(),
        Invalid::After(other) => format!("must be later than {other}"),
        Invalid::NotBefore(other) => format!("must not be earlier than {other}"),
        Invalid::NotAfter(other) => format!("must not be later than {other}"),
        Invalid::Past => "must be in the future".to_owned(),
        Invalid::Excludes(other) => format!("cannot be given together with {other}"),
        Invalid::OnlyWith(other) => format!("is allowed only with {other}"),
        Invalid::EmptyCart => "The cart is empty.".to_owned(),
        Invalid::Taken => "Belongs to something else already.".to_owned(),
        Invalid::Repeated => "Is in the list already.".to_owned(),
        Invalid::Overlaps => "Overlaps another time of the list.".to_owned(),
        Invalid::Duplicate => "must be given once".to_owned(),
        Invalid::EntityTags => "must be quoted entity tags or '*'".to_owned(),
        Invalid::OneSeller => "must be of one seller".to_owned(),
        Invalid::Cursor => "is not a cursor of this list".to_owned(),
        Invalid::Ticket => "is not a ticket of a drop".to_owned(),
        Invalid::Json => "must be valid JSON".to_owned(),
        Invalid::Empty => "has nothing to change".to_owned(),
    }
}
