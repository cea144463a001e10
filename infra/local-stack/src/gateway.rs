use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    sync::Arc,
    time::{Duration, Instant},
};

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use axum::{
    Json, Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::get,
};
use data_encoding::{BASE64, HEXLOWER};
use jiff::Timestamp;
use reqwest::{Client, redirect::Policy};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use crate::{
    console::{self, Begun, Requests},
    error::{Context as _, Result},
    routes::{Routes, decoded},
};

/// The most requests that are passed to `cargo lambda watch` at once. With more than a hundred waiting for one function
/// it deadlocks. It waits for room in that function's queue, and holds the lock that the function needs to take from
/// it.
const AT_ONCE: usize = 64;

/// API Gateway's own limits: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>.
const BODY_LIMIT: usize = 10 * 1024 * 1024;
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// The largest event that Lambda takes.
const EVENT_LIMIT: usize = 6 * 1024 * 1024;

/// Headers of one connection, which are not passed on to the next.
const CONNECTION_HEADERS: [HeaderName; 5] =
    [header::CONNECTION, header::CONTENT_LENGTH, header::EXPECT, header::TRANSFER_ENCODING, header::UPGRADE];

/// The header by which functions under `cargo lambda watch` know that a request came through a door of this stack.
const DOOR_KEY: &str = "x-jangteo-door-key";

/// A secret of this run, by which the functions under `cargo lambda watch` know the stack's own doors.
#[derive(Clone, Debug)]
pub(crate) struct DoorKey(Arc<str>);

impl DoorKey {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(random_hex()?.into()))
    }

    /// The functions' variable that holds it.
    pub(crate) fn variable(&self) -> (&'static str, &str) {
        ("JANGTEO_DOOR_KEY", &self.0)
    }
}

/// The HTTP API of the functions under `cargo lambda watch`. Routes requests, makes them events of API Gateway (payload
/// format 2.0), and renders the functions' results.
///
/// `cargo lambda watch` has a router of its own. It does not unescape paths, takes no bytes that are not UTF-8, and
/// knows no default route.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    functions: Functions,
    routes: Arc<Routes>,
    requests: Requests,
    /// Whether each request is logged to the terminal.
    log: bool,
}

impl Gateway {
    /// A gateway to `cargo lambda watch` at `upstream`.
    pub(crate) fn new(
        upstream: String,
        routes: &BTreeMap<String, String>,
        key: DoorKey,
        requests: Requests,
        log: bool,
    ) -> Result<Self> {
        Ok(Self { functions: Functions::new(upstream, key)?, routes: Arc::new(Routes::new(routes)), requests, log })
    }

    /// The API, with the stack's own page at `/`.
    pub(crate) fn router(self) -> Router {
        Router::new().route("/", get(console::page).fallback(serve)).fallback(serve).with_state(self)
    }

    async fn answer(self, head: Parts, body: Bytes) -> Response {
        // `*`, or an authority to tunnel to, is not a path of an API.
        let Some(target) = head.uri.path_and_query().filter(|target| target.path().starts_with('/')) else {
            return refusal(StatusCode::BAD_REQUEST, "Bad Request");
        };
        let path = decoded(target.path());
        // API Gateway chooses the route of a path with several slashes at its start as if it had one.
        let Some(found) = self.routes.find(head.method.as_str(), &format!("/{}", path.trim_start_matches('/'))) else {
            return refusal(StatusCode::NOT_FOUND, "Not Found");
        };
        let Ok(request_id) = random_hex() else {
            return refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
        };
        let now = now();
        let mut event = json!({
            "version": "2.0",
            "routeKey": found.key,
            "rawPath": path,
            "rawQueryString": target.query().unwrap_or_default(),
            "headers": self.functions.headers(&head.headers),
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "local",
                "domainName": "localhost",
                "domainPrefix": "localhost",
                "http": {
                    "method": head.method.as_str(),
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": head.headers.get(header::USER_AGENT).map(text).unwrap_or_default(),
                },
                "requestId": request_id,
                "routeKey": found.key,
                "stage": "$default",
                "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
                "timeEpoch": now.as_millisecond(),
            },
            "isBase64Encoded": false,
        });
        if let Some(event) = event.as_object_mut() {
            if !found.parameters.is_empty() {
                event.insert("pathParameters".to_owned(), json!(found.parameters));
            }
            if !body.is_empty() {
                let (body, is_encoded) = written(&head.headers, &body);
                event.insert("body".to_owned(), Value::String(body));
                event.insert("isBase64Encoded".to_owned(), Value::Bool(is_encoded));
            }
        }
        self.functions.answer(found.function, &event).await
    }
}

async fn serve(State(gateway): State<Gateway>, request: Request<Body>) -> Response {
    let (log, requests, started) = (gateway.log, gateway.requests.clone(), Instant::now());
    let begun = Begun::new(request.method(), request.uri(), request.headers());
    let line = format!("{} {}", request.method(), request.uri());
    let response = handle(gateway, request).await;
    requests.note(begun, response.status(), started.elapsed());
    if log {
        // A terminal that is gone ends no request.
        let _ = writeln!(io::stderr(), "{}", access_line(&line, response.status(), started.elapsed()));
    }
    response
}

/// One line a request: time of day in UTC, method and path as sent, status, duration.
fn access_line(request: &str, status: StatusCode, duration: Duration) -> String {
    let time = now().strftime("%H:%M:%SZ");
    format!("{time}  {request}  {}  {} ms", status.as_u16(), duration.as_millis())
}

async fn handle(gateway: Gateway, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    // A task of its own sees the request through even if the client leaves, as a function does.
    tokio::spawn(gateway.answer(head, body))
        .await
        .unwrap_or_else(|_| refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"))
}

/// The functions under `cargo lambda watch`.
#[derive(Clone, Debug)]
struct Functions {
    client: Client,
    upstream: String,
    key: DoorKey,
    turns: Arc<Semaphore>,
}

impl Functions {
    fn new(upstream: String, key: DoorKey) -> Result<Self> {
        // Neither proxies from the environment nor redirects: a function's answer is passed on as it is.
        let client = Client::builder().no_proxy().redirect(Policy::none()).timeout(TIME_LIMIT).build();
        let client = client.context("make an HTTP client")?;
        Ok(Self { client, upstream, key, turns: Arc::new(Semaphore::new(AT_ONCE)) })
    }

    /// The headers of an event: each name once, in lower case, with API Gateway's own additions and the key.
    fn headers(&self, headers: &HeaderMap) -> BTreeMap<String, String> {
        let mut united: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in headers.iter().filter(|(name, _)| **name != header::CONNECTION) {
            let value = text(value);
            united.entry(name.as_str().to_owned()).and_modify(|all| *all = format!("{all},{value}")).or_insert(value);
        }
        let port = headers.get(header::HOST).map(text).and_then(|host| Some(host.rsplit_once(':')?.1.to_owned()));
        united.insert("x-forwarded-for".to_owned(), "127.0.0.1".to_owned());
        united.insert("x-forwarded-proto".to_owned(), "http".to_owned());
        united.insert("x-forwarded-port".to_owned(), port.unwrap_or_else(|| "80".to_owned()));
        united.insert(DOOR_KEY.to_owned(), self.key.0.to_string());
        united
    }

    async fn answer(&self, function: &str, event: &Value) -> Response {
        let event = event.to_string();
        if event.len() > EVENT_LIMIT {
            return refusal(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        }
        let _turn = self.turns.acquire().await;
        let url = format!("{}/2015-03-31/functions/{function}/invocations", self.upstream);
        let answer = match self.client.post(url).body(event).send().await {
            Ok(answer) => answer.bytes().await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => Answer::parse(&answer)
                .unwrap_or_else(|| refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")),
            Err(error) if error.is_timeout() => refusal(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
            Err(_) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    multi_value_headers: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    cookies: Vec<String>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

impl Answer {
    /// The answer that a function's result stands for; `None` for an error of the function.
    fn parse(result: &[u8]) -> Option<Response> {
        let answer: Self = serde_json::from_slice(result).ok()?;
        let body = answer.body.unwrap_or_default();
        let body = if answer.is_base64_encoded { BASE64.decode(body.as_bytes()).ok()? } else { body.into_bytes() };
        let mut headers = HeaderMap::new();
        let many = answer.multi_value_headers.into_iter().filter(|(name, _)| !answer.headers.contains_key(name));
        let many = many.flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value)));
        let cookies = answer.cookies.into_iter().map(|cookie| (header::SET_COOKIE.to_string(), cookie));
        for (name, value) in many.chain(cookies).chain(answer.headers.clone()) {
            headers.append(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
        }
        let status = StatusCode::from_u16(answer.status_code).ok()?;
        Some((status, headers, Body::from(body)).into_response())
    }
}

/// `cargo lambda watch` itself, for `cargo lambda invoke` and for looking at it: passes everything on, with the key.
#[derive(Clone, Debug)]
pub(crate) struct WatchDoor(Functions);

impl WatchDoor {
    pub(crate) fn new(upstream: String, key: DoorKey) -> Result<Self> {
        Ok(Self(Functions::new(upstream, key)?))
    }

    pub(crate) fn router(self) -> Router {
        Router::new().fallback(pass_on).with_state(self)
    }

    async fn pass(&self, head: Parts, body: Bytes) -> reqwest::Result<Response> {
        let Self(functions) = self;
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let body = if path.starts_with("/2015-03-31/functions/") { with_key(&body, &functions.key) } else { body };
        let mut headers = passed_on(&head.headers);
        if let Ok(key) = HeaderValue::from_str(&functions.key.0) {
            headers.insert(HeaderName::from_static(DOOR_KEY), key);
        }
        let _turn = functions.turns.acquire().await;
        let request = functions.client.request(head.method, format!("{}{path}", functions.upstream));
        let answer = request.headers(headers).body(body).send().await?;
        let (status, headers) = (answer.status(), passed_on(answer.headers()));
        Ok((status, headers, Body::from(answer.bytes().await?)).into_response())
    }
}

async fn pass_on(State(door): State<WatchDoor>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    if !head.uri.path().starts_with('/') {
        return refusal(StatusCode::BAD_REQUEST, "Bad Request");
    }
    let answer = door.pass(head, body).await;
    answer.unwrap_or_else(|_| refusal(StatusCode::BAD_GATEWAY, "cargo lambda watch did not answer"))
}

/// An event of the HTTP API with the key among its headers. Other payloads stay as they are.
fn with_key(event: &Bytes, key: &DoorKey) -> Bytes {
    let Ok(mut fields) = serde_json::from_slice::<Map<String, Value>>(event) else { return event.clone() };
    let headers = fields.entry("headers").or_insert_with(|| json!({}));
    if headers.is_null() {
        *headers = json!({});
    }
    if let Some(headers) = headers.as_object_mut() {
        headers.insert(DOOR_KEY.to_owned(), json!(&*key.0));
    }
    Value::Object(fields).to_string().into()
}

fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in CONNECTION_HEADERS {
        headers.remove(name);
    }
    headers
}

/// A header's text. Bytes that are not UTF-8 are taken for Latin-1, as HTTP once had them.
fn text(value: &HeaderValue) -> String {
    let bytes = value.as_bytes();
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned)
}

/// A body as it is written into an event: text with bytes that are not UTF-8 replaced, other types in base64.
fn written(headers: &HeaderMap, body: &[u8]) -> (String, bool) {
    let kind = headers.get(header::CONTENT_TYPE).map(text).unwrap_or_default().to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_text =
        kind.starts_with("text/") || ["application/json", "application/xml", "application/javascript"].contains(&kind);
    if is_text { (String::from_utf8_lossy(body).into_owned(), false) } else { (BASE64.encode(body), true) }
}

fn random_hex() -> Result<String> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(io::Error::other).context("draw random bytes")?;
    Ok(HEXLOWER.encode(&bytes))
}

#[expect(clippy::disallowed_methods, reason = "what is outside the shop has a clock of its own")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// A failure in the words of API Gateway, which differ from the shop's.
fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}

#[cfg(test)]
mod tests;
