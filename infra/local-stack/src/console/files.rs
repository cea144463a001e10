use std::path::{Path, PathBuf};

use axum::{
    Router, extract,
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use build_functions::repository;

use super::refusal;

/// A page of this origin alone: no inline script or style, no frame around it, no form that leads elsewhere.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'none'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; \
                      trusted-types lit-html";

/// The folders of pages, from the root of the repository.
#[derive(Clone, Copy)]
enum Site {
    Console,
    Store,
}

/// The address of the storefront's page.
pub(crate) const STORE: &str = "/store/";

/// The files of the console and of the storefront.
pub(super) fn router() -> Router {
    Router::new()
        .route(
            "/_dev/console/{*path}",
            get(async |extract::Path(path): extract::Path<String>| serve(Site::Console, &path).await),
        )
        .route("/store", get(async || Redirect::permanent(STORE)))
        .route(STORE, get(async || serve(Site::Store, "index.html").await))
        .route(
            "/store/{*path}",
            get(async |extract::Path(path): extract::Path<String>| serve(Site::Store, &path).await),
        )
}

/// `GET /`: the console itself.
pub(crate) async fn page() -> Response {
    serve(Site::Console, "index.html").await
}

async fn serve(site: Site, path: &str) -> Response {
    let Some((file, kind)) = located(site, path) else { return refusal(StatusCode::NOT_FOUND, "Not Found") };
    let Ok(content) = tokio::fs::read(file).await else { return refusal(StatusCode::NOT_FOUND, "Not Found") };
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        // A change of a file is live at the next load.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, content).into_response()
}

impl Site {
    fn folder(self) -> PathBuf {
        repository().join(match self {
            Self::Console => "infra/local-stack/console",
            Self::Store => "clients/storefront",
        })
    }
}

/// The file of a path, and its type. A path has names of letters, digits, `-`, `.` and `_` only, so it leads nowhere else.
fn located(site: Site, path: &str) -> Option<(PathBuf, &'static str)> {
    let is_name = |name: &str| {
        !name.starts_with('.')
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    let kind = match Path::new(path).extension()?.to_str()? {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    path.split('/').all(is_name).then(|| (site.folder().join(path), kind))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use data_encoding::HEXLOWER;
    use serde_json::Value;
    use sha2::{Digest as _, Sha256};

    use super::*;

    const SITES: [Site; 2] = [Site::Console, Site::Store];

    #[test]
    fn a_path_leads_to_files_of_the_page_alone() {
        for site in SITES {
            assert_eq!(located(site, "views/orders.js").unwrap().0, site.folder().join("views/orders.js"));
        }
        for path in [
            "",
            "/etc/passwd.js",
            "../console/main.js",
            "views/../main.js",
            "views//main.js",
            ".env.js",
            "a%2f.js",
            "main",
        ] {
            assert!(located(Site::Console, path).is_none(), "{path}");
        }
    }

    /// A library is what its package has, to the byte, and its licence is beside it.
    #[test]
    fn the_vendored_files_are_those_of_the_manifest() {
        for site in SITES {
            let vendor = site.folder().join("vendor");
            let manifest: Value =
                serde_json::from_str(&fs::read_to_string(vendor.join("manifest.json")).unwrap()).unwrap();
            let mut named = vec!["manifest.json".to_owned()];
            for package in manifest["packages"].as_array().unwrap() {
                for field in ["name", "version", "licence", "integrity"] {
                    assert!(package[field].as_str().is_some_and(|text| !text.is_empty()), "{package} has no {field}");
                }
                for file in package["files"].as_array().unwrap() {
                    let name = file["file"].as_str().unwrap();
                    let hash = HEXLOWER.encode(&Sha256::digest(fs::read(vendor.join(name)).unwrap()));
                    assert_eq!(file["sha256"], hash.as_str(), "{name}");
                    named.push(name.to_owned());
                }
            }
            let mut found: Vec<_> =
                fs::read_dir(&vendor).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            found.sort();
            named.sort();
            assert_eq!(found, named);
        }
    }

    /// The policy would refuse them, and the page would be broken where nobody looks.
    #[test]
    fn the_page_has_no_inline_script_or_style() {
        for site in SITES {
            let page = fs::read_to_string(site.folder().join("index.html")).unwrap();
            assert!(page.contains("<script type=\"module\" src="));
            for forbidden in ["<style", "style=", "onclick", "onload", "<script>", "javascript:", "http://", "https://"]
            {
                assert!(!page.contains(forbidden), "{forbidden}");
            }
        }
        assert!(!POLICY.contains("unsafe"));
    }
}
