//! Calls of the API in this process, as the gateway would make them.

use std::{
    collections::HashMap,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
};

use functions::routes;
use lambda_http::{Body, RequestExt, http};
use serde_json::Value;
use shared::{
    api::identity::IdentitySource,
    app::{RequestKey, Shop},
    lambda::serve,
};

use crate::{contract, permissions::running_as};

/// A call in preparation; awaiting it sends it.
#[derive(Debug, Clone)]
pub struct Call {
    instance: Option<Arc<Shop>>,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Body,
}

impl Call {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        let (method, path) = (method.to_owned(), path.to_owned());
        Self { instance: None, method, path, headers: Vec::new(), body: Body::Empty }
    }

    /// Sends the call to this instance of the functions.
    #[must_use]
    pub(crate) fn to(self, instance: Arc<Shop>) -> Self {
        Self { instance: Some(instance), ..self }
    }

    /// The method and path, the body, and the idempotency key.
    pub(crate) fn line(&self) -> String {
        let body = match &self.body {
            Body::Text(text) => text.as_str(),
            _ => "",
        };
        let key = self.header_of("idempotency-key").unwrap_or_default();
        format!("{} {} {body} {key}", self.method, self.path)
    }

    /// The path without the query.
    pub(crate) fn path(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// Whether the call asks for stock that may be a second old.
    pub(crate) fn is_recent(&self) -> bool {
        self.path.contains("stock=recent")
    }

    /// A parameter of the query.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let query = self.path.split_once('?')?.1;
        let mut parameters = url::form_urlencoded::parse(query.as_bytes());
        parameters.find_map(|(other, value)| (other == name).then(|| value.into_owned()))
    }

    /// The JSON body, or null.
    pub(crate) fn sent(&self) -> Value {
        match &self.body {
            Body::Text(text) => serde_json::from_str(text).unwrap_or_default(),
            _ => Value::Null,
        }
    }

    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.body(body.to_string()).header("content-type", "application/json")
    }

    #[must_use]
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = Body::Text(body.into());
        self
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As this customer.
    #[must_use]
    pub fn as_user(self, user: &str) -> Self {
        self.header("x-user-id", user)
    }

    /// As this seller.
    #[must_use]
    pub fn as_seller(self, user: &str) -> Self {
        self.header("x-user-id", user).header("x-user-role", "SELLER")
    }

    /// As an admin.
    #[must_use]
    pub fn as_admin(self) -> Self {
        self.header("x-user-id", "admin").header("x-user-role", "ADMIN")
    }

    /// With an idempotency key.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Preferring English.
    #[must_use]
    pub fn in_english(self) -> Self {
        self.header("accept-language", "en")
    }

    /// The function that answers the call.
    pub fn function(&self) -> &'static str {
        routes::find(&self.method, self.path()).map_or("route-not-found", |(route, _)| route.function)
    }

    /// The caller: the user of the identity header, or else the user whose id the call names.
    pub(crate) fn caller(&self) -> String {
        self.header_of("x-user-id")
            .map_or_else(|| self.sent()["userId"].as_str().unwrap_or_default().to_owned(), str::to_owned)
    }

    /// The role of the caller.
    pub(crate) fn role(&self) -> String {
        self.header_of("x-user-role").unwrap_or("CUSTOMER").to_owned()
    }

    /// A header, if it is set.
    pub(crate) fn header_of(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The digest of this request by its caller and idempotency key.
    pub(crate) fn digest(&self, caller: &str) -> Option<String> {
        let key = self.header_of("idempotency-key")?;
        let operation = format!("{} {}", self.method, self.path);
        Some(RequestKey::given(caller, &operation, key, &[]).digest)
    }

    async fn send(self) -> Answer {
        let function = self.function();
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let found = routes::find(&self.method, path);
        let (route, parameters) = found.map_or((None, Vec::new()), |(route, parameters)| (Some(route), parameters));
        let parameters: HashMap<String, String> =
            parameters.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut asked: HashMap<String, Vec<String>> = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            asked.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        let mut request = http::Request::builder().method(self.method.as_str()).uri(self.path.replace(' ', "%20"));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(self.body).expect("a request can be made");
        let request = request.with_path_parameters(parameters).with_query_string_parameters(asked);

        let endpoint = functions::handler(function).expect("each binary of the API has a handler");
        let instance = self.instance.expect("a call goes to an instance");
        let identity = local_identity();
        let work = serve::answer(&instance, endpoint, request, &identity);
        let response = running_as(function, work).await;
        let body = match response.body() {
            Body::Text(text) => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())),
            _ => Value::Null,
        };
        if let Some(route) = route {
            contract::check(route, response.status().as_u16(), response.headers(), &body);
        }
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), body }
    }
}

/// Identity from headers, as under the local runner.
fn local_identity() -> IdentitySource {
    #[cfg(debug_assertions)]
    return IdentitySource::Headers(shared::api::identity::LocalDoor::default());
    #[cfg(not(debug_assertions))]
    panic!("callers are known by headers here, which only debug builds read");
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// An answer of the API.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The data of a success with this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body["data"].clone()
    }

    /// The details of a failure with this status and code.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.body);
        assert!(self.body["requestId"].as_str().is_some_and(|id| !id.is_empty()), "{}", self.body);
        self.body["details"].clone()
    }

    /// The fields that a 400 names, sorted.
    #[track_caller]
    pub fn bad_fields(&self) -> Vec<&str> {
        assert_eq!((self.status, self.code()), (400, "INVALID_REQUEST"), "{}", self.body);
        let errors = self.body["fieldErrors"].as_array().expect("a 400 names fields");
        let mut fields: Vec<_> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
        fields.sort_unstable();
        fields
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}
