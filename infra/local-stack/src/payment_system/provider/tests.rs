//! The provider over HTTP: its protocol, its notices to a shop, and its pages in a browser's place.

use std::{fs, io::Write as _};

use axum::Json;
use payment_system::{CLIENT_KEY, SECRET_KEY};
use reqwest::{Url, redirect::Policy};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::server::Servers;

/// A shop that takes notices.
#[derive(Clone, Default)]
struct Shop(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    /// The number of notices to come that are answered 503.
    failures: usize,
    /// The notices, each with the number of its sendings before.
    notices: Vec<(String, Value)>,
}

async fn take(State(shop): State<Shop>, headers: HeaderMap, Json(notice): Json<Value>) -> StatusCode {
    let mut taken = shop.0.lock().unwrap();
    let retried = headers["tosspayments-webhook-transmission-retried-count"].to_str().unwrap().to_owned();
    taken.notices.push((retried, notice));
    if taken.failures == 0 {
        return StatusCode::OK;
    }
    taken.failures -= 1;
    StatusCode::SERVICE_UNAVAILABLE
}

struct Running {
    _servers: Servers,
    shop: Shop,
    url: String,
    client: Client,
    state: TempDir,
}

impl Running {
    async fn start() -> Self {
        Self::start_with(tempfile::tempdir().unwrap()).await
    }

    async fn start_with(state: TempDir) -> Self {
        let (servers, shop) = (Servers::new().unwrap(), Shop::default());
        let notices = Router::new().route("/payment-notices/toss", post(take)).with_state(shop.clone());
        let port = servers.serve(0, notices).await.unwrap();
        let provider = ProviderServer::new(state.path(), format!("http://127.0.0.1:{port}/payment-notices/toss"));
        let provider = provider.unwrap();
        let port = servers.serve(0, provider.router()).await.unwrap();
        servers.spawn(provider.work());
        let client = Client::builder().redirect(Policy::none()).timeout(Duration::from_secs(2)).build().unwrap();
        Self { _servers: servers, shop, url: format!("http://127.0.0.1:{port}"), client, state }
    }

    /// Stops it, and starts another one with its state.
    async fn restart(self) -> Self {
        let Self { state, _servers: servers, .. } = self;
        drop(servers);
        Self::start_with(state).await
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request = self.client.request(method, format!("{}{path}", self.url)).basic_auth(SECRET_KEY, Some(""));
        let answer = request.json(&body).send().await.unwrap();
        (answer.status(), serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
    }

    async fn confirm(&self, order_id: &str, key: &str) -> (StatusCode, Value) {
        let body = json!({ "paymentKey": key, "orderId": order_id, "amount": 10_000 });
        self.call(Method::POST, "/v1/payments/confirm", body).await
    }

    async fn page(&self, path: &str, language: &str) -> (reqwest::Response, StatusCode) {
        let request = self.client.get(format!("{}{path}", self.url)).header("accept-language", language);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        (answer, status)
    }

    /// Sends the form of the checkout, and returns the address that it leads to.
    async fn pay(&self, order_id: &str, choice: &str, action: &str) -> Url {
        let amount = "10000";
        let form = [
            ("clientKey", CLIENT_KEY),
            ("merchantOrderId", order_id),
            ("amount", amount),
            ("successUrl", "http://shop.test/paid?from=checkout"),
            ("failUrl", "http://shop.test/failed"),
            ("choice", choice),
            ("action", action),
        ];
        let form = Url::parse_with_params("http://form.test", form).unwrap();
        let request = self.client.post(format!("{}/checkout/pay", self.url));
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = request.body(form.query().unwrap().to_owned()).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        answer.headers()[header::LOCATION].to_str().unwrap().parse().unwrap()
    }

    /// The notices, once there are as many: the number of sendings before, and the status.
    async fn notices(&self, count: usize) -> Vec<(String, Value)> {
        let received = async {
            while self.shop.0.lock().unwrap().notices.len() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), received).await.unwrap();
        let received = self.shop.0.lock().unwrap().notices.clone();
        received.into_iter().map(|(retried, notice)| (retried, notice["data"]["status"].clone())).collect()
    }
}

fn facts(url: &Url) -> Vec<(String, String)> {
    url.query_pairs().into_owned().collect()
}

fn fact(url: &Url, name: &str) -> String {
    facts(url).into_iter().find(|(named, _)| named == name).unwrap().1
}

#[tokio::test]
async fn a_payment_is_confirmed_and_its_notice_repeated_until_it_is_taken() {
    let running = Running::start().await;
    running.shop.0.lock().unwrap().failures = 1;
    let body = json!({ "clientKey": CLIENT_KEY, "merchantOrderId": "p1", "amount": 10_000 });
    let (_, begun) = running.call(Method::POST, "/checkout", body).await;
    let (status, paid) = running.confirm("p1", begun["paymentKey"].as_str().unwrap()).await;
    assert_eq!((status, &paid["status"]), (StatusCode::OK, &json!("DONE")));
    let expected = [("0".to_owned(), json!("DONE")), ("1".to_owned(), json!("DONE"))];
    assert_eq!(running.notices(2).await, expected);
}

#[tokio::test]
async fn a_client_waits_in_vain_for_a_silent_provider() {
    let running = Running::start().await;
    let body = json!({ "clientKey": CLIENT_KEY, "merchantOrderId": "p1", "amount": 10_000 });
    running.call(Method::POST, "/checkout", body).await;
    let silent = json!([{ "on": "LOOK_UP", "does": "SILENT_AFTER", "times": 1 }]);
    assert_eq!(running.call(Method::PUT, "/payments/p1/faults", silent).await.0, StatusCode::NO_CONTENT);
    let look_up = || {
        let request = running.client.get(format!("{}/v1/payments/orders/p1", running.url));
        request.basic_auth(SECRET_KEY, Some("")).send()
    };
    assert!(look_up().await.unwrap_err().is_timeout());
    assert_eq!(look_up().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_customer_pays_on_the_page_and_returns_with_a_key() {
    let running = Running::start().await;
    let success = running.pay("p1", "CARD", "PAY").await;
    let key = fact(&success, "paymentKey");
    let expected = [
        ("from", "checkout"),
        ("paymentType", "NORMAL"),
        ("paymentKey", key.as_str()),
        ("orderId", "p1"),
        ("amount", "10000"),
    ];
    assert_eq!(facts(&success), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(running.confirm("p1", &key).await.1["status"], "DONE");
    let used_up = running.pay("p1", "CARD", "PAY").await;
    assert_eq!((used_up.path(), fact(&used_up, "code").as_str()), ("/failed", "DUPLICATED_ORDER_ID"));
}

#[tokio::test]
async fn the_books_outlive_a_stop() {
    let mut running = Running::start().await;
    let key = fact(&running.pay("p1", "CARD", "PAY").await, "paymentKey");
    let fault = json!([{ "on": "LOOK_UP", "does": "FAIL_BEFORE" }]);
    assert_eq!(running.call(Method::PUT, "/faults", fault).await.0, StatusCode::NO_CONTENT);
    let paid = running.confirm("p1", &key).await;
    assert_eq!(paid.0, StatusCode::OK);
    // A stop cut this record off.
    let file = running.state.path().join("requests.jsonl");
    fs::OpenOptions::new().append(true).open(&file).unwrap().write_all(b"\n{\"at\":").unwrap();
    for amount in [1_000, 2_000] {
        running = running.restart().await;
        let body = json!({ "cancelReason": "refund r1", "cancelAmount": amount });
        assert_eq!(running.call(Method::POST, &format!("/v1/payments/{key}/cancel"), body).await.0, StatusCode::OK);
    }
    running = running.restart().await;
    let found = running.call(Method::GET, "/v1/payments/orders/p1", json!(null)).await;
    assert_eq!((found.0, &found.1["balanceAmount"]), (StatusCode::OK, &json!(7_000)));
    assert_eq!(found.1["approvedAt"], paid.1["approvedAt"]);
    assert_eq!(running.shop.0.lock().unwrap().notices.len(), 0);
}

#[tokio::test]
async fn a_customer_is_declined_or_gives_up() {
    let running = Running::start().await;
    for (choice, action, code) in
        [("DECLINED_CARD", "PAY", "REJECT_CARD_COMPANY"), ("CARD", "CANCEL", "PAY_PROCESS_CANCELED")]
    {
        let failed = running.pay("p1", choice, action).await;
        assert_eq!((failed.path(), fact(&failed, "code").as_str()), ("/failed", code));
        assert_eq!((fact(&failed, "orderId").as_str(), fact(&failed, "message").is_empty()), ("p1", false));
    }
    let key = fact(&running.pay("p1", "CARD_DECLINED_LATER", "PAY").await, "paymentKey");
    assert_eq!(running.confirm("p1", &key).await.1["code"], "REJECT_CARD_PAYMENT");
}

#[tokio::test]
async fn a_customer_transfers_the_money_later() {
    let running = Running::start().await;
    let transfer = || async {
        let request = running.client.post(format!("{}/deposits/transfer", running.url));
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        request.body("merchantOrderId=p1").send().await.unwrap().status()
    };
    let key = fact(&running.pay("p1", "VIRTUAL_ACCOUNT", "PAY").await, "paymentKey");
    assert_eq!(transfer().await, StatusCode::CONFLICT);
    assert_eq!(running.confirm("p1", &key).await.1["status"], "WAITING_FOR_DEPOSIT");
    assert_eq!(transfer().await, StatusCode::OK);
    assert_eq!(running.call(Method::GET, "/v1/payments/orders/p1", json!(null)).await.1["status"], "DONE");
}

#[tokio::test]
async fn the_page_is_in_the_readers_language_and_runs_no_script() {
    let running = Running::start().await;
    let visit = "clientKey=test_ck_local&orderId=p1&amount=10000&orderName=%3Cb%3Etea%3C%2Fb%3E\
                 &successUrl=http://shop.test/paid&failUrl=http://other.test/failed";
    for (language, shown) in [("ko", ["<html lang=\"ko\">", "10,000원"]), ("en", ["<html lang=\"en\">", "₩10,000"])]
    {
        let (page, status) = running.page(&format!("/checkout?{visit}"), language).await;
        assert_eq!(status, StatusCode::OK);
        let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.contains("form-action 'self' http://shop.test http://other.test;"), "{policy}");
        assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
        let text = page.text().await.unwrap();
        assert!(shown.iter().all(|part| text.contains(part)), "{text}");
        assert!(
            text.contains("&lt;b&gt;tea&lt;/b&gt;") && !text.contains("<b>") && !text.contains("<script"),
            "{text}"
        );
        assert_eq!(text.matches("<main>").count(), 1);
        assert_eq!(text.matches("<label>").count(), text.matches("type=\"radio\"").count());
    }
    let style = running.page("/checkout/style.css", "en").await.0;
    assert_eq!(style.headers()[header::CONTENT_TYPE], "text/css; charset=utf-8");
    assert_eq!(running.page("/deposits?orderId=p1", "en").await.1, StatusCode::OK);
    assert_eq!(running.page("/deposits", "en").await.1, StatusCode::OK);
}

#[tokio::test]
async fn a_wrong_visit_is_told_and_leads_nowhere() {
    let running = Running::start().await;
    let visit = |key: &str, amount: &str, success: &str| {
        format!("/checkout?clientKey={key}&orderId=p1&amount={amount}&successUrl={success}&failUrl=http://shop.test")
    };
    let long = format!("http://shop.test/{}", "x".repeat(2_000));
    for path in [
        visit("other", "1", "http://shop.test"),
        visit(CLIENT_KEY, "one", "http://shop.test"),
        visit(CLIENT_KEY, "1", "javascript:alert(1)"),
        visit(CLIENT_KEY, "1", "/paid"),
        visit(CLIENT_KEY, "1", &long),
        "/checkout".to_owned(),
    ] {
        let (page, status) = running.page(&path, "en").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        assert!(page.text().await.unwrap().contains("role=\"alert\""));
    }
}
