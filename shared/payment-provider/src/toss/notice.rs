//! Notices: `PAYMENT_STATUS_CHANGED` with the payment, and the flat notice of a deposit with its secret.

use serde::Deserialize;
use shared::{app::payments::provider::Notice, domain::PaymentId};

/// The most bytes of a notice. It is public, and holds one payment.
const MAX_BODY: usize = 64 * 1024;

/// The longest secret that is compared.
const MAX_SECRET: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    event_type: Option<String>,
    data: Option<About>,
    order_id: Option<String>,
    secret: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    order_id: Option<String>,
    secret: Option<String>,
}

/// The payment that a notice is about.
pub(super) fn read(body: &[u8]) -> Option<Notice> {
    if body.len() > MAX_BODY {
        return None;
    }
    let body: Body = serde_json::from_slice(body).ok()?;
    let (order_id, secret) = match (body.event_type.as_deref(), body.data) {
        (Some("PAYMENT_STATUS_CHANGED"), Some(about)) => (about.order_id?, about.secret),
        (None | Some("DEPOSIT_CALLBACK"), _) => (body.order_id?, body.secret),
        _ => return None,
    };
    let secret = secret.filter(|secret| (1..=MAX_SECRET).contains(&secret.len()));
    Some(Notice { payment_id: PaymentId::try_from(order_id).ok()?, secret })
}
