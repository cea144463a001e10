//! `GET /openapi.json` and `GET /docs`: the API reference, for programs and for people.

use shared::api::{ApiRequest, ApiResult, NoQuery, Reply};

/// This document: OpenAPI 3.1, for client generators and other tools.
///
/// It is the same file in every deployment of a version.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "API reference",
    operation_id = "getOpenapi",
    responses((status = 200, description = "The document.", content_type = "application/json", body = Object)),
)]
pub fn handle(request: &ApiRequest) -> ApiResult {
    if request.path().ends_with("/docs") {
        return page::handle(request);
    }
    file(request, "application/json; charset=utf-8", include_str!("../../../shared/contracts/openapi.json"))
}

/// `GET /docs`, by the same binary.
pub mod page {
    use super::{ApiRequest, ApiResult, file};

    /// A page to read this document in.
    ///
    /// It loads nothing but this document.
    // The page is one file, so that it works in networks that reach nothing else.
    #[utoipa::path(
        get,
        path = "/docs",
        tag = "API reference",
        operation_id = "getDocs",
        responses((status = 200, description = "The page.", content_type = "text/html", body = String)),
    )]
    pub fn handle(request: &ApiRequest) -> ApiResult {
        file(request, "text/html; charset=utf-8", include_str!("docs.html"))
    }
}

fn file(request: &ApiRequest, content_type: &'static str, content: &'static str) -> ApiResult {
    request.query::<NoQuery>()?;
    Ok(Reply::document(content_type, content))
}
