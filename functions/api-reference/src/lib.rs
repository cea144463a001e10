//! `GET /openapi.json` and `GET /docs`: what the API is, for programs and for people.

use shared::{
    api::{ApiRequest, ApiResult, NoQuery, Reply},
    domain::{Refusal, refusal::Entity},
};

/// The document, as the package `openapi` has generated it.
const DOCUMENT: &str = include_str!("../../../infra/openapi/openapi.json");

/// A page that shows the document. All of it is in this one file, so that it works in networks that reach nothing else.
const PAGE: &str = include_str!("docs.html");

/// The document or the page, by the path.
///
/// # Errors
/// 400 for a parameter; 404 for any other path, which no route leads here with.
pub fn handle(request: &ApiRequest) -> ApiResult {
    request.query::<NoQuery>()?;
    match request.path().rsplit('/').next() {
        Some("openapi.json") => Ok(document()),
        Some("docs") => Ok(page()),
        _ => Err(Refusal::not_found(Entity::Path, request.path()).into()),
    }
}

/// This document: OpenAPI 3.1, for client generators and other tools.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "API reference",
    operation_id = "getOpenapi",
    responses((status = 200, description = "The document.", content_type = "application/json", body = Object)),
)]
fn document() -> Reply {
    Reply::document("application/json; charset=utf-8", DOCUMENT)
}

/// A page to read this document in.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "API reference",
    operation_id = "getDocs",
    responses((status = 200, description = "The page.", content_type = "text/html", body = String)),
)]
fn page() -> Reply {
    Reply::document("text/html; charset=utf-8", PAGE)
}
