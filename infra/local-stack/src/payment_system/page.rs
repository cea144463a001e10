//! The markup of the hosted pages, in Korean and English.

use axum::http::{HeaderMap, header};
use maud::{DOCTYPE, Markup, html};

use super::checkout::Visit;

/// Dark text on light ground: each pair has a contrast of at least 7 to 1.
pub(super) const STYLE: &str = "\
body { font-family: system-ui, sans-serif; line-height: 1.6; margin: 0; color: #1a1a1a; background: #f6f6f4; }
header, main { max-width: 32rem; margin: 0 auto; padding: 1rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1rem; }
dt { color: #444; }
dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
fieldset { border: 1px solid #767676; border-radius: 0.5rem; margin: 1rem 0; }
label { display: block; padding: 0.4rem 0; }
input, button { font: inherit; }
input[type=text] { box-sizing: border-box; width: 100%; padding: 0.5rem; border: 1px solid #767676; }
button { padding: 0.6rem 1.2rem; margin: 0 0.5rem 0.5rem 0; border: 2px solid #14418b; border-radius: 0.5rem; }
button { color: #14418b; background: #fff; cursor: pointer; }
button.first { color: #fff; background: #14418b; }
:focus-visible { outline: 3px solid #b45309; outline-offset: 2px; }
";

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Korean,
    English,
}

impl Language {
    /// The language that a browser prefers: Korean if it names neither.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut best = (0.0, Self::Korean);
        for range in accepted.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
            let language = match tag.split('-').next() {
                Some("ko") => Self::Korean,
                Some("en") => Self::English,
                _ => continue,
            };
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0_f32);
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }

    const fn tag(self) -> &'static str {
        match self {
            Self::Korean => "ko",
            Self::English => "en",
        }
    }

    /// The text of this language.
    const fn choose(self, korean: &'static str, english: &'static str) -> &'static str {
        match self {
            Self::Korean => korean,
            Self::English => english,
        }
    }

    fn won(self, amount: i64) -> String {
        let digits = amount.to_string();
        let groups: Vec<&str> =
            digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
        let digits = groups.join(",");
        match self {
            Self::Korean => format!("{digits}원"),
            Self::English => format!("₩{digits}"),
        }
    }
}

pub(super) fn checkout(visit: &Visit, language: Language) -> Markup {
    let t = |korean, english| language.choose(korean, english);
    let title = t("결제", "Checkout");
    let amount = language.won(visit.amount);
    let choices = [
        ("CARD", t("카드 (승인됨)", "Card that is approved")),
        ("DECLINED_CARD", t("카드 (여기서 거절됨)", "Card that is declined here")),
        ("CARD_DECLINED_LATER", t("카드 (승인 요청 때 거절됨)", "Card that is declined at confirmation")),
        ("VIRTUAL_ACCOUNT", t("가상계좌 (나중에 입금)", "Virtual account, deposit later")),
    ];
    let hidden = [
        ("clientKey", visit.client_key.as_str()),
        ("merchantOrderId", &visit.merchant_order_id),
        ("amount", &visit.amount.to_string()),
        ("successUrl", &visit.success_url),
        ("failUrl", &visit.fail_url),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    let order_name = visit.order_name.as_deref().unwrap_or(&visit.merchant_order_id);
    frame(
        title,
        language,
        &html! {
            h1 { (title) }
            dl {
                dt { (t("주문", "Order")) } dd { (order_name) }
                dt { (t("주문번호", "Order id")) } dd { (visit.merchant_order_id) }
                dt { (t("금액", "Amount")) } dd { (amount) }
            }
            form method="post" action="/checkout/pay" {
                @for (name, value) in &hidden { input type="hidden" name=(name) value=(value); }
                input type="hidden" name="orderName" value=(order_name);
                fieldset {
                    legend { (t("결제 수단", "Payment method")) }
                    @for (place, (value, text)) in choices.iter().enumerate() {
                        label {
                            input type="radio" name="choice" value=(value) checked[place == 0] required;
                            " " (text)
                        }
                    }
                }
                button.first type="submit" name="action" value="PAY" { (t("결제하기", "Pay")) " " (amount) }
                button type="submit" name="action" value="CANCEL" { (t("결제 취소", "Cancel payment")) }
            }
        },
    )
}

/// The page of a transfer: before it, or after it with its outcome.
pub(super) fn deposit(order_id: &str, outcome: Option<bool>, language: Language) -> Markup {
    let t = |korean, english| language.choose(korean, english);
    let title = t("가상계좌 입금", "Deposit to a virtual account");
    frame(
        title,
        language,
        &html! {
            h1 { (title) }
            @match outcome {
                Some(true) => p role="status" { (t("입금했습니다.", "The money has been transferred.")) },
                Some(false) => p role="alert" {
                    (t("이 주문번호로 입금을 기다리는 결제가 없습니다.", "No payment with this order id waits for a deposit."))
                },
                None => {},
            }
            @if outcome != Some(true) {
                form method="post" action="/deposits/transfer" {
                    label {
                        (t("주문번호", "Order id"))
                        input type="text" name="merchantOrderId" value=(order_id) maxlength="64" required autocomplete="off";
                    }
                    button.first type="submit" { (t("입금하기", "Transfer the money")) }
                }
            }
        },
    )
}

/// The page of a request that is wrong.
pub(super) fn wrong(reason: &str, language: Language) -> Markup {
    let title = language.choose("잘못된 요청입니다", "The request is wrong");
    frame(
        title,
        language,
        &html! {
            h1 { (title) }
            p role="alert" { (reason) }
        },
    )
}

fn frame(title: &str, language: Language, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · " (language.choose("로컬 결제 시스템", "Local payment system")) }
                link rel="stylesheet" href="/checkout/style.css";
                // Browsers ask for an icon otherwise.
                link rel="icon" href="data:,";
            }
            body {
                header { (language.choose("로컬 결제 시스템 · 실제 돈은 오가지 않습니다", "Local payment system · no money moves")) }
                main { (content) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_language_is_taken() {
        for (accepted, language) in [
            ("", Language::Korean),
            ("fr", Language::Korean),
            ("en-US,en;q=0.9,ko;q=0.8", Language::English),
            ("en;q=0.5, ko-KR", Language::Korean),
            ("en;q=0", Language::Korean),
            ("KO;q=x, EN;q=0.9", Language::Korean),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, accepted.parse().unwrap())]);
            assert_eq!(Language::of(&headers), language, "{accepted}");
        }
    }

    #[test]
    fn amounts_have_groups_of_three_digits() {
        for (amount, shown) in [(1, "1원"), (999, "999원"), (1_000, "1,000원"), (12_345_678, "12,345,678원")] {
            assert_eq!(Language::Korean.won(amount), shown);
        }
        assert_eq!(Language::English.won(10_000), "₩10,000");
    }
}
