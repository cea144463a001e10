//! `cargo xtask smoke`: whether a deployed API is open where it should be, and closed everywhere else.

use clap::Args;
use reqwest::{Client, Method, StatusCode, header};
use serde_json::Value;

use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct Options {
    /// The address of the API: the stack's output `ApiUrl`, or its own domain
    #[arg(long)]
    url: String,

    /// A caller's token, to see that it opens the door; `cargo xtask token` gets one
    #[arg(long)]
    token: Option<String>,

    /// An origin whose web pages must be able to call the API
    #[arg(long)]
    origin: Option<String>,
}

/// A place of the path that an id takes. No such thing exists, and no check gets as far as looking for it.
const NOBODY: &str = "smoke-test";

/// An operation of the API's own reference.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Operation {
    method: Method,
    path: String,
    is_public: bool,
}

/// Calls the API and changes nothing: every call that could is without a token.
pub(crate) async fn run(options: &Options) -> Result<(), Failure> {
    let api = Api { client: Client::new(), url: options.url.trim_end_matches('/').to_owned() };
    let mut report = Report::default();

    let (status, list) = api.call(&Method::GET, "/products?limit=1", None).await?;
    report.check(
        "GET /products answers everybody",
        status == StatusCode::OK && list.pointer("/data/items").is_some_and(Value::is_array),
        status,
    );
    let (status, body) = api.call(&Method::GET, &format!("/{NOBODY}"), None).await?;
    let is_ours = status == StatusCode::NOT_FOUND && code(&body) == Some("ENTITY_NOT_FOUND");
    report.check("an unknown path is answered by the shop", is_ours, status);

    let (status, reference) = api.call(&Method::GET, "/openapi.json", None).await?;
    report.check("GET /openapi.json answers everybody", status == StatusCode::OK, status);
    let operations = operations(&reference);
    report.check("the reference has operations", operations.len() > 10, operations.len());
    // A route that the deployment left out would be an unknown path.
    for Operation { method, path, .. } in operations.iter().filter(|operation| !operation.is_public) {
        let (status, _) = api.call(method, path, None).await?;
        report.check(format!("{method} {path} without a token is refused"), status == StatusCode::UNAUTHORIZED, status);
    }

    if let Some(token) = &options.token {
        let (status, body) = api.call(&Method::GET, "/orders", Some(token)).await?;
        let is_in =
            status == StatusCode::OK || status == StatusCode::NOT_FOUND && code(&body) == Some("ENTITY_NOT_FOUND");
        report.check("GET /orders with the token gets through to the shop", is_in, status);
    }
    if let Some(origin) = &options.origin {
        let allowed = api.preflight(origin).await?;
        let is_allowed = allowed.as_ref() == Some(origin);
        report.check(format!("pages of {origin} may call"), is_allowed, allowed.unwrap_or_else(|| "nobody".to_owned()));
    }
    report.outcome()
}

fn code(body: &Value) -> Option<&str> {
    body.get("code")?.as_str()
}

/// The operations of a reference, with ids in their paths.
fn operations(reference: &Value) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, methods) in reference.get("paths").and_then(Value::as_object).into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let Ok(method) = method.to_uppercase().parse() else { continue };
            let segments = path.split('/').map(|segment| if segment.starts_with('{') { NOBODY } else { segment });
            let path = segments.collect::<Vec<_>>().join("/");
            let is_public = operation.get("security").and_then(Value::as_array).is_some_and(Vec::is_empty);
            found.push(Operation { method, path, is_public });
        }
    }
    found
}

struct Api {
    client: Client,
    url: String,
}

impl Api {
    /// The status and JSON body of an answer; null if it has none.
    async fn call(&self, method: &Method, path: &str, token: Option<&str>) -> Result<(StatusCode, Value), Failure> {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.map_err(Failure::Http)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(Failure::Http)?;
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }

    /// The origin that the API allows to call it, if a page of this origin asks.
    async fn preflight(&self, origin: &str) -> Result<Option<String>, Failure> {
        let request = self.client.request(Method::OPTIONS, format!("{}/orders", self.url));
        let request = request.header(header::ORIGIN, origin).header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
        let answer = request.send().await.map_err(Failure::Http)?;
        let allowed = answer.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        Ok(allowed.and_then(|origin| origin.to_str().ok()).map(str::to_owned))
    }
}

/// The checks so far.
#[derive(Default)]
struct Report {
    passed: usize,
    failed: usize,
}

impl Report {
    /// Shows a check, with what was found if it failed.
    fn check(&mut self, what: impl std::fmt::Display, is_good: bool, found: impl std::fmt::Display) {
        if is_good {
            self.passed += 1;
            println!("ok      {what}");
        } else {
            self.failed += 1;
            println!("FAILED  {what}: found {found}");
        }
    }

    fn outcome(self) -> Result<(), Failure> {
        if self.failed > 0 {
            return Err(Failure::Smoke(self.failed));
        }
        println!("all {} checks passed", self.passed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operations_are_public_only_if_the_reference_says_so() {
        let reference = json!({ "paths": {
            "/products": { "get": { "security": [] }, "post": { "security": [{ "token": [] }] } },
            "/orders/{orderId}/items/{itemId}": { "patch": { "security": [{ "token": [] }] } },
        } });
        let operation = |method, path: &str, is_public| Operation { method, path: path.to_owned(), is_public };
        assert_eq!(
            operations(&reference),
            [
                operation(Method::PATCH, "/orders/smoke-test/items/smoke-test", false),
                operation(Method::GET, "/products", true),
                operation(Method::POST, "/products", false),
            ]
        );
        assert!(operations(&Value::Null).is_empty());
    }
}
