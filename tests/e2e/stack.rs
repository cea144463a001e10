//! A running shop and calls to it.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use audit::Scope;
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_dynamodb::config::BehaviorVersion;
use aws_sdk_lambda::{primitives::Blob, types::FunctionConfiguration};
use aws_types::{SdkConfig, region::Region};
use futures::{StreamExt, stream};
use local_stack::{Config, LocalStack};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

/// The time limit of consequences of a commit.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often a call is repeated that had no answer or a transient one, and after what time.
const REPETITIONS: usize = 20;
const RETRY_AFTER: Duration = Duration::from_secs(1);

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The stacks at a time: some wait for timers while others work.
static TURNS: Semaphore = Semaphore::const_new(4);

/// Waits for a turn to run a stack that is started by other means.
pub async fn turn() -> SemaphorePermit<'static> {
    TURNS.acquire().await.unwrap()
}

pub struct Shop {
    pub config: Config,
    stack: Option<LocalStack>,
    pub api: Api,
    _turn: SemaphorePermit<'static>,
}

impl Shop {
    pub async fn start(name: &str) -> Self {
        Self::start_with(name, &[]).await
    }

    /// Starts an empty shop on free ports, with other values of the template's parameters.
    pub async fn start_with(name: &str, parameters: &[(&str, &str)]) -> Self {
        let mut config = Config::test(name).unwrap();
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        config.parameters.extend(parameters);
        Self::start_as(config).await
    }

    /// Starts a shop as configured.
    pub async fn start_as(config: Config) -> Self {
        let turn = turn().await;
        let stack = LocalStack::start(config.clone()).await.unwrap_or_else(|error| panic!("{error}"));
        let api = Api::new(stack.local_url());
        Self { config, stack: Some(stack), api, _turn: turn }
    }

    pub fn stack(&self) -> &LocalStack {
        self.stack.as_ref().expect("the shop runs")
    }

    /// Stops the emulator and starts it again; the functions go on meanwhile.
    pub async fn restart_emulator(&mut self) {
        self.stack.as_mut().expect("the shop runs").restart_emulator().await.unwrap();
    }

    /// Stops all of it and starts it again, with the same ports and state.
    pub async fn restart(&mut self) {
        self.stack.take().expect("the shop runs").stop().await.unwrap();
        let config = Config { fresh: false, ..self.config.clone() };
        let stack = LocalStack::start(config).await.unwrap_or_else(|error| panic!("{error}"));
        self.stack = Some(stack);
    }

    /// Stops all of it.
    pub async fn stop(mut self) {
        let mut stack = self.stack.take().expect("the shop runs");
        // To write its state for another start takes it seconds, and there is none.
        stack.kill_emulator();
        stack.stop().await.unwrap();
    }

    /// Reads the whole table until no invariant is broken, which takes the stream's consumers a moment.
    pub async fn audit(&self) {
        self.audit_table(self.stack().output("TableName").unwrap()).await;
    }

    /// The same for another table of the emulator.
    pub async fn audit_table(&self, table: &str) {
        let client = aws_sdk_dynamodb::Client::new(&self.aws());
        eventually("the books are right", || async {
            let now = jiff::Timestamp::now();
            let report = audit::audit(&client, table, Scope::Everything, now).await.unwrap();
            if report.is_clean() { Ok(()) } else { Err(report.to_string()) }
        })
        .await;
    }

    /// The configuration of an AWS client for the emulator.
    pub fn aws(&self) -> SdkConfig {
        let environment = self.stack().aws_environment();
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(environment["AWS_REGION"].clone()))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test")))
            .endpoint_url(&environment["AWS_ENDPOINT_URL"])
            .build()
    }

    /// Invokes a scheduled function of the template; it must succeed.
    pub async fn invoke(&self, function: &str, event: Value) {
        let client = aws_sdk_lambda::Client::new(&self.aws());
        let functions = client.list_functions().into_paginator().items().send().try_collect().await.unwrap();
        let mut names = functions.iter().filter_map(FunctionConfiguration::function_name);
        let name = names.find(|name| name.contains(function)).unwrap_or_else(|| panic!("{function} is deployed"));
        let answer = client.invoke().function_name(name).payload(Blob::new(event.to_string())).send().await.unwrap();
        assert_eq!(answer.function_error(), None, "{function}: {:?}", answer.payload());
    }

    /// The events that the data platform holds.
    pub async fn received(&self) -> Vec<Value> {
        let url = format!("{}/received", self.stack().data_platform_url());
        reqwest::get(url).await.unwrap().json().await.unwrap()
    }

    /// Sets the status of the data platform's answers.
    pub async fn data_platform_answers(&self, status: u16) {
        let url = format!("{}/mode", self.stack().data_platform_url());
        let answer = reqwest::Client::new().put(url).json(&json!({ "status": status })).send().await.unwrap();
        assert!(answer.status().is_success());
    }

    /// Deletes all events of the data platform.
    pub async fn forget_received(&self) {
        let url = format!("{}/received", self.stack().data_platform_url());
        assert!(reqwest::Client::new().delete(url).send().await.unwrap().status().is_success());
    }

    /// Waits until the data platform holds exactly these orders' events, each once.
    pub async fn data_platform_holds(&self, orders: &[String]) {
        let mut expected: Vec<&str> = orders.iter().map(String::as_str).collect();
        expected.sort_unstable();
        eventually("the data platform has every order once", || async {
            let received = self.received().await;
            let mut held: Vec<&str> = received.iter().map(|event| event["aggregateId"].as_str().unwrap()).collect();
            held.sort_unstable();
            if held == expected { Ok(()) } else { Err(format!("{} of {}", held.len(), expected.len())) }
        })
        .await;
    }

    /// Asserts that no function's log reports a panic.
    pub fn no_function_panicked(&self) {
        let log = std::fs::read_to_string(self.stack().functions_log()).unwrap();
        let panics: Vec<_> = log.lines().filter(|line| line.contains("panicked")).collect();
        assert!(panics.is_empty(), "{panics:#?}");
    }
}

/// Tries until it succeeds.
pub async fn eventually<T, F: Future<Output = Result<T, String>>>(what: &str, attempt: impl Fn() -> F) -> T {
    let started = Instant::now();
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(error) if started.elapsed() > PATIENCE => panic!("{what}: {error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// An API at some address, as some caller.
#[derive(Clone)]
pub struct Api {
    client: reqwest::Client,
    url: String,
    headers: Vec<(&'static str, String)>,
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
}

impl Answer {
    /// Whether a client may try again: the shop or the gateway is busy, or the gateway says that a function has ended.
    fn is_transient(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE || (self.status.is_server_error() && self.body["code"].is_null())
    }

    /// The data of a success.
    #[track_caller]
    pub fn data(&self) -> &Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.body);
        &self.body["data"]
    }

    /// The fields that a 400 names.
    pub fn fields(&self) -> Vec<&str> {
        let errors = self.body["fieldErrors"].as_array().into_iter().flatten();
        errors.filter_map(|error| error["field"].as_str()).collect()
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("none")
    }
}

impl Api {
    pub fn new(url: String) -> Self {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap();
        Self { client, url, headers: Vec::new() }
    }

    /// The same API with a header.
    pub fn with(&self, name: &'static str, value: impl ToString) -> Self {
        let mut other = self.clone();
        other.headers.push((name, value.to_string()));
        other
    }

    /// As a customer, identified by a header.
    pub fn as_user(&self, user: &str) -> Self {
        self.with("x-user-id", user)
    }

    /// As an admin, identified by headers.
    pub fn as_admin(&self) -> Self {
        self.with("x-user-id", "admin").with("x-user-role", "ADMIN")
    }

    /// Makes a call; `None` if there was no answer.
    pub async fn try_call(&self, method: Method, path: &str, body: Option<&Value>) -> Option<Answer> {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        Self::answer(request).await
    }

    /// Posts any text.
    pub async fn send_text(&self, path: &str, content_type: &str, text: &str) -> Answer {
        let request = self.request(Method::POST, path).header("content-type", content_type).body(text.to_owned());
        Self::answer(request).await.expect("an answer")
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        self.headers.iter().fold(request, |request, (name, value)| request.header(*name, value))
    }

    async fn answer(request: reqwest::RequestBuilder) -> Option<Answer> {
        let answer = request.send().await.ok()?;
        let status = answer.status();
        let text = answer.text().await.ok()?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Some(Answer { status, body })
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    /// Posts with a key of its own, unless it has one.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        static KEYS: AtomicUsize = AtomicUsize::new(0);
        if self.headers.iter().any(|(name, _)| *name == IDEMPOTENCY_KEY) {
            return self.call(Method::POST, path, Some(&body)).await;
        }
        let keyed = self.with(IDEMPOTENCY_KEY, format!("key-{}", KEYS.fetch_add(1, Ordering::Relaxed)));
        keyed.call(Method::POST, path, Some(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, Some(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// Makes a call, and repeats it as a client does: on busy cores functions run out of time, and `cargo lambda watch` builds
    /// a function first.
    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        for _ in 0..REPETITIONS {
            match self.try_call(method.clone(), path, body).await {
                Some(answer) if !answer.is_transient() => return answer,
                _ => tokio::time::sleep(RETRY_AFTER).await,
            }
        }
        self.try_call(method, path, body).await.expect("an answer")
    }

    /// Customers `u0`, `u1` … with a balance each.
    pub async fn customers(&self, count: usize, balance: i64) {
        let join = |user: usize| async move {
            let id = format!("u{user}");
            let body = json!({ "userId": id, "name": "김민수", "email": format!("{id}@example.com") });
            self.post("/users", body).await.data();
            if balance > 0 {
                self.post("/balance/charge", json!({ "userId": id, "amount": balance })).await.data();
            }
        };
        stream::iter(0..count).map(join).buffer_unordered(8).collect::<Vec<_>>().await;
    }

    /// A product in stock.
    pub async fn product(&self, id: &str, price: i64, stock: usize) {
        let body = json!({ "productId": id, "name": id, "price": price, "stock": stock });
        self.as_admin().post("/products", body).await.data();
    }

    /// A campaign that issues now.
    pub async fn coupon(&self, id: &str, total: usize) {
        let body = json!({
            "couponId": id, "name": id, "kind": "FIXED", "value": 1_000, "totalQuantity": total, "validDays": 7,
            "issueFrom": "2026-01-01T00:00:00Z", "issueUntil": "2036-01-01T00:00:00Z",
        });
        self.as_admin().post("/coupons", body).await.data();
    }

    pub async fn order(&self, user: &str, product: &str) -> Answer {
        self.post("/orders", json!({ "userId": user, "items": [{ "productId": product, "quantity": 1 }] })).await
    }

    pub async fn balance(&self, user: &str) -> i64 {
        self.get(&format!("/balance/{user}")).await.data()["balance"].as_i64().unwrap()
    }

    pub async fn stock(&self, product: &str) -> usize {
        let product = self.get(&format!("/products/{product}")).await;
        usize::try_from(product.data()["stock"].as_u64().unwrap()).unwrap()
    }
}

/// Makes calls all at once, and counts the answers by code.
pub async fn race<F: Future<Output = Answer>>(
    calls: impl Iterator<Item = F>,
) -> (Vec<Answer>, BTreeMap<String, usize>) {
    let answers = futures::future::join_all(calls).await;
    let mut codes = BTreeMap::new();
    for answer in &answers {
        *codes.entry(answer.code().to_owned()).or_default() += 1;
    }
    (answers, codes)
}

pub fn codes(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    expected.iter().map(|(code, count)| ((*code).to_owned(), *count)).collect()
}
