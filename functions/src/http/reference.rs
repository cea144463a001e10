//! `GET /openapi.json` and `GET /docs`: the API reference, for programs and for people.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, NoQuery, Reply},
    domain::{Invalid, UserId},
};

/// A language that the texts of the document are translated to.
#[derive(Debug, Clone, Copy, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, try_from(String) = Translation::try_from -> Invalid)]
#[schema(rename_all = "lowercase")]
enum Translation {
    Ko,
}

impl TryFrom<String> for Translation {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        if text == "ko" { Ok(Self::Ko) } else { Err(Invalid::OneOf(vec!["ko"])) }
    }
}

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The caller, for a local shop. The document is public.
    #[deserr(default)]
    #[expect(dead_code, reason = "known on every route, and without meaning on this one")]
    user_id: Option<UserId>,
    /// The language of a translation: the answer is not the document, but its texts, each with its translation.
    #[deserr(default)]
    #[param(inline)]
    texts: Option<Translation>,
}

/// This document: OpenAPI 3.1, for client generators and other tools.
///
/// It is the same file in every deployment of a version.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "API reference",
    operation_id = "getOpenapi",
    params(Query),
    responses((status = 200, description = "The document.", content_type = "application/json", body = Object)),
)]
pub fn handle(request: &ApiRequest) -> ApiResult {
    if request.path().ends_with("/docs") {
        return page::handle(request);
    }
    let content = match request.query::<Query>()?.texts {
        None => include_str!("../../../shared/contracts/openapi.json"),
        Some(Translation::Ko) => include_str!("../../../shared/contracts/openapi.ko.json"),
    };
    Ok(Reply::document("application/json; charset=utf-8", content))
}

/// `GET /docs`, by the same binary.
pub mod page {
    use super::{ApiRequest, ApiResult, NoQuery, Reply};

    // The page is one answer, so that it works in networks that reach nothing else. Its policy names style and script by
    // their digests.
    const PAGE: &str = concat!(
        include_str!("reference/head.html"),
        "<style>",
        include_str!("reference/style.css"),
        "</style>\n",
        include_str!("reference/body.html"),
        "<script>",
        include_str!("reference/page.js"),
        "</script>\n</body>\n</html>\n",
    );

    /// A page to read this document in.
    ///
    /// It loads nothing but this document.
    #[utoipa::path(
        get,
        path = "/docs",
        tag = "API reference",
        operation_id = "getDocs",
        responses((status = 200, description = "The page.", content_type = "text/html", body = String)),
    )]
    pub fn handle(request: &ApiRequest) -> ApiResult {
        request.query::<NoQuery>()?;
        Ok(Reply::document("text/html; charset=utf-8", PAGE))
    }
}
