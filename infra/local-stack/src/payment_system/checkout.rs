//! The hosted pages: a customer pays on one, and transfers the money of a virtual account on the other.

use axum::{
    Form,
    extract::{
        Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use maud::Markup;
use payment_system::{CLIENT_KEY, Request};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    page::{self, Language},
    provider::ProviderServer,
};

/// The longest address to return to.
const MAX_URL: usize = 2_000;

/// A visit of the page. The names are those of the provider's SDK, which says `orderId`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Visit {
    pub(super) client_key: String,
    #[serde(alias = "orderId")]
    pub(super) merchant_order_id: String,
    pub(super) amount: i64,
    pub(super) order_name: Option<String>,
    pub(super) success_url: String,
    pub(super) fail_url: String,
    /// The customer's choice, on the form alone.
    choice: Option<Choice>,
    action: Option<Action>,
}

/// A way to pay, and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Choice {
    Card,
    /// The issuer declines on the page.
    DeclinedCard,
    /// The issuer declines the shop's confirmation.
    CardDeclinedLater,
    VirtualAccount,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Action {
    Pay,
    Cancel,
}

/// A visit with addresses to return to.
struct Returning {
    visit: Visit,
    success: Url,
    fail: Url,
}

impl Visit {
    fn checked(self) -> Result<Returning, &'static str> {
        if self.client_key != CLIENT_KEY {
            return Err("clientKey");
        }
        let success = address(&self.success_url).ok_or("successUrl")?;
        let fail = address(&self.fail_url).ok_or("failUrl")?;
        Ok(Returning { visit: self, success, fail })
    }
}

/// An address that a browser may be sent to: no `javascript:`.
fn address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    (text.len() <= MAX_URL && matches!(url.scheme(), "http" | "https")).then_some(url)
}

pub(super) async fn show(visit: Result<Query<Visit>, QueryRejection>, headers: HeaderMap) -> Response {
    let language = Language::of(&headers);
    let checked = visit.map_err(|rejection| rejection.body_text()).and_then(|Query(visit)| Ok(visit.checked()?));
    match checked {
        Ok(Returning { visit, success, fail }) => {
            let targets = [success, fail].map(|url| url.origin().ascii_serialization()).join(" ");
            html(StatusCode::OK, &targets, page::checkout(&visit, language))
        }
        Err(reason) => wrong(language, &reason),
    }
}

pub(super) async fn pay(
    State(server): State<ProviderServer>,
    headers: HeaderMap,
    visit: Result<Form<Visit>, FormRejection>,
) -> Response {
    let language = Language::of(&headers);
    let checked = visit.map_err(|rejection| rejection.body_text()).and_then(|Form(visit)| Ok(visit.checked()?));
    let Returning { visit, success, fail } = match checked {
        Ok(returning) => returning,
        Err(reason) => return wrong(language, &reason),
    };
    let order_id = visit.merchant_order_id.clone();
    let failed = |code: &str, message: &str| {
        let facts = [("code", code), ("message", message), ("orderId", &order_id)];
        Redirect::to(with(fail.clone(), &facts).as_str()).into_response()
    };
    let (method, outcome) = match (visit.action, visit.choice) {
        (Some(Action::Pay), Some(Choice::Card)) => ("CARD", Some("APPROVE")),
        (Some(Action::Pay), Some(Choice::CardDeclinedLater)) => ("CARD", Some("DECLINE")),
        (Some(Action::Pay), Some(Choice::VirtualAccount)) => ("VIRTUAL_ACCOUNT", None),
        (Some(Action::Pay), Some(Choice::DeclinedCard)) => {
            return failed("REJECT_CARD_COMPANY", "결제 승인이 거절되었습니다.");
        }
        (Some(Action::Cancel), _) => return failed("PAY_PROCESS_CANCELED", "사용자에 의해 결제가 취소되었습니다."),
        (Some(Action::Pay), None) | (None, _) => return wrong(language, "choice, action"),
    };
    let begun = json!({
        "clientKey": visit.client_key, "merchantOrderId": order_id, "amount": visit.amount,
        "orderName": visit.order_name, "method": method, "outcome": outcome,
    });
    let (_, begun) = control(&server, "/checkout", &begun);
    let field = |name: &str| begun.get(name).and_then(Value::as_str).unwrap_or_default();
    if field("paymentKey").is_empty() {
        return failed(field("code"), field("message"));
    }
    let amount = visit.amount.to_string();
    let facts =
        [("paymentType", "NORMAL"), ("paymentKey", field("paymentKey")), ("orderId", &order_id), ("amount", &amount)];
    Redirect::to(with(success, &facts).as_str()).into_response()
}

/// Posts to a control route of the provider: the page does nothing that a test cannot do.
fn control(server: &ProviderServer, path: &str, body: &Value) -> (StatusCode, Value) {
    let body = body.to_string().into_bytes();
    let request = Request { method: "POST".to_owned(), path: path.to_owned(), headers: Vec::new(), body };
    match server.answer(&request) {
        Ok(response) => {
            let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, serde_json::from_str(&response.body).unwrap_or_default())
        }
        Err(error) => {
            let body = json!({ "code": "FAILED_INTERNAL_SYSTEM_PROCESSING", "message": error.to_string() });
            (StatusCode::INSUFFICIENT_STORAGE, body)
        }
    }
}

fn with(mut url: Url, facts: &[(&str, &str)]) -> Url {
    url.query_pairs_mut().extend_pairs(facts);
    url
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Transfer {
    #[serde(default, alias = "orderId")]
    merchant_order_id: String,
}

pub(super) async fn show_deposit(transfer: Result<Query<Transfer>, QueryRejection>, headers: HeaderMap) -> Response {
    let language = Language::of(&headers);
    match transfer {
        Ok(Query(transfer)) => html(StatusCode::OK, "", page::deposit(&transfer.merchant_order_id, None, language)),
        Err(rejection) => wrong(language, &rejection.body_text()),
    }
}

pub(super) async fn transfer(
    State(server): State<ProviderServer>,
    headers: HeaderMap,
    transfer: Result<Form<Transfer>, FormRejection>,
) -> Response {
    let language = Language::of(&headers);
    let order_id = match transfer {
        Ok(Form(transfer)) => transfer.merchant_order_id,
        Err(rejection) => return wrong(language, &rejection.body_text()),
    };
    let (status, _) = control(&server, "/deposits", &json!({ "merchantOrderId": order_id }));
    let is_done = status.is_success();
    let status = if is_done { StatusCode::OK } else { status };
    html(status, "", page::deposit(&order_id, Some(is_done), language))
}

pub(super) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], page::STYLE).into_response()
}

fn wrong(language: Language, reason: &str) -> Response {
    html(StatusCode::BAD_REQUEST, "", page::wrong(reason, language))
}

/// A page without scripts, which no other page may frame. Browsers apply the targets of forms to redirections too.
fn html(status: StatusCode, form_targets: &str, markup: Markup) -> Response {
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self' {form_targets}; frame-ancestors 'none'; base-uri 'none'"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy.as_str()),
        (header::CACHE_CONTROL, "no-store"),
        // Without a referrer a browser names no origin, and the door would refuse the form.
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::VARY, "accept-language"),
    ];
    (status, headers, markup.into_string()).into_response()
}
