//! The services that functions call, over plain HTTP on one port.

use std::path::Path;

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::Error;
use crate::{Dynamo, TestShop, fakes::parameters::SECRET, shop::TABLE};

/// The file with the certificates of the system: Amazon Linux and Fedora, Debian and Ubuntu.
const BUNDLES: [&str; 2] = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"];

pub(super) struct Services {
    address: String,
    /// The shop over the same table, for seed data.
    pub(super) shop: TestShop,
}

impl Services {
    pub(super) async fn start() -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        // Nothing reads the stream, and writes to a table with one become slower as it grows.
        let shop = TestShop::without_stream(1).without_caps();
        shop.set_clock(&jiff::Timestamp::now().to_string());
        let router = Router::new().fallback(answer).with_state(shop.dynamo().clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        Ok(Self { address, shop })
    }

    /// The variables of a deployed function. Caps are so high that no benchmark reaches them.
    ///
    /// On Lambda's Amazon Linux all certificates of the system are in one file. Debian has each in a file of its own, too,
    /// which costs a start 2 ms. So the functions are told the one file, whatever the system.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        const CAPS: [&str; 9] = [
            "CAP_PENDING_ORDERS",
            "CAP_HELD_UNITS",
            "CAP_DEPOSIT_ORDERS",
            "CAP_DEPOSIT_UNITS",
            "CAP_FAILED_PAYMENTS",
            "CAP_CHARGES",
            "CAP_COUPON_ISSUES",
            "CAP_ORDER_SHEETS",
            "CAP_EXPORTS",
        ];
        let url = |path: &str| format!("{}/{path}", self.address);
        let mut variables = vec![
            ("AWS_REGION", "ap-northeast-2".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_SESSION_TOKEN", "test".to_owned()),
            ("AWS_ENDPOINT_URL", self.address.clone()),
            ("TABLE_NAME", TABLE.to_owned()),
            ("METRICS_NAMESPACE", "Jangteo/bench".to_owned()),
            ("SELF_CHARGE", "true".to_owned()),
            ("REQUIRE_ADDRESS", "false".to_owned()),
            ("ERASE_AFTER_SECONDS", "0".to_owned()),
            ("ADDRESS_SHOWN_SECONDS", "2592000".to_owned()),
            ("ACCESS_LOG_SECONDS", "31536000".to_owned()),
            ("REBUILD_SETTLE_SECONDS", "60".to_owned()),
            ("EVENT_BUS_NAME", "bus".to_owned()),
            ("QUEUE_URL", url("queue")),
            ("DEAD_LETTERS_URL", url("dead-letters")),
            ("FAILURES_BUCKET", "failures".to_owned()),
            ("EXPORTS_BUCKET", "exports".to_owned()),
            ("EXPORTS_QUEUE_URL", url("exports")),
            ("ACCOUNT_ID", "123456789012".to_owned()),
            ("EXPIRY_QUEUE_URL", url("expiry")),
            ("PAYMENT_REQUESTS_QUEUE_URL", url("payment-requests")),
            ("SHIPPING_INSTRUCTIONS_QUEUE_URL", url("shipping-instructions")),
            ("WATCHED_QUEUES", url("dead-letters")),
            ("PAYMENT_PROVIDER", "TOSS".to_owned()),
            ("PAYMENT_PROVIDER_URL", self.address.clone()),
            ("PAYMENT_SECRET_PARAMETER", "/jangteo/payments/secret".to_owned()),
            ("DATA_PLATFORM_URL", url("orders")),
            ("DATA_PLATFORM_SECRET_PARAMETER", "/jangteo/data-platform/secrets".to_owned()),
        ];
        let bundle = BUNDLES.into_iter().find(|bundle| Path::new(bundle).exists());
        variables.extend(bundle.map(|bundle| ("SSL_CERT_FILE", bundle.to_owned())));
        variables.extend(CAPS.map(|name| (name, "1000000".to_owned())));
        variables
    }
}

async fn answer(State(dynamo): State<Dynamo>, headers: HeaderMap, body: Bytes) -> (StatusCode, Json<Value>) {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let (service, operation) = target.split_once('.').unwrap_or_default();
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    if service.starts_with("DynamoDB") {
        return match dynamo.execute(operation, request) {
            Ok(answer) => (StatusCode::OK, Json(answer)),
            Err((status, error)) => (StatusCode::from_u16(status).expect("a status"), Json(error)),
        };
    }
    let answer = match operation {
        "PutEvents" => {
            let entries = request["Entries"].as_array().map_or(0, Vec::len);
            json!({ "FailedEntryCount": 0, "Entries": vec![json!({ "EventId": "1" }); entries] })
        }
        "GetParameter" => {
            json!({ "Parameter": { "Name": request["Name"], "Type": "SecureString", "Value": SECRET, "Version": 1 } })
        }
        "SendMessage" => json!({ "MessageId": "1" }),
        "SendMessageBatch" => {
            let taken = |entry: &Value| json!({ "Id": entry["Id"], "MessageId": "1", "MD5OfMessageBody": "" });
            let entries = request["Entries"].as_array();
            json!({ "Successful": entries.into_iter().flatten().map(taken).collect::<Vec<_>>(), "Failed": [] })
        }
        "GetQueueAttributes" => json!({ "Attributes": { "ApproximateNumberOfMessages": "0" } }),
        _ => json!({}),
    };
    (StatusCode::OK, Json(answer))
}
