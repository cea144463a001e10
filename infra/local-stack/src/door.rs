use std::{net::Ipv4Addr, sync::Arc};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{Config, config::Ports};

/// The methods and headers that CORS grants to pages of admitted origins.
const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS");
const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static(
    "accept-language,authorization,content-type,idempotency-key,if-match,x-drop-ticket,x-user-id,x-user-role",
);
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static("allow,etag,retry-after");
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("300");

const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Keeps web pages of other origins out of the ports of this machine.
///
/// Any page can send requests to any local port. A page whose host name was rebound to 127.0.0.1 can read the answers,
/// too. So a request must address this machine by name (`Host`). A page's request must also come from this stack's own
/// pages (`Origin`, or `Sec-Fetch-Site` of a browser that sends no `Origin`). A developer admits others by name.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    admitted: Arc<Admitted>,
    visits: Visits,
}

/// The pages of a port that a link of another site may open. The site cannot read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Visits {
    None,
    /// The pages at these paths alone.
    To(&'static [&'static str]),
    All,
}

#[derive(Debug)]
struct Admitted {
    hosts: Vec<String>,
    origins: Vec<String>,
    /// The origins that a developer named: their pages get CORS headers.
    named_origins: Vec<String>,
}

impl Door {
    pub(crate) fn new(config: &Config) -> Self {
        Self::admitting(config.ports, &config.allow_hosts, &config.allow_origins)
    }

    fn admitting(ports: Ports, hosts: &[String], origins: &[String]) -> Self {
        let lowercase = |names: &[String]| names.iter().map(|name| name.to_ascii_lowercase()).collect::<Vec<_>>();
        let (named_hosts, named_origins) = (lowercase(hosts), lowercase(origins));
        let local = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        let with_ports = |host: &String| ports.all().map(|port| format!("{host}:{port}"));
        let own: Vec<String> = local.iter().flat_map(with_ports).collect();
        // A named host stands for itself on every port of the stack.
        let with_ports = named_hosts.iter().flat_map(with_ports);
        let hosts = own.iter().cloned().chain(local.clone()).chain(with_ports).chain(named_hosts.clone()).collect();
        let origins = own.iter().map(|host| format!("http://{host}")).chain(named_origins.clone()).collect();
        Self { admitted: Arc::new(Admitted { hosts, origins, named_origins }), visits: Visits::None }
    }

    /// The same door for a port with pages that other sites lead customers to.
    pub(crate) fn with_visits(&self) -> Self {
        Self { visits: Visits::All, ..self.clone() }
    }

    /// The same door for a port with these pages alone.
    pub(crate) fn with_visits_to(&self, pages: &'static [&'static str]) -> Self {
        Self { visits: Visits::To(pages), ..self.clone() }
    }

    /// A router behind the door.
    pub(crate) fn guard(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(self.clone(), guard))
    }

    /// The same door for the emulator, which reads it from its environment.
    pub(crate) fn as_json(&self) -> Value {
        json!({ "hosts": self.admitted.hosts, "origins": self.admitted.origins })
    }

    /// The reason for which a request is refused.
    fn objection(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<&'static str> {
        let is_one_of =
            |names: &[String], value: &[u8]| names.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(value));
        let hosts = headers.get_all(header::HOST).iter().map(HeaderValue::as_bytes);
        let mut named = hosts.chain(uri.authority().map(|authority| authority.as_str().as_bytes())).peekable();
        if named.peek().is_none() || !named.all(|host| is_one_of(&self.admitted.hosts, host)) {
            return Some("a request for a foreign host is refused; `cargo xtask dev --allow-host NAME` admits one");
        }
        let origins: Vec<_> = headers.get_all(header::ORIGIN).iter().map(HeaderValue::as_bytes).collect();
        if !origins.iter().all(|origin| is_one_of(&self.admitted.origins, origin)) {
            return Some("a page of a foreign origin is refused; `cargo xtask dev --allow-origin ORIGIN` admits one");
        }
        let is_of_other_site = headers.get(SEC_FETCH_SITE).is_some_and(|site| site != "same-origin" && site != "none");
        let has_page = match self.visits {
            Visits::None => false,
            Visits::To(pages) => pages.contains(&uri.path()),
            Visits::All => true,
        };
        let is_visit = has_page
            && method == Method::GET
            && headers.get(SEC_FETCH_MODE).is_some_and(|mode| mode == "navigate")
            && headers.get(SEC_FETCH_DEST).is_some_and(|dest| dest == "document");
        if is_of_other_site && origins.is_empty() && !is_visit {
            return Some("a page of another site is refused; type the address to open it");
        }
        None
    }

    /// The origin of a page, if a developer admitted it.
    fn named_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        let names = |named: &String| named.as_bytes().eq_ignore_ascii_case(origin.as_bytes());
        self.admitted.named_origins.iter().any(names).then(|| origin.clone())
    }
}

/// Lets a request pass the door, and answers pages of admitted origins as CORS asks for.
async fn guard(State(door): State<Door>, request: Request, next: Next) -> Response {
    if let Some(objection) = door.objection(request.method(), request.uri(), request.headers()) {
        return (StatusCode::FORBIDDEN, Json(json!({ "message": objection }))).into_response();
    }
    let Some(origin) = door.named_origin(request.headers()) else { return next.run(request).await };
    let is_preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if is_preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
    if is_preflight {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS);
    }
    response
}

/// An address of this machine that no page can guess, if the system has more than one: on Linux all of 127.0.0.0/8 is
/// this machine.
pub(crate) fn hidden_address(random: [u8; 3]) -> Ipv4Addr {
    if cfg!(target_os = "linux") {
        // Neither the network's own address nor its broadcast address.
        let [second, third, fourth] = random;
        Ipv4Addr::new(127, second | 1, third, fourth.clamp(1, 254))
    } else {
        Ipv4Addr::LOCALHOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door() -> Door {
        let (hosts, origins) = (["shop.test".to_owned()], ["http://localhost:3000".to_owned()]);
        Door::admitting(Ports::WELL_KNOWN, &hosts, &origins)
    }

    fn is_admitted(fields: &[(HeaderName, &[u8])]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        door().objection(&Method::GET, &Uri::from_static("/products"), &headers).is_none()
    }

    #[test]
    fn hosts_are_this_machine_on_the_ports_of_the_stack_or_named() {
        for host in [
            "localhost:9000",
            "127.0.0.1:4566",
            "[::1]:9300",
            "LocalHost:9001",
            "localhost",
            "shop.test",
            "shop.test:9000",
        ] {
            assert!(is_admitted(&[(header::HOST, host.as_bytes())]), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:9000",
            "localhost:8080",
            "localhost.evil.example:9000",
            "shop.test:1",
            "",
            "\u{e9}",
        ] {
            assert!(!is_admitted(&[(header::HOST, host.as_bytes())]), "{host}");
        }
        assert!(!is_admitted(&[]));
        assert!(!is_admitted(&[(header::HOST, b"localhost:9000"), (header::HOST, b"evil.example")]));
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("localhost:9000"));
        assert!(door().objection(&Method::GET, &Uri::from_static("http://evil.example/products"), &headers).is_some());
    }

    #[test]
    fn origins_are_the_pages_of_the_stack_or_named() {
        let from =
            |origin: &str| is_admitted(&[(header::HOST, b"localhost:9000"), (header::ORIGIN, origin.as_bytes())]);
        for origin in ["http://localhost:9000", "http://127.0.0.1:9100", "http://[::1]:4566", "http://localhost:3000"] {
            assert!(from(origin), "{origin}");
        }
        for origin in [
            "http://evil.example",
            "null",
            "http://localhost",
            "https://localhost:9000",
            "http://localhost:3001",
            "file://",
            "",
        ] {
            assert!(!from(origin), "{origin}");
        }
    }

    #[test]
    fn a_page_of_another_site_is_known_without_an_origin() {
        let from = |site: &[u8]| is_admitted(&[(header::HOST, b"localhost:9000"), (SEC_FETCH_SITE, site)]);
        assert!(from(b"none") && from(b"same-origin"));
        assert!(!from(b"cross-site") && !from(b"same-site"));
        let named = [
            (header::HOST, &b"localhost:9000"[..]),
            (header::ORIGIN, b"http://localhost:3000"),
            (SEC_FETCH_SITE, b"same-site"),
        ];
        assert!(is_admitted(&named));
    }

    #[test]
    fn a_link_of_another_site_opens_pages_of_a_port_with_visits() {
        let is_admitted = |door: Door, method: Method, mode: &'static str, dest: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("localhost:9300"));
            headers.insert(SEC_FETCH_SITE, HeaderValue::from_static("cross-site"));
            headers.insert(SEC_FETCH_MODE, HeaderValue::from_static(mode));
            headers.insert(SEC_FETCH_DEST, HeaderValue::from_static(dest));
            door.objection(&method, &Uri::from_static("/checkout"), &headers).is_none()
        };
        assert!(is_admitted(door().with_visits_to(&["/store/", "/checkout"]), Method::GET, "navigate", "document"));
        assert!(!is_admitted(door().with_visits_to(&["/"]), Method::GET, "navigate", "document"));
        assert!(is_admitted(door().with_visits(), Method::GET, "navigate", "document"));
        assert!(!is_admitted(door(), Method::GET, "navigate", "document"));
        assert!(!is_admitted(door().with_visits(), Method::POST, "navigate", "document"));
        assert!(!is_admitted(door().with_visits(), Method::GET, "navigate", "iframe"));
        assert!(!is_admitted(door().with_visits(), Method::GET, "no-cors", "document"));
    }

    #[test]
    fn a_hidden_address_is_of_this_machine() {
        for random in [[0, 0, 0], [255, 255, 255]] {
            assert!(hidden_address(random).is_loopback());
        }
    }
}
